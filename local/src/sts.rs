//! STS's query protocol: `GetCallerIdentity`, with which people and tools check their credentials.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use uuid::Uuid;

use crate::aws_call::{AwsCall, Service};
use crate::error_response::{error_response, escape_xml};
use crate::stack_spec::ACCOUNT;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The `Version` of every STS request.
pub const VERSION: &str = "2011-06-15";

/// Handles an STS request. `GetCallerIdentity` needs no permission (API Reference of STS).
pub fn handle(call: &AwsCall<'_>) -> Response {
    if call.operation != "GetCallerIdentity" {
        return error_response(
            Service::Sts,
            StatusCode::BAD_REQUEST,
            "InvalidAction",
            "The embedded STS supports only GetCallerIdentity.",
        );
    }
    let (id, arn) = match (call.caller, call.environment) {
        ("", _) => (
            "local".to_owned(),
            format!("arn:aws:iam::{ACCOUNT}:user/local"),
        ),
        (function, environment) => {
            let session = environment.unwrap_or(function);
            let name = format!("{function}/{session}");
            (
                name.clone(),
                format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}"),
            )
        }
    };
    let (arn, id, request) = (escape_xml(&arn), escape_xml(&id), Uuid::new_v4());
    let body = format!(
        r#"<GetCallerIdentityResponse xmlns="{NAMESPACE}"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{id}</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#
    );
    ([("content-type", "text/xml")], body).into_response()
}
