//! `[tls]`: the server's certificate.

use super::{section::section, setting::File};

section! {
    /// The server's certificate. With one, the server speaks TLS and nothing else. On SIGHUP both files are read again.
    pub struct Tls = "tls" {
        /// A file with the certificate and those of its issuers, in PEM. "" is none.
        certificate: File = File(None);
        /// A file with its private key, in PEM.
        key: File = File(None);
    }
}
