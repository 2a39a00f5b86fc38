//! What was read of a file, encoded into texts that steps can keep, and unpacked again.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::cost_data::collected::CostData;

/// Bytes of a text; a step keeps somewhat more.
const MAX_PART_BYTES: usize = 300 * 1024;
/// Texts that are kept of a file: 2.4 MB, for which DynamoDB is written for less than a cent.
const MAX_PARTS: usize = 8;

/// Nothing where it is more than is kept: the file is then read again by a later attempt.
pub(crate) fn encode(cost_data: &CostData) -> Vec<String> {
    compress(cost_data).map_or_else(Vec::new, |encoded| {
        let texts = encoded.as_bytes().chunks(MAX_PART_BYTES);
        let texts = texts.map(|text| String::from_utf8_lossy(text).into_owned());
        texts.collect()
    })
}

fn compress(cost_data: &CostData) -> Option<String> {
    let mut encoded = DeflateEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut encoded, cost_data).ok()?;
    encoded.flush().ok()?;
    let encoded = STANDARD_NO_PAD.encode(encoded.finish().ok()?);
    (encoded.len() <= MAX_PARTS * MAX_PART_BYTES).then_some(encoded)
}

/// Of all texts, one after the other; `None` where they are none of this version's.
pub(crate) fn decode(encoded: &str) -> Option<CostData> {
    let bytes = STANDARD_NO_PAD.decode(encoded).ok()?;
    let mut text = String::new();
    DeflateDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .ok()?;
    serde_json::from_str(&text).ok()
}
