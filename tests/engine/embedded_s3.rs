//! S3 as an operator's command line, a browser with a presigned URL, and an SDK speak to it.

use anyhow::{Context, Result, ensure};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::bucket::Bench;

const PAGE: (&str, &str) = ("Origin", "https://app.example.com");

#[tokio::test]
async fn an_object_is_what_was_put_with_the_stock_command_line() -> Result<()> {
    let bench = Bench::start(&[]).await?;
    let file = bench.file("bill", b"0123456789")?;
    let put = [
        "--key",
        "2026/05 é.csv",
        "--body",
        &file,
        "--content-type",
        "text/csv",
        "--metadata",
        "source=test",
        "--checksum-algorithm",
        "SHA256",
    ];
    let put = bench.s3("put-object", &put).await?;
    assert_eq!(put["ETag"], "\"781e5e245d69b566979b86e28d23f2c7\"");
    let (bytes, answer) = bench.get("2026/05 é.csv", &[]).await?;
    assert_eq!(bytes, b"0123456789");
    assert_eq!(answer["ContentType"], "text/csv");
    assert_eq!(answer["Metadata"], json!({"source": "test"}));
    assert_eq!(answer["ChecksumSHA256"], put["ChecksumSHA256"]);
    let head = bench.s3("head-object", &["--key", "2026/05 é.csv"]).await?;
    assert_eq!(
        (&head["ContentLength"], &head["ETag"]),
        (&json!(10), &put["ETag"])
    );

    for (range, bytes, said) in [
        ("bytes=2-4", &b"234"[..], "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ] {
        let (part, answer) = bench.get("2026/05 é.csv", &["--range", range]).await?;
        assert_eq!((&part[..], &answer["ContentRange"]), (bytes, &json!(said)));
    }
    let copy = ["--key", "copy", "--copy-source", "exports/2026/05 é.csv"];
    bench.s3("copy-object", &copy).await?;
    assert_eq!(bench.get("copy", &[]).await?.1["ContentType"], "text/csv");

    for (arguments, code) in [
        (
            &[
                "get-object",
                "--key",
                "copy",
                "--range",
                "bytes=10-",
                "/dev/null",
            ][..],
            "InvalidRange",
        ),
        (&["get-object", "--key", "none", "/dev/null"], "NoSuchKey"),
        (
            &[
                "get-object",
                "--key",
                "copy",
                "--if-match",
                "\"x\"",
                "/dev/null",
            ],
            "PreconditionFailed",
        ),
        (
            &[
                "get-object",
                "--key",
                "copy",
                "--if-none-match",
                "781e5e245d69b566979b86e28d23f2c7",
                "/dev/null",
            ],
            "304",
        ),
        (
            &["put-object", "--key", "copy", "--if-none-match", "*"],
            "PreconditionFailed",
        ),
        (
            &[
                "put-object",
                "--key",
                "k",
                "--body",
                &file,
                "--content-md5",
                "AAAAAAAAAAAAAAAAAAAAAA==",
            ],
            "BadDigest",
        ),
        (&["delete-bucket"], "BucketNotEmpty"),
        (&["get-bucket-versioning"], "NotImplemented"),
    ] {
        let refused = bench.s3(arguments[0], &arguments[1..]).await;
        let error = refused.err().map(|error| format!("{error:#}"));
        let error = error.with_context(|| format!("{arguments:?} was not refused"))?;
        assert!(
            error.contains(&format!("({code})")),
            "{arguments:?}: {error}"
        );
    }
    bench.s3("delete-object", &["--key", "copy"]).await?;
    bench.s3("delete-object", &["--key", "copy"]).await?;
    let all = r#"{"Objects": [{"Key": "2026/05 é.csv"}, {"Key": "none"}]}"#;
    let deleted = bench.s3("delete-objects", &["--delete", all]).await?;
    assert_eq!(deleted["Deleted"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        bench.s3("list-objects-v2", &[]).await?.get("Contents"),
        None
    );
    Ok(())
}

#[tokio::test]
async fn buckets_come_from_the_template_and_from_the_command_line() -> Result<()> {
    let log = tempfile::NamedTempFile::new()?;
    let path = log.path().to_str().context("a path is text")?;
    let bench = Bench::start(&["--wire-log", path]).await?;
    let cors = bench.s3("get-bucket-cors", &[]).await?;
    assert_eq!(
        cors["CORSRules"][0]["AllowedMethods"],
        json!(["GET", "PUT"])
    );
    assert_eq!(
        bench.s3("get-bucket-location", &[]).await?["LocationConstraint"],
        Value::Null
    );
    bench.stack.aws(&["s3", "mb", "s3://second"]).await?;
    let buckets = bench.stack.aws(&["s3api", "list-buckets"]).await?;
    let of_results = "longhaul-results-000000000000-us-east-1";
    let names = buckets["Buckets"].as_array().context("no buckets")?;
    let names: Vec<&Value> = names.iter().map(|bucket| &bucket["Name"]).collect();
    assert_eq!(names, ["exports", of_results, "second"]);
    bench.stack.aws(&["s3", "rb", "s3://second"]).await?;
    ensure!(
        bench
            .stack
            .aws(&["s3api", "head-bucket", "--bucket", "second"])
            .await
            .is_err()
    );

    for key in ["a", "b/1", "b/2", "c d"] {
        bench.put(key, key.as_bytes()).await?;
    }
    let page = ["--delimiter", "/", "--max-keys", "2", "--no-paginate"];
    let first = bench.s3("list-objects-v2", &page).await?;
    assert_eq!(first["Contents"][0]["Key"], "a");
    assert_eq!(first["CommonPrefixes"], json!([{"Prefix": "b/"}]));
    assert_eq!(
        (&first["IsTruncated"], &first["KeyCount"]),
        (&json!(true), &json!(2))
    );
    let token = first["NextContinuationToken"]
        .as_str()
        .context("no token")?;
    let next = [&page[..], &["--continuation-token", token]].concat();
    let second = bench.s3("list-objects-v2", &next).await?;
    assert_eq!(second["Contents"][0]["Key"], "c d");
    assert_eq!(
        (&second["IsTruncated"], second.get("CommonPrefixes")),
        (&json!(false), None)
    );

    let noted = std::fs::read_to_string(log.path())?;
    for operation in [
        "GetBucketCors",
        "CreateBucket",
        "HeadBucket",
        "PutObject",
        "ListObjectsV2",
    ] {
        let line = format!(r#""service":"s3","operation":"{operation}""#);
        assert!(noted.contains(&line), "{operation} is not in the wire log");
    }
    Ok(())
}

#[tokio::test]
async fn a_large_file_goes_up_in_parts_and_survives_kill_9() -> Result<()> {
    let mut bench = Bench::start(&[]).await?;
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|at| (at % 251) as u8).collect();
    let file = bench.file("large", &bytes)?;
    bench
        .stack
        .aws(&["s3", "cp", &file, "s3://exports/large", "--no-progress"])
        .await?;
    bench.put("small", b"small").await?;
    bench.stack.kill().await?;
    bench.stack.restart().await?;
    let (got, answer) = bench.get("large", &[]).await?;
    assert!(got == bytes, "the bytes are not those that went up");
    let tag = answer["ETag"].as_str().context("no ETag")?;
    assert!(tag.ends_with("-2\""), "two parts of 8 MiB at most: {tag}");
    assert_eq!(bench.get("small", &[]).await?.0, b"small");

    let started = bench
        .s3("create-multipart-upload", &["--key", "dropped"])
        .await?;
    let id = started["UploadId"].as_str().context("no id")?;
    let small = bench.file("part", b"a part")?;
    let part = ["--key", "dropped", "--upload-id", id];
    let put = [&part[..], &["--part-number", "1", "--body", &small]].concat();
    bench.s3("upload-part", &put).await?;
    let parts = bench.s3("list-parts", &part).await?;
    assert_eq!(parts["Parts"][0]["Size"], 6);
    bench.s3("abort-multipart-upload", &part).await?;
    let again = bench.s3("upload-part", &put).await;
    assert!(format!("{:#}", again.err().context("put after the end")?).contains("NoSuchUpload"));
    let blobs = std::fs::read_dir(bench.stack.data().join("s3/blobs"))?;
    assert_eq!(blobs.count(), 2, "files that no object names stay behind");
    Ok(())
}

#[tokio::test]
async fn a_presigned_url_works_until_it_expires_and_not_if_it_is_changed() -> Result<()> {
    let bench = Bench::start(&[]).await?;
    bench.put("a b/é.txt", b"0123456789").await?;
    let url = bench.presigned("a b/é.txt").await?;
    let whole = bench.http(&format!("GET {url}"), &[], b"").await?;
    let text = whole.text();
    assert_eq!((whole.status, &text[..]), (200, "0123456789"));
    let range = [("Range", "bytes=2-3")];
    let part = bench.http(&format!("GET {url}"), &range, b"").await?;
    assert_eq!((part.status, &part.body[..]), (206, &b"23"[..]));
    assert_eq!(part.header("content-range"), "bytes 2-3/10");

    let now = SignedDuration::ZERO;
    let upload = bench.presign("PUT", "/exports/up", now, 60);
    let typed = [("Content-Type", "text/plain")];
    let put = bench
        .http(&format!("PUT {upload}"), &typed, b"from a page")
        .await?;
    assert_eq!(put.status, 200, "{}", put.text());
    let (bytes, answer) = bench.get("up", &[]).await?;
    assert_eq!(
        (&bytes[..], &answer["ContentType"]),
        (&b"from a page"[..], &json!("text/plain"))
    );

    let hour = SignedDuration::from_hours(1);
    let expired = bench.presign("PUT", "/exports/up", hour, 3_599);
    let alive = bench.presign("GET", "/exports/up", hour, 3_999);
    assert_eq!(
        bench.http(&format!("GET {alive}"), &[], b"").await?.status,
        200
    );
    let long = bench.presign("GET", "/exports/up", now, 604_801);
    let unsigned = upload.split('?').next().context("no query")?;
    let half = format!("{unsigned}?X-Amz-Algorithm=AWS4-HMAC-SHA256");
    for (request, status, said) in [
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
            format!("GET {half}"),
            400,
            "<Code>AuthorizationQueryParametersError</Code>",
        ),
    ] {
        let refused = bench.http(&request, &[], b"changed").await?;
        assert_eq!(refused.status, status, "{request}: {}", refused.text());
        assert!(
            refused.text().contains(said),
            "{request}: {}",
            refused.text()
        );
    }
    assert_eq!(bench.get("up", &[]).await?.0, b"from a page");
    Ok(())
}

#[tokio::test]
async fn a_page_reaches_a_bucket_as_its_rules_say() -> Result<()> {
    let bench = Bench::start(&[]).await?;
    bench.put("k", b"bytes").await?;
    let asks = |method| [PAGE, ("Access-Control-Request-Method", method)];
    let allowed = bench.http("OPTIONS /exports/k", &asks("PUT"), b"").await?;
    assert_eq!(allowed.status, 200, "{}", allowed.text());
    assert_eq!(allowed.header("access-control-allow-origin"), PAGE.1);
    assert_eq!(allowed.header("access-control-max-age"), "600");
    let refused = bench
        .http("OPTIONS /exports/k", &asks("DELETE"), b"")
        .await?;
    assert_eq!(refused.status, 403);
    let url = bench.presigned("k").await?;
    let got = bench.http(&format!("GET {url}"), &[PAGE], b"").await?;
    assert_eq!(
        (got.status, got.header("access-control-allow-origin")),
        (200, PAGE.1)
    );
    assert_eq!(got.header("access-control-expose-headers"), "ETag");
    let elsewhere = [("Origin", "https://elsewhere.org")];
    let got = bench.http(&format!("GET {url}"), &elsewhere, b"").await?;
    assert_eq!(
        (got.status, got.header("access-control-allow-origin")),
        (200, "")
    );
    // A page must be able to read why it was refused, too.
    let refused = bench.http("GET /exports/k", &[PAGE], b"").await?;
    assert_eq!(
        (
            refused.status,
            refused.header("access-control-allow-origin")
        ),
        (403, PAGE.1)
    );
    Ok(())
}

#[tokio::test]
async fn an_sdk_s_chunks_and_trailing_checksum_are_understood() -> Result<()> {
    let bench = Bench::start(&[]).await?;
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
        let put = bench.http(&key, &headers, body.as_bytes()).await?;
        assert_eq!(put.status, status, "{}", put.text());
    }
    let (bytes, answer) = bench.get("200", &[]).await?;
    assert_eq!(bytes, b"hello world");
    assert_eq!(answer["ChecksumCRC32"], "DUoRhQ==");
    assert_eq!(answer.get("ContentEncoding"), None);
    ensure!(
        bench.get("400", &[]).await.is_err(),
        "what was refused is there"
    );

    let host = format!(
        "exports.localhost:{}",
        bench.stack.aws.rsplit(':').next().context("a port")?
    );
    let signed = [
        ("Host", host.as_str()),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request",
        ),
    ];
    let virtual_hosted = bench.http("GET /200", &signed, b"").await?;
    assert_eq!(
        virtual_hosted.body,
        b"hello world",
        "{}",
        virtual_hosted.text()
    );
    Ok(())
}
