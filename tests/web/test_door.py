"""Who may come in at the page's door, and what cards and passages cannot do in it."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.limits import PATIENCE
from tests.web.conftest import served, settle, shown, sittings
from tests.web.world import picture

JSON = {"Content-Type": "application/json"}
DECISION = json.dumps({"id": "dr0", "turn": "", "act": "accept"})
# (what, method, path, headers, status): `{origin}` is the page's own, `cookie` its secret
REQUESTS = (
    ("the page", "GET", "/", {"cookie": "own"}, 200),
    ("its script", "GET", "/static/page.js", {"cookie": "own", "Sec-Fetch-Site": "same-origin"}, 200),
    ("what waits", "GET", "/api/state", {"cookie": "own"}, 200),
    ("a list that is not there", "GET", "/api/list?id=gone", {"cookie": "own"}, 404),
    ("a decision on what is not there", "POST", "/api/decide", {"cookie": "own", "Origin": "{origin}", **JSON}, 409),
    ("no cookie", "GET", "/", {}, 403),
    ("no cookie, a list", "GET", "/api/list?id=new", {}, 403),
    ("another cookie", "GET", "/", {"cookie": "x"}, 403),
    ("a token that is wrong", "GET", "/?token=x", {}, 403),
    ("the token as cookie", "GET", "/", {"cookie": "{token}"}, 403),
    ("the address a second time", "GET", "/?token={token}", {}, 403),
    ("a name that points here", "GET", "/", {"cookie": "own", "Host": "rebound.example:{port}"}, 421),
    ("a host without port", "GET", "/", {"cookie": "own", "Host": "127.0.0.1"}, 421),
    ("a decision without origin", "POST", "/api/decide", {"cookie": "own", **JSON}, 403),
    ("of no origin", "POST", "/api/decide", {"cookie": "own", "Origin": "null", **JSON}, 403),
    ("of another port", "POST", "/api/decide", {"cookie": "own", "Origin": "http://127.0.0.1:1", **JSON}, 403),
    ("of another scheme", "POST", "/api/decide", {"cookie": "own", "Origin": "https://127.0.0.1:{port}", **JSON}, 403),
    ("of a form", "POST", "/api/decide", {"cookie": "own", "Origin": "{origin}", "Content-Type": "text/plain"}, 403),
    ("by a page of another port", "GET", "/api/state", {"cookie": "own", "Sec-Fetch-Site": "same-site"}, 403),
    ("by another site", "GET", "/api/state", {"cookie": "own", "Sec-Fetch-Site": "cross-site"}, 403),
    ("what is not a decision", "POST", "/api/send2", {"cookie": "own", "Origin": "{origin}", **JSON}, 404),
    ("another method", "DELETE", "/api/state", {"cookie": "own"}, 405),
    ("a way out", "GET", "/static/../door.py", {"cookie": "own"}, 404),
    ("an encoded way out", "GET", "/static/%2e%2e/door.py", {"cookie": "own"}, 404),
    ("a file that was not shown", "GET", "/picture/af-0000000000000000.png", {"cookie": "own"}, 404),
    ("a path as a picture", "GET", "/picture/%2fetc%2fpasswd", {"cookie": "own"}, 404),
)  # fmt: skip
HOSTILE = (
    "<img src=x onerror=\"parent.hit = 1\"><script>parent.hit = 1</script><iframe srcdoc='<script>top.hit = 1</script>'></iframe>"
    "<svg onload=\"parent.hit = 1\"></svg><a href=\"javascript:parent.hit=1\">a</a><meta http-equiv=refresh content=\"0;url=/\">"
    "<form action=/ ><button>b</button></form><p style=\"position:fixed;inset:0\">over</p>"
)  # fmt: skip


def asked(port, method, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(method, path, DECISION if method == "POST" else None, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_the_door_lets_in_one_browser_and_the_page_alone(forge):
    with served(forge) as address:
        parts = urlsplit(address)
        token, port = parts.query.removeprefix("token="), parts.port
        ahead = asked(port, "GET", f"/?token={token}", {"Sec-Purpose": "prefetch"})
        assert (ahead.status, ahead.headers["Set-Cookie"]) == (204, None)
        welcome = asked(port, "GET", f"/?token={token}", {})
        cookie = welcome.headers["Set-Cookie"]
        assert (welcome.status, welcome.headers["Location"]) == (303, "/")
        assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
        name, _, own = cookie.partition(";")[0].partition("=")
        words = {"token": token, "port": port, "origin": f"http://127.0.0.1:{port}"}
        found = {}
        for what, method, path, headers, _ in REQUESTS:
            sent = {key: value.format(**words) for key, value in headers.items()}
            if secret := sent.pop("cookie", ""):
                sent["Cookie"] = f"{name}={own if secret == 'own' else secret}"
            answer = asked(port, method, path.format(**words), sent)
            found[what] = answer.status
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert found == {what: status for what, *_, status in REQUESTS}
        assert asked(
            port, "POST", "/api/decide", {"Content-Length": "9999999"}
        ).status in (403, 413)


@pytest.fixture
def hostile(forge, backend):
    """Markup in notes, and in a note in Anki, where it is HTML."""
    notes = forge.folder / "notes"
    notes.mkdir()
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\naccept: {rules: review}\n"
    )
    (notes / "Bad.md").write_text(
        f"# Bad <script>hit = 1</script>\n\nWhat is {HOSTILE}?::{HOSTILE}\n\nWhat is $\\text{{{HOSTILE}}}$?::$\\href{{javascript:hit=1}}{{x}}$\n\n"
        "What is safe?::a thing\n\n![](bad.svg) What is drawn?::==a thing==\n",
        encoding="utf-8",
    )
    (notes / "bad.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><script>top.hit = 1</script></svg>'
    )
    (notes / "good.png").write_bytes(picture())
    forge.ok("run")
    [safe] = [
        one["id"]
        for one in forge.cards()
        if one["fields"].get("Front") == "What is safe?"
    ]
    forge.ok("accept", safe)
    forge.ok("build")
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        [guid] = [
            one["guid"]
            for one in forge.cards()
            if one["fields"].get("Front") == "What is safe?"
        ]
        anki.edit(guid, Back=f"mine {HOSTILE}")
    text = (notes / "Bad.md").read_text(encoding="utf-8")
    (notes / "Bad.md").write_text(
        text.replace("a thing\n\n![", f"another {HOSTILE}\n\n!["), encoding="utf-8"
    )
    assert "x: packages contain only pictures" in forge("run", code=1).stderr
    return forge


def test_nothing_in_a_card_or_a_passage_runs_or_leads_away(hostile, opened):
    page = opened(hostile)
    here, asked_for, dialogs = page.url.partition("#")[0], [], []
    page.on("request", lambda request: asked_for.append(request.url))
    page.on("dialog", lambda dialog: dialogs.append(dialog))
    titles = []
    for list in ("new", "you"):
        for cards in sittings(page, list):
            for _ in range(cards):
                titles.append(shown(page))
                settle(page)
                for frame in page.locator("iframe.face").all():
                    assert frame.get_attribute("sandbox") == "allow-same-origin", (
                        "without scripts"
                    )
                page.keyboard.press("j")
                settle(page)
    assert len(titles) > 1
    assert page.evaluate("window.hit") is None
    assert page.evaluate(
        "[...document.querySelectorAll('iframe.face')].every((one) => one.contentWindow.hit === undefined)"
    )
    assert page.url.partition("#")[0] == here
    assert dialogs == []
    assert {urlsplit(one).netloc for one in asked_for if one.startswith("http")} <= {
        urlsplit(here).netloc
    }


STALE = """async ([id, turn]) => {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ id, turn, act: "accept" });
  const reply = await fetch("/api/decide", { method: "POST", headers, body });
  return [reply.status, await reply.json()];
}"""


def test_a_decision_on_what_changed_meanwhile_brings_its_new_face(forge, opened):
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\naccept: {rules: review}\n"
    )
    (forge.folder / "notes").mkdir()
    note = forge.folder / "notes" / "Birds.md"
    note.write_text("What does the owl say?::hoo\n", encoding="utf-8")
    forge.ok("run")
    page = opened(forge)
    [id] = [card["id"] for card in forge.cards()]
    status, reply = page.evaluate(STALE, [id, "another"])
    assert (status, reply["message"]) == (409, "This has changed meanwhile. Look again.")
    assert (reply["item"]["id"], reply["item"]["title"]) == (id, "What does the owl say?")
    # what is shown is that of before, and the first key decides nothing
    note.write_text("What does the owl say?::hoo, at night\n", encoding="utf-8")
    forge.ok("run")
    page.keyboard.press("Enter")
    page.locator(".error, #said").filter(has_text="is no longer waiting").or_(
        page.locator(".error", has_text="changed meanwhile")
    ).first.wait_for()
    assert [card["verdict"] for card in forge.cards()] == ["waiting"]
