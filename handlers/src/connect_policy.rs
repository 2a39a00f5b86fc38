//! From which pages and networks connections may come. Pure.

use std::net::IpAddr;

use longhaul_shared::settings::{Variable, split_list};

/// What a handshake must meet before its token is read.
pub struct ConnectPolicy {
    /// The origins of pages that may connect, in lower case.
    pub origins: Vec<String>,
    /// The networks that may connect; empty allows all.
    pub networks: Vec<Network>,
}

/// A list of origins; none where it is left out.
pub const fn allowed_origins(name: &'static str) -> Variable<Vec<String>> {
    let parse = |text: &str| split_list(text).map(origin).collect();
    Variable::new(
        name,
        "a list of origins such as https://app.example.com",
        parse,
    )
    .or("")
}

/// A list of networks; none where it is left out.
pub const fn allowed_networks(name: &'static str) -> Variable<Vec<Network>> {
    let parse = |text: &str| split_list(text).map(Network::parse).collect();
    Variable::new(name, "a list of networks such as 192.0.2.0/24", parse).or("")
}

/// Why a handshake is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// A browser sends the page's origin, and no page is allowed.
    NoOrigins,
    Origin,
    Network,
}

impl RejectReason {
    /// The reason as the log has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoOrigins => "the list of allowed origins is empty, so no page may connect",
            Self::Origin => "the page's origin is not on the list",
            Self::Network => "the address is in none of the allowed networks",
        }
    }
}

impl ConnectPolicy {
    /// Checks a handshake's `Origin` headers, which only browsers send, and its IP address.
    pub fn check<'a>(
        &self,
        origins: impl IntoIterator<Item = &'a str>,
        address: Option<&str>,
    ) -> Result<(), RejectReason> {
        for origin in origins {
            if self.origins.is_empty() {
                return Err(RejectReason::NoOrigins);
            }
            let is_it = |allowed: &String| allowed.eq_ignore_ascii_case(origin);
            if !self.origins.iter().any(is_it) {
                return Err(RejectReason::Origin);
            }
        }
        let address: Option<IpAddr> = address.and_then(|text| text.parse().ok());
        let within = |network: &Network| address.is_some_and(|address| network.contains(address));
        if !self.networks.is_empty() && !self.networks.iter().any(within) {
            return Err(RejectReason::Network);
        }
        Ok(())
    }
}

/// Whether the text is an origin that can be on the list.
pub fn is_origin(text: &str) -> bool {
    origin(text).is_some()
}

/// An origin as browsers send it: scheme, host, and a port other than the scheme's default. `null` is rejected,
/// since any page can have that origin.
fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, host) = text.trim_end_matches('/').split_once("://")?;
    let host = match scheme {
        "https" => host.strip_suffix(":443").unwrap_or(host),
        "http" => host.strip_suffix(":80").unwrap_or(host),
        _ => host,
    };
    let is_host = !host.is_empty() && !host.contains(['/', '*', '@', '?', '#', ' ']);
    (is_host && !scheme.is_empty()).then(|| format!("{scheme}://{host}"))
}

/// A network in CIDR notation.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// An address alone is a network of one.
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = if bits.is_empty() && !text.contains('/') {
            width
        } else {
            bits.parse().ok()?
        };
        (bits <= width).then_some(Self { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        // An IPv4 address may be written as an IPv6 one.
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(origins: &[&str], networks: &[&str]) -> ConnectPolicy {
        ConnectPolicy {
            origins: origins.iter().map(|text| origin(text).unwrap()).collect(),
            networks: networks
                .iter()
                .map(|text| Network::parse(text).unwrap())
                .collect(),
        }
    }

    #[test]
    fn only_listed_pages_may_connect() {
        let listed = policy(
            &["https://App.example.com:443/", "http://localhost:5173"],
            &[],
        );
        for origin in ["https://app.example.com", "http://localhost:5173"] {
            assert_eq!(listed.check([origin], None), Ok(()), "{origin}");
        }
        for bad in [
            "https://app.example.com.evil.example",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://x.app.example.com",
            "http://localhost:5174",
            "null",
            "",
        ] {
            assert_eq!(
                listed.check([bad], None),
                Err(RejectReason::Origin),
                "{bad}"
            );
        }
        let both = ["https://app.example.com", "https://evil.example"];
        assert_eq!(listed.check(both, None), Err(RejectReason::Origin));
        let none = policy(&[], &[]);
        assert_eq!(none.check([], None), Ok(()), "no browser");
        assert_eq!(
            none.check(["https://app.example.com"], None),
            Err(RejectReason::NoOrigins)
        );
    }

    #[test]
    fn a_malformed_origin_is_rejected() {
        for text in [
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://*.example.com",
            "https://a/b",
            "://a",
        ] {
            assert_eq!(origin(text), None, "{text}");
        }
    }

    #[test]
    fn only_listed_networks_may_connect() {
        let listed = policy(&[], &["192.0.2.0/24", "2001:db8::/33", "198.51.100.7"]);
        for allowed in [
            "192.0.2.255",
            "::ffff:192.0.2.1",
            "2001:db8:7fff::1",
            "198.51.100.7",
        ] {
            assert_eq!(listed.check([], Some(allowed)), Ok(()), "{allowed}");
        }
        for bad in [
            Some("192.0.3.0"),
            Some("2001:db8:8000::"),
            Some("198.51.100.8"),
            Some("x"),
            None,
        ] {
            assert_eq!(listed.check([], bad), Err(RejectReason::Network), "{bad:?}");
        }
        assert_eq!(
            policy(&[], &["0.0.0.0/0"]).check([], Some("203.0.113.9")),
            Ok(())
        );
        for text in ["", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129"] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
