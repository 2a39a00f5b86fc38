//! CORS: which requests from other origins a bucket's rules allow, and the response headers.
//!
//! Pure.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::{S3Result, s3_error};

use crate::stack_spec::CorsRule;

/// The methods that a rule may name (S3 user guide, "Elements of a CORS configuration").
const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];
/// Maximum number of rules of a bucket (the same page).
const MAX_RULES: usize = 100;

/// The response headers of a preflight.
///
/// # Errors
/// An incomplete preflight, or one that no rule allows.
pub(super) fn preflight(rules: &[CorsRule], headers: &HeaderMap) -> S3Result<HeaderMap> {
    let Some(origin) = header_text(headers, &ORIGIN) else {
        return Err(s3_error!(
            InvalidRequest,
            "Insufficient information. Origin request header needed."
        ));
    };
    let Some(method) = header_text(headers, &ACCESS_CONTROL_REQUEST_METHOD) else {
        return Err(s3_error!(
            InvalidRequest,
            "Invalid Access-Control-Request-Method: null"
        ));
    };
    let requested_headers: Vec<&str> = header_text(headers, &ACCESS_CONTROL_REQUEST_HEADERS)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if rules.is_empty() {
        return Err(s3_error!(
            AccessDenied,
            "CORSResponse: CORS is not enabled for this bucket."
        ));
    }
    let rule = rules.iter().find(|rule| {
        allows(rule, origin, method)
            && requested_headers
                .iter()
                .all(|name| allows_header(rule, name))
    });
    let rule = rule.ok_or_else(|| {
        s3_error!(
            AccessDenied,
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
        )
    })?;
    let mut response = allow_headers(rule, origin);
    if !requested_headers.is_empty() {
        let requested_headers = requested_headers.join(", ").to_ascii_lowercase();
        insert(
            &mut response,
            ACCESS_CONTROL_ALLOW_HEADERS,
            &requested_headers,
        );
    }
    Ok(response)
}

/// Checks the rules as `PutBucketCors` does.
///
/// # Errors
/// Too many rules, an unsupported method, or a pattern with more than one wildcard (S3 user guide,
/// "Elements of a CORS configuration").
pub(super) fn validate(rules: &[CorsRule]) -> S3Result<()> {
    if rules.len() > MAX_RULES {
        return Err(s3_error!(
            InvalidRequest,
            "The number of CORS rules should not exceed allowed limit of {MAX_RULES} rules."
        ));
    }
    for rule in rules {
        if let Some(method) = rule
            .methods
            .iter()
            .find(|allowed| !METHODS.contains(&allowed.as_str()))
        {
            return Err(s3_error!(
                InvalidRequest,
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            ));
        }
        for (field, patterns) in [
            ("AllowedOrigin", &rule.origins),
            ("AllowedHeader", &rule.headers),
        ] {
            let has_two_wildcards = |pattern: &&String| pattern.matches('*').count() > 1;
            if let Some(pattern) = patterns.iter().find(has_two_wildcards) {
                return Err(s3_error!(
                    InvalidRequest,
                    "{field} \"{pattern}\" can not have more than one wildcard."
                ));
            }
        }
    }
    Ok(())
}

/// The headers to add to the response; none if no rule matches.
pub(super) fn response_headers(rules: &[CorsRule], method: &str, headers: &HeaderMap) -> HeaderMap {
    let Some(origin) = header_text(headers, &ORIGIN) else {
        return HeaderMap::new();
    };
    let rule = rules.iter().find(|rule| allows(rule, origin, method));
    rule.map(|rule| allow_headers(rule, origin))
        .unwrap_or_default()
}

fn allow_headers(rule: &CorsRule, origin: &str) -> HeaderMap {
    let mut response = HeaderMap::new();
    // S3 returns the page's origin and allows credentials, unless the rule allows every origin.
    if rule.origins.iter().any(|allowed| allowed == "*") {
        insert(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    } else {
        insert(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(&mut response, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    let methods = rule.methods.join(", ");
    insert(&mut response, ACCESS_CONTROL_ALLOW_METHODS, &methods);
    if !rule.exposed.is_empty() {
        let exposed = rule.exposed.join(", ");
        insert(&mut response, ACCESS_CONTROL_EXPOSE_HEADERS, &exposed);
    }
    if let Some(seconds) = rule.max_age {
        insert(&mut response, ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    let vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
    insert(&mut response, VARY, vary);
    response
}

fn allows(rule: &CorsRule, origin: &str, method: &str) -> bool {
    rule.methods.iter().any(|allowed| allowed == method)
        && rule
            .origins
            .iter()
            .any(|allowed| matches_pattern(allowed, origin))
}

fn allows_header(rule: &CorsRule, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut headers = rule.headers.iter();
    headers.any(|allowed| matches_pattern(&allowed.to_ascii_lowercase(), &name))
}

/// Whether the pattern, with at most one `*`, matches the text.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            let rest = text.strip_prefix(start);
            rest.is_some_and(|rest| rest.ends_with(end))
        }
    }
}

fn header_text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // A value that is not a valid header is omitted: it could not match a browser's request either.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<CorsRule> {
        let rule = |origin: &str, method: &str| CorsRule {
            origins: vec![origin.into()],
            methods: vec![method.into()],
            headers: vec!["x-amz-*".into(), "Content-Type".into()],
            ..CorsRule::default()
        };
        vec![rule("https://*.example.com", "PUT"), rule("*", "GET")]
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            let value = HeaderValue::from_static(value);
            (HeaderName::from_static(name), value)
        };
        pairs.iter().map(pair).collect()
    }

    fn preflight_for(
        origin: &'static str,
        method: &'static str,
        names: &'static str,
    ) -> S3Result<HeaderMap> {
        let pairs = [
            ("origin", origin),
            ("access-control-request-method", method),
            ("access-control-request-headers", names),
        ];
        preflight(&rules(), &headers(&pairs))
    }

    #[test]
    fn the_first_matching_rule_applies() {
        let response = preflight_for(
            "https://app.example.com",
            "PUT",
            "Content-Type, X-Amz-Meta-A",
        )
        .unwrap();
        assert_eq!(
            response["access-control-allow-origin"],
            "https://app.example.com"
        );
        assert_eq!(response["access-control-allow-methods"], "PUT");
        assert_eq!(
            response["access-control-allow-headers"],
            "content-type, x-amz-meta-a"
        );
        let response = preflight_for("https://elsewhere.org", "GET", "").unwrap();
        assert_eq!(response["access-control-allow-origin"], "*");
    }

    #[test]
    fn a_request_without_a_matching_rule_is_rejected() {
        assert!(preflight_for("https://elsewhere.org", "PUT", "").is_err());
        assert!(preflight_for("https://app.example.com", "DELETE", "").is_err());
        assert!(preflight_for("https://app.example.com", "PUT", "authorization").is_err());
        assert!(preflight(&rules(), &headers(&[("origin", "https://a.org")])).is_err());
        assert!(
            preflight(
                &[],
                &headers(&[
                    ("origin", "https://a.org"),
                    ("access-control-request-method", "GET")
                ])
            )
            .is_err()
        );
        let foreign = headers(&[("origin", "https://elsewhere.org")]);
        assert_eq!(
            response_headers(&rules(), "PUT", &foreign),
            HeaderMap::new()
        );
        assert_eq!(
            response_headers(&rules(), "GET", &HeaderMap::new()),
            HeaderMap::new()
        );
        assert_eq!(
            response_headers(&rules(), "GET", &foreign)["access-control-allow-origin"],
            "*"
        );
    }
}
