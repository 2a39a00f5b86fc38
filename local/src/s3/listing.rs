//! Computes one page of `ListObjects` and `ListObjectsV2`, with keys below a delimiter grouped into common
//! prefixes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::{S3Result, s3_error};

use super::index::{IndexTransaction, ObjectRow};

/// Maximum number of keys of one page (S3 API reference).
const MAX_KEYS: i32 = 1_000;
/// Sorts after every other character, so `<prefix>HIGHEST_CHAR` is above every key with the prefix.
const HIGHEST_CHAR: char = char::MAX;

/// The parameters of a listing.
#[derive(Debug, Clone, Default)]
pub(super) struct ListQuery {
    pub(super) bucket: String,
    pub(super) prefix: String,
    /// Empty for no delimiter.
    pub(super) delimiter: String,
    /// Lists only keys above it.
    pub(super) after: String,
    pub(super) limit: usize,
}

/// One page of a listing.
#[derive(Debug, Default)]
pub(super) struct ListPage {
    pub(super) objects: Vec<ObjectRow>,
    pub(super) prefixes: Vec<String>,
    /// The `after` of the next page, if there is one.
    pub(super) next: Option<String>,
}

impl ListQuery {
    /// The number of keys of one page, from `max-keys`.
    ///
    /// # Errors
    /// A negative number.
    pub(super) fn page_limit(keys: Option<i32>) -> S3Result<usize> {
        let keys = keys.unwrap_or(MAX_KEYS).min(MAX_KEYS);
        usize::try_from(keys)
            .map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))
    }

    pub(super) fn page(&self, rows: &IndexTransaction<'_>) -> S3Result<ListPage> {
        rows.existing_bucket(&self.bucket)?;
        let mut page = ListPage::default();
        // `list_objects` excludes `after`, so a key that equals the prefix is read separately.
        let mut after = self.after.clone();
        let mut from_prefix = after < self.prefix;
        if self.limit == 0 {
            return Ok(page);
        }
        loop {
            let left = self.limit - page.objects.len() - page.prefixes.len();
            let mut batch = vec![];
            if from_prefix {
                batch.extend(rows.object(&self.bucket, &self.prefix)?);
                after.clone_from(&self.prefix);
                from_prefix = false;
            }
            batch.extend(rows.list_objects(&self.bucket, &after, left + 1)?);
            let exhausted = batch.len() <= left;
            let mut skipped_prefix = false;
            for object in batch {
                if !object.key.starts_with(&self.prefix) {
                    return Ok(page);
                }
                if page.objects.len() + page.prefixes.len() == self.limit {
                    page.next = Some(after);
                    return Ok(page);
                }
                match self.common_prefix(&object.key) {
                    None => {
                        after.clone_from(&object.key);
                        page.objects.push(object);
                    }
                    Some(prefix) => {
                        after = format!("{prefix}{HIGHEST_CHAR}");
                        page.prefixes.push(prefix);
                        // The other keys with this common prefix are skipped without reading them.
                        skipped_prefix = true;
                        break;
                    }
                }
            }
            if exhausted && !skipped_prefix {
                return Ok(page);
            }
        }
    }

    /// The common prefix of the key: up to and including the first delimiter after the prefix.
    fn common_prefix(&self, key: &str) -> Option<String> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = &key[self.prefix.len()..];
        let end = rest.find(&self.delimiter)? + self.delimiter.len();
        Some(key[..self.prefix.len() + end].to_owned())
    }
}

/// The `NextMarker` of `ListObjects`: the last key or common prefix of this page.
pub(super) fn next_marker(next: &str) -> &str {
    next.strip_suffix(HIGHEST_CHAR).unwrap_or(next)
}

/// The `after` for a marker. A marker that is a common prefix skips all keys with that prefix.
pub(super) fn start_after_marker(marker: &str, delimiter: &str) -> String {
    if !delimiter.is_empty() && marker.ends_with(delimiter) {
        return format!("{marker}{HIGHEST_CHAR}");
    }
    marker.to_owned()
}

/// Encodes a continuation token.
pub(super) fn encode_token(after: &str) -> String {
    URL_SAFE_NO_PAD.encode(after)
}

/// Decodes a continuation token.
///
/// # Errors
/// The token is invalid.
pub(super) fn decode_token(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            s3_error!(
                InvalidArgument,
                "The continuation token provided is incorrect"
            )
        })
}

/// Encodes a key for `encoding-type=url`.
pub(super) fn url_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::super::index::{Index, ObjectMetadata};
    use super::*;
    use crate::stack_spec::Bucket;

    async fn pages(keys: &[&str], listing: ListQuery) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(&folder.path().join("s3.sqlite")).unwrap();
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let listing = ListQuery {
            bucket: "b".into(),
            ..listing
        };
        let run = move |rows: &IndexTransaction<'_>| {
            rows.put_bucket(
                &Bucket {
                    name: "b".into(),
                    ..Bucket::default()
                },
                0,
            )?;
            for key in keys {
                let (blob, etag, metadata) =
                    (key.clone(), String::new(), ObjectMetadata::default());
                let object = ObjectRow {
                    key,
                    blob,
                    size: 0,
                    etag,
                    modified: 0,
                    metadata,
                };
                rows.put_object("b", &object)?;
            }
            let mut pages = vec![];
            let mut next = Some(listing);
            while let Some(listing) = next.take() {
                let page = listing.page(rows)?;
                let keys = page.objects.iter().map(|object| object.key.clone());
                let mut names: Vec<_> = keys.chain(page.prefixes).collect();
                names.sort();
                pages.push(names);
                next = page.next.map(|after| ListQuery { after, ..listing });
            }
            Ok(pages)
        };
        index.transaction(run).await.unwrap()
    }

    const KEYS: [&str; 7] = ["a", "b/", "b/1", "b/2/x", "b/é", "bc", "c/1"];

    #[tokio::test]
    async fn every_key_is_on_one_page_for_any_page_size() {
        for limit in 1..=8 {
            let listing = ListQuery {
                limit,
                ..ListQuery::default()
            };
            let pages = pages(&KEYS, listing).await;
            assert_eq!(pages.concat(), KEYS, "{limit} to a page");
            assert_eq!(pages.len(), KEYS.len().div_ceil(limit));
        }
    }

    #[tokio::test]
    async fn keys_below_a_delimiter_are_one_entry() {
        for limit in 1..=5 {
            let listing = |prefix: &str| ListQuery {
                prefix: prefix.into(),
                delimiter: "/".into(),
                limit,
                ..ListQuery::default()
            };
            let top = pages(&KEYS, listing("")).await;
            assert_eq!(top.concat(), ["a", "b/", "bc", "c/"], "{limit} to a page");
            assert_eq!(top.len(), 4_usize.div_ceil(limit));
            let below = pages(&KEYS, listing("b/")).await;
            assert_eq!(below.concat(), ["b/", "b/1", "b/2/", "b/é"]);
            let part = pages(&KEYS, listing("b")).await;
            assert_eq!(part.concat(), ["b/", "bc"]);
            assert_eq!(pages(&KEYS, listing("x")).await.concat(), [""; 0]);
        }
        let after = ListQuery {
            after: "b/1".into(),
            limit: 9,
            ..ListQuery::default()
        };
        assert_eq!(pages(&KEYS, after).await.concat(), KEYS[3..]);
    }

    #[test]
    fn keys_and_tokens_are_encoded_for_urls() {
        assert_eq!(url_encode("a b/é+~"), "a+b/%C3%A9%2B%7E");
        assert_eq!(decode_token(&encode_token("b/é")).unwrap(), "b/é");
        assert!(decode_token("no token!").is_err());
    }
}
