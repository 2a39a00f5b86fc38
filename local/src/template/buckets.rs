//! `AWS::S3::Bucket`: its name, who may call it from a browser, and what expires in it.
//!
//! Encryption, public access blocks, ownership, versions, tags, logs and other classes of storage
//! are left out: they change nothing for who reads back what was last written. What would start
//! something, such as notifications, is refused.

use super::properties::Properties;
use super::scope::Resource;
use super::{Fault, Result};
use crate::plan::{Bucket, CorsRule, Expiry};

/// The methods that a CORS rule may name (S3 API reference, `CORSRule`).
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

pub(super) fn read(resource: &Resource) -> Result<Bucket> {
    let mut bucket = Properties::of(resource)?;
    bucket.ignore(&[
        "AccessControl",
        "AnalyticsConfigurations",
        "BucketEncryption",
        "IntelligentTieringConfigurations",
        "InventoryConfigurations",
        "LoggingConfiguration",
        "MetricsConfigurations",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "ReplicationConfiguration",
        "Tags",
        "VersioningConfiguration",
    ]);
    let odd = bucket.fault(
        "BucketName",
        "must be 3 to 63 of a-z, 0-9, - and ., with a letter or digit at both ends",
    );
    let given = bucket.text("BucketName")?;
    let name = resource.identity.reference.clone();
    if !is_name(given.unwrap_or(&name)) {
        return Err(odd);
    }
    let mut cors = vec![];
    if let Some(mut configuration) = bucket.map("CorsConfiguration")? {
        let rules = configuration.maps("CorsRules")?;
        cors = rules.into_iter().map(cors_rule).collect::<Result<_>>()?;
        configuration.finish()?;
    }
    let mut expiry = vec![];
    if let Some(mut configuration) = bucket.map("LifecycleConfiguration")? {
        configuration.ignore(&["TransitionDefaultMinimumObjectSize"]);
        for rule in configuration.maps("Rules")? {
            expiry.extend(lifecycle_rule(rule)?);
        }
        configuration.finish()?;
    }
    bucket.finish()?;
    Ok(Bucket { name, cors, expiry })
}

fn cors_rule(mut rule: Properties<'_>) -> Result<CorsRule> {
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let odd = rule.fault("AllowedMethods", "must be of GET, PUT, HEAD, POST, DELETE");
    let none = rule.fault("AllowedOrigins", "is required");
    let methods = rule.texts("AllowedMethods")?;
    if methods.is_empty() || methods.iter().any(|method| !METHODS.contains(method)) {
        return Err(odd);
    }
    let origins = owned(rule.texts("AllowedOrigins")?);
    if origins.is_empty() {
        return Err(none);
    }
    let read = CorsRule {
        id: rule.text("Id")?.map(str::to_owned),
        origins,
        methods: owned(methods),
        headers: owned(rule.texts("AllowedHeaders")?),
        exposed: owned(rule.texts("ExposedHeaders")?),
        max_age: rule.number("MaxAge", 0, i32::MAX as u32)?,
    };
    rule.finish()?;
    Ok(read)
}

/// What the rule lets expire; nothing for one that is off, or that is about what is not kept here.
fn lifecycle_rule(mut rule: Properties<'_>) -> Result<Option<Expiry>> {
    rule.ignore(&[
        "AbortIncompleteMultipartUpload",
        "ExpiredObjectDeleteMarker",
        "Id",
        "NoncurrentVersionExpiration",
        "NoncurrentVersionExpirationInDays",
        "NoncurrentVersionTransition",
        "NoncurrentVersionTransitions",
        "Transition",
        "Transitions",
    ]);
    let odd: Fault = rule.fault("Status", "must be Enabled or Disabled");
    let enabled = match rule.required("Status")? {
        "Enabled" => true,
        "Disabled" => false,
        _ => return Err(odd),
    };
    let prefix = rule.text("Prefix")?.unwrap_or_default().to_owned();
    let days = rule.number("ExpirationInDays", 1, i32::MAX as u32)?;
    rule.finish()?;
    Ok(days.filter(|_| enabled).map(|days| Expiry { prefix, days }))
}

/// The rules for names that a template can break (S3 user guide, "Bucket naming rules").
fn is_name(name: &str) -> bool {
    let end = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let bytes = name.as_bytes();
    let inner = |byte: &u8| end(Some(*byte)) || matches!(byte, b'-' | b'.');
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && end(bytes.first().copied())
        && end(bytes.last().copied())
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::super::{Settings, read};
    use super::*;

    fn buckets(properties: &str) -> std::result::Result<Vec<Bucket>, String> {
        let text = format!(
            "Resources:\n  JobResults:\n    Type: AWS::S3::Bucket\n    Properties: {properties}\n"
        );
        let plan = read("t.yaml", &text, &Settings::default());
        plan.map(|plan| plan.buckets)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_has_its_name_its_pages_and_what_expires() {
        let properties = "{VersioningConfiguration: {Status: Enabled}, \
            CorsConfiguration: {CorsRules: [{AllowedOrigins: ['*'], AllowedMethods: [GET], MaxAge: 60}]}, \
            LifecycleConfiguration: {Rules: [\
                {Status: Enabled, Prefix: tmp/, ExpirationInDays: 7}, \
                {Status: Disabled, ExpirationInDays: 1}, \
                {Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}}]}}";
        let cors = CorsRule {
            origins: vec!["*".into()],
            methods: vec!["GET".into()],
            max_age: Some(60),
            ..CorsRule::default()
        };
        let expiry = Expiry {
            prefix: "tmp/".into(),
            days: 7,
        };
        let expected = Bucket {
            name: "longhaul-jobresults".into(),
            cors: vec![cors],
            expiry: vec![expiry],
        };
        assert_eq!(buckets(properties), Ok(vec![expected]));
    }

    #[test]
    fn what_would_change_what_runs_is_refused() {
        for (properties, expected) in [
            (
                "{NotificationConfiguration: {}}",
                "NotificationConfiguration",
            ),
            ("{BucketName: Upper}", "must be 3 to 63"),
            (
                "{CorsConfiguration: {CorsRules: [{AllowedOrigins: ['*'], AllowedMethods: [PATCH]}]}}",
                "AllowedMethods",
            ),
            (
                "{LifecycleConfiguration: {Rules: [{Status: Enabled, TagFilters: [], ExpirationInDays: 1}]}}",
                "TagFilters",
            ),
        ] {
            let refused = buckets(properties).unwrap_err();
            assert!(refused.contains(expected), "{properties}: {refused}");
        }
    }

    /// The plan of this project's template with this parameter.
    fn own(parameter: &str, value: &str) -> crate::plan::Plan {
        let template = include_str!("../../../cloudformation/template.yaml");
        let settings = Settings {
            parameters: [(parameter.to_owned(), value.to_owned())].into(),
            secrets: [("TokenSecret".to_owned(), "s3cret".to_owned())].into(),
            ..Settings::default()
        };
        read("template.yaml", template, &settings).unwrap()
    }

    #[test]
    fn large_results_expire_after_their_jobs_and_pages_get_them_where_they_are_named() {
        let days = |retention: &str| {
            let plan = own("JobRetentionDays", retention);
            let bucket = plan.buckets.first().cloned().unwrap();
            assert_eq!(bucket.name, "longhaul-results-000000000000-us-east-1");
            let results = bucket.expiry.iter().find(|rule| rule.prefix == "results/");
            results.expect("a rule for results").days
        };
        for retention in [1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650] {
            assert!(days(&retention.to_string()) > retention);
        }
        let origins = |given: &str| {
            let plan = own("AllowedOrigins", given);
            let rules = plan.buckets[0].cors.iter();
            rules
                .flat_map(|rule| rule.origins.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(origins(""), [""; 0]);
        assert_eq!(
            origins("https://a.example,https://b.example"),
            ["https://a.example", "https://b.example"]
        );
    }
}
