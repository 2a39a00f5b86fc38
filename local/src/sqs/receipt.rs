//! Receipt handles: identify a message, its queue and the receive. Opaque to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use uuid::Uuid;

use super::error::SqsError;

/// The prefix of every handle: a leading dash would be an option to the `aws` command line.
const HANDLE_PREFIX: &str = "AQEB";

/// The contents of a handle. `serial` is random for every receive, so that older handles are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) row: i64,
    pub(super) serial: i64,
    /// A hash of the queue's name, so that a handle of another queue is an error.
    queue: [u8; 4],
}

impl Receipt {
    /// The receipt of a new receive.
    pub(super) fn new(queue: &str, row: i64) -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        Self {
            row,
            serial: (high ^ low).cast_signed(),
            queue: queue_hash(queue),
        }
    }

    /// Parses a handle of `queue`.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid` if it was not issued for this queue.
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

    /// The handle for clients.
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
    fn a_handle_is_valid_only_for_its_queue() {
        let receipt = Receipt::new("orders", 7);
        let handle = receipt.handle();
        assert_eq!(Receipt::parse(&handle, "orders").unwrap(), receipt);
        for (handle, queue) in [
            (handle.as_str(), "others"),
            ("", "orders"),
            ("nonsense", "orders"),
        ] {
            let error = Receipt::parse(handle, queue).unwrap_err();
            assert_eq!(error.code, "ReceiptHandleIsInvalid");
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
