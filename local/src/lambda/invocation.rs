//! One invocation before it reaches a process: its ids, its payload, and Lambda's error payloads for it.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

/// The content of a `/next` response.
#[derive(Clone)]
pub(super) struct Invocation {
    /// The request id, a UUID.
    pub(super) id: String,
    pub(super) payload: Bytes,
    /// `Root=1-..;Parent=..;Sampled=..`
    pub(super) trace: String,
    /// Receives a streamed response as it arrives; `None` if the caller wants the whole response.
    pub(super) response_chunks: Option<mpsc::Sender<Bytes>>,
}

impl Invocation {
    pub(super) fn new(payload: Bytes, trace: Option<String>) -> Invocation {
        Invocation {
            id: Uuid::new_v4().to_string(),
            payload,
            trace: trace.unwrap_or_else(new_trace),
            response_chunks: None,
        }
    }

    /// The error payload after the function's timeout.
    pub(super) fn timeout_error(&self, timeout: Duration) -> Bytes {
        let seconds = timeout.as_secs_f64();
        error_payload(
            "Sandbox.Timedout",
            &format!(
                "RequestId: {} Error: Task timed out after {seconds:.2} seconds",
                self.id
            ),
        )
    }

    /// The error payload after the process ended.
    pub(super) fn exit_error(&self, exit: &ProcessExit) -> Bytes {
        error_payload(
            "Runtime.ExitError",
            &format!("RequestId: {} Error: {}", self.id, exit.describe()),
        )
    }
}

/// How a process ended: its exit code, or the signal that killed it.
pub(super) struct ProcessExit {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
}

impl ProcessExit {
    /// After SIGKILL by the host.
    pub(super) const KILLED: ProcessExit = ProcessExit {
        code: None,
        signal: Some(9),
    };

    pub(super) fn describe(&self) -> String {
        match (self.code, self.signal) {
            (Some(0), _) => "Runtime exited without providing a reason".into(),
            (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
            (None, Some(signal)) => {
                let name = match signal {
                    6 => "aborted".into(),
                    9 => "killed".into(),
                    11 => "segmentation fault".into(),
                    15 => "terminated".into(),
                    other => format!("signal {other}"),
                };
                format!("Runtime exited with error: signal: {name}")
            }
            (None, None) => "Runtime exited".into(),
        }
    }
}

/// The JSON that a caller receives for a failure that Lambda itself detects.
pub(super) fn error_payload(error_type: &str, message: &str) -> Bytes {
    serde_json::json!({ "errorType": error_type, "errorMessage": message })
        .to_string()
        .into()
}

fn new_trace() -> String {
    let seconds = jiff::Timestamp::now().as_second();
    let random = Uuid::new_v4().simple().to_string();
    let parent = &Uuid::new_v4().simple().to_string()[..16];
    format!(
        "Root=1-{seconds:08x}-{};Parent={parent};Sampled=0",
        &random[..24]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_trace_id_has_xrays_format() {
        let trace = new_trace();
        let (root, rest) = trace.split_once(';').unwrap();
        let parts: Vec<&str> = root.split('-').collect();
        assert_eq!(parts[0], "Root=1");
        assert_eq!((parts[1].len(), parts[2].len()), (8, 24));
        assert_eq!(rest.len(), "Parent=".len() + 16 + ";Sampled=0".len());
    }

    #[test]
    fn an_exit_is_described_as_lambda_does() {
        let exit = |code, signal| ProcessExit { code, signal }.describe();
        assert_eq!(
            exit(Some(3), None),
            "Runtime exited with error: exit status 3"
        );
        assert_eq!(
            exit(None, Some(9)),
            "Runtime exited with error: signal: killed"
        );
        assert_eq!(
            exit(Some(0), None),
            "Runtime exited without providing a reason"
        );
    }
}
