//! Who has a request sent: a program, or a page in a browser.
//!
//! A browser adds `Origin` and `Sec-Fetch-Site` itself: no page can set, change or remove them. A program that sends
//! them only takes away its own rights.

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, Uri, header};

/// Who has a request sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// No page: a program, or an address that the user typed.
    Program,
    /// A link that the user follows. The page with the link can't read the response.
    Navigation,
    /// A page of the console.
    Console,
    /// A page of any other origin.
    Page,
}

impl Initiator {
    /// `console_port` is the port whose pages are the console's.
    pub fn of(parts: &Parts, console_port: u16) -> Self {
        let mut origins = parts.headers.get_all(header::ORIGIN).iter().peekable();
        if origins.peek().is_some() {
            let is_console = origins.all(|origin| {
                let origin = origin.to_str().ok();
                origin.is_some_and(|origin| is_origin_of(origin, console_port))
            });
            return match is_console {
                true => Self::Console,
                false => Self::Page,
            };
        }
        let follows_link = parts
            .headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode == "navigate")
            && [Method::GET, Method::HEAD].contains(&parts.method);
        let site = parts.headers.get("sec-fetch-site");
        match site.map(|site| site.as_bytes()) {
            None | Some(b"none") => Self::Program,
            _ if follows_link => Self::Navigation,
            Some(b"same-origin") if host_port(&parts.headers) == Some(console_port) => {
                Self::Console
            }
            Some(_) => Self::Page,
        }
    }
}

fn is_origin_of(origin: &str, port: u16) -> bool {
    origin.parse::<Uri>().is_ok_and(|uri| {
        uri.scheme_str() == Some("http")
            && uri.port_u16().unwrap_or(80) == port
            && uri.host().is_some_and(is_loopback_name)
    })
}

fn host_port(headers: &HeaderMap) -> Option<u16> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let authority = host.parse::<Authority>().ok()?;
    Some(authority.port_u16().unwrap_or(80))
}

/// Whether the host is a loopback address or a name that every resolver maps to one.
pub fn is_loopback_name(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()) || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initiator(method: &str, headers: &[(&str, &str)]) -> Initiator {
        let mut request = http::Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Initiator::of(&request.body(()).unwrap().into_parts().0, 3001)
    }

    #[test]
    fn only_the_consoles_origin_is_the_console() {
        for origin in ["http://localhost:3001", "http://127.0.0.1:3001"] {
            assert_eq!(initiator("POST", &[("origin", origin)]), Initiator::Console);
        }
        for origin in [
            "http://localhost:5173",
            "https://localhost:3001",
            "https://example.com",
            "null",
            "",
            "http://localhost.example:3001",
        ] {
            assert_eq!(
                initiator("POST", &[("origin", origin)]),
                Initiator::Page,
                "{origin}"
            );
        }
        let both = [
            ("origin", "http://localhost:3001"),
            ("origin", "https://example.com"),
        ];
        assert_eq!(initiator("POST", &both), Initiator::Page);
    }

    #[test]
    fn without_an_origin_the_browsers_site_header_decides() {
        for (method, headers, expected) in [
            ("POST", &[][..], Initiator::Program),
            ("GET", &[("sec-fetch-site", "none")], Initiator::Program),
            ("GET", &[("sec-fetch-site", "cross-site")], Initiator::Page),
            ("GET", &[("sec-fetch-site", "same-site")], Initiator::Page),
            (
                "GET",
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                Initiator::Navigation,
            ),
            (
                "POST",
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                Initiator::Page,
            ),
            (
                "GET",
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("host", "localhost:3001"),
                ],
                Initiator::Console,
            ),
            (
                "GET",
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("host", "localhost:4566"),
                ],
                Initiator::Page,
            ),
        ] {
            assert_eq!(initiator(method, headers), expected, "{method} {headers:?}");
        }
    }
}
