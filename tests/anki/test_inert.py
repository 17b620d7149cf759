"""What strangers write is text: nothing that runs, loads or plays reaches a field in Anki.

Each payload goes through every place a source has for words, and through the reply of a hostile
model; the program is called as a person calls it, and all cards are accepted, also against checks.
"""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from ankiforge.anki.notetypes import CODE_CLASSES
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

pytestmark = pytest.mark.slow

FAKES = Path(__file__).parents[1] / "fakes"


def payloads() -> Iterator[str]:
    """The lines of the corpus; `⟨1b⟩` there stands for the letter of that number."""
    text = (FAKES / "payloads.txt").read_text("utf-8")
    for line in filter(None, text.split("\n")):
        yield re.sub("⟨([0-9a-f]+)⟩", lambda sign: chr(int(sign[1], 16)), line)


PAYLOADS = tuple(payloads())
FIRST, SECOND, THIRD, FOURTH = (PAYLOADS[start::4] for start in range(4))
"""Each payload comes by one kind of source."""
"""Each goes through two of the four sources: what makes HTML of words is the same for all."""

# --- what may stand in a field --------------------------------------------------------------

BARE = (
    "p br wbr hr em strong s mark blockquote ul li code pre cite h1 h2 h3 h4 h5 h6 table thead"
    " tbody tr"
)
ALLOWED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(re.findall(r"\w+", BARE), ()),
    "span": ("class",),
    "code": ("class",),
    "blockquote": ("class",),
    "ol": ("start",),
    "th": ("align",),
    "td": ("align",),
    "a": ("href",),
    "img": ("src", "alt"),
}
SCHEMES = ("https://", "http://", "mailto:", "zotero://", "obsidian://")
SIGN = re.compile(r"\[(?:sound:|anki:|/?latex\]|/?\${1,2}\])", re.IGNORECASE)
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
TAG = re.compile(r"</?(\w+)((?: \w+=\"[^\"<>]*\")*)>")


class Field(HTMLParser):
    """Complains about every tag and attribute that is not allowed, and all that is no tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.alive: list[str] = []
        self.feed(text)
        self.close()
        if re.search("[<>]", TAG.sub("", text)):
            self.alive.append("a loose sign of HTML")
        self.alive += SIGN.findall(text) + UNSEEN.findall(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name not in ALLOWED.get(tag, ()) or not harmless(name, value or ""):
                self.alive.append(f"{tag} {name}={value}")
        if tag not in ALLOWED:
            self.alive.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ALLOWED:
            self.alive.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.alive.append(f"comment {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment


CLASSES = ("af-exact", "af-where", "af-written", *CODE_CLASSES)


def harmless(name: str, value: str) -> bool:
    match name:
        case "href":
            return value.startswith(SCHEMES) and not re.search(r"[\s\"'<>\\]", value)
        case "src":
            return (
                re.fullmatch(r"af-[0-9a-f]{16}\.(png|jpe?g|gif|webp|avif|svg)", value)
                is not None
            )
        case "class":
            is_language = re.fullmatch(r"language-[\w+#.-]{1,30}", value)
            return value in CLASSES or is_language is not None
        case "align":
            return value in ("left", "right", "center")
        case "start":
            return value.isdecimal()
    return True


def is_name(name: str) -> bool:
    """Whether a deck or a tag is called by visible words alone, no part of it empty."""
    parts = name.split("::")
    return all(part.strip() == part != "" for part in parts) and not UNSEEN.search(name)


# --- the way there --------------------------------------------------------------------------


def workspace(forge: Any, kind: str, drafter: str = "rules", **llm: str | int) -> Path:
    """A workspace with one source of a kind; its folder."""
    (forge.folder / "it").mkdir()
    (forge.folder / "decks").mkdir()
    (forge.folder / "decks" / "all.yaml").write_text(
        'deck: "Reading::{title}"\n', "utf-8"
    )
    forge.settings(
        f"sources: [{{{kind}: {{name: it, path: it}}}}]\ndrafter: {drafter}\nanki: {{collection: none}}\n"
        + (f"llm: {json.dumps(llm)}\n" if llm else "")
    )
    return Path(forge.folder / "it")


class Forged(NamedTuple):
    package: Path
    accepted: int
    held: int
    """The cards that are not in the package: a picture that they show is missing, or Anki would
    make no card. Each is told."""


def forged(forge: Any) -> Forged:
    """Run, let everything through, build."""
    forge("run", "--accept", "review")
    waiting = [card["id"] for card in cards_of(forge) if card["verdict"] == "waiting"]
    forge("accept", *waiting, "--force")
    told = json.loads(forge("build", "--json").stdout)["problems"]
    accepted = [card for card in cards_of(forge) if card["verdict"] == "accepted"]
    held = [card for card in accepted if card["anki"] != "written"]
    for card in held:
        of_title = f"{card['title']}: "
        assert any(
            one["where"].startswith(of_title) or card["guid"] in one["what"]
            for one in told
        ), card
    package = Path(forge.folder / "ankiforge.apkg")
    return Forged(package, len(accepted), len(held))


def cards_of(forge: Any) -> list[dict[str, Any]]:
    lines = forge.ok("list", "--json").stdout.strip("\n").split("\n")
    return list(map(json.loads, lines))


def assert_inert(anki: Any, made: Forged, at_least: int, held: int = 0) -> None:
    """Every note of a package, in the real Anki: nothing in it is more than text and links.

    Args:
        anki: the real Anki.
        made: the package.
        at_least: the number of cards that were accepted.
        held: the number of them that may be held back, and told: payloads show pictures that
            are not there.
    """
    assert made.accepted >= at_least
    assert made.held <= held
    assert anki.load(made.package)["new"] == made.accepted - made.held
    notes = [anki.col.get_note(number) for number in anki.col.find_notes("")]
    alive = {
        (name, text): found
        for note in notes
        for name, text in note.items()
        if (found := Field(text).alive)
    }
    assert alive == {}
    assert [
        tag for tag in anki.col.tags.all() if not is_name(tag) or re.search(r"\s", tag)
    ] == []
    assert [
        it.name for it in anki.col.decks.all_names_and_ids() if not is_name(it.name)
    ] == []
    for note in notes:
        for card in note.cards():
            assert_silent(card)


def assert_silent(card: Any) -> None:
    shown = card.render_output()
    assert not shown.question_av_tags
    assert not shown.answer_av_tags
    for side in (shown.question_text, shown.answer_text):
        assert not re.search(r"\[anki:|<img(?! src=\"af-)|class=\"?latex", side), side


def test_the_corpus_is_large_and_what_is_alive_is_found():
    assert len(set(PAYLOADS)) >= 250
    alive = [
        "<script>x</script>",
        "<p onclick=x>",
        "<!-- -->",
        "a <",
        "[Sound:x]",
        "a\x00",
    ]
    alive += [
        '<img src="x.png">',
        '<a href="javascript:x">',
        '<span style="x">',
        "</details>",
    ]
    assert [text for text in alive if not Field(text).alive] == []


# --- by each source -------------------------------------------------------------------------

NOTE = """\
---
title: {json}
tags: [{json}]
author: {json}
deck: {json}
---
# {p}

{a} {p}
?
{b} {p}
- {c}::{p}

{e} ==says {p} beside== {f}.

{g} {{{{c1::{h} {p}}}}} {p}

- The ==item {i}== links [[Other {p}|{p}]] and [{p}]({p}) and ![{p}](pixel.png) #{p}

The ==picture {j}== of it is ![{p}]({p}) here.
"""


def words(number: int, count: int = 10) -> dict[str, str]:
    """Names a, b, c … for words of this number alone, so that no two cards resemble one another."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    digests = (sha256(f"{number} {at}".encode()).digest() for at in range(count))
    made = ("".join(letters[byte % 26] for byte in digest[:12]) for digest in digests)
    return dict(zip(letters, made, strict=False))


def test_a_vault_of_payloads_is_text(forge, anki):
    vault = workspace(forge, "obsidian")
    for number, payload in enumerate(FIRST):
        text = NOTE.format(p=payload, json=json.dumps(payload), **words(number))
        (vault / f"Note {number}.md").write_text(text, "utf-8", newline="")
    for name in ("pixel.png", "x.png"):
        (vault / name).write_bytes(b"\x89PNG\r\n\x1a\n a picture")
    # a payload that is the name of a template is no card
    assert_inert(anki, forged(forge), 5 * len(FIRST) - 1, held=8 * len(FIRST) // 5)


def test_pdfs_of_payloads_are_text(forge, anki):
    folder = workspace(forge, "pdf")
    for number in range(0, len(SECOND), 20):
        write_paper(folder / f"{number}.pdf", number, SECOND[number : number + 20])
    assert_inert(anki, forged(forge), len(SECOND), held=6)


def write_paper(path: Path, first: int, texts: tuple[str, ...]) -> None:
    """A paper with a payload in the comments, author and replies of each of its marks."""
    pages = []
    for number, text in enumerate(texts, start=first):
        a, b, c, d, *more = words(number).values()
        called = f"The {a} of a {b} from {c} to {c} is called {d}."
        asked = f"{' '.join(more)} for reasons of their own."
        marks = (
            mark(called, comment=text, author=text, replies=((text, text),)),
            mark(asked, comment=f"? {a}: {text}", author=text, name=text),
        )
        pages.append(Page((paragraph(called), paragraph(asked)), marks, label=text[:20]))
    all_of_them = " ".join(texts)
    write_pdf(path, pages, title=all_of_them, author=all_of_them, outline=True)


def test_a_zotero_library_of_payloads_is_text(forge, anki):
    folder = workspace(forge, "zotero")
    works = tuple(hostile_work(number, payload) for number, payload in enumerate(THIRD))
    write_zotero(folder / "zotero.sqlite", [Library(works)])
    assert_inert(anki, forged(forge), 2 * len(THIRD), held=1)


def hostile_work(number: int, text: str) -> Work:
    key = f"{number:04}".translate(str.maketrans("01", "XY"))
    a, b, c, *_ = words(number).values()
    marks = (
        Annotation(f"AAAA{key}", f"The {a} of {text} is called {b}.", text),
        Annotation(
            f"BBBB{key}", text, f"? What is {c}: {text}", top=200, page_label=text
        ),
        Annotation(
            f"CCCC{key}", f"{c} is {text}", f"c: {text}", tags=(text,), author_name=text
        ),
    )
    fields = ("title", "date", "DOI", "url", "publicationTitle", "extra", "citationKey")
    return Work(
        f"WWWW{key}",
        {"title": text} | dict.fromkeys(fields, text),
        creators=(("author", text, text), ("author", "", text)),
        tags=(text,),
        collections=(text.replace("/", "|"),),
        attachments=(
            Attachment(f"FFFF{key}", text.replace("/", "|"), marks, title=text),
        ),
    )


def test_the_reply_of_a_hostile_model_is_text(forge, anki, fake):
    """It quotes passages that hold the payload, so that the checks let most of it through."""
    with fake.LlmServer(otherwise=lambda request: hostile_reply(fake, request)) as server:
        llm = {"base_url": server.base_url, "model": "m"}
        folder = workspace(forge, "hypothesis", "llm", **llm)
        rows = [annotation(number, text) for number, text in enumerate(FOURTH)]
        (folder / "export.json").write_text(json.dumps({"rows": rows}), "utf-8")
        made = forged(forge)
    assert len(forge.cards("drafter:llm -finding:block")) > len(FOURTH) * 0.9
    assert_inert(anki, made, len(FOURTH))


def passage(number: int, text: str) -> str:
    a, b, c, d, *_ = words(number).values()
    return f"Row {number}: The {a} of {b}, {text}, is {c}: {text} and {d}."


def annotation(number: int, text: str) -> dict[str, Any]:
    """One of a hypothes.is export; ten share a page, and so a request."""
    selector = {"type": "TextQuoteSelector", "exact": passage(number, text)}
    uri = f"https://example.org/{number // 10}"
    target = [{"source": uri, "selector": [selector]}]
    return {
        "id": f"id{number}",
        "uri": uri,
        "user": "acct:ada@hypothes.is",
        "target": target,
    }


def hostile_reply(fake: ModuleType, request: dict[str, Any]) -> Any:
    """A question or a sentence with a gap, and a refusal for each highlight, with its payload."""
    made = []
    for label, exact in fake.marked(request):
        number = int(exact.split()[1].strip(":"))
        text, (a, b, c, d, *_) = FOURTH[number], words(number).values()
        whole = {"h": label, "quote": exact}
        question = {"front": f"What is the {a} of {b}, {text}?", "back": c}
        gap = {"text": f"The {a} of {b} is {{{{c1::{c}: {text}}}}} and {d}."}
        made += [
            whole
            | ({"kind": "cloze", **gap} if number % 2 else {"kind": "basic", **question}),
            whole | {"kind": "none", "why_none": text},
        ]
    return fake.cards(*made)
