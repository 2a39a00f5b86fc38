//! The embedded S3 by the stock `aws` command line: objects, buckets and multipart uploads.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::support::bucket::BucketStack;
use crate::support::wire_log::WireLog;

#[tokio::test]
async fn the_stock_command_line_puts_gets_copies_and_deletes_objects() -> Result<()> {
    let bucket = BucketStack::start(&[]).await?;
    let file = bucket.file("bill", b"0123456789")?;
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
    let put = bucket.s3api("put-object", &put).await?;
    assert_eq!(put["ETag"], "\"781e5e245d69b566979b86e28d23f2c7\"");
    let (bytes, answer) = bucket.get_object("2026/05 é.csv", &[]).await?;
    assert_eq!(bytes, b"0123456789");
    assert_eq!(answer["ContentType"], "text/csv");
    assert_eq!(answer["Metadata"], json!({"source": "test"}));
    assert_eq!(answer["ChecksumSHA256"], put["ChecksumSHA256"]);
    let head = bucket
        .s3api("head-object", &["--key", "2026/05 é.csv"])
        .await?;
    assert_eq!(
        (&head["ContentLength"], &head["ETag"]),
        (&json!(10), &put["ETag"])
    );

    for (range, bytes, expected) in [
        ("bytes=2-4", &b"234"[..], "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ] {
        let (part, answer) = bucket
            .get_object("2026/05 é.csv", &["--range", range])
            .await?;
        assert_eq!(
            (&part[..], &answer["ContentRange"]),
            (bytes, &json!(expected))
        );
    }
    let copy = ["--key", "copy", "--copy-source", "exports/2026/05 é.csv"];
    bucket.s3api("copy-object", &copy).await?;
    assert_eq!(
        bucket.get_object("copy", &[]).await?.1["ContentType"],
        "text/csv"
    );

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
        let refused = bucket.s3api(arguments[0], &arguments[1..]).await;
        let error = refused.err().map(|error| format!("{error:#}"));
        let error = error.with_context(|| format!("{arguments:?} was not refused"))?;
        assert!(
            error.contains(&format!("({code})")),
            "{arguments:?}: {error}"
        );
    }
    bucket.s3api("delete-object", &["--key", "copy"]).await?;
    bucket.s3api("delete-object", &["--key", "copy"]).await?;
    let all = r#"{"Objects": [{"Key": "2026/05 é.csv"}, {"Key": "none"}]}"#;
    let deleted = bucket.s3api("delete-objects", &["--delete", all]).await?;
    assert_eq!(deleted["Deleted"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        bucket.s3api("list-objects-v2", &[]).await?.get("Contents"),
        None
    );
    Ok(())
}

#[tokio::test]
async fn buckets_come_from_the_template_and_from_the_command_line() -> Result<()> {
    let wire_log = WireLog::new()?;
    let bucket = BucketStack::start(&wire_log.options()?).await?;
    let cors = bucket.s3api("get-bucket-cors", &[]).await?;
    assert_eq!(
        cors["CORSRules"][0]["AllowedMethods"],
        json!(["GET", "PUT"])
    );
    assert_eq!(
        bucket.s3api("get-bucket-location", &[]).await?["LocationConstraint"],
        Value::Null
    );
    bucket.stack.aws(&["s3", "mb", "s3://second"]).await?;
    let buckets = bucket.stack.aws(&["s3api", "list-buckets"]).await?;
    let results_bucket = "longhaul-results-000000000000-us-east-1";
    let names = buckets["Buckets"].as_array().context("no buckets")?;
    let names: Vec<&Value> = names.iter().map(|bucket| &bucket["Name"]).collect();
    assert_eq!(names, ["exports", results_bucket, "second"]);
    bucket.stack.aws(&["s3", "rb", "s3://second"]).await?;
    ensure!(
        bucket
            .stack
            .aws(&["s3api", "head-bucket", "--bucket", "second"])
            .await
            .is_err()
    );

    for key in ["a", "b/1", "b/2", "c d"] {
        bucket.put_object(key, key.as_bytes()).await?;
    }
    let page = ["--delimiter", "/", "--max-keys", "2", "--no-paginate"];
    let first = bucket.s3api("list-objects-v2", &page).await?;
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
    let second = bucket.s3api("list-objects-v2", &next).await?;
    assert_eq!(second["Contents"][0]["Key"], "c d");
    assert_eq!(
        (&second["IsTruncated"], second.get("CommonPrefixes")),
        (&json!(false), None)
    );

    let log_text = wire_log.text()?;
    for operation in [
        "GetBucketCors",
        "CreateBucket",
        "HeadBucket",
        "PutObject",
        "ListObjectsV2",
    ] {
        let line = format!(r#""service":"s3","operation":"{operation}""#);
        assert!(
            log_text.contains(&line),
            "{operation} is not in the wire log"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_multipart_upload_survives_kill_9() -> Result<()> {
    let mut bucket = BucketStack::start(&[]).await?;
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|at| (at % 251) as u8).collect();
    let file = bucket.file("large", &bytes)?;
    bucket
        .stack
        .aws(&["s3", "cp", &file, "s3://exports/large", "--no-progress"])
        .await?;
    bucket.put_object("small", b"small").await?;
    bucket.stack.kill().await?;
    bucket.stack.restart().await?;
    let (response, answer) = bucket.get_object("large", &[]).await?;
    assert!(response == bytes, "the bytes differ from those uploaded");
    let tag = answer["ETag"].as_str().context("no ETag")?;
    assert!(tag.ends_with("-2\""), "two parts of 8 MiB at most: {tag}");
    assert_eq!(bucket.get_object("small", &[]).await?.0, b"small");

    let started = bucket
        .s3api("create-multipart-upload", &["--key", "dropped"])
        .await?;
    let id = started["UploadId"].as_str().context("no id")?;
    let small = bucket.file("part", b"a part")?;
    let part = ["--key", "dropped", "--upload-id", id];
    let put = [&part[..], &["--part-number", "1", "--body", &small]].concat();
    bucket.s3api("upload-part", &put).await?;
    let parts = bucket.s3api("list-parts", &part).await?;
    assert_eq!(parts["Parts"][0]["Size"], 6);
    bucket.s3api("abort-multipart-upload", &part).await?;
    let late_part = bucket.s3api("upload-part", &put).await;
    assert!(
        format!(
            "{:#}",
            late_part
                .err()
                .context("a part was accepted after the abort")?
        )
        .contains("NoSuchUpload")
    );
    let blobs = std::fs::read_dir(bucket.stack.data().join("s3/blobs"))?;
    assert_eq!(blobs.count(), 2, "files without an object stay behind");
    Ok(())
}
