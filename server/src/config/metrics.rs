//! `[metrics]`: where the server's numbers can be read.

use super::{section::section, setting::Door};

section! {
    /// Where Prometheus reads the server's numbers.
    pub struct Metrics = "metrics" {
        /// ADDRESS:PORT that answers `GET /metrics`, without sign-in: keep it on loopback or in a network of your own,
        /// such as "127.0.0.1:9077". "off" counts nothing.
        listen: Door = Door(None);
    }
}
