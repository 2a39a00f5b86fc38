//! AWS error responses, in the format that each service's SDK parses.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use uuid::Uuid;

use crate::aws_call::Service;

/// An error response of this service. For S3, `code` and `message` are not XML-escaped.
pub(crate) fn error_response(
    service: Service,
    status: StatusCode,
    code: &str,
    message: &str,
) -> Response {
    match service {
        Service::DynamoDb => {
            let error_type = format!("com.amazonaws.dynamodb.v20120810#{code}");
            let body = json!({ "__type": error_type, "message": message }).to_string();
            let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
            (status, headers, body).into_response()
        }
        Service::Sqs => {
            let error_type = format!("com.amazonaws.sqs#{code}");
            let body = json!({ "__type": error_type, "message": message }).to_string();
            let fault = if status.is_server_error() {
                "Receiver"
            } else {
                "Sender"
            };
            let headers = [
                ("content-type", "application/x-amz-json-1.0".to_owned()),
                ("x-amzn-query-error", format!("{code};{fault}")),
            ];
            (status, headers, body).into_response()
        }
        Service::Events | Service::SecretsManager | Service::Logs => {
            let body = json!({ "__type": code, "message": message }).to_string();
            let headers = [("content-type", "application/x-amz-json-1.1")];
            (status, headers, body).into_response()
        }
        Service::Sns | Service::Sts => {
            let namespace = match service {
                Service::Sns => "http://sns.amazonaws.com/doc/2010-03-31/",
                _ => "https://sts.amazonaws.com/doc/2011-06-15/",
            };
            let (fault, id) = match status.is_server_error() {
                true => ("Receiver", Uuid::new_v4()),
                false => ("Sender", Uuid::new_v4()),
            };
            let message = escape_xml(message);
            let body = format!(
                r#"<ErrorResponse xmlns="{namespace}"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"#
            );
            (status, [("content-type", "text/xml")], body).into_response()
        }
        Service::ExecuteApi | Service::Lambda => {
            let headers = [
                ("content-type", "application/json"),
                ("x-amzn-errortype", code),
            ];
            let body = json!({ "message": message }).to_string();
            (status, headers, body).into_response()
        }
        Service::S3 => {
            let id = Uuid::new_v4().simple().to_string();
            let body = format!(
                r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>"#
            );
            let headers = [
                ("content-type", "application/xml"),
                ("x-amz-request-id", &id),
            ];
            (status, headers, body).into_response()
        }
    }
}

/// Escapes text for XML element content.
pub(crate) fn escape_xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;")
}
