//! A server's address: what a person may type, and which addresses are refused.
//!
//! Plain http is for this machine only; everything else is https. There is no switch for it.

use std::net::IpAddr;

use url::{Host, Url};

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("the server's address is missing")]
    Empty,
    /// It is no address.
    #[error("{0:?} is not a server's address: expected something like https://bell.example.com")]
    NotAnAddress(String),
    /// Another scheme than http or https.
    #[error("the address begins with {0}:, expected https:")]
    Scheme(String),
    /// Plain http to another machine.
    #[error("plain http is accepted for this machine only; use https://{0}")]
    PlainHttp(String),
    /// A name and password, a query or a fragment in the address.
    #[error("the address must not contain {0}")]
    Surplus(&'static str),
}

/// Reads an address as people type it: without a scheme it is https, and http for this machine.
pub fn parse(text: &str) -> Result<Url, AddressError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    let wrong = |_| AddressError::NotAnAddress(text.to_owned());
    let url = if text.contains("://") {
        Url::parse(text).map_err(wrong)?
    } else {
        let guess = Url::parse(&format!("https://{text}")).map_err(wrong)?;
        if is_loopback(&guess) { Url::parse(&format!("http://{text}")).map_err(wrong)? } else { guess }
    };
    check(&url)?;
    Ok(url)
}

/// Refuses an address that must not be talked to.
pub fn check(server: &Url) -> Result<(), AddressError> {
    match server.scheme() {
        "http" | "https" => {}
        other => return Err(AddressError::Scheme(other.to_owned())),
    }
    if server.host_str().is_none_or(str::is_empty) {
        return Err(AddressError::NotAnAddress(server.to_string()));
    }
    if !server.username().is_empty() || server.password().is_some() {
        return Err(AddressError::Surplus("a name or password"));
    }
    if server.query().is_some() {
        return Err(AddressError::Surplus("a query (?…)"));
    }
    if server.fragment().is_some() {
        return Err(AddressError::Surplus("a fragment (#…)"));
    }
    if server.scheme() == "http" && !is_loopback(server) {
        return Err(AddressError::PlainHttp(server.host_str().unwrap_or_default().to_owned()));
    }
    Ok(())
}

/// Whether the address is this machine's own.
pub fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// The address of `path` on the server, which may itself live below a path.
pub(crate) fn endpoint(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    url.set_path(&format!("{}/{path}", server.path().trim_end_matches('/')));
    url
}

/// The WebSocket's address.
pub(crate) fn websocket(server: &Url) -> Url {
    let mut url = endpoint(server, "v1/ws");
    let scheme = if server.scheme() == "https" { "wss" } else { "ws" };
    // Both are special schemes, and between those a change is always allowed.
    let changed = url.set_scheme(scheme);
    debug_assert!(changed.is_ok());
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_an_address() {
        for (text, url) in [
            ("bell.example.com", "https://bell.example.com/"),
            (" https://bell.example.com ", "https://bell.example.com/"),
            ("localhost:7400", "http://localhost:7400/"),
            ("127.0.0.1:7400", "http://127.0.0.1:7400/"),
            ("[::1]:7400", "http://[::1]:7400/"),
            ("http://127.0.0.2:1", "http://127.0.0.2:1/"),
            ("10.0.0.7", "https://10.0.0.7/"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), url, "{text}");
        }
    }

    #[test]
    fn plain_http_to_another_machine_is_refused_and_says_what_to_do() {
        let error = parse("http://bell.example.com").unwrap_err();
        assert_eq!(error, AddressError::PlainHttp("bell.example.com".into()));
        assert!(error.to_string().contains("https://bell.example.com"));
        assert!(parse("http://localhost.example.com").is_err());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(parse(" "), Err(AddressError::Empty));
        assert!(matches!(parse("https://"), Err(AddressError::NotAnAddress(_))));
        assert!(matches!(parse("ftp://bell"), Err(AddressError::Scheme(_))));
        assert!(matches!(parse("https://me:secret@bell"), Err(AddressError::Surplus(_))));
        assert!(matches!(parse("https://bell/?a=b"), Err(AddressError::Surplus(_))));
    }

    #[test]
    fn a_server_below_a_path_keeps_it() {
        let server = parse("https://example.com/bell/").unwrap();
        assert_eq!(endpoint(&server, "v1/info").as_str(), "https://example.com/bell/v1/info");
        assert_eq!(websocket(&server).as_str(), "wss://example.com/bell/v1/ws");
    }
}
