"""What the S3 tests share: a bucket that goes away again, refusals by code and status, and raw HTTP.

It has no expectations of its own.
"""

import http.client
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError


def refused(code, call, status, **arguments):
    """Asserts that a call is refused with this error code and HTTP status, and gives the answer."""
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    response = refusal.value.response
    seen = (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"])
    assert seen == (code, status), response["Error"]
    return response


def request(method, url, body=b"", **headers):
    """One HTTP request as a browser would make it: status, headers in lower case, body."""
    address = urlsplit(url)
    connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = connect(address.netloc, timeout=30)
    path = address.path + ("?" + address.query if address.query else "")
    connection.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    seen = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return seen


def body(answer):
    return answer["Body"].read()


def header(response, name):
    return response["ResponseMetadata"]["HTTPHeaders"].get(name)
