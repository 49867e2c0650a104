//! `[server]`: what it is called, where it listens, where it keeps its data.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use super::{
    section::section,
    setting::{Addresses, Line, Texts},
};

section! {
    /// What the server is called, where it listens, and where it keeps its data.
    pub struct Server = "server" {
        /// The server's name, shown on the sign-in screen.
        name: Line = Line("Watchbell".into());
        /// ADDRESS:PORT to listen on. Port 0 takes a free one. Beyond loopback set `[tls]`, or put a proxy with TLS in
        /// front of the server.
        listen: SocketAddr = (Ipv4Addr::LOCALHOST, 7077).into();
        /// The folder with the database and the signing key; `watchbell-server init` makes it. Relative to the folder
        /// the server is started in.
        data_dir: PathBuf = "watchbell-data".into();
        /// Browsers whose pages come from these origins (such as `https://watch.example.org`) may use the server.
        /// All others are refused; the desktop app and the command line are no browsers.
        allowed_origins: Texts = Texts::default(), check every_origin_is_one;
        /// Addresses of proxies in front of the server. Only their `X-Forwarded-For` is believed when wrong passwords,
        /// requests, commands and connections are counted per address.
        trusted_proxies: Addresses = Addresses::default();
    }
}

/// An origin is `scheme://host[:port]`, nothing behind it.
fn every_origin_is_one(origins: &Texts) -> Result<(), String> {
    let bad = origins.0.iter().find(|origin| {
        let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        rest.is_none_or(|host| host.is_empty() || host.contains(['/', '*', ' ', '@', '?', '#']))
    });
    bad.map_or(Ok(()), |origin| {
        Err(format!("must list origins such as \"https://watch.example.org\", and {origin:?} is none"))
    })
}
