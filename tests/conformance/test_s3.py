"""S3 objects as AWS documents them: put, get, ranges, head, conditions, checksums, copies, deletes."""

import base64
import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from s3_tools import body, header, refused

TEXT = b"0123456789"
TAG = '"781e5e245d69b566979b86e28d23f2c7"'  # its MD5
NOW = datetime.now(timezone.utc)
FUTURE, PAST = NOW + timedelta(days=1), NOW - timedelta(days=1)


@pytest.fixture
def ten(s3, bucket):
    """Ten bytes under the key `ten`."""
    s3.put_object(Bucket=bucket, Key="ten", Body=TEXT)
    return {"Bucket": bucket, "Key": "ten"}


def test_an_object_is_what_was_put(s3, bucket):
    """GetObject returns the bytes and what PutObject said of them; the ETag of a single put is the MD5.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html"""
    said = {
        "ContentType": "text/csv",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="bill.csv"',
        "ContentLanguage": "de",
        "Metadata": {"source": "test", "other-one": "a b"},
    }
    put = s3.put_object(Bucket=bucket, Key="k", Body=TEXT, **said)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert body(got) == TEXT
    assert put["ETag"] == got["ETag"] == TAG
    assert {name: got[name] for name in said} == said
    assert got["ContentLength"] == 10
    assert got["AcceptRanges"] == "bytes"
    assert abs(got["LastModified"] - datetime.now(timezone.utc)) < timedelta(minutes=15)


def test_head_says_the_same_without_the_bytes(s3, ten):
    """HeadObject returns the metadata that GetObject returns.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""
    got, head = s3.get_object(**ten), s3.head_object(**ten)
    for name in ("ContentLength", "ContentType", "ETag", "LastModified", "Metadata", "AcceptRanges"):
        assert head[name] == got[name]
    assert "Body" not in head


def test_what_has_no_type_is_a_stream_of_bytes(s3, ten):
    """The default content type is binary/octet-stream.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"""
    assert s3.head_object(**ten)["ContentType"] == "binary/octet-stream"


def test_the_last_put_is_read(s3, ten):
    """A read after a successful write of a new or existing object returns the latest write.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel"""
    s3.put_object(**ten, Body=b"", Metadata={"new": "1"})
    got = s3.get_object(**ten)
    assert (body(got), got["ContentLength"], got["Metadata"]) == (b"", 0, {"new": "1"})


@pytest.mark.parametrize("key", ["2026/05 é.csv", "a+b", "a//b", "/lead", "tail/", "a%20b", "?&=#", "a'b\"<c>", "k" * 1024])
def test_a_key_is_any_text_of_up_to_1024_bytes(s3, bucket, key):
    """A key is a sequence of Unicode characters with UTF-8 encoding of up to 1,024 bytes.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert body(s3.get_object(Bucket=bucket, Key=key)) == key.encode()
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_a_longer_key_is_refused(s3, bucket):
    """KeyTooLongError, 400: your key is too long.
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
    refused("KeyTooLongError", s3.put_object, 400, Bucket=bucket, Key="k" * 1025, Body=b"")


def test_metadata_have_at_most_2_kb(s3, bucket):
    """User-defined metadata are limited to 2 KB: the bytes of all keys and values. Names come back in lower case.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"""
    fits = {"Aa": "x" * 2046}
    s3.put_object(Bucket=bucket, Key="k", Metadata=fits)
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"aa": "x" * 2046}
    refused("MetadataTooLarge", s3.put_object, 400, Bucket=bucket, Key="k", Metadata={"Aa": "x" * 2047})


def test_what_is_not_there_is_told_as_such(s3, bucket, fresh):
    """NoSuchKey and NoSuchBucket, 404; the answer to HEAD has no body and so no code.
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""
    refused("NoSuchKey", s3.get_object, 404, Bucket=bucket, Key="none")
    refused("404", s3.head_object, 404, Bucket=bucket, Key="none")
    none = fresh()
    refused("NoSuchBucket", s3.get_object, 404, Bucket=none, Key="k")
    refused("NoSuchBucket", s3.put_object, 404, Bucket=none, Key="k", Body=b"")
    refused("NoSuchBucket", s3.list_objects_v2, 404, Bucket=none)
    refused("404", s3.head_bucket, 404, Bucket=none)


def test_an_error_has_a_code_a_message_and_the_requests_id(s3, bucket):
    """The body has Code, Message and RequestId; the header x-amz-request-id has the same id.
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#RESTErrorResponses"""
    told = refused("NoSuchKey", s3.get_object, 404, Bucket=bucket, Key="none")
    assert told["Error"]["Message"]
    assert header(told, "content-type") == "application/xml"
    assert header(told, "x-amz-request-id")
    assert told["ResponseMetadata"]["RequestId"] == header(told, "x-amz-request-id")


@pytest.mark.parametrize(
    ("asked", "bytes_", "said"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=-99", TEXT, "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_a_range_is_part_of_the_object(s3, ten, asked, bytes_, said):
    """Range downloads the bytes that it names, 206 with Content-Range; HEAD has the length of the part.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
    https://www.rfc-editor.org/rfc/rfc9110.html#name-range"""
    got = s3.get_object(**ten, Range=asked)
    assert (body(got), got["ContentRange"], got["ContentLength"]) == (bytes_, said, len(bytes_))
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ETag"] == TAG
    assert s3.head_object(**ten, Range=asked)["ContentLength"] == len(bytes_)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_that_is_nowhere_is_refused(s3, ten, asked):
    """InvalidRange, 416: the requested range can't be satisfied.
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
    refused("InvalidRange", s3.get_object, 416, **ten, Range=asked)
    refused("416", s3.head_object, 416, **ten, Range=asked)


@pytest.mark.parametrize("asked", ["bytes=5-2", "lines=1-2", "bytes=a-b"])
def test_a_range_that_is_none_is_ignored(s3, ten, asked):
    """The range conforms to RFC 9110, by which an invalid one or one of an unknown unit is ignored.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    https://www.rfc-editor.org/rfc/rfc9110.html#name-range"""
    got = s3.get_object(**ten, Range=asked)
    assert (body(got), got["ResponseMetadata"]["HTTPStatusCode"]) == (TEXT, 200)


def test_an_answer_s_headers_can_be_asked_for(s3, ten):
    """response-content-type and its like override headers of a successful answer.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
    asked = {
        "ContentType": "text/plain",
        "ContentDisposition": "attachment",
        "CacheControl": "no-store",
        "ContentLanguage": "fr",
    }
    got = s3.get_object(**ten, **{f"Response{name}": value for name, value in asked.items()})
    assert {name: got[name] for name in asked} == asked


READS = [
    ({"IfMatch": TAG}, 200),
    ({"IfMatch": '"other"'}, 412),
    ({"IfNoneMatch": '"other"'}, 200),
    ({"IfNoneMatch": TAG}, 304),
    ({"IfModifiedSince": PAST}, 200),
    ({"IfModifiedSince": NOW + timedelta(seconds=5)}, 304),
    ({"IfUnmodifiedSince": FUTURE}, 200),
    ({"IfUnmodifiedSince": PAST}, 412),
    ({"IfMatch": TAG, "IfUnmodifiedSince": PAST}, 200),
    ({"IfNoneMatch": TAG, "IfModifiedSince": PAST}, 304),
]


@pytest.mark.parametrize(("conditions", "status"), READS)
@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_a_read_can_depend_on_what_is_there(s3, ten, operation, conditions, status):
    """304 Not Modified and 412 Precondition Failed; If-Match outdoes If-Unmodified-Since, and If-None-Match outdoes
    If-Modified-Since. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
    if "IfModifiedSince" in conditions and status == 304:
        # A date in the future is no condition (RFC 9110, 13.1.3).
        conditions = conditions | {"IfModifiedSince": s3.head_object(**ten)["LastModified"]}
    call = getattr(s3, operation)
    if status == 200:
        assert call(**ten, **conditions)["ETag"] == TAG
        return
    with pytest.raises(ClientError) as refusal:
        call(**ten, **conditions)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    if operation == "get_object" and status == 412:
        assert refusal.value.response["Error"]["Code"] == "PreconditionFailed"


def test_a_write_can_depend_on_nothing_being_there(s3, bucket):
    """If-None-Match: * writes only where no object has that key; of those at the same time one succeeds, and the
    others get 412 (or 409). https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""

    def put(n):
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode(), IfNoneMatch="*")
            return n
        except ClientError as refusal:
            assert refusal.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")
            return None

    with ThreadPoolExecutor(8) as threads:
        written = [n for n in threads.map(put, range(8)) if n is not None]
    assert len(written) == 1
    assert body(s3.get_object(Bucket=bucket, Key="k")) == str(written[0]).encode()
    refused("PreconditionFailed", s3.put_object, 412, Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*")


def test_a_write_can_depend_on_the_etag(s3, ten):
    """If-Match writes only over the object with that ETag: 412 for another, 404 where no object exists.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""
    refused("PreconditionFailed", s3.put_object, 412, **ten, Body=b"new", IfMatch='"other"')
    s3.put_object(**ten, Body=b"new", IfMatch=TAG)
    assert body(s3.get_object(**ten)) == b"new"
    refused("NoSuchKey", s3.put_object, 404, Bucket=ten["Bucket"], Key="none", Body=b"", IfMatch=TAG)


def test_a_delete_can_depend_on_the_etag(s3, ten):
    """DeleteObject with If-Match deletes only the object with that ETag, or with * any that exists: 412 otherwise.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html"""
    refused("PreconditionFailed", s3.delete_object, 412, **ten, IfMatch='"other"')
    assert s3.head_object(**ten)["ETag"] == TAG
    s3.delete_object(**ten, IfMatch=TAG)
    refused("404", s3.head_object, 404, **ten)


def test_what_is_deleted_is_gone_and_may_be_deleted_again(s3, ten):
    """DeleteObject answers 204, also where there is nothing.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html"""
    for _ in range(2):
        assert s3.delete_object(**ten)["ResponseMetadata"]["HTTPStatusCode"] == 204
        refused("NoSuchKey", s3.get_object, 404, **ten)


def test_many_are_deleted_in_one_request(s3, bucket):
    """DeleteObjects reports each key, those that were not there too.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
    for key in ("a", "b &<é", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    named = [{"Key": key} for key in ("a", "b &<é", "none")]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": named})
    assert sorted(o["Key"] for o in done["Deleted"]) == ["a", "b &<é", "none"]
    assert not done.get("Errors")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}], "Quiet": True})
    assert not quiet.get("Deleted")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_each_of_many_can_depend_on_its_etag(s3, ten):
    """An ETag in DeleteObjects is a condition on that key, which is reported among the errors if it fails.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html"""
    s3.put_object(Bucket=ten["Bucket"], Key="other", Body=TEXT)
    named = [{"Key": "ten", "ETag": '"wrong"'}, {"Key": "other", "ETag": TAG}]
    done = s3.delete_objects(Bucket=ten["Bucket"], Delete={"Objects": named})
    assert [o["Key"] for o in done["Deleted"]] == ["other"]
    assert [(o["Key"], o["Code"]) for o in done["Errors"]] == [("ten", "PreconditionFailed")]
    assert s3.head_object(**ten)["ETag"] == TAG


def test_one_request_deletes_up_to_a_thousand(s3, bucket):
    """The request may name 1,000 keys: MalformedXML for more.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
    named = [{"Key": str(n)} for n in range(1001)]
    assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": named[:1000]})["Deleted"]) == 1000
    refused("MalformedXML", s3.delete_objects, 400, Bucket=bucket, Delete={"Objects": named})


def encoded(number, size):
    return base64.b64encode(number.to_bytes(size, "big")).decode()


# Of TEXT. The CRCs are CRC-32/ISO-HDLC, CRC-32/ISCSI and CRC-64/NVME.
SUMS = {
    "CRC32": encoded(zlib.crc32(TEXT), 4),
    "CRC32C": encoded(0x280C069E, 4),
    "SHA1": base64.b64encode(hashlib.sha1(TEXT).digest()).decode(),
    "SHA256": base64.b64encode(hashlib.sha256(TEXT).digest()).decode(),
}


@pytest.mark.parametrize("algorithm", SUMS)
def test_a_checksum_is_verified_kept_and_told(s3, bucket, algorithm):
    """S3 compares the checksum that comes along, refuses another with BadDigest, and tells it where ChecksumMode
    is ENABLED. https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html"""
    name, right = f"Checksum{algorithm}", SUMS[algorithm]
    where = {"Bucket": bucket, "Key": "k", "Body": TEXT}
    put = s3.put_object(**where, **{name: right})
    assert put[name] == right
    wrong = base64.b64encode(bytes(len(base64.b64decode(right)))).decode()
    refused("BadDigest", s3.put_object, 400, **where, **{name: wrong})
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[name], head["ChecksumType"]) == (right, "FULL_OBJECT")
    assert name not in s3.head_object(Bucket=bucket, Key="k")


def test_the_sdk_s_own_checksum_is_kept(s3, bucket):
    """SDKs add a CRC-32 by themselves, often behind the body (aws-chunked), which is no part of the object.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html"""
    s3.put_object(Bucket=bucket, Key="k", Body=TEXT, ChecksumAlgorithm="CRC32")
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (body(got), got["ChecksumCRC32"]) == (TEXT, SUMS["CRC32"])
    assert got.get("ContentEncoding", "") == ""


def test_content_md5_is_verified(s3, bucket):
    """BadDigest for another MD5 than the body's, InvalidDigest for text that is not an MD5.
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
    where = {"Bucket": bucket, "Key": "k", "Body": TEXT}
    s3.put_object(**where, ContentMD5=base64.b64encode(hashlib.md5(TEXT).digest()).decode())
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    refused("BadDigest", s3.put_object, 400, **where, ContentMD5=other)
    refused("InvalidDigest", s3.put_object, 400, **where, ContentMD5="AAAA")


def test_a_copy_has_the_bytes_and_the_metadata(s3, ten):
    """CopyObject copies the metadata, or replaces them where MetadataDirective is REPLACE.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""
    bucket = ten["Bucket"]
    s3.put_object(Bucket=bucket, Key="a é/b", Body=TEXT, ContentType="text/csv", Metadata={"a": "1"})
    source = {"Bucket": bucket, "Key": "a é/b"}
    done = s3.copy_object(Bucket=bucket, Key="same", CopySource=source)
    assert done["CopyObjectResult"]["ETag"] == TAG
    same = s3.get_object(Bucket=bucket, Key="same")
    assert (body(same), same["ContentType"], same["Metadata"]) == (TEXT, "text/csv", {"a": "1"})
    replaced = {"MetadataDirective": "REPLACE", "Metadata": {"b": "2"}, "ContentType": "text/plain"}
    s3.copy_object(Bucket=bucket, Key="new", CopySource=source, **replaced)
    new = s3.get_object(Bucket=bucket, Key="new")
    assert (body(new), new["ContentType"], new["Metadata"]) == (TEXT, "text/plain", {"b": "2"})
    s3.copy_object(Bucket=bucket, Key="a é/b", CopySource=source, **replaced)
    assert s3.head_object(**source)["Metadata"] == {"b": "2"}


def test_a_copy_that_can_not_be_is_refused(s3, ten):
    """InvalidRequest for a copy of an object to itself without any change, NoSuchKey for no source, 412 where the
    source or the destination is not as the condition says.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""
    bucket, source = ten["Bucket"], ten
    refused("InvalidRequest", s3.copy_object, 400, **ten, CopySource=source)
    to = {"Bucket": bucket, "Key": "copy"}
    refused("NoSuchKey", s3.copy_object, 404, **to, CopySource={"Bucket": bucket, "Key": "none"})
    for condition in ({"CopySourceIfMatch": '"other"'}, {"CopySourceIfNoneMatch": TAG}):
        refused("PreconditionFailed", s3.copy_object, 412, **to, CopySource=source, **condition)
    refused("404", s3.head_object, 404, **to)
    s3.copy_object(**to, CopySource=source, IfNoneMatch="*")
    refused("PreconditionFailed", s3.copy_object, 412, **to, CopySource=source, IfNoneMatch="*")
