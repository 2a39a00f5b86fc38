//! Decodes `aws-chunked`, the encoding in which SDKs send a body followed by its checksum.
//!
//! Chunk signatures are not verified, as header signatures are not (see `request_auth`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use s3s::StdError;

/// Maximum length of a chunk header (size and signature) or a trailer (checksum).
const MAX_LINE_BYTES: usize = 1_024;

/// The headers after the body, available once the body has been read to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Trailers(Arc<Mutex<BTreeMap<String, String>>>);

impl Trailers {
    /// `name` is the header's name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let headers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        headers.get(name).cloned()
    }

    fn record(&self, line: &str) {
        if let Some((name, value)) = line.split_once(':') {
            let mut headers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
}

/// The decoded bytes.
///
/// # Errors
/// The stream yields an error for invalid framing or a body that ends before its last chunk.
pub(super) fn decode<B>(body: B, trailers: Trailers) -> impl Stream<Item = Result<Bytes, StdError>>
where
    B: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    let decoder = Decoder {
        body,
        buffer: BytesMut::new(),
        chunk_remaining: None,
        trailers,
    };
    stream::try_unfold(decoder, |mut decoder| async move {
        Ok(decoder.next_piece().await?.map(|piece| (piece, decoder)))
    })
}

struct Decoder<B> {
    body: B,
    buffer: BytesMut,
    /// Bytes left of the current chunk; `None` between chunks.
    chunk_remaining: Option<usize>,
    trailers: Trailers,
}

impl<B: Stream<Item = Result<Bytes, StdError>> + Unpin> Decoder<B> {
    async fn next_piece(&mut self) -> Result<Option<Bytes>, StdError> {
        loop {
            match self.chunk_remaining {
                None => {
                    let line = self.read_line().await?;
                    let size = line.split(';').next().unwrap_or_default();
                    let size = usize::from_str_radix(size.trim(), 16)
                        .map_err(|_| "a chunk has no size")?;
                    if size == 0 {
                        self.finish().await?;
                        return Ok(None);
                    }
                    self.chunk_remaining = Some(size);
                }
                Some(0) => {
                    if !self.read_line().await?.is_empty() {
                        return Err("a chunk is longer than its size".into());
                    }
                    self.chunk_remaining = None;
                }
                Some(chunk_remaining) => {
                    if self.buffer.is_empty() {
                        self.read_more().await?;
                    }
                    let piece = self
                        .buffer
                        .split_to(chunk_remaining.min(self.buffer.len()))
                        .freeze();
                    self.chunk_remaining = Some(chunk_remaining - piece.len());
                    if !piece.is_empty() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// Reads the trailers, up to the empty line.
    async fn finish(&mut self) -> Result<(), StdError> {
        loop {
            let line = self.read_line().await?;
            if line.is_empty() {
                return Ok(());
            }
            self.trailers.record(&line);
        }
    }

    async fn read_line(&mut self) -> Result<String, StdError> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Ok(String::from_utf8(line.to_vec())?);
            }
            if self.buffer.len() > MAX_LINE_BYTES {
                return Err("a line between chunks is too long".into());
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), StdError> {
        let piece = self.body.next().await;
        let piece = piece.ok_or("the body ends within a chunk")??;
        self.buffer.extend_from_slice(&piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn decoded(body: &[u8], chunk_size: usize) -> Result<(Vec<u8>, Trailers), StdError> {
        let pieces: Vec<_> = body
            .chunks(chunk_size)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let trailers = Trailers::default();
        let stream = Box::pin(decode(stream::iter(pieces), trailers.clone()));
        let bytes: Vec<Bytes> = stream.try_collect().await?;
        Ok((bytes.concat(), trailers))
    }

    #[tokio::test]
    async fn framing_is_removed_for_any_split_of_the_bytes() {
        let unsigned = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
        let signed = b"b;chunk-signature=00\r\nhello world\r\n0;chunk-signature=00\r\nX-Amz-Checksum-CRC32: DUoRhQ==\r\n\r\n";
        for body in [&unsigned[..], &signed[..]] {
            for chunk_size in 1..=body.len() {
                let (bytes, trailers) = decoded(body, chunk_size).await.unwrap();
                assert_eq!(bytes, b"hello world");
                let checksum = trailers.get("x-amz-checksum-crc32");
                assert_eq!(checksum.as_deref(), Some("DUoRhQ=="));
            }
        }
        let (bytes, _) = decoded(b"0\r\n\r\n", 2).await.unwrap();
        assert_eq!(bytes, b"");
    }

    #[tokio::test]
    async fn broken_framing_is_an_error() {
        let long = [b'0'; 4_000];
        for body in [
            &b"5\r\nhel"[..],
            b"5\r\nhello!\r\n0\r\n\r\n",
            b"zz\r\n",
            b"5\r\nhello\r\n0\r\n",
            &long,
        ] {
            assert!(decoded(body, 3).await.is_err(), "{body:?}");
        }
    }
}
