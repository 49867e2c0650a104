//! A server behind its own TLS, and clients that trust its certificate alone. That TLS works at all is tested beside this.

use std::{fs, path::Path, sync::Arc};

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_tungstenite::{Connector, client_async_tls_with_config, tungstenite::client::IntoClientRequest as _};
use watchbell_protocol::SUBPROTOCOL;
use watchbell_server::config::{Config, File};

use crate::{client::Client, fixture::Server};

const CERTIFICATE: &str = "certificate.pem";

/// Gives the server a fresh certificate for "localhost", in its folder.
pub fn configure(config: &mut Config) {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let put = |name: &str, text: String| {
        let path = config.server.data_dir.join(name);
        fs::write(&path, text).unwrap();
        File(Some(path))
    };
    let (certificate, key) = (put(CERTIFICATE, issued.cert.pem()), put("key.pem", issued.signing_key.serialize_pem()));
    (config.tls.certificate, config.tls.key) = (certificate, key);
}

pub async fn connect(server: &Server, token: &str) -> Client {
    let mut request = "wss://localhost/v1/ws".into_client_request().unwrap();
    let headers = [("sec-websocket-protocol", SUBPROTOCOL.to_owned()), ("authorization", format!("Bearer {token}"))];
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let connector = Connector::Rustls(Arc::new(trusting(&server.folder().join(CERTIFICATE))));
    let upgraded = client_async_tls_with_config(request, server.raw().await, None, Some(connector)).await;
    Client::new(upgraded.unwrap().0).await
}

fn trusting(certificate: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth()
}
