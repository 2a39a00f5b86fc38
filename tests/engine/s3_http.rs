//! The embedded S3 by raw HTTP: presigned URLs, CORS, chunked uploads and virtual-hosted requests.

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use serde_json::json;

use crate::support::bucket::BucketStack;

const ORIGIN: (&str, &str) = ("Origin", "https://app.example.com");

#[tokio::test]
async fn a_presigned_url_works_until_it_expires_and_only_unchanged() -> Result<()> {
    let bucket = BucketStack::start(&[]).await?;
    bucket.put_object("a b/é.txt", b"0123456789").await?;
    let url = bucket.presign_with_cli("a b/é.txt").await?;
    let full = bucket.http(&format!("GET {url}"), &[], b"").await?;
    let text = full.text();
    assert_eq!((full.status, &text[..]), (200, "0123456789"));
    let range = [("Range", "bytes=2-3")];
    let part = bucket.http(&format!("GET {url}"), &range, b"").await?;
    assert_eq!((part.status, &part.body[..]), (206, &b"23"[..]));
    assert_eq!(part.header("content-range"), "bytes 2-3/10");

    let now = SignedDuration::ZERO;
    let upload = bucket.presign("PUT", "/exports/up", now, 60);
    let text_type = [("Content-Type", "text/plain")];
    let put = bucket
        .http(&format!("PUT {upload}"), &text_type, b"from a page")
        .await?;
    assert_eq!(put.status, 200, "{}", put.text());
    let (bytes, answer) = bucket.get_object("up", &[]).await?;
    assert_eq!(
        (&bytes[..], &answer["ContentType"]),
        (&b"from a page"[..], &json!("text/plain"))
    );

    let hour = SignedDuration::from_hours(1);
    let expired = bucket.presign("PUT", "/exports/up", hour, 3_599);
    let not_expired = bucket.presign("GET", "/exports/up", hour, 3_999);
    assert_eq!(
        bucket
            .http(&format!("GET {not_expired}"), &[], b"")
            .await?
            .status,
        200
    );
    let long = bucket.presign("GET", "/exports/up", now, 604_801);
    let unsigned = upload.split('?').next().context("no query")?;
    let incomplete = format!("{unsigned}?X-Amz-Algorithm=AWS4-HMAC-SHA256");
    for (request, status, expected) in [
        (
            format!("PUT {expired}"),
            403,
            "<Code>AccessDenied</Code><Message>Request has expired",
        ),
        (
            format!("GET {upload}"),
            403,
            "<Code>SignatureDoesNotMatch</Code>",
        ),
        (
            format!("PUT {}", upload.replace("/up?", "/other?")),
            403,
            "<Code>SignatureDoesNotMatch</Code>",
        ),
        (
            format!("PUT {}", upload.replace("=local%2F", "=other%2F")),
            403,
            "<Code>InvalidAccessKeyId</Code>",
        ),
        (format!("GET {unsigned}"), 403, "<Code>AccessDenied</Code>"),
        (
            format!("GET {long}"),
            400,
            "<Code>AuthorizationQueryParametersError</Code>",
        ),
        (
            format!("GET {incomplete}"),
            400,
            "<Code>AuthorizationQueryParametersError</Code>",
        ),
    ] {
        let refused = bucket.http(&request, &[], b"changed").await?;
        assert_eq!(refused.status, status, "{request}: {}", refused.text());
        assert!(
            refused.text().contains(expected),
            "{request}: {}",
            refused.text()
        );
    }
    assert_eq!(bucket.get_object("up", &[]).await?.0, b"from a page");
    Ok(())
}

#[tokio::test]
async fn cors_rules_decide_which_origins_reach_a_bucket() -> Result<()> {
    let bucket = BucketStack::start(&[]).await?;
    bucket.put_object("k", b"bytes").await?;
    let preflight = |method| [ORIGIN, ("Access-Control-Request-Method", method)];
    let allowed = bucket
        .http("OPTIONS /exports/k", &preflight("PUT"), b"")
        .await?;
    assert_eq!(allowed.status, 200, "{}", allowed.text());
    assert_eq!(allowed.header("access-control-allow-origin"), ORIGIN.1);
    assert_eq!(allowed.header("access-control-max-age"), "600");
    let refused = bucket
        .http("OPTIONS /exports/k", &preflight("DELETE"), b"")
        .await?;
    assert_eq!(refused.status, 403);
    let url = bucket.presign_as_function("GET", "/exports/k")?;
    let response = bucket.http(&format!("GET {url}"), &[ORIGIN], b"").await?;
    assert_eq!(
        (
            response.status,
            response.header("access-control-allow-origin")
        ),
        (200, ORIGIN.1)
    );
    assert_eq!(response.header("access-control-expose-headers"), "ETag");
    let elsewhere = [("Origin", "https://elsewhere.org")];
    let response = bucket.http(&format!("GET {url}"), &elsewhere, b"").await?;
    assert_eq!(
        (
            response.status,
            response.header("access-control-allow-origin")
        ),
        (200, "")
    );
    // A page can read the refusal too.
    let refused = bucket.http("GET /exports/k", &[ORIGIN], b"").await?;
    assert_eq!(
        (
            refused.status,
            refused.header("access-control-allow-origin")
        ),
        (403, ORIGIN.1)
    );
    Ok(())
}

#[tokio::test]
async fn chunked_uploads_with_a_trailing_checksum_are_accepted() -> Result<()> {
    let bucket = BucketStack::start(&[]).await?;
    // CRC-32 of "hello world" is 0d4a1185.
    for (sum, status) in [("DUoRhQ==", 200), ("AAAAAA==", 400)] {
        let body = format!("5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:{sum}\r\n\r\n");
        let signature = "AWS4-HMAC-SHA256 Credential=anyone/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00";
        let headers = [
            ("Authorization", signature),
            ("Content-Encoding", "aws-chunked"),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "11"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ];
        let key = format!("PUT /exports/{status}");
        let put = bucket.http(&key, &headers, body.as_bytes()).await?;
        assert_eq!(put.status, status, "{}", put.text());
    }
    let (bytes, answer) = bucket.get_object("200", &[]).await?;
    assert_eq!(bytes, b"hello world");
    assert_eq!(answer["ChecksumCRC32"], "DUoRhQ==");
    assert_eq!(answer.get("ContentEncoding"), None);
    ensure!(
        bucket.get_object("400", &[]).await.is_err(),
        "the refused object exists"
    );

    let host = format!(
        "exports.localhost:{}",
        bucket.stack.aws.rsplit(':').next().context("a port")?
    );
    let signed = [
        ("Host", host.as_str()),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request",
        ),
    ];
    let virtual_hosted = bucket.http("GET /200", &signed, b"").await?;
    assert_eq!(
        virtual_hosted.body,
        b"hello world",
        "{}",
        virtual_hosted.text()
    );
    Ok(())
}
