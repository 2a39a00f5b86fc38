//! Encodes AWS's binary event stream (`application/vnd.amazon.eventstream`).
//!
//! A message consists of lengths, headers, a payload and two checksums. Header values are strings only.

/// The content type of an event stream.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";
/// The type byte of a string header value.
const STRING_HEADER_TYPE: u8 = 7;
/// Size of the lengths and checksums around headers and payload, in bytes.
const FRAME_OVERHEAD: usize = 16;

/// Encodes an event of this type.
pub fn event(event_type: &str, content_type: &str, payload: &[u8]) -> Vec<u8> {
    let headers = [
        (":message-type", "event"),
        (":event-type", event_type),
        (":content-type", content_type),
    ];
    encode_message(&headers, payload)
}

/// Encodes an exception of this type, which ends the stream.
pub fn exception(exception_type: &str, payload: &[u8]) -> Vec<u8> {
    let headers = [
        (":message-type", "exception"),
        (":exception-type", exception_type),
        (":content-type", "application/json"),
    ];
    encode_message(&headers, payload)
}

fn encode_message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut encoded_headers = vec![];
    for (name, value) in headers {
        encoded_headers.push(name.len() as u8);
        encoded_headers.extend(name.as_bytes());
        encoded_headers.push(STRING_HEADER_TYPE);
        encoded_headers.extend((value.len() as u16).to_be_bytes());
        encoded_headers.extend(value.as_bytes());
    }
    let total_length = (FRAME_OVERHEAD + encoded_headers.len() + payload.len()) as u32;
    let mut message = total_length.to_be_bytes().to_vec();
    message.extend((encoded_headers.len() as u32).to_be_bytes());
    message.extend(crc32(&message).to_be_bytes());
    message.extend(encoded_headers);
    message.extend(payload);
    message.extend(crc32(&message).to_be_bytes());
    message
}

/// CRC-32 (ISO 3309), computed bit by bit since messages are small.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let is_odd = crc & 1 == 1;
            crc = (crc >> 1) ^ if is_odd { 0xEDB8_8320 } else { 0 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_message_contains_its_lengths() {
        let message = event("x", "y", b"abc");
        assert_eq!(message[..4], (message.len() as u32).to_be_bytes());
        let headers = u32::from_be_bytes(message[4..8].try_into().unwrap()) as usize;
        assert_eq!(message.len(), FRAME_OVERHEAD + headers + 3);
        assert_eq!(message[12 + headers..][..3], *b"abc");
    }
}
