"""S3 as a browser meets it: presigned URLs and cross-origin requests, as AWS documents them."""

import boto3
import pytest
from botocore.config import Config

from cloud import CREDENTIALS, REGION
from s3_tools import body, refused, request
from sqs_tools import wait_until

PAGE = "https://app.example.com"
RULE = {
    "AllowedOrigins": ["https://*.example.com"],
    "AllowedMethods": ["GET", "PUT"],
    "AllowedHeaders": ["content-type", "x-amz-*"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 600,
}


@pytest.fixture(scope="session")
def signer(endpoint, cloud_data):
    """Presigns by Signature Version 4, which is the one that AWS documents; on the embedded cloud as a function does."""
    if endpoint is None:
        return boto3.client("s3", config=Config(signature_version="s3v4"))
    config = Config(signature_version="s3v4")
    secret, credentials = cloud_data / "secrets" / "function-secret-access-key", CREDENTIALS
    if secret.exists():
        credentials = {"aws_access_key_id": "local-test", "aws_secret_access_key": secret.read_text()}
    return boto3.client("s3", endpoint_url=endpoint, region_name=REGION, config=config, **credentials)


@pytest.fixture
def presign(signer, bucket):
    def make(operation, key="k", seconds=60, **more):
        return signer.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": key} | more, ExpiresIn=seconds)

    return make


def code(answer):
    text = answer[2].decode()
    return text.split("<Code>")[1].split("</Code>")[0] if "<Code>" in text else text


def test_a_presigned_get_needs_no_credentials(s3, bucket, presign):
    """A presigned URL allows downloads, ranges too. HEAD has a URL of its own.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html"""
    s3.put_object(Bucket=bucket, Key="a é/+b", Body=b"0123456789", ContentType="text/csv")
    url = presign("get_object", "a é/+b")
    status, headers, bytes_ = request("GET", url)
    assert (status, headers["content-type"], bytes_) == (200, "text/csv", b"0123456789")
    assert request("GET", url, Range="bytes=2-3")[::2] == (206, b"23")
    assert request("HEAD", presign("head_object", "a é/+b"))[0] == 200
    assert request("HEAD", url)[0] == 403


def test_a_presigned_put_uploads(s3, bucket, presign):
    """A presigned URL allows the upload of the object that it names.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/PresignedUrlUploadObject.html"""
    status, headers, _ = request("PUT", presign("put_object"), b"from a page", Content_Type="text/plain")
    assert (status, headers["etag"]) == (200, '"1219f418c4a7385836767feed2483369"')
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (body(got), got["ContentType"]) == (b"from a page", "text/plain")


def test_a_presigned_delete_deletes(s3, bucket, presign):
    """A presigned URL can be made for any operation that its signer may use.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html"""
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert request("DELETE", presign("delete_object"))[0] == 204
    refused("NoSuchKey", s3.get_object, 404, Bucket=bucket, Key="k")


def test_an_expired_url_is_refused(s3, bucket, presign):
    """AccessDenied, 403, once X-Amz-Expires has passed: reads and writes, which then change nothing.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html#PresignedUrl-Expiration"""
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    get, put = presign("get_object", seconds=1), presign("put_object", seconds=1)
    refusal = wait_until(lambda: (answer := request("GET", get))[0] != 200 and answer)
    assert (refusal[0], code(refusal)) == (403, "AccessDenied")
    assert request("PUT", put, b"new")[0] == 403
    assert body(s3.get_object(Bucket=bucket, Key="k")) == b"old"


def test_a_changed_url_is_refused(s3, bucket, presign):
    """SignatureDoesNotMatch, 403: another key, method, expiry or parameter than was signed.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"""
    for key in ("k", "other"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"old")
    url = presign("get_object")
    for method, changed in [
        ("GET", url.replace("/k?", "/other?")),
        ("PUT", url),
        ("DELETE", url),
        ("GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")),
        ("GET", url + "&response-content-type=text/html"),
    ]:
        refusal = request(method, changed)
        assert (refusal[0], code(refusal)) == (403, "SignatureDoesNotMatch"), changed
    assert body(s3.get_object(Bucket=bucket, Key="k")) == b"old"


def test_signed_headers_have_to_come(bucket, presign):
    """Headers that were signed must be sent with the same values.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"""
    url = presign("put_object", ContentType="text/csv")
    assert request("PUT", url, b"x", Content_Type="text/html")[0] == 403
    assert request("PUT", url, b"x")[0] == 403
    assert request("PUT", url, b"x", Content_Type="text/csv")[0] == 200


@pytest.mark.parametrize(
    ("change", "to"),
    [
        ("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=60", "X-Amz-Expires=-1"),
        ("X-Amz-Expires=60", "X-Amz-Expires=soon"),
        ("&X-Amz-Expires=60", ""),
        ("AWS4-HMAC-SHA256", "AWS5"),
    ],
)
def test_a_url_that_can_not_be_signed_so_is_refused(presign, change, to):
    """X-Amz-Expires is from 1 second to 7 days; all X-Amz parameters are required:
    AuthorizationQueryParametersError, 400.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"""
    refusal = request("GET", presign("get_object").replace(change, to))
    assert (refusal[0], code(refusal)) == (400, "AuthorizationQueryParametersError")


def test_without_a_signature_nothing_is_public(s3, bucket, presign):
    """All buckets and objects are private by default: AccessDenied, 403.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-management.html"""
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refusal = request("GET", presign("get_object").split("?")[0])
    assert (refusal[0], code(refusal)) == (403, "AccessDenied")
    assert request("PUT", presign("put_object").split("?")[0], b"x")[0] == 403


def test_a_url_can_say_how_it_is_to_be_saved(s3, bucket, presign):
    """response-content-disposition, signed with the URL, is the answer's header.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
    s3.put_object(Bucket=bucket, Key="k", Body=b"a,b")
    asked = 'attachment; filename="bill é.csv"'.replace("é", "e")
    status, headers, _ = request("GET", presign("get_object", ResponseContentDisposition=asked))
    assert (status, headers["content-disposition"]) == (200, asked)


@pytest.fixture
def shared(s3, bucket):
    """A bucket that pages of example.com may use."""
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"bytes")
    return bucket


def preflight(url, method, origin=PAGE, **headers):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return request("OPTIONS", url.split("?")[0], **asked, **headers)


def test_cors_rules_are_kept(s3, shared):
    """PutBucketCors, GetBucketCors, DeleteBucketCors; NoSuchCORSConfiguration without a configuration.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html"""
    assert s3.get_bucket_cors(Bucket=shared)["CORSRules"] == [RULE]
    s3.delete_bucket_cors(Bucket=shared)
    refused("NoSuchCORSConfiguration", s3.get_bucket_cors, 404, Bucket=shared)


@pytest.mark.parametrize(
    "wrong", [{"AllowedMethods": ["PATCH"]}, {"AllowedOrigins": ["https://*.*.com"]}, {"AllowedHeaders": ["*a*"]}]
)
def test_a_rule_that_can_not_be_is_refused(s3, bucket, wrong):
    """Methods are GET, PUT, POST, DELETE and HEAD; an origin or header has one * at most: InvalidRequest.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html"""
    rules = {"CORSRules": [RULE | wrong]}
    refused("InvalidRequest", s3.put_bucket_cors, 400, Bucket=bucket, CORSConfiguration=rules)


def test_a_preflight_is_answered_by_the_rules(shared, presign):
    """The answer names the origin, the methods, the asked headers that are allowed, and the age.
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html"""
    asked = {"Access-Control-Request-Headers": "content-type, x-amz-meta-a"}
    status, headers, _ = preflight(presign("put_object"), "PUT", **asked)
    assert status == 200
    assert headers["access-control-allow-origin"] == PAGE
    assert {"GET", "PUT"} <= {method.strip() for method in headers["access-control-allow-methods"].split(",")}
    allowed = {name.strip().lower() for name in headers["access-control-allow-headers"].split(",")}
    assert allowed == {"content-type", "x-amz-meta-a"}
    assert headers["access-control-max-age"] == "600"
    assert headers["access-control-expose-headers"] == "ETag"
    assert "origin" in headers["vary"].lower()


@pytest.mark.parametrize(
    ("method", "origin", "more"),
    [
        ("DELETE", PAGE, {}),
        ("GET", "https://elsewhere.org", {}),
        ("GET", "http://app.example.com", {}),
        ("GET", PAGE, {"Access-Control-Request-Headers": "authorization"}),
    ],
)
def test_a_preflight_that_no_rule_fits_is_refused(shared, presign, method, origin, more):
    """403 where the origin, the method or a header is in no rule.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html#cors-eval-criteria"""
    status, headers, _ = preflight(presign("get_object"), method, origin, **more)
    assert status == 403
    assert "access-control-allow-origin" not in headers


def test_without_cors_a_preflight_is_refused(bucket, presign):
    """If CORS is not enabled on the bucket, 403.
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html"""
    assert preflight(presign("get_object"), "GET")[0] == 403


def test_a_preflight_has_to_say_from_where_and_for_what(shared, presign):
    """Origin and Access-Control-Request-Method are required: 400.
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html"""
    url = presign("get_object").split("?")[0]
    assert request("OPTIONS", url, Origin=PAGE)[0] == 400
    assert request("OPTIONS", url, Access_Control_Request_Method="GET")[0] == 400


def test_an_answer_tells_the_browser_who_may_read_it(shared, presign):
    """A request with an Origin that a rule fits is answered with the CORS headers, refusals too; another's without.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html"""
    status, headers, _ = request("GET", presign("get_object"), Origin=PAGE)
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    assert headers["access-control-expose-headers"] == "ETag"
    status, headers, _ = request("PUT", presign("put_object"), b"x", Origin=PAGE)
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    status, headers, _ = request("GET", presign("get_object", "none"), Origin=PAGE)
    assert (status, headers["access-control-allow-origin"]) == (404, PAGE)
    status, headers, _ = request("GET", presign("get_object"), Origin="https://elsewhere.org")
    assert status == 200
    assert "access-control-allow-origin" not in headers


def test_everyone_s_rule_answers_with_a_star(s3, bucket, presign):
    """The wildcard * enables cross-origin requests from all origins.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html"""
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    status, headers, _ = request("GET", presign("get_object"), Origin="https://anyone.org")
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
