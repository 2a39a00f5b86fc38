//! Receipt handles: which message, of which queue, by which receive.
//!
//! Opaque to clients. It knows nothing of the messages themselves; a handle is well formed or not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use uuid::Uuid;

use super::error::SqsError;

/// Every handle's, so that none begins with a dash, which the `aws` command line would take for an option.
const HANDLE_PREFIX: &str = "AQEB";

/// What a handle says. `serial` is drawn anew at every receive, so an older handle can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) row: i64,
    pub(super) serial: i64,
    /// Stands for the queue's name: a handle shown to another queue is a mistake worth naming.
    queue: [u8; 4],
}

impl Receipt {
    /// The receipt of a receive that happens now.
    pub(super) fn new(queue: &str, row: i64) -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        Self {
            row,
            serial: (high ^ low).cast_signed(),
            queue: queue_hash(queue),
        }
    }

    /// Reads a handle that was given out for `queue`.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid` for anything that this module did not write for that queue.
    pub(super) fn parse(handle: &str, queue: &str) -> Result<Self, SqsError> {
        let invalid = || SqsError::invalid_receipt_handle(handle);
        let bytes: [u8; 24] = handle
            .strip_prefix(HANDLE_PREFIX)
            .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(invalid)?;
        let (payload, checksum_bytes) = bytes.split_at(20);
        if checksum_bytes != checksum(payload) || payload[..4] != queue_hash(queue) {
            return Err(invalid());
        }
        let number = |at: usize| {
            let eight = payload[at..at + 8].try_into();
            i64::from_be_bytes(eight.expect("a slice of eight bytes is eight bytes"))
        };
        Ok(Self {
            row: number(4),
            serial: number(12),
            queue: queue_hash(queue),
        })
    }

    /// The handle as clients see it.
    pub(super) fn handle(&self) -> String {
        let mut bytes = Vec::with_capacity(24);
        bytes.extend(self.queue);
        bytes.extend(self.row.to_be_bytes());
        bytes.extend(self.serial.to_be_bytes());
        bytes.extend(checksum(&bytes));
        format!("{HANDLE_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn queue_hash(queue: &str) -> [u8; 4] {
    checksum(queue.as_bytes())
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let digest = Md5::digest(bytes);
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use super::Receipt;

    #[test]
    fn a_handle_comes_back_as_it_was_and_only_at_its_own_queue() {
        let receipt = Receipt::new("orders", 7);
        let handle = receipt.handle();
        assert_eq!(Receipt::parse(&handle, "orders").unwrap(), receipt);
        for (handle, queue) in [
            (handle.as_str(), "others"),
            ("", "orders"),
            ("nonsense", "orders"),
        ] {
            let refusal = Receipt::parse(handle, queue).unwrap_err();
            assert_eq!(refusal.code, "ReceiptHandleIsInvalid");
        }
        let mut forged = handle.into_bytes();
        forged[10] = if forged[10] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert!(Receipt::parse(&forged, "orders").is_err());
    }

    #[test]
    fn two_receives_of_one_message_differ() {
        assert_ne!(Receipt::new("orders", 7), Receipt::new("orders", 7));
    }
}
