"""Documents, models and other pages that mean harm, in a real Chromium: nothing of theirs runs."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.test_inert import PAYLOADS, annotation, passage, words

EACH = 24
"""Payloads a card."""
FORMULAS = (
    r"\href{javascript:alert(1)}{x}",
    r"\href{https://evil.example/}{y}",
    r"\style{position:fixed;inset:0;background:url(https://evil.example/x)}{x}",
    r"\class{cloze}{x}\cssId{qa}{y}",
    r"\require{html}\unicode{x3c}script\unicode{x3e}",
    r"\def\x{\x\x}\x",
    r"\def\a{b}\let\b=\a\newcommand{\c}{\c\c}\c",
    r"\text{<img src=x onerror=alert(1)>}\mbox{</mtext><script>alert(1)</script>}",
    r"\color{red;background:url(https://evil.example/y)}x",
    r"\includegraphics{https://evil.example/z.png}",
    r"\begin{array}{c}" + r"\frac{1}{2}\\" * 50 + r"\end{array}",
    "{" * 60 + "x" + "}" * 60,
)


class Witness:
    """What a page did that it must not do."""

    def __init__(self, page: Any) -> None:
        self.seen: list[str] = []
        self._host = urlsplit(page.url).netloc
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.context.on("requestfinished", self._request)
        page.context.on("requestfailed", self._failed)
        page.context.on("page", lambda _: self.seen.append("a window was opened"))

    def _dialog(self, dialog: Any) -> None:
        self.seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.seen.append(f"console: {message.text}")

    def _failed(self, request: Any) -> None:
        if request.failure != "csp":  # what the policy stopped never left
            self._request(request)

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.netloc != self._host or parts.scheme != "http":
            self.seen.append(f"request: {request.url}")


def drawn(fake: Any, request: dict[str, Any]) -> Any:
    """Cards of a model that copies what it read, and adds the same once more."""
    made = []
    for label, exact in fake.marked(request):
        number = int(exact.split()[1].strip(":"))
        text, (a, b, c, d, *_) = payload(number), words(number).values()
        gap = f"The {a} of {b} is {{{{c1::{c}: {text}::{text}}}}} and {d}."
        made += [
            fake.card(label, exact, f"What is the {a} of {b}, {text}?", f"{c} {text}", extra=text),
            {"h": label, "kind": "cloze", "quote": exact, "text": gap, "fact": text},
        ]
    return fake.cards(*made)


def payload(number: int) -> str:
    return "\n\n".join(PAYLOADS[number * EACH : (number + 1) * EACH])


@pytest.fixture
def hostile(forge: Any, fake: Any) -> Iterator[Any]:
    """A workspace that was read from strangers, and drawn by a model that is one."""
    (forge.folder / "it").mkdir()
    with fake.LlmServer(otherwise=lambda request: drawn(fake, request)) as server:
        llm = {"base_url": server.base_url, "model": "<img src=x onerror=alert(1)>"}
        (forge.folder / "decks").mkdir()
        (forge.folder / "decks" / "all.yaml").write_text('deck: "<b>{title}</b>"\n', "utf-8")
        forge.settings(
            "sources: [{hypothesis: {name: it, path: it}}]\ndrafter: llm\n"
            f"llm: {json.dumps(llm)}\nanki: {{collection: none}}\n"
        )
        rows = [mark(number) for number in range(len(PAYLOADS) // EACH)]
        (forge.folder / "it" / "export.json").write_text(json.dumps({"rows": rows}), "utf-8")
        forge("run", "--accept", "review")
        yield forge


def mark(number: int) -> dict[str, Any]:
    text = payload(number)
    row = annotation(number, text)
    selector = row["target"][0]["selector"][0]
    selector |= {"exact": passage(number, text), "prefix": text[-60:], "suffix": text[:60]}
    return row | {"text": text, "tags": [text], "document": {"title": [text]}}


def walk(page: Any, settled: Any, most: int) -> int:
    """Look at both sides of everything in a view; how much it was."""
    seen = set[str]()
    while page.url not in seen and len(seen) < most:
        seen.add(page.url)
        page.keyboard.press(" ")
        settled(page)
        page.keyboard.press("j")
        settled(page)
    return len(seen)


LISTS = "a[data-view]"


def test_what_strangers_wrote_is_text(hostile, review, settled):
    """No window, dialog, request or even an attempt that the policy had to stop."""
    page = review()
    witness = Witness(page)
    assert walk(page, settled, 40) >= 8
    for view in page.eval_on_selector_all(LISTS, "all => all.map((one) => one.dataset.view)"):
        page.evaluate("(view) => { location.hash = view }", view)
        page.wait_for_selector(f'[data-view="{view}"][aria-current]', state="attached")
        settled(page)
        page.keyboard.press(" ")
        settled(page)
    assert witness.seen == []
    assert page.evaluate("window.__owned") is None
    elements = "script:not([src^='/static/']), style, iframe:not([sandbox='allow-scripts']), object"
    assert page.locator(f"{elements}, embed, base, meta[http-equiv], form[action]").count() == 0
    assert page.locator("a[href^='javascript'], a[href^='data']").count() == 0


def test_formulas_that_mean_harm_leave_the_page_alive(forge, vault, review, settled):
    threes = [FORMULAS[at : at + 3] for at in range(0, len(FORMULAS), 3)]
    cards = [" ".join(f"${one}$" for one in three) for three in threes]
    cards.append("[out](https://evil.example/)")
    words = (f"Formula {at}?::{card} end" for at, card in enumerate(cards))
    (vault / "a.md").write_text("\n\n".join(words), "utf-8")
    forge.ok("run", vault, "--accept", "review")
    page = review()
    witness = Witness(page)
    links = 0
    for _ in cards:
        page.frame_locator(".place iframe").first.locator(".af-answer").wait_for()
        links += click_links(page)
        page.keyboard.press("j")
        settled(page)
    assert links > len(cards)
    assert [one for one in witness.seen if not one.startswith("console")] == []
    page.keyboard.press("a")
    settled(page)
    assert [card["verdict"] for card in forge.cards()].count("accepted") == 1
    assert page.frames[1].url.startswith(page.url.split("#")[0])


CLICKS = """() => {
  for (const link of document.querySelectorAll("a")) {
    for (const keys of [{}, { shiftKey: true }, { ctrlKey: true }]) {
      link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ...keys }));
    }
  }
  return document.querySelectorAll("a").length;
}"""


def click_links(page: Any) -> int:
    """Click whatever the cards link to, also with the keys that open windows; how many there are."""
    return sum(frame.evaluate(CLICKS) for frame in page.frames[1:])


# --- other pages --------------------------------------------------------------------------------

ATTACK = """<!doctype html><body><script>
const target = TARGET, told = [];
const body = JSON.stringify({ what: "accept", at: AT, stamp: STAMP, view: "pending" });
const paths = ["/", "/api/item?view=pending", "/api/views"];
const read = async (path, init) => told.push((await (await fetch(target + path, init)).text()));
const quietly = async (work) => { try { await work(); } catch { /* as it should be */ } };
const posts = [
  { mode: "no-cors", body }, { mode: "cors", body },
  { mode: "no-cors", body: new Blob([body], { type: "text/plain" }) },
  { mode: "cors", body, headers: { "Content-Type": "application/json" } },
];
const loaded = (tag, name, path) => new Promise((done) => {
  const element = document.createElement(tag);
  element.onload = () => { told.push(`${tag} ${path} loaded`); done(); };
  element.onerror = done;
  element[name] = target + path;
  document.body.append(element);
});
const framed = (path) => new Promise((done) => {
  const element = document.createElement("iframe");
  element.onload = () => {
    quietly(() => told.push(element.contentDocument.body.innerText || "")).then(done);
    element.contentWindow.postMessage({ key: "a" }, "*");
  };
  element.src = target + path;
  document.body.append(element);
});
function form() {
  const element = document.createElement("form");
  Object.assign(element, { method: "post", action: `${target}/api/decide`, enctype: "text/plain", target: "there" });
  const field = document.createElement("input");
  field.name = body.slice(0, -1) + ', "next": "';
  field.value = '"}';
  element.append(field);
  document.body.append(element);
  element.submit();
}
(async () => {
  for (const path of paths) {
    await quietly(() => read(path, { credentials: "include" }));
    await quietly(() => read(path, { mode: "no-cors", credentials: "include" }));
    await loaded("script", "src", path);
    await loaded("img", "src", path);
    await framed(path);
  }
  for (const post of posts) await quietly(() => read("/api/decide", { method: "POST", credentials: "include", ...post }));
  navigator.sendBeacon(`${target}/api/decide`, body);
  form();
  const opened = window.open(target + "/");
  await new Promise((done) => setTimeout(done, 400));
  await quietly(() => opened.postMessage({ key: "a" }, "*"));
  await quietly(() => told.push(opened.document.body.innerText));
  window.told = told.filter(Boolean);
})();
</script>"""


@contextmanager
def attacker(text: str) -> Iterator[int]:
    """Another server on this machine, with a page that attacks ours; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_another_page_in_the_same_browser_reads_and_decides_nothing(forge, vault, review, settled):
    """127.0.0.1 on another port is the same site for cookies; a rebound name is our address."""
    (vault / "a.md").write_text("The ==cell== divides.\n\nThe ==nucleus== holds the DNA.\n")
    forge.ok("run", vault, "--accept", "review")
    page = review()
    ours = f"http://{urlsplit(page.url).netloc}"
    item = page.evaluate("fetch('/api/item?view=pending').then((it) => it.json())")["item"]
    values = {"TARGET": ours, "AT": item["id"], "STAMP": item["stamp"]}
    text = ATTACK
    for name, value in values.items():
        text = text.replace(name, json.dumps(value))
    with attacker(text) as port:
        other = page.context.new_page()
        other.goto(f"http://127.0.0.1:{port}/")
        other.wait_for_function("window.told")
        assert other.evaluate("window.told") == []
    rebound = page.context.new_page()
    answer = rebound.goto(ours.replace("127.0.0.1", "rebound.example"))
    assert answer is not None
    assert answer.status == 421
    page.evaluate("postMessage({ key: 'a', ready: true, shown: true }, '*')")
    page.evaluate(
        "dispatchEvent(new MessageEvent('message', { data: { key: 'a' }, source: window }))"
    )
    settled(page)
    assert {card["verdict"] for card in forge.cards()} == {"pending"}
    page.keyboard.press("a")
    settled(page)
    assert [card["verdict"] for card in forge.cards()].count("accepted") == 1
