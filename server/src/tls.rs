//! TLS by rustls: the certificate from two files, read again on demand, so that a renewed one needs no restart.
//!
//! HTTP/1.1 alone is offered: an upgrade to WebSocket needs it. Connections keep the certificate they began with.

use std::{path::Path, sync::Arc};

use anyhow::{Context, bail};
use parking_lot::RwLock;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::config;

/// The certificate in use.
pub struct Tls {
    config: config::Tls,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the configured certificate; `None` when there is none.
    pub fn open(config: &config::Tls) -> anyhow::Result<Option<Self>> {
        let Some(current) = read(config)? else { return Ok(None) };
        Ok(Some(Self { config: config.clone(), current: RwLock::new(Arc::new(current)) }))
    }

    /// Reads the files again. If they are no good, the certificate in use stays.
    pub fn reload(&self) -> anyhow::Result<()> {
        if let Some(fresh) = read(&self.config)? {
            *self.current.write() = Arc::new(fresh);
        }
        Ok(())
    }

    /// What takes a new connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.read().clone())
    }
}

fn read(config: &config::Tls) -> anyhow::Result<Option<ServerConfig>> {
    let (certificate, key) = match (&config.certificate.0, &config.key.0) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => bail!("`tls.certificate` is set and `tls.key` is not: TLS needs both"),
        (None, Some(_)) => bail!("`tls.key` is set and `tls.certificate` is not: TLS needs both"),
    };
    let chain = chain(certificate).with_context(|| format!("`tls.certificate` {}", certificate.display()))?;
    let secret = PrivateKeyDer::from_pem_file(key).with_context(|| format!("`tls.key` {}", key.display()))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .with_context(|| format!("{} and {} do not go together", certificate.display(), key.display()))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(server))
}

/// The certificate, and those of whoever signed it.
fn chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)?.collect::<Result<_, _>>()?;
    if chain.is_empty() {
        bail!("holds no certificate in PEM");
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::File;

    #[test]
    fn both_files_are_needed_must_be_good_and_must_belong_together() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            File(Some(path))
        };
        let issued = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (ours, other) = (issued(), issued());
        let certificate = write("c.pem", &ours.cert.pem());
        let key = write("k.pem", &ours.signing_key.serialize_pem());
        let other_key = write("o.pem", &other.signing_key.serialize_pem());
        let empty = write("e.pem", "");
        let missing = File(Some(folder.path().join("missing.pem")));
        let open = |certificate: &File, key: &File| {
            let config = config::Tls { certificate: certificate.clone(), key: key.clone() };
            Tls::open(&config).map(|tls| tls.is_some()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(open(&File(None), &File(None)), Ok(false));
        assert_eq!(open(&certificate, &key), Ok(true));
        for (certificate, key, said) in [
            (&certificate, &File(None), "`tls.key` is not"),
            (&File(None), &key, "`tls.certificate` is not"),
            (&empty, &key, "no certificate"),
            (&certificate, &empty, "`tls.key`"),
            (&missing, &key, "missing.pem"),
            (&certificate, &other_key, "do not go together"),
        ] {
            let error = open(certificate, key).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
