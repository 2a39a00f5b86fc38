//! An error that a fault asks for, as each service's SDK reads it. Knows spellings, not rules.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use uuid::Uuid;

use super::rules::{Failure, Service};

/// Why nothing else is wrong with the call.
const MESSAGE: &str = "A fault of the small cloud.";

impl Failure {
    /// The HTTP answer. SQS's older error names (`x-amzn-query-error`) are taken to be the codes.
    pub fn response(&self, service: Service) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let code = &self.code;
        match service {
            Service::DynamoDb => {
                let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
                let body = json!({ "__type": kind, "message": MESSAGE }).to_string();
                let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
                (status, headers, body).into_response()
            }
            Service::Sqs => {
                let kind = format!("com.amazonaws.sqs#{code}");
                let body = json!({ "__type": kind, "message": MESSAGE }).to_string();
                let side = if status.is_server_error() {
                    "Receiver"
                } else {
                    "Sender"
                };
                let headers = [
                    ("content-type", "application/x-amz-json-1.0".to_owned()),
                    ("x-amzn-query-error", format!("{code};{side}")),
                ];
                (status, headers, body).into_response()
            }
            Service::ExecuteApi => {
                let headers = [
                    ("content-type", "application/json"),
                    ("x-amzn-errortype", code),
                ];
                let body = json!({ "message": MESSAGE }).to_string();
                (status, headers, body).into_response()
            }
            Service::S3 => {
                let id = Uuid::new_v4().simple().to_string();
                // A rule's code is letters, digits and dots, which XML takes as they are.
                let body = format!(
                    r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{MESSAGE}</Message><RequestId>{id}</RequestId></Error>"#
                );
                let headers = [
                    ("content-type", "application/xml"),
                    ("x-amz-request-id", &id),
                ];
                (status, headers, body).into_response()
            }
        }
    }
}
