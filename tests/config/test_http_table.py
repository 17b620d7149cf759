"""A response that is too large or too late is an error, and every other one is passed on whole: rows."""

import threading

import httpx2
import pytest

from ankiforge.config.http import (
    BoundedClient,
    RequestTimeoutError,
    ResponseTooLargeError,
    redact_secret,
    run_with_timeout,
)

URL = "http://127.0.0.1/x"


def answer(**response):
    return lambda request: httpx2.Response(**{"status_code": 200, **response})


def fetch(handler, seconds=30.0, **options):
    client = BoundedClient(transport=httpx2.MockTransport(handler))
    request = client.build_request("POST", URL, content=b"asked")
    return client.fetch(request, seconds, **options), client


def test_a_response_is_passed_on_with_its_status_headers_and_request():
    headers = {"x-mine": "1", "Content-Length": "4", "transfer-encoding": "x"}
    response, client = fetch(answer(status_code=404, content=b"none", headers=headers))
    assert (response.status_code, response.content, response.text) == (
        404,
        b"none",
        "none",
    )
    assert response.reason_phrase == "Not Found"
    assert response.headers["x-mine"] == "1"
    assert "transfer-encoding" not in response.headers
    assert (response.request.method, str(response.request.url)) == ("POST", URL)
    assert not client.is_closed


@pytest.mark.parametrize(("size", "limit", "is_refused"), [(9, 9, False), (10, 9, True)])
def test_a_response_may_have_so_many_bytes(size, limit, is_refused):
    handler = answer(status_code=503, content=b"x" * size)
    if not is_refused:
        assert len(fetch(handler, max_bytes=limit)[0].content) == size
        return
    with pytest.raises(
        ResponseTooLargeError, match="an answer of more than 9 bytes"
    ) as caught:
        fetch(handler, max_bytes=limit)
    assert caught.value.status == 503


def test_a_response_has_a_limit_of_its_own():
    assert len(fetch(answer(content=b"x" * 8_000_000))[0].content) == 8_000_000
    with pytest.raises(ResponseTooLargeError):
        fetch(answer(content=b"x" * 8_000_001))


def test_what_takes_too_long_is_given_up_and_its_client_is_closed():
    done = threading.Event()

    def wait(request):
        done.wait(30)
        return httpx2.Response(200)

    client = BoundedClient(transport=httpx2.MockTransport(wait))
    with pytest.raises(RequestTimeoutError, match=r"the request took more than 0\.01 s"):
        client.fetch(client.build_request("GET", URL), 0.01)
    assert client.is_closed
    done.set()


@pytest.mark.parametrize("error", [ValueError("odd"), KeyboardInterrupt()])
def test_an_error_of_the_request_is_raised_where_it_was_asked(error):
    closed: list[int] = []

    def fail():
        raise error

    with pytest.raises(type(error)):
        run_with_timeout(30, fail, lambda: closed.append(1))
    assert run_with_timeout(30, lambda: "done", lambda: closed.append(1)) == "done"
    assert closed == []


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
