//! The values that a template does not contain itself.

use std::collections::BTreeMap;

/// Parameters, addresses and secrets that a template is resolved with.
#[derive(Debug, Clone, Default)]
pub struct TemplateInputs {
    /// Values of the template's parameters, by name. A name that the template does not declare is an error.
    pub parameters: BTreeMap<String, String>,
    /// Values that replace the template's defaults, by parameter name. Names that the template does not
    /// declare are ignored.
    pub parameter_defaults: BTreeMap<String, String>,
    /// The base URL of the AWS services, for example `http://127.0.0.1:4566`. Queue URLs start with it.
    pub aws_endpoint: String,
    /// Host and port of the WebSocket gateway, for example `127.0.0.1:3001`.
    pub gateway_address: String,
    /// Values for the secrets that AWS would generate, by logical id
    /// (see [`generated_secrets`](super::generated_secrets)).
    pub secrets: BTreeMap<String, String>,
    /// Values of the versions before these (`AWSPREVIOUS`), by logical id; none for a secret with one version.
    pub previous_secrets: BTreeMap<String, String>,
}
