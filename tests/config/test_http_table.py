"""A response that is too large or too late is an error, and every other one is passed on whole: rows."""

import httpx2
import pytest

from ankiforge.config.http import (
    BoundedClient,
    ResponseTooLargeError,
    redact_secret,
)

URL = "http://127.0.0.1/x"


def answer(**response):
    return lambda request: httpx2.Response(**{"status_code": 200, **response})


def fetch(handler, seconds=30.0, **options):
    client = BoundedClient(transport=httpx2.MockTransport(handler))
    request = client.build_request("POST", URL, content=b"asked")
    return client.fetch(request, seconds, **options), client


def test_a_response_has_a_limit_of_its_own():
    assert len(fetch(answer(content=b"x" * 8_000_000))[0].content) == 8_000_000
    with pytest.raises(ResponseTooLargeError):
        fetch(answer(content=b"x" * 8_000_001))


@pytest.mark.parametrize(
    ("text", "secret", "shown"),
    [
        ("key sk-123456 here", "sk-123456", "key *** here"),
        ("key SK-123456", "sk-123456", "key ***"),
        ("?key=a%2Fb%20c%2Fdef", "a/b c/def", "?key=***"),
        ("?key=a/b%20c/def", "a/b c/def", "?key=***"),
        ("key sk-12345", "sk-12345", "key sk-12345"),  # an ordinary word may be as long
        ("a.b.c.d.e", "axbxcxdxe", "a.b.c.d.e"),
        ("axbxcxdxe", "a.b.c.d.e", "axbxcxdxe"),
    ],
)
def test_a_secret_is_not_shown(text, secret, shown):
    assert redact_secret(text, secret) == shown
