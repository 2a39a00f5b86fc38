//! What was read of a file, packed into texts that steps can keep, and unpacked again.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::cost_data::collected::Reading;

/// Bytes of a text; a step keeps somewhat more.
const LARGEST: usize = 300 * 1024;
/// Texts that are kept of a file: 2.4 MB, for which DynamoDB is written for less than a cent.
const MOST: usize = 8;

/// Nothing where it is more than is kept: the file is then read again by a later attempt.
pub(crate) fn pack(reading: &Reading) -> Vec<String> {
    packed(reading).map_or_else(Vec::new, |packed| {
        let texts = packed.as_bytes().chunks(LARGEST);
        let texts = texts.map(|text| String::from_utf8_lossy(text).into_owned());
        texts.collect()
    })
}

fn packed(reading: &Reading) -> Option<String> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut packed, reading).ok()?;
    packed.flush().ok()?;
    let packed = STANDARD_NO_PAD.encode(packed.finish().ok()?);
    (packed.len() <= MOST * LARGEST).then_some(packed)
}

/// Of all texts, one after the other; `None` where they are none of this version's.
pub(crate) fn unpack(packed: &str) -> Option<Reading> {
    let bytes = STANDARD_NO_PAD.decode(packed).ok()?;
    let mut text = String::new();
    DeflateDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .ok()?;
    serde_json::from_str(&text).ok()
}
