//! `AWS::S3::Bucket`: name, CORS rules and expiration rules.
//!
//! Encryption, public access blocks, ownership, versions, tags, logs and storage classes are ignored: they do
//! not change what a reader of the latest version gets. Properties that would start something, such as
//! notifications, are rejected.

use super::error::{LineError, Result};
use super::properties::Properties;
use super::resolver::Resource;
use crate::stack_spec::{Bucket, CorsRule, Expiry};

/// The methods that a CORS rule may contain (S3 API reference, `CORSRule`).
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
    let invalid = bucket.error(
        "BucketName",
        "must be 3 to 63 characters of a-z, 0-9, - and ., and start and end with a letter or digit",
    );
    let explicit_name = bucket.text("BucketName")?;
    let name = resource.identity.reference.clone();
    if !is_bucket_name(explicit_name.unwrap_or(&name)) {
        return Err(invalid);
    }
    let mut cors = vec![];
    if let Some(mut configuration) = bucket.map("CorsConfiguration")? {
        let rules = configuration.maps("CorsRules")?;
        cors = rules.into_iter().map(cors_rule).collect::<Result<_>>()?;
        configuration.deny_unknown()?;
    }
    let mut expiry = vec![];
    if let Some(mut configuration) = bucket.map("LifecycleConfiguration")? {
        configuration.ignore(&["TransitionDefaultMinimumObjectSize"]);
        for rule in configuration.maps("Rules")? {
            expiry.extend(lifecycle_rule(rule)?);
        }
        configuration.deny_unknown()?;
    }
    bucket.deny_unknown()?;
    Ok(Bucket { name, cors, expiry })
}

fn cors_rule(mut rule: Properties<'_>) -> Result<CorsRule> {
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let invalid = rule.error(
        "AllowedMethods",
        "may contain only GET, PUT, HEAD, POST and DELETE",
    );
    let missing = rule.error("AllowedOrigins", "is required");
    let methods = rule.texts("AllowedMethods")?;
    if methods.is_empty() || methods.iter().any(|method| !METHODS.contains(method)) {
        return Err(invalid);
    }
    let origins = owned(rule.texts("AllowedOrigins")?);
    if origins.is_empty() {
        return Err(missing);
    }
    let cors_rule = CorsRule {
        id: rule.text("Id")?.map(str::to_owned),
        origins,
        methods: owned(methods),
        headers: owned(rule.texts("AllowedHeaders")?),
        exposed: owned(rule.texts("ExposedHeaders")?),
        max_age: rule.number("MaxAge", 0, i32::MAX as u32)?,
    };
    rule.deny_unknown()?;
    Ok(cors_rule)
}

/// The rule's expiration; `None` if it is disabled or about something that does not exist locally, such as
/// versions.
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
    let invalid: LineError = rule.error("Status", "must be Enabled or Disabled");
    let enabled = match rule.required("Status")? {
        "Enabled" => true,
        "Disabled" => false,
        _ => return Err(invalid),
    };
    let prefix = rule.text("Prefix")?.unwrap_or_default().to_owned();
    let days = rule.number("ExpirationInDays", 1, i32::MAX as u32)?;
    rule.deny_unknown()?;
    Ok(days.filter(|_| enabled).map(|days| Expiry { prefix, days }))
}

/// The naming rules that a template can violate (S3 user guide, "Bucket naming rules").
fn is_bucket_name(name: &str) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let is_allowed = |byte: &u8| is_alphanumeric(byte) || matches!(byte, b'-' | b'.');
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(is_allowed)
        && bytes.first().is_some_and(is_alphanumeric)
        && bytes.last().is_some_and(is_alphanumeric)
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::super::{TemplateInputs, resolve};
    use super::*;

    fn buckets(properties: &str) -> std::result::Result<Vec<Bucket>, String> {
        let text = format!(
            "Resources:\n  JobResults:\n    Type: AWS::S3::Bucket\n    Properties: {properties}\n"
        );
        let spec = resolve("t.yaml", &text, &TemplateInputs::default());
        spec.map(|spec| spec.buckets)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_has_its_name_cors_rules_and_expiration_rules() {
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
    fn properties_that_change_behaviour_are_rejected() {
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
            let error = buckets(properties).unwrap_err();
            assert!(error.contains(expected), "{properties}: {error}");
        }
    }

    /// The project's own template, resolved with one parameter.
    fn project_stack(parameter: &str, value: &str) -> crate::stack_spec::StackSpec {
        let template = include_str!("../../../cloudformation/template.yaml");
        let inputs = TemplateInputs {
            parameters: [(parameter.to_owned(), value.to_owned())].into(),
            secrets: [("TokenSecret".to_owned(), "s3cret".to_owned())].into(),
            ..TemplateInputs::default()
        };
        resolve("template.yaml", template, &inputs).unwrap()
    }

    #[test]
    fn results_expire_after_their_jobs_and_allowed_origins_may_read_them() {
        let days = |retention: &str| {
            let spec = project_stack("JobRetentionDays", retention);
            let bucket = spec.buckets.first().cloned().unwrap();
            assert_eq!(bucket.name, "longhaul-results-000000000000-us-east-1");
            let results = bucket.expiry.iter().find(|rule| rule.prefix == "results/");
            results.expect("a rule for results").days
        };
        for retention in [1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650] {
            assert!(days(&retention.to_string()) > retention);
        }
        let origins = |allowed: &str| {
            let spec = project_stack("AllowedOrigins", allowed);
            let rules = spec.buckets[0].cors.iter();
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
