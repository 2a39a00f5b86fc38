//! Message attributes: validation, size, and the MD5 that SDKs verify.
//!
//! Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::error::SqsError;

/// Attributes by name; the digest needs this order.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// Maximum number of attributes of a message (SQS quotas).
const MAX_ATTRIBUTES: usize = 10;
/// Maximum length of an attribute's name or type, in bytes (SQS quotas).
const MAX_NAME_BYTES: usize = 256;

/// One attribute in the JSON protocol; binary values are base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
    #[serde(default)]
    data_type: String,
}

/// The value's type byte for the digest, and its bytes.
fn value_bytes(name: &str, attribute: &Attribute) -> Result<(u8, Vec<u8>), SqsError> {
    let invalid = |reason: &str| {
        Err(SqsError::invalid_parameter(format!(
            "The message attribute '{name}' is invalid. Reason: {reason}"
        )))
    };
    let base = attribute.data_type.split('.').next().unwrap_or_default();
    let given = (base, &attribute.string_value, &attribute.binary_value);
    match given {
        ("String" | "Number", Some(text), None) if !text.is_empty() => {
            if base == "Number" && text.trim().parse::<f64>().is_err() {
                return invalid("The value of type Number is not numeric.");
            }
            check_text(&format!("message attribute '{name}'"), text)?;
            Ok((1, text.clone().into_bytes()))
        }
        ("Binary", None, Some(encoded)) if !encoded.is_empty() => match STANDARD.decode(encoded) {
            Ok(bytes) => Ok((2, bytes)),
            Err(_) => invalid("BinaryValue is not base64."),
        },
        ("String" | "Number", ..) => {
            invalid("A String or Number must have a non-empty StringValue and no other value.")
        }
        ("Binary", ..) => invalid("A Binary must have a non-empty BinaryValue and no other value."),
        _ => invalid("DataType must be String, Number or Binary, with an optional .label."),
    }
}

/// Checks attributes and returns their size in bytes as SQS counts it: names, types and values.
///
/// # Errors
/// `InvalidParameterValue`, or `InvalidMessageContents` for invalid characters.
pub(super) fn check(attributes: &Attributes) -> Result<usize, SqsError> {
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(SqsError::invalid_parameter(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MAX_ATTRIBUTES}].",
            attributes.len()
        )));
    }
    let mut bytes = 0;
    for (name, attribute) in attributes {
        if !is_name(name) || attribute.data_type.len() > MAX_NAME_BYTES {
            return Err(SqsError::invalid_parameter(format!(
                "The message attribute name '{name}' is invalid. Reason: A name has 1 to {MAX_NAME_BYTES} letters, digits, hyphens, underscores and single inner periods, and does not begin with AWS. or Amazon."
            )));
        }
        bytes += name.len() + attribute.data_type.len() + value_bytes(name, attribute)?.1.len();
    }
    Ok(bytes)
}

/// The MD5 over all attributes in hexadecimal; `None` without attributes.
///
/// Name, type and value are each preceded by their length as four big-endian bytes, and the value's
/// length by its type byte.
pub(super) fn digest(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut md5 = Md5::new();
    let mut part = |kind: Option<u8>, bytes: &[u8]| {
        md5.update(kind.as_slice());
        md5.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        md5.update(bytes);
    };
    for (name, attribute) in attributes {
        let (kind, value) = value_bytes(name, attribute).ok()?;
        part(None, name.as_bytes());
        part(None, attribute.data_type.as_bytes());
        part(Some(kind), &value);
    }
    Some(hex(&md5.finalize()))
}

/// The MD5 of a text, in hexadecimal.
pub(super) fn md5_of(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

/// The attributes that a receiver requested by name, `prefix.*`, `All` or `.*`.
pub(super) fn select(attributes: Attributes, requested: &[String]) -> Attributes {
    let is_requested = |name: &str| {
        requested.iter().any(|pattern| match pattern.as_str() {
            "All" | ".*" => true,
            pattern => match pattern.strip_suffix(".*") {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            },
        })
    };
    attributes
        .into_iter()
        .filter(|(name, _)| is_requested(name))
        .collect()
}

/// The value of an attribute of type String.
pub(super) fn string_value(attribute: &Attribute) -> Option<&str> {
    attribute.string_value.as_deref()
}

/// Rejects characters that are invalid in XML 1.0, as SQS does for every protocol.
///
/// # Errors
/// `InvalidMessageContents`, with `parameter`.
pub(super) fn check_text(parameter: &str, text: &str) -> Result<(), SqsError> {
    let allowed = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        c => c >= ' ',
    };
    if text.chars().all(allowed) {
        Ok(())
    } else {
        Err(SqsError::invalid_contents(parameter))
    }
}

fn is_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.")
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
