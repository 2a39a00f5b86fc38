//! Encodes what was read of a file as texts that fit into steps of a job, and decodes them.

use std::io::{BufWriter, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::cost_data::CostData;

/// Bytes of a text. A step's result may have 350 KiB.
const MAX_PART_BYTES: usize = 300 * 1024;
/// Texts stored for a file at most: 2.4 MB, which DynamoDB writes for less than a cent.
const MAX_PARTS: usize = 8;

/// Returns nothing where the data is too large; a later attempt then reads the file again.
pub(crate) fn encode(cost_data: &CostData) -> Vec<String> {
    compress(cost_data).map_or_else(Vec::new, |encoded| {
        let texts = encoded.as_bytes().chunks(MAX_PART_BYTES);
        let texts = texts.map(|text| String::from_utf8_lossy(text).into_owned());
        texts.collect()
    })
}

fn compress(cost_data: &CostData) -> Option<String> {
    let encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    // serde_json writes token by token, and a call of the encoder for each costs more than the packing.
    let mut buffered = BufWriter::with_capacity(64 * 1024, encoder);
    serde_json::to_writer(&mut buffered, cost_data).ok()?;
    let encoder = buffered.into_inner().ok()?;
    let encoded = STANDARD_NO_PAD.encode(encoder.finish().ok()?);
    (encoded.len() <= MAX_PARTS * MAX_PART_BYTES).then_some(encoded)
}

/// Decodes the texts, joined. Returns `None` where another version wrote them.
pub(crate) fn decode(encoded: &str) -> Option<CostData> {
    let bytes = STANDARD_NO_PAD.decode(encoded).ok()?;
    let mut text = String::new();
    DeflateDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .ok()?;
    serde_json::from_str(&text).ok()
}
