//! The names that a server answers to.

use std::net::IpAddr;

/// Which `Host` headers are right.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    named: String,
}

impl Hosts {
    /// Of a server that was told to listen on `named`.
    pub fn new(named: &str) -> Self {
        Self { named: named.to_ascii_lowercase() }
    }

    /// Whether a request may name this host. A page that had its own name point to this machine names itself, so
    /// addresses, `localhost` and the name that the user gave are right, at any port, since ports are forwarded.
    pub fn allows(&self, header: &str) -> bool {
        let header = header.trim().to_ascii_lowercase();
        let name = match header.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((name, port)) if port.is_empty() || is_port(port) => name,
                _ => return false,
            },
            None => match header.find(':') {
                Some(colon) if is_port(&header[colon..]) => &header[..colon],
                Some(_) => return false,
                None => header.as_str(),
            },
        };
        name == "localhost" || name == self.named || name.parse::<IpAddr>().is_ok()
    }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_the_given_name_are_right_and_other_names_are_not() {
        let hosts = Hosts::new("Lab");
        for right in [
            "localhost",
            "localhost:8016",
            "LOCALHOST",
            "127.0.0.1:9",
            "[::1]:8016",
            "[::1]",
            "10.0.0.4",
            "lab:80",
        ] {
            assert!(hosts.allows(right), "{right}");
        }
        for wrong in [
            "",
            "evil.example",
            "evil.example:8016",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:8016@evil.example",
            "localhost:http",
            "[::1",
            "[::1]x",
            "::1:70000",
        ] {
            assert!(!hosts.allows(wrong), "{wrong}");
        }
    }
}
