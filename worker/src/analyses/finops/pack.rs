//! What was read of a file, packed into a text that a step can keep, and unpacked again.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::reading::Reading;

/// Bytes of a packed text; a step keeps somewhat more.
const LARGEST: usize = 300 * 1024;

/// `None` where it is more than a step keeps: the file is then read again by a later attempt.
pub(super) fn pack(reading: &Reading) -> Option<String> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut packed, reading).ok()?;
    packed.flush().ok()?;
    let packed = STANDARD_NO_PAD.encode(packed.finish().ok()?);
    (packed.len() <= LARGEST).then_some(packed)
}

/// `None` where the text is none of this version's.
pub(super) fn unpack(packed: &str) -> Option<Reading> {
    let bytes = STANDARD_NO_PAD.decode(packed).ok()?;
    let mut text = String::new();
    DeflateDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .ok()?;
    serde_json::from_str(&text).ok()
}
