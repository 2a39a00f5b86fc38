//! Web pages of other origins: what a browser on this machine can be made to send to the embedded cloud.

use anyhow::Result;

use crate::support::bucket::BucketStack;
use crate::support::http::http;

const OTHER_PAGE: (&str, &str) = ("Origin", "https://example.com");
/// What a browser sends for a page where it leaves out `Origin`.
const WITHOUT_ORIGIN: (&str, &str) = ("Sec-Fetch-Site", "cross-site");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn no_web_page_can_call_a_service_whatever_the_query_says() -> Result<()> {
    let bucket = BucketStack::start(&[]).await?;
    let stack = &bucket.stack;
    let publish = "Action=Publish&Version=2010-03-31&Message=x\
                   &TopicArn=arn:aws:sns:us-east-1:000000000000:longhaul-publish";
    let signed = |service: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0"
        )
    };
    let (sns, lambda, management) = (signed("sns"), signed("lambda"), signed("execute-api"));
    let invoke = "POST /2015-03-31/functions/longhaul-sweep/invocations";
    let list_tables = ("X-Amz-Target", "DynamoDB_20120810.ListTables");
    let connection = "prod/%40connections/bm9ib2R5aGVyZQ%3D%3D?X-Amz-Signature=";
    for page in [OTHER_PAGE, WITHOUT_ORIGIN] {
        for (base, request, headers, body) in [
            (&stack.aws, "POST /?Signature=", &[FORM][..], publish),
            (&stack.aws, "POST /?X-Amz-Signature=0", &[FORM], publish),
            (
                &stack.aws,
                "POST /",
                &[FORM, ("Authorization", &sns)],
                publish,
            ),
            (&stack.aws, "POST /?Signature=", &[list_tables], "{}"),
            (&stack.aws, invoke, &[("Authorization", &lambda)], "{}"),
            (&stack.aws, "POST /_local/faults?Signature=", &[], "{}"),
            (&stack.aws, "GET /_local/wiring", &[], ""),
            (&stack.gateway, &format!("POST /{connection}"), &[], "x"),
            (
                &stack.gateway,
                &format!("DELETE /{connection}"),
                &[("Authorization", &management)],
                "",
            ),
            (&stack.gateway, "POST /_local/token?user=alice", &[], ""),
        ] {
            let headers = [headers, &[page]].concat();
            let base = base.replace("ws://", "http://");
            let answer = http(&base, request, &headers, body.as_bytes()).await?;
            assert_eq!(
                answer.status,
                403,
                "{request} {headers:?}: {}",
                answer.text()
            );
            assert!(answer.text().contains("web page") || answer.text().contains("Browsers"));
        }
    }
    // The same request of a program is answered.
    let answer = http(&stack.aws, "POST /", &[FORM], publish.as_bytes()).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Ok(())
}

#[tokio::test]
async fn a_page_needs_a_url_that_a_function_presigned() -> Result<()> {
    let bucket = BucketStack::start(&[]).await?;
    bucket.put_object("k", b"bytes").await?;
    let own = |method| bucket.presign(method, "/exports/k", jiff::SignedDuration::ZERO, 60);
    let header = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, \
                  SignedHeaders=host, Signature=0";
    for page in [OTHER_PAGE, WITHOUT_ORIGIN] {
        for method in ["GET", "PUT", "DELETE"] {
            let request = format!("{method} {}", own(method));
            let answer = bucket.http(&request, &[page], b"changed").await?;
            assert_eq!(answer.status, 403, "{request}: {}", answer.text());
            assert!(answer.text().contains("AccessDenied"), "{}", answer.text());
            let unsigned = format!("{method} /exports/k");
            let headers = [page, ("Authorization", header)];
            let answer = bucket.http(&unsigned, &headers, b"changed").await?;
            assert_eq!(answer.status, 403, "{unsigned}: {}", answer.text());
        }
        let given = bucket.presign_as_function("GET", "/exports/k")?;
        let answer = bucket.http(&format!("GET {given}"), &[page], b"").await?;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"bytes"[..]));
    }
    let upload = bucket.presign_as_function("PUT", "/exports/new")?;
    let answer = bucket
        .http(&format!("PUT {upload}"), &[OTHER_PAGE], b"new")
        .await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A link with the public key works: its page can't read the response.
    let link = [WITHOUT_ORIGIN, ("Sec-Fetch-Mode", "navigate")];
    let answer = bucket
        .http(&format!("GET {}", own("GET")), &link, b"")
        .await?;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"bytes"[..]));
    let listed = bucket.s3api("list-objects-v2", &[]).await?;
    assert_eq!(listed["Contents"].as_array().map(Vec::len), Some(2));
    Ok(())
}
