"""S3 buckets and their listings as AWS documents them."""

import pytest

from s3_tools import body, refused

KEYS = ["a", "a/1", "a/2/x", "a/2/y", "b/1", "c d", "z", "é", "\U0001f600"]


@pytest.fixture
def filled(s3, bucket):
    for key in reversed(KEYS):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def keys(page):
    return [found["Key"] for found in page.get("Contents", [])]


def prefixes(page):
    return [found["Prefix"] for found in page.get("CommonPrefixes", [])]


def test_a_listing_is_in_the_order_of_the_keys_bytes(s3, filled):
    """ListObjectsV2 returns keys in UTF-8 binary order, each with its size and ETag.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ListingKeysUsingAPIs.html"""
    page = s3.list_objects_v2(Bucket=filled)
    assert keys(page) == sorted(KEYS, key=str.encode)
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"]) == (len(KEYS), 1000, False)
    assert [found["Size"] for found in page["Contents"]] == [len(key.encode()) for key in keys(page)]
    assert page["Contents"][0]["ETag"] == '"0cc175b9c0f1b6a831c399e269772661"'
    assert page["Contents"][0]["StorageClass"] == "STANDARD"


def test_a_prefix_limits_what_is_listed(s3, filled):
    """Prefix limits the response to keys that begin with it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    assert keys(s3.list_objects_v2(Bucket=filled, Prefix="a/")) == ["a/1", "a/2/x", "a/2/y"]
    assert keys(s3.list_objects_v2(Bucket=filled, Prefix="a")) == ["a", "a/1", "a/2/x", "a/2/y"]
    page = s3.list_objects_v2(Bucket=filled, Prefix="none")
    assert (keys(page), page["KeyCount"]) == ([], 0)


def test_a_delimiter_rolls_keys_up(s3, filled):
    """Keys that have the delimiter behind the prefix are one common prefix, which counts as one.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html"""
    page = s3.list_objects_v2(Bucket=filled, Delimiter="/")
    assert keys(page) == ["a", "c d", "z", "é", "\U0001f600"]
    assert prefixes(page) == ["a/", "b/"]
    assert page["KeyCount"] == 7
    page = s3.list_objects_v2(Bucket=filled, Delimiter="/", Prefix="a/")
    assert (keys(page), prefixes(page)) == (["a/1"], ["a/2/"])


@pytest.mark.parametrize("more", [{}, {"Delimiter": "/"}, {"Prefix": "a"}, {"Prefix": "a/", "Delimiter": "/"}])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_make_the_whole(s3, filled, more, size):
    """With IsTruncated comes a NextContinuationToken, which the next request gives as ContinuationToken.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    whole = s3.list_objects_v2(Bucket=filled, **more)
    found, rolled, token, pages = [], [], {}, 0
    while True:
        page = s3.list_objects_v2(Bucket=filled, MaxKeys=size, **more, **token)
        assert len(keys(page)) + len(prefixes(page)) == page["KeyCount"] <= size
        found, rolled, pages = found + keys(page), rolled + prefixes(page), pages + 1
        if not page["IsTruncated"]:
            assert "NextContinuationToken" not in page
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert (found, rolled) == (keys(whole), prefixes(whole))
    assert pages == -(-whole["KeyCount"] // size)


def test_a_listing_starts_after_a_key(s3, filled):
    """StartAfter is where the listing starts, and can be any key, one that is not there too.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    assert keys(s3.list_objects_v2(Bucket=filled, StartAfter="b/1")) == ["c d", "z", "é", "\U0001f600"]
    assert keys(s3.list_objects_v2(Bucket=filled, StartAfter="b/none"))[0] == "c d"
    page = s3.list_objects_v2(Bucket=filled, StartAfter="a/1", Prefix="a/")
    assert (keys(page), page["StartAfter"]) == (["a/2/x", "a/2/y"], "a/1")


def test_a_page_of_no_keys_is_empty(s3, filled):
    """MaxKeys sets the most keys of an answer, which may have fewer and never has more; 0 is a number too.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    none = s3.list_objects_v2(Bucket=filled, MaxKeys=0)
    assert (keys(none), none["KeyCount"], none["IsTruncated"]) == ([], 0, False)


def test_keys_are_encoded_if_asked(s3, filled):
    """EncodingType url: keys and prefixes are URL-encoded in the answer, since XML can't say every character.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    page = s3.list_objects_v2(Bucket=filled, EncodingType="url", Prefix="c")
    assert keys(page) in (["c+d"], ["c%20d"])
    page = s3.list_objects_v2(Bucket=filled, EncodingType="url", Prefix="é")
    assert (keys(page), page["EncodingType"]) == (["%C3%A9"], "url")


def test_a_token_that_nobody_gave_is_refused(s3, filled):
    """InvalidArgument, 400.
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
    refused("InvalidArgument", s3.list_objects_v2, 400, Bucket=filled, ContinuationToken="no token!")


def test_the_owner_is_told_if_asked(s3, filled):
    """The owner is not in the answer by default; FetchOwner adds it.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
    assert "Owner" not in s3.list_objects_v2(Bucket=filled)["Contents"][0]
    assert s3.list_objects_v2(Bucket=filled, FetchOwner=True)["Contents"][0]["Owner"]["ID"]


def test_the_older_listing_pages_by_key(s3, filled):
    """ListObjects returns the same keys; Marker is the key after which they start.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html"""
    first = s3.list_objects(Bucket=filled, MaxKeys=2, Delimiter="/")
    assert (keys(first), prefixes(first), first["IsTruncated"]) == (["a"], ["a/"], True)
    second = s3.list_objects(Bucket=filled, Delimiter="/", Marker=first["NextMarker"])
    assert (keys(second), prefixes(second)) == (["c d", "z", "é", "\U0001f600"], ["b/"])
    assert keys(s3.list_objects(Bucket=filled, Marker="b/1"))[0] == "c d"


def test_a_bucket_is_there_once_created(s3, bucket):
    """HeadBucket finds it, ListBuckets lists it, GetBucketLocation is empty for us-east-1.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html"""
    assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert bucket in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    here = s3.meta.region_name
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == (None if here == "us-east-1" else here)


def test_its_owner_may_create_it_again_in_us_east_1(s3, bucket):
    """In us-east-1, who owns the bucket already gets 200; elsewhere BucketAlreadyOwnedByYou.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""
    if s3.meta.region_name != "us-east-1":
        pytest.skip("this is so in us-east-1 only")
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    s3.create_bucket(Bucket=bucket)
    assert body(s3.get_object(Bucket=bucket, Key="k")) == b"kept"


@pytest.mark.parametrize("name", ["ab", "Capital", "under_score", "two..dots", "192.168.5.4", "-edge", "a" * 64])
def test_a_bucket_s_name_follows_the_rules(s3, name):
    """3 to 63 lowercase letters, digits, dots and hyphens, no address, a letter or digit at both ends:
    InvalidBucketName. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
    refused("InvalidBucketName", s3.create_bucket, 400, Bucket=name)


def test_only_an_empty_bucket_can_be_deleted(s3, bucket, fresh):
    """BucketNotEmpty, 409; NoSuchBucket, 404.
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refused("BucketNotEmpty", s3.delete_bucket, 409, Bucket=bucket)
    refused("NoSuchBucket", s3.delete_bucket, 404, Bucket=fresh())
