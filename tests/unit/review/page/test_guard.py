"""Who may speak to the page, and what it says to all others: nothing, in words."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from urllib.parse import urlsplit

import pytest

HOST = "127.0.0.1:7777"
MINE = {"Host": HOST, "Origin": f"http://{HOST}"}
DATA = ("/api/views", "/api/item")
ASKS = ("/api/decide", "/api/preview", "/api/chosen")
SECRETS = ("cell", "nucleus", "ribosome")


@pytest.fixture
def page(forge, notes, client):
    forge.ok("run", notes, "--accept", "review")
    return client()


@pytest.fixture
def stranger(page):
    """The same server, asked by somebody without the cookie."""
    return page.http.application.test_client()


def refused(answer, *statuses: int) -> None:
    """Refused in words that hold nothing of the person's, and nothing of the program's inside."""
    text = answer.get_data(as_text=True)
    assert answer.status_code in statuses, (answer.status_code, text)
    assert not any(word in text for word in (*SECRETS, "Traceback", 'File "'))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    if answer.is_json:
        assert answer.json["error"]


def body(page, what: str = "accept") -> dict[str, object]:
    found = page.item(view="pending")
    item = found["item"]
    return {"what": what, "at": item["id"], "stamp": item["stamp"], "view": "pending"}


def verdicts(forge) -> set[str]:
    return {card["verdict"] for card in forge.cards()}


# --- names and cookies ------------------------------------------------------------------------


NAMES = [
    "evil.example:7777", "evil.example", "127.0.0.1", "127.0.0.1:7778", "localhost", "[::1]:7777",
    "0.0.0.0:7777", "LOCALHOST:7777", "127.0.0.1.evil.example:7777", "127.1:7777",
    "127.0.0.1:7777,evil.example", "user@127.0.0.1:7777", "127.0.0.1:7777.", "",
]  # fmt: skip


def test_a_name_that_was_made_to_point_here_learns_nothing(page, forge):
    """DNS rebinding: the browser sends the name of the attacker's site, and even our cookie."""
    said = body(page)
    for host in NAMES:
        for path in ("/", f"/?token={page.guard.token}", "/static/page.js", *DATA):
            refused(page.http.get(path, headers={"Host": host}), 421)
        headers = {"Host": host, "Origin": f"http://{host}"}
        refused(page.http.post("/api/decide", json=said, headers=headers), 421)
    assert verdicts(forge) == {"pending"}


def test_without_the_cookie_nothing_is_told(page, stranger):
    wrong = ("/?token=", "/?token=wrong", "/?token=%ff%00", "/frame/x/")
    for path in ("/", *DATA, "/nowhere", *wrong):
        refused(stranger.get(path, headers={"Host": HOST}), 403)
    for cookie in ("", "x", "ü", page.guard.frames, page.guard.token, page.guard.session[:-1]):
        headers = {"Host": HOST, "Cookie": f"ankiforge_7777={cookie}"}
        refused(stranger.get("/api/item", headers=headers), 403)
    refused(stranger.get(f"/api/item?token={page.guard.token}", headers={"Host": HOST}), 403)


def test_the_token_leaves_the_address_for_a_cookie_no_script_and_no_site_can_use(page, stranger):
    answer = page.first
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    told = set(answer.headers["Set-Cookie"].split("; "))
    assert told == {f"ankiforge_7777={page.guard.session}", "HttpOnly", "SameSite=Strict", "Path=/"}
    assert page.guard.session != page.guard.token
    assert answer.headers["Cache-Control"] == "no-store"
    assert stranger.get("/", headers={"Host": "localhost:7777"}).status_code == 403


def test_a_second_use_of_the_address_is_told_how_to_get_another(page, stranger):
    asked = {"query_string": {"token": page.guard.token}}
    refused(stranger.get("/", headers={"Host": HOST}, **asked), 403)
    told = stranger.get("/", headers={"Host": HOST, "Accept": "text/html,*/*"}, **asked)
    refused(told, 403)
    assert told.mimetype == "text/plain"
    assert "works only once" in told.get_data(as_text=True)
    assert "then: ankiforge review" in told.get_data(as_text=True)
    again = page.get("/", token=page.guard.token)  # from the history of the browser it belongs to
    assert (again.status_code, again.headers["Location"]) == (303, "/")
    assert "Set-Cookie" not in again.headers
    assert page.get("/").status_code == 200
    assert page.views()


def test_of_many_at_the_same_moment_one_is_let_in(forge, notes):
    forge.ok("run", notes, "--accept", "review")
    with serving(forge) as (port, token):
        host = f"Host: 127.0.0.1:{port}\r\n"
        ahead = f"HEAD /?token={token} HTTP/1.1\r\n{host}\r\n"
        assert b"Set-Cookie" not in spoken(port, ahead.encode())
        early = f"GET /?token={token} HTTP/1.1\r\n{host}Sec-Purpose: prefetch\r\n\r\n"
        assert b"Set-Cookie" not in spoken(port, early.encode())
        with ThreadPoolExecutor(8) as pool:
            first = f"GET /?token={token} HTTP/1.1\r\n{host}\r\n".encode()
            answers = list(pool.map(lambda _: spoken(port, first), range(8)))
        assert sum(b" 303 " in answer.split(b"\r\n")[0] for answer in answers) == 1
        assert sum(b"Set-Cookie" in answer for answer in answers) == 1


def test_another_page_on_this_machine_reads_nothing_with_our_cookie(page):
    """Cookies know no ports: whatever is served at 127.0.0.1 sends ours along."""
    for path, site in product(DATA, ("same-site", "cross-site", "something new")):
        refused(page.http.get(path, headers={"Host": HOST, "Sec-Fetch-Site": site}), 403)
        assert page.http.get(path, headers={"Host": HOST, "Sec-Fetch-Site": "same-origin"}).json


ORIGINS = [
    None, "null", "", "http://evil.example", "http://127.0.0.1:8080", f"https://{HOST}",
    "http://127.0.0.1", "http://localhost:7777", f"http://{HOST}.evil.example",
    f"http://evil.example/{HOST}", f"http://user@{HOST}", f"http://{HOST} http://evil.example",
]  # fmt: skip


def test_only_the_page_itself_decides(page, forge):
    said = body(page)
    for origin in ORIGINS:
        headers = {"Host": HOST} | ({"Origin": origin} if origin is not None else {})
        refused(page.http.post("/api/decide", json=said, headers=headers), 403)
    assert verdicts(forge) == {"pending"}


KINDS = [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "",
    "text/plain; application/json", "application/jsonp",
]  # fmt: skip


def test_what_a_form_can_send_is_no_decision(page, forge):
    data = json.dumps(body(page))
    for kind in KINDS:
        answer = page.http.post("/api/decide", data=data, headers=MINE, content_type=kind)
        refused(answer, 403)
    assert verdicts(forge) == {"pending"}


def test_every_answer_is_armoured(page):
    frame = f"/frame/{page.guard.frames}/"
    for path in ("/", "/api/views", "/nowhere", "/static/page.js", "/mathjax/x", frame):
        with page.get(path) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src ")
        scripts = policy.split(";")[1]
        assert not any(word in scripts for word in ("unsafe", "data:", "blob:", "*", "https:"))
        assert f"frame-ancestors '{'self' if path == frame else 'none'}'" in policy
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        public = path.startswith(("/static/", "/mathjax/"))
        assert ("Access-Control-Allow-Origin" in headers) is public
    assert "sandbox allow-scripts" in page.get(frame).headers["Content-Security-Policy"]


# --- paths ------------------------------------------------------------------------------------

OUTSIDE = [
    "../app.py", "..%2fapp.py", "%2e%2e/app.py", "..\\app.py", "..%5capp.py", "/etc/passwd",
    "%2fetc%2fpasswd", "//etc/passwd", "page.js%00", "%00", "x" * 5000, "%ff%fe", "C:\\x",
    "....//app.py", "../static/../app.py", "file:///etc/passwd", ".", "%2e", "~root", "CON",
    "af-0123456789abcdef.png/../../app.py", "af-0123456789abcdef.png", "af-0123456789abcdef.png%00",
]  # fmt: skip


def test_no_path_reaches_the_disk(page):
    served = ("/static/", "/mathjax/", f"/frame/{page.guard.frames}/")
    below = (*served, "/sheet/", "/paper/", "/source/", "/api/sheet?of=", "/api/", "/")
    for folder, path in product(below, OUTSIDE):
        answer = page.http.get(folder + path, headers={"Host": HOST})
        text = answer.get_data(as_text=True)
        assert answer.status_code in (308, 404) or path in (".", "%2e"), (path, answer.status)
        assert not any(word in text for word in ("import ", "root:", "Traceback")), path


def test_routes_and_methods_that_are_none_are_refused_in_words(page):
    refused(page.get("/nowhere"), 404)
    refused(page.get("/api/decide"), 405)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "POST"):
        answer = page.http.open("/api/item", method=method, json={}, headers=MINE)
        assert answer.status_code in (200, 405), method
        assert not answer.get_data() or method != "OPTIONS"
    refused(page.http.open("/api/item", method="OPTIONS", headers={"Host": HOST}), 403)


def test_a_person_who_may_not_look_is_told_what_to_do(stranger):
    answer = stranger.get("/", headers={"Host": HOST, "Accept": "text/html,*/*"})
    assert answer.mimetype == "text/plain"
    assert "open the address that `ankiforge review` printed" in answer.get_data(as_text=True)


# --- what is said -----------------------------------------------------------------------------


BODIES = [
    b"", b"{", b"\xff\xfe", b"null", b"[]", b"1", b'"accept"', b"[" * 100_000,
    b'{"a":' * 50_000, b"{}", b'{"what": 1}', b'{"what": ["accept"]}', b'{"what": null}',
    b'{"what": "accept", "args": []}', b'{"what": "accept", "args": {"words": 1}}',
    b'{"what": "accept", "at": {"$ne": ""}}', b'{"what": "accept", "unknown": "x"}',
    b'{"what": "accept", "view": "\\ud800"}', b'{"what": "__class__", "at": "x"}',
    b'{"what": "accept", "at": "af0000000000"}', b'{"what": "accept", "at": "\\u0000"}',
    b'{"what": "undo"}', b'{"what": NaN}', b'{"what":"' + b"x" * 600_000 + b'"}',
]  # fmt: skip


def test_what_no_page_says_changes_nothing_and_is_answered_in_words(page, forge):
    headers = MINE | {"Content-Type": "application/json"}
    for path, data in product(ASKS, BODIES):
        answer = page.http.post(path, data=data, headers=headers)
        assert answer.status_code < 500, (path, data[:80])
        told = answer.json
        assert told.get("error") or told.get("refused") or path != "/api/decide", data[:80]
    assert verdicts(forge) == {"pending"}
    assert page.item(view="pending")["item"]


ASKED = ("view", "at", "step", "query", "next", "more")
ODD = ("\x00", "\u202e", "'; DROP TABLE card; --", "9" * 3000, "{{7*7}}", "-1", "deck:", "\\")


def test_what_no_page_asks_is_answered_in_words(page):
    for path, name, value in product(DATA, ASKED, ODD):
        answer = page.get(path, **{"view": "pending", name: value})
        assert answer.status_code < 500, (name, value)
        assert answer.json


def test_a_mistake_of_ours_is_told_on_the_terminal_and_the_page_lives_on(page, monkeypatch, caplog):
    from ankiforge.review.page.lists import FilteredView

    def fails(*_: object) -> None:
        raise ZeroDivisionError("secret words")

    with monkeypatch.context() as patch:
        patch.setattr(FilteredView, "item", fails)
        answer = page.get("/api/item", view="pending")
    refused(answer, 500)
    assert "secret words" not in answer.get_data(as_text=True)
    assert "the terminal shows the details" in answer.json["hint"]
    assert "GET '/api/item' failed" in caplog.text
    assert "secret words" in caplog.text
    assert page.item(view="pending")["item"]


# --- the server itself ------------------------------------------------------------------------


@contextmanager
def serving(forge) -> Iterator[tuple[int, str]]:
    """The program serves the page in a process of its own; its port, and the token."""
    process = forge.started("review", "--no-open", "-q")
    try:
        address = urlsplit(process.stdout.readline().strip())
        yield address.port or 0, address.query.removeprefix("token=")
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode == 130, err


def spoken(port: int, words: bytes) -> bytes:
    """What the server answers to bytes on the wire."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(words)
        return connection.recv(65536)


def test_half_requests_block_nobody_and_large_ones_are_not_read(forge):
    with serving(forge) as (port, _):
        host = f"Host: 127.0.0.1:{port}\r\n".encode()
        stuck = [socket.create_connection(("127.0.0.1", port)) for _ in range(12)]
        for connection in stuck:
            connection.sendall(b"POST /api/decide HTTP/1.1\r\nContent-Length: 100\r\n")
        try:
            started = time.monotonic()
            fine = b"GET /static/page.js HTTP/1.1\r\n" + host + b"\r\n"
            assert spoken(port, fine).startswith(b"HTTP/1.1 200 ")
            assert time.monotonic() - started < 2
            large = b"POST /api/decide HTTP/1.1\r\n" + host + b"Content-Length: 900000000\r\n\r\n"
            assert spoken(port, large).startswith(b"HTTP/1.1 413 ")
            assert spoken(port, b"GET /static/page.js HTTP/1.1\r\n\r\n").startswith(
                b"HTTP/1.1 421 "
            )
            twice = b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + host + b"\r\n"
            assert spoken(port, twice).startswith((b"HTTP/1.1 421 ", b"HTTP/1.1 400 "))
        finally:
            for connection in stuck:
                connection.close()
