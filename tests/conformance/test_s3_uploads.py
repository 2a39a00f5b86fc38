"""S3 multipart uploads as AWS documents them."""

import hashlib

import pytest

from s3_tools import body, refused

MIB = 1 << 20
FIRST, LAST = b"a" * (5 * MIB), b"the end"


@pytest.fixture
def upload(s3, bucket):
    """An upload under way."""
    begun = s3.create_multipart_upload(Bucket=bucket, Key="large", ContentType="text/csv", Metadata={"a": "1"})
    return {"Bucket": bucket, "Key": "large", "UploadId": begun["UploadId"]}


def put(s3, upload, number, bytes_):
    tag = s3.upload_part(**upload, PartNumber=number, Body=bytes_)["ETag"]
    return {"PartNumber": number, "ETag": tag}


def complete(s3, upload, parts, **more):
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **more)


def test_parts_become_one_object(s3, upload):
    """The parts are put together in the order of their numbers, whatever the order and gaps of their coming; the
    ETag is the MD5 of the parts' MD5s and their number.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#large-object-checksums"""
    last = put(s3, upload, 7, LAST)
    first = put(s3, upload, 2, FIRST)
    assert first["ETag"] == f'"{hashlib.md5(FIRST).hexdigest()}"'
    done = complete(s3, upload, [first, last])
    digests = hashlib.md5(FIRST).digest() + hashlib.md5(LAST).digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    got = s3.get_object(Bucket=upload["Bucket"], Key="large")
    assert body(got) == FIRST + LAST
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (done["ETag"], "text/csv", {"a": "1"})
    tail = s3.get_object(Bucket=upload["Bucket"], Key="large", Range=f"bytes={len(FIRST) - 1}-{len(FIRST) + 2}")
    assert body(tail) == b"athe"


def test_nothing_is_there_before_the_end(s3, upload):
    """The object exists once the upload is completed; the upload is listed until then.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html"""
    part = put(s3, upload, 1, LAST)
    refused("NoSuchKey", s3.get_object, 404, Bucket=upload["Bucket"], Key="large")
    listed = s3.list_multipart_uploads(Bucket=upload["Bucket"])["Uploads"]
    assert [(found["Key"], found["UploadId"]) for found in listed] == [("large", upload["UploadId"])]
    complete(s3, upload, [part])
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=upload["Bucket"])
    refused("NoSuchUpload", s3.list_parts, 404, **upload)


def test_parts_are_listed(s3, upload):
    """ListParts tells number, size and ETag of each, in pages of MaxParts.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html"""
    tags = [put(s3, upload, number, b"x" * number)["ETag"] for number in (1, 2, 3)]
    parts = s3.list_parts(**upload)["Parts"]
    assert [(part["PartNumber"], part["Size"], part["ETag"]) for part in parts] == list(zip((1, 2, 3), (1, 2, 3), tags))
    page = s3.list_parts(**upload, MaxParts=2)
    assert ([part["PartNumber"] for part in page["Parts"]], page["IsTruncated"]) == ([1, 2], True)
    rest = s3.list_parts(**upload, PartNumberMarker=page["NextPartNumberMarker"])
    assert ([part["PartNumber"] for part in rest["Parts"]], rest["IsTruncated"]) == ([3], False)


def test_a_part_can_be_put_again(s3, upload):
    """A new part with the number of an earlier one takes its place.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html"""
    old = put(s3, upload, 1, b"old")
    new = put(s3, upload, 1, b"new")
    refused("InvalidPart", complete, 400, s3=s3, upload=upload, parts=[old])
    complete(s3, upload, [new])
    assert body(s3.get_object(Bucket=upload["Bucket"], Key="large")) == b"new"


def test_an_aborted_upload_is_gone(s3, upload):
    """AbortMultipartUpload, 204; after it no part can be put and nothing completed: NoSuchUpload.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html"""
    part = put(s3, upload, 1, LAST)
    assert s3.abort_multipart_upload(**upload)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchUpload", s3.upload_part, 404, **upload, PartNumber=2, Body=b"")
    refused("NoSuchUpload", complete, 404, s3=s3, upload=upload, parts=[part])
    refused("NoSuchUpload", s3.abort_multipart_upload, 404, **upload)


def test_what_can_not_be_completed_is_refused(s3, upload):
    """InvalidPart, InvalidPartOrder, EntityTooSmall (every part but the last has 5 MiB), MalformedXML.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html"""
    one, two = put(s3, upload, 1, FIRST), put(s3, upload, 2, LAST)
    three = put(s3, upload, 3, LAST)
    for code, parts in [
        ("InvalidPart", [one, two | {"PartNumber": 4}]),
        ("InvalidPart", [one | {"ETag": '"0123"'}]),
        ("InvalidPartOrder", [two, one]),
        ("EntityTooSmall", [one, two, three]),
        ("MalformedXML", []),
    ]:
        refused(code, complete, 400, s3=s3, upload=upload, parts=parts)
    complete(s3, upload, [one, three])
    assert s3.head_object(Bucket=upload["Bucket"], Key="large")["ContentLength"] == len(FIRST + LAST)


@pytest.mark.parametrize("number", [0, 10001])
def test_part_numbers_are_from_1_to_10000(s3, upload, number):
    """Part numbers 1 to 10,000: InvalidArgument for others.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html"""
    refused("InvalidArgument", s3.upload_part, 400, **upload, PartNumber=number, Body=b"x")


def test_an_upload_can_depend_on_nothing_being_there(s3, upload):
    """CompleteMultipartUpload takes If-None-Match: * as PutObject does.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""
    part = put(s3, upload, 1, LAST)
    s3.put_object(Bucket=upload["Bucket"], Key="large", Body=b"first")
    refused("PreconditionFailed", complete, 412, s3=s3, upload=upload, parts=[part], IfNoneMatch="*")
    assert body(s3.get_object(Bucket=upload["Bucket"], Key="large")) == b"first"


def test_a_part_can_be_a_range_of_an_object(s3, bucket):
    """UploadPartCopy takes an object, or CopySourceRange of it, as a part: `aws s3 cp` of large objects needs it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html"""
    s3.put_object(Bucket=bucket, Key="source", Body=FIRST + LAST)
    begun = s3.create_multipart_upload(Bucket=bucket, Key="large")
    upload = {"Bucket": bucket, "Key": "large", "UploadId": begun["UploadId"]}
    source = {"Bucket": bucket, "Key": "source"}
    ranges = [f"bytes=0-{len(FIRST) - 1}", f"bytes={len(FIRST)}-{len(FIRST + LAST) - 1}"]
    parts = []
    for number, copied in enumerate(ranges, 1):
        done = s3.upload_part_copy(**upload, PartNumber=number, CopySource=source, CopySourceRange=copied)
        parts.append({"PartNumber": number, "ETag": done["CopyPartResult"]["ETag"]})
    complete(s3, upload, parts)
    assert body(s3.get_object(Bucket=bucket, Key="large")) == FIRST + LAST


@pytest.mark.parametrize(("algorithm", "kind"), [("CRC32", "FULL_OBJECT"), ("SHA256", "COMPOSITE")])
def test_the_whole_has_a_checksum(s3, bucket, algorithm, kind):
    """A full object's checksum is that of all bytes; a composite one is of the parts' checksums, and says how many.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html"""
    asked = {"ChecksumAlgorithm": algorithm}
    begun = s3.create_multipart_upload(Bucket=bucket, Key="large", ChecksumType=kind, **asked)
    upload = {"Bucket": bucket, "Key": "large", "UploadId": begun["UploadId"]}
    name, parts = f"Checksum{algorithm}", []
    for number, bytes_ in enumerate([FIRST, LAST], 1):
        part = s3.upload_part(**upload, PartNumber=number, Body=bytes_, **asked)
        parts.append({"PartNumber": number, "ETag": part["ETag"], name: part[name]})
    done = complete(s3, upload, parts)
    head = s3.head_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED")
    assert head[name] == done[name]
    assert head["ChecksumType"] == kind
    assert head[name].endswith("-2") == (kind == "COMPOSITE")
    if kind == "FULL_OBJECT":
        s3.put_object(Bucket=bucket, Key="whole", Body=FIRST + LAST, ChecksumAlgorithm=algorithm)
        assert s3.head_object(Bucket=bucket, Key="whole", ChecksumMode="ENABLED")[name] == head[name]


def test_the_parts_of_an_object_can_be_read(s3, upload):
    """PartNumber reads one part of an object, 206, and tells how many there are.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
    parts = [put(s3, upload, 1, FIRST), put(s3, upload, 2, LAST)]
    complete(s3, upload, parts)
    got = s3.get_object(Bucket=upload["Bucket"], Key="large", PartNumber=2)
    assert (body(got), got["PartsCount"]) == (LAST, 2)
    assert got["ContentRange"] == f"bytes {len(FIRST)}-{len(FIRST + LAST) - 1}/{len(FIRST + LAST)}"
