//! Why a connection ends, and what is sent to the client then.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes, error::ProtocolError};

/// The reason of a connection's end, as reported to `$disconnect`.
#[derive(Debug, Clone)]
pub(super) struct CloseReason {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) action: CloseAction,
}

/// What is still sent to the client.
#[derive(Debug, Clone)]
pub(super) enum CloseAction {
    /// Echo the client's close frame.
    EchoClose,
    SendClose(CloseFrame),
    /// The client is gone.
    Nothing,
}

impl CloseReason {
    pub(super) fn going_away() -> CloseReason {
        CloseReason::by_gateway(CloseCode::Away, "Going away")
    }

    /// `DELETE /@connections/{id}`.
    pub(super) fn deleted() -> CloseReason {
        CloseReason::by_gateway(CloseCode::Normal, "Connection Closed Normally")
    }

    pub(super) fn binary_frame() -> CloseReason {
        CloseReason::by_gateway(CloseCode::Unsupported, "Binary is not supported")
    }

    fn by_gateway(code: CloseCode, text: &'static str) -> CloseReason {
        CloseReason {
            status: code.into(),
            text: text.into(),
            action: CloseAction::SendClose(CloseFrame {
                code,
                reason: Utf8Bytes::from_static(text),
            }),
        }
    }

    pub(super) fn by_client(frame: Option<CloseFrame>) -> CloseReason {
        let (status, text) = match frame {
            Some(frame) => (frame.code.into(), frame.reason.to_string()),
            // RFC 6455's code for a close frame without a status.
            None => (1005, "Client-side close frame status not set".into()),
        };
        CloseReason {
            status,
            text,
            action: CloseAction::EchoClose,
        }
    }

    /// RFC 6455's 1006: the connection ended without a close frame.
    pub(super) fn abnormal() -> CloseReason {
        CloseReason {
            status: 1006,
            text: "Connection closed abnormally".into(),
            action: CloseAction::Nothing,
        }
    }

    pub(super) fn by_error(error: &Error) -> CloseReason {
        match error {
            Error::Capacity(_) => CloseReason::by_gateway(CloseCode::Size, "Message too long"),
            Error::Utf8(_) => CloseReason::by_gateway(CloseCode::Invalid, "Invalid UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => CloseReason::abnormal(),
            Error::Protocol(_) => CloseReason::by_gateway(CloseCode::Protocol, "Protocol error"),
            _ => CloseReason::abnormal(),
        }
    }
}
