//! One invocation on its way to a process: its ids, its payload and the errors Lambda words for it.
//! It knows no process and no socket.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

/// What `/next` hands out.
#[derive(Clone)]
pub(super) struct Invocation {
    /// The request id, a UUID.
    pub(super) id: String,
    pub(super) payload: Bytes,
    /// `Root=1-..;Parent=..;Sampled=..`
    pub(super) trace: String,
    /// Where a response goes as it comes, if its caller wants that.
    pub(super) pieces: Option<mpsc::Sender<Bytes>>,
}

impl Invocation {
    pub(super) fn new(payload: Bytes, trace: Option<String>) -> Invocation {
        Invocation {
            id: Uuid::new_v4().to_string(),
            payload,
            trace: trace.unwrap_or_else(new_trace),
            pieces: None,
        }
    }

    pub(super) fn timed_out(&self, timeout: Duration) -> Bytes {
        let seconds = timeout.as_secs_f64();
        error_payload(
            "Sandbox.Timedout",
            &format!(
                "RequestId: {} Error: Task timed out after {seconds:.2} seconds",
                self.id
            ),
        )
    }

    pub(super) fn crashed(&self, exit: &Exit) -> Bytes {
        error_payload(
            "Runtime.ExitError",
            &format!("RequestId: {} Error: {}", self.id, exit.describe()),
        )
    }
}

/// How a child ended: its exit code, or the signal that killed it.
pub(super) struct Exit {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
}

impl Exit {
    /// What the host itself does to a child.
    pub(super) const KILLED: Exit = Exit {
        code: None,
        signal: Some(9),
    };

    fn describe(&self) -> String {
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

/// The JSON that a caller gets for a failure that Lambda itself found.
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
    fn a_made_trace_has_xrays_shape() {
        let trace = new_trace();
        let (root, rest) = trace.split_once(';').unwrap();
        let parts: Vec<&str> = root.split('-').collect();
        assert_eq!(parts[0], "Root=1");
        assert_eq!((parts[1].len(), parts[2].len()), (8, 24));
        assert_eq!(rest.len(), "Parent=".len() + 16 + ";Sampled=0".len());
    }

    #[test]
    fn an_exit_is_worded_as_lambda_words_it() {
        let exit = |code, signal| Exit { code, signal }.describe();
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
