//! Who may come to the door at all: from which pages, from which networks. Pure; who speaks is not asked here.

use std::net::IpAddr;

use longhaul_shared::settings::{Environment, SettingsError};

/// What a handshake is held to before its token is looked at.
pub struct ConnectPolicy {
    /// The origins of pages that may connect, in lower case.
    origins: Vec<String>,
    /// The networks that may connect; none: all.
    networks: Vec<Network>,
}

/// Why a handshake is refused, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// A browser sends the page's origin, and no page is allowed.
    NoOrigins,
    Origin,
    Network,
}

impl RejectReason {
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoOrigins => "no page may connect, as the list of allowed origins is empty",
            Self::Origin => "the page's origin is not on the list",
            Self::Network => "the address is in none of the allowed networks",
        }
    }
}

impl ConnectPolicy {
    /// By `ALLOWED_ORIGINS` and `ALLOWED_NETWORKS`.
    pub fn open(config: &Environment) -> Result<Self, SettingsError> {
        let malformed = |name, expected| SettingsError::Malformed { name, expected };
        let origins = config.list("ALLOWED_ORIGINS").into_iter().map(origin);
        let networks = config.list("ALLOWED_NETWORKS");
        let networks = networks.into_iter().map(Network::parse);
        Ok(Self {
            origins: origins.collect::<Option<_>>().ok_or(malformed(
                "ALLOWED_ORIGINS",
                "a list of origins such as https://app.example.com",
            ))?,
            networks: networks.collect::<Option<_>>().ok_or(malformed(
                "ALLOWED_NETWORKS",
                "a list of networks such as 192.0.2.0/24",
            ))?,
        })
    }

    /// Judges a handshake by its `Origin` headers, of which only browsers send one, and by where it comes from.
    pub fn judge<'a>(
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
        let within = |network: &Network| address.is_some_and(|address| network.holds(address));
        if !self.networks.is_empty() && !self.networks.iter().any(within) {
            return Err(RejectReason::Network);
        }
        Ok(())
    }
}

/// An origin as a browser sends it: scheme, host and port, without the scheme's own. `null` is none: any
/// page can make itself one.
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
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// A single address is a network too.
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

    fn holds(&self, address: IpAddr) -> bool {
        // An IPv4 address may come in IPv6's clothes.
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

    fn admission(origins: &[&str], networks: &[&str]) -> ConnectPolicy {
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
        let listed = admission(
            &["https://App.example.com:443/", "http://localhost:5173"],
            &[],
        );
        for good in ["https://app.example.com", "http://localhost:5173"] {
            assert_eq!(listed.judge([good], None), Ok(()), "{good}");
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
                listed.judge([bad], None),
                Err(RejectReason::Origin),
                "{bad}"
            );
        }
        let both = ["https://app.example.com", "https://evil.example"];
        assert_eq!(listed.judge(both, None), Err(RejectReason::Origin));
        let none = admission(&[], &[]);
        assert_eq!(none.judge([], None), Ok(()), "no browser");
        assert_eq!(
            none.judge(["https://app.example.com"], None),
            Err(RejectReason::NoOrigins)
        );
    }

    #[test]
    fn what_is_no_origin_is_no_setting() {
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
        let listed = admission(&[], &["192.0.2.0/24", "2001:db8::/33", "198.51.100.7"]);
        for good in [
            "192.0.2.255",
            "::ffff:192.0.2.1",
            "2001:db8:7fff::1",
            "198.51.100.7",
        ] {
            assert_eq!(listed.judge([], Some(good)), Ok(()), "{good}");
        }
        for bad in [
            Some("192.0.3.0"),
            Some("2001:db8:8000::"),
            Some("198.51.100.8"),
            Some("x"),
            None,
        ] {
            assert_eq!(listed.judge([], bad), Err(RejectReason::Network), "{bad:?}");
        }
        assert_eq!(
            admission(&[], &["0.0.0.0/0"]).judge([], Some("203.0.113.9")),
            Ok(())
        );
        for text in ["", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129"] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
