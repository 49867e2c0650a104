//! TLS with a self-signed certificate: HTTPS, WebSocket, another certificate without a restart.

#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use common::{PASSWORD, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer},
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{DeviceId, SUBPROTOCOL};
use watchbell_server::{
    Timing,
    config::{Config, File},
    listener::Door,
    router::router,
    serve::serve,
};

/// Two files that a certificate is written to.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a fresh certificate for "localhost".
    fn issue(&self) -> CertificateDer<'static> {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.path("certificate.pem"), issued.cert.pem()).unwrap();
        fs::write(self.path("key.pem"), issued.signing_key.serialize_pem()).unwrap();
        issued.cert.der().clone()
    }

    fn configure(&self, config: &mut Config) {
        config.tls.certificate = File(Some(self.path("certificate.pem")));
        config.tls.key = File(Some(self.path("key.pem")));
    }
}

/// A connection that trusts this certificate alone, and offers HTTP/2 first.
async fn connect(server: &Server, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(server.address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

/// Sends a request and reads the whole answer.
async fn ask(mut stream: TlsStream<TcpStream>, head: &str, body: &str) -> String {
    let length = body.len();
    let request = format!("{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn sign_in_and_a_live_connection_work_over_tls() {
    let files = Files::new();
    let certificate = files.issue();
    let server = Server::start_with(|config| files.configure(config)).await;

    let stream = connect(&server, &certificate).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let device = json!({"id": DeviceId::fresh(), "kind": "desktop", "name": "test"});
    let form = json!({"name": "ada", "password": PASSWORD, "device": device}).to_string();
    let answer = ask(stream, "POST /v1/sign-in HTTP/1.1", &form).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();

    let mut request = "wss://localhost/v1/ws".into_client_request().unwrap();
    let token = format!("Bearer {}", body["access_token"].as_str().unwrap());
    request.headers_mut().insert("authorization", token.parse().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    let stream = connect(&server, &certificate).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let first = futures_util::StreamExt::next(&mut socket).await.unwrap().unwrap();
    assert!(first.to_text().unwrap().contains("connected"), "{first}");
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_or_nothing_at_all_holds_up_nobody() {
    let files = Files::new();
    let certificate = files.issue();
    let server = Server::start_with(|config| files.configure(config)).await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"));

    let other = timeout(Duration::from_secs(5), connect(&server, &certificate)).await.unwrap().unwrap();
    assert!(ask(other, "GET /healthz HTTP/1.1", "").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_client_is_accepted_before_it_says_anything_and_let_go_when_it_says_nothing() {
    let files = Files::new();
    files.issue();
    let server = Server::start_with(|config| files.configure(config)).await;
    let within = Duration::from_secs(5);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut door = Door::new(listener, server.app.tls.clone());
    for _ in 0..3 {
        let silent = TcpStream::connect(address).await.unwrap();
        let arrival = timeout(within, door.accept()).await.expect("none waits for the one before it");
        assert_eq!(arrival.peer, silent.local_addr().unwrap());
    }

    let timing = Timing { head: Duration::from_millis(50), ..Timing::default() };
    tokio::spawn(serve(door, router(server.app.clone()), timing, CancellationToken::new()));
    let mut silent = TcpStream::connect(address).await.unwrap();
    let end = timeout(within, silent.read(&mut [0])).await.expect("it is let go");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_after_a_reload_and_a_bad_one_is_not() {
    let files = Files::new();
    let first = files.issue();
    let server = Server::start_with(|config| files.configure(config)).await;
    let tls = server.app.tls.clone().unwrap();
    let before = connect(&server, &first).await.unwrap();

    let second = files.issue();
    assert!(connect(&server, &second).await.is_err(), "not read yet");
    tls.reload().unwrap();
    assert!(connect(&server, &second).await.is_ok());
    assert!(connect(&server, &first).await.is_err());
    assert!(ask(before, "GET /healthz HTTP/1.1", "").await.starts_with("HTTP/1.1 200 "), "it stays open");

    fs::write(files.path("key.pem"), "nonsense").unwrap();
    assert!(tls.reload().is_err());
    assert!(connect(&server, &second).await.is_ok(), "the one in use stays");
}
