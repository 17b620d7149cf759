"""Every way in which a card is made, and everything that later happens at its source.

`play` plays one row through the command line, as a person would: write the source, make one card
of `FACT`, change the source, run twice. It returns what falls short of the table in
`docs/guides/anki.md`. The same laws hold for every way; an event names what must happen.
"""

from __future__ import annotations

import html
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from ankiforge.extract import files
from ankiforge.ledger import ingest
from tests.conftest import Forge
from tests.fakes import llm_server
from tests.golden.anki import opened
from tests.makers import pdf_writer
from tests.makers.ebook_writer import Book, write_epub
from tests.makers.pdf_layout import paragraph
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

FACT = "The hippocampus replays the sequences of the day about 20 times faster during slow wave sleep."
NEW = FACT.replace("20", "40")
BESIDE = "The hippocampus replays the sequences of the day about 20 times faster during deep slow wave sleep, as rats have shown."
NEIGHBOUR = "Adenosine builds up while a person is awake and makes the person tired."
OTHER = "Rivers carry sand to the sea, and the tides bring a part of it back."
INTRO = "Sleep is more than rest, and nobody knew this for long."
QUESTION = "How much faster does the hippocampus replay the day during slow wave sleep?"
ANSWER = "about 20 times"


# --- documents ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mark:
    """Marked text of a document; its id stays when the text changes, where a source has ids."""

    id: str
    text: str
    is_marked: bool = True


@dataclass(frozen=True)
class Page:
    """A document: an introduction, and marks, each a paragraph of its own."""

    marks: tuple[Mark, ...]
    intro: str = INTRO


Pages = Mapping[str, Page]
"""The documents of a person, by name."""

START: Pages = {
    "Sleep": Page((Mark("AAAAAAAA", FACT), Mark("BBBBBBBB", NEIGHBOUR))),
    "Other": Page((Mark("CCCCCCCC", OTHER),)),
}
BOTH_IN_ONE: Pages = {
    **START,
    "Sleep": Page((Mark("AAAAAAAA", f"{FACT} {NEIGHBOUR}"),)),
}


def reword(pages: Pages, text: str) -> Pages:
    marks = tuple(
        replace(mark, text=mark.text.replace(FACT, text)) for mark in pages["Sleep"].marks
    )
    return {**pages, "Sleep": replace(pages["Sleep"], marks=marks)}


def with_marks(pages: Pages, *marks: Mark) -> Pages:
    return {**pages, "Sleep": replace(pages["Sleep"], marks=marks)}


def without(pages: Pages, name: str) -> Pages:
    return {other: page for other, page in pages.items() if other != name}


def rename(pages: Pages) -> Pages:
    return {
        ("Notes on sleep" if name == "Sleep" else name): page
        for name, page in pages.items()
    }


# --- what happens at the source ------------------------------------------------------------

Step = Callable[[Pages], Pages]
"""A change of the source, after which the person runs the program."""


@dataclass(frozen=True)
class Event:
    """What happens at a source, and what it must lead to.

    `waits`: the card takes the new text, or a change waits that shows both. `may_wait`: it may.
    `lost`: the card has lost its passage, and everything says so. Otherwise nothing waits and
    nothing is said. In any case the card stays, and there is no other note.
    """

    steps: tuple[Step, ...]
    start: Pages = field(default_factory=lambda: START)
    waits: bool = False
    may_wait: bool = False
    lost: bool = False
    moves: bool = False
    """Whether the link of the note must lead to the new place."""
    renames_folder: bool = False
    """Whether the folder is renamed first, and given to `run` in its new place."""
    is_edited_before_run: bool = False
    """Whether the first step happens before this `run`."""


def put_new_fact(pages: Pages) -> Pages:
    return reword(pages, NEW)


def _unmarked(pages: Pages) -> Pages:
    fact, *others = pages["Sleep"].marks
    return with_marks(pages, replace(fact, is_marked=False), *others)


def _deleted(pages: Pages) -> Pages:
    return with_marks(pages, *pages["Sleep"].marks[1:])


def _around(pages: Pages) -> Pages:
    sleep = replace(
        pages["Sleep"], intro="Sleep is far more than rest, as everybody knows now."
    )
    return {**pages, "Sleep": sleep}


def _moved(pages: Pages) -> Pages:
    return {**_deleted(pages), "Elsewhere": Page(pages["Sleep"].marks[:1])}


def _copied(pages: Pages) -> Pages:
    copy = replace(pages["Sleep"].marks[0], id="DDDDDDDD")
    return {**pages, "Elsewhere": Page((copy,))}


def _swapped(pages: Pages) -> Pages:
    return with_marks(pages, *reversed(pages["Sleep"].marks))


def _stay(pages: Pages) -> Pages:
    return pages


EVENTS: Final = {
    "fact": Event((put_new_fact,), waits=True),
    "beside": Event((lambda pages: reword(pages, BESIDE),), may_wait=True),
    "around": Event((_around,)),
    "unmarked": Event((_unmarked, _stay), lost=True),
    "deleted": Event((_deleted, _stay), lost=True),
    "document": Event((lambda pages: without(pages, "Sleep"), _stay), lost=True),
    "renamed": Event((rename,), moves=True),
    "moved": Event((_moved,), moves=True),
    "both": Event((lambda pages: rename(put_new_fact(pages)),), waits=True),
    "back": Event((lambda pages: without(pages, "Sleep"), _stay, lambda pages: START)),
    "swapped": Event((_swapped,)),
    "copied": Event((_copied, _deleted, _stay), moves=True),
    "split": Event((lambda pages: START,), start=BOTH_IN_ONE, may_wait=True),
    "joined": Event((lambda pages: BOTH_IN_ONE,), may_wait=True),
    "folder": Event((put_new_fact,), waits=True, renames_folder=True),
    "folder and fact": Event(
        (put_new_fact,), waits=True, renames_folder=True, is_edited_before_run=True
    ),
    "folder and deleted": Event(
        (_deleted, _stay), lost=True, renames_folder=True, is_edited_before_run=True
    ),
}


# --- a person ------------------------------------------------------------------------------


class Person:
    """One person with documents, a workspace and the command line."""

    def __init__(self, folder: Path, way: Way) -> None:
        self.forge = Forge(folder)
        self.way = way
        self.sources = self.forge.folder / "notes"
        self.sources.mkdir()
        self.package = self.forge.folder / "deck.apkg"
        self.collection = folder / "Anki" / "collection.anki2"
        self.written: Pages = {}
        self.said = ""
        if "COLLECTION" in way.more:
            self.collection.parent.mkdir()
            with opened(self.collection):
                pass
        if way.settings:
            text = f"sources: [{way.settings}]\n{way.more}"
            self.forge.settings(
                text.replace("COLLECTION", str(self.collection)), proposals=True
            )

    def write(self, pages: Pages) -> None:
        """Write the documents, and remove what is no longer there."""
        self.way.write(self, pages)
        self.written = pages

    def call(self, *arguments: str | Path) -> str:
        result = self.forge(*arguments)
        assert "Traceback" not in result.stderr, result.stderr
        return result.stdout + result.stderr

    def run(self) -> str:
        sources = () if self.way.settings else (self.sources,)
        return self.call("run", *sources, "-o", self.package)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        lines = self.forge("list", *arguments, "--json").stdout.splitlines()
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        if "--view" in arguments:
            return rows
        return [row for row in rows if row.get("decision") != "question"]

    def cards(self) -> dict[str, dict[str, Any]]:
        """The accepted cards of `FACT` or of what became of it, by guid."""
        rows = [row for row in self.rows("--all") if row["verdict"] == "accepted"]
        return {
            row["guid"]: row for row in rows if "hippocampus" in json.dumps(row["fields"])
        }

    def status(self) -> dict[str, Any]:
        return self.forge("status", "--json").data

    def notes(self) -> dict[str, list[str]]:
        """The fields of each note in the last package, and its `mod`."""
        if not self.package.exists():
            return {}
        with zipfile.ZipFile(self.package) as archive:
            raw = archive.read("collection.anki2")
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(raw)
            rows = database.execute("SELECT guid, flds, mod FROM notes").fetchall()
        return {guid: [*fields.split("\x1f"), str(mod)] for guid, fields, mod in rows}

    def chat_text(self) -> str:
        target = self.forge.folder / "ask.md"
        target.unlink(missing_ok=True)
        self.call("draft", "export", target)
        return target.read_text() if target.exists() else ""

    def import_answer(self, *cards: Mapping[str, str]) -> str:
        path = self.forge.folder / "answer.json"
        path.write_text(json.dumps({"cards": cards}))
        return self.call("draft", "import", path)

    def accept_waiting(self) -> None:
        for row in self.rows():
            if row["verdict"] == "waiting" and "hippocampus" in json.dumps(row["fields"]):
                self.call("accept", row["id"])


CARD = {"kind": "basic", "front": QUESTION, "back": ANSWER, "text": "", "why_none": ""}
CLOZE = {
    **CARD,
    "kind": "cloze",
    "front": "",
    "back": "",
    "text": "The hippocampus replays the day {{c1::about 20 times}} faster.",
}


def find_label(text: str, sentence: str = FACT) -> str:
    """Return the label of the highlight in a text for a chat that has the sentence."""
    labels = re.findall(r'<highlight h="([^"]+)">(.*?)</highlight>', text, re.DOTALL)
    return next(label for label, passage in labels if sentence in html.unescape(passage))


# --- how a card is made --------------------------------------------------------------------


def accept_draft(person: Person) -> None:
    person.accept_waiting()


def accept_proposal(person: Person) -> None:
    for row in person.rows("--no-card", "--all"):
        if FACT in row.get("exact", ""):
            person.call("accept", row["key"])
    person.accept_waiting()


def ask_chat(person: Person, card: Mapping[str, str] = CARD) -> None:
    label = find_label(person.chat_text())
    person.said += person.import_answer({**card, "h": label, "quote": FACT})
    person.accept_waiting()


def ask_chat_for_cloze(person: Person) -> None:
    ask_chat(person, CLOZE)


def write_own(person: Person) -> None:
    row = next(
        row for row in person.rows("--no-card", "--all") if FACT in row.get("exact", "")
    )
    person.call(
        "edit", row["key"], "--field", "Front", QUESTION, "--field", "Back", ANSWER
    )


def ask_chat_and_write_own(person: Person) -> None:
    """Have two cards of the sentence."""
    ask_chat(person)
    [card] = person.cards().values()
    fields = ("--field", "Front", "What is replayed 20 times faster in sleep?")
    person.call(
        "edit", card["highlight"], *fields, "--field", "Back", "the hippocampus's day"
    )


def choose_passage(person: Person) -> None:
    """Have a chat choose the passage in a document that nobody marked."""
    target = person.forge.folder / "ask.md"
    paths = [path for path in person.sources.iterdir() if path.stem == "Sleep"]
    person.said += person.call("draft", "export", target, "--from", *paths)
    label = re.search(
        r'<(?:document|text|part)[^>]* (?:d|h|t)="([^"]+)"', target.read_text()
    )
    card = {**CARD, "quote": FACT, "h": label[1] if label else ""}
    person.said += person.import_answer(card)
    person.accept_waiting()


def edit_card(person: Person) -> None:
    ask_chat(person)
    [guid] = person.cards()
    person.call("edit", guid, "--field", "Back", "some 20 times, as rats show")


def edit_in_anki(person: Person) -> None:
    ask_chat(person)
    person.run()
    [guid] = person.cards()
    with opened(person.collection, 60.0) as anki:
        anki.load(person.package)
        anki.edit(guid, "Back", "some 20 times, as rats show")
    person.run()


# --- sources -------------------------------------------------------------------------------


def write_files(
    suffix: str, write_file: Callable[[Path, str, Page], object]
) -> Callable[[Person, Pages], None]:
    """Return a function that writes a file for each document, and removes the other ones.

    `write_file` takes the path, the name of the document and the document.
    """

    def write(person: Person, pages: Pages) -> None:
        for name in person.written.keys() - pages.keys():
            (person.sources / f"{name}{suffix}").unlink(missing_ok=True)
        for name, page in pages.items():
            write_file(person.sources / f"{name}{suffix}", name, page)

    return write


def write_notes(form: Callable[[str], str]) -> Callable[[Person, Pages], None]:
    """Return a function that writes Markdown notes; `form` writes a marked text."""

    def write_note(path: Path, name: str, page: Page) -> None:
        (path.parent / ".obsidian").mkdir(exist_ok=True)
        marks = [form(mark.text) if mark.is_marked else mark.text for mark in page.marks]
        text = "\n\n".join([f"# {name}", page.intro, *marks, "Good night."])
        path.write_text(f"{text}\n")

    return write_files(".md", write_note)


def write_in_vault(
    suffix: str, write_file: Callable[[Path, str, Page], object]
) -> Callable[[Person, Pages], None]:
    """Return a function that writes files without marks beside the note `Other` of a vault."""
    write_note = write_notes(to_highlight)
    write_document = write_files(suffix, write_file)

    def write(person: Person, pages: Pages) -> None:
        write_note(person, {"Other": pages["Other"]})
        write_document(person, without(pages, "Other"))

    return write


def to_question(text: str) -> str:
    return f"{QUESTION if 'hippocampus' in text else f'What about {text[:9]}?'}::{text}"


def to_phrases(text: str) -> str:
    for phrase in ("slow wave sleep", "Adenosine", "Rivers"):
        text = text.replace(phrase, f"=={phrase}==")
    return text


def to_highlight(text: str) -> str:
    return f"=={text}=="


def write_kindle(person: Person, pages: Pages) -> None:
    entries = []
    for name, page in pages.items():
        for number, mark in enumerate(page.marks, 1):
            if not mark.is_marked:
                continue
            place = 10 * (ord(mark.id[0]) - ord("A")) + 120
            meta = f"- Your Highlight on page {number} | Location {place}-{place + 2}"
            date = f"Monday, 1 June 2026 10:0{number}:00"
            entries.append(
                f"{name} (Walker)\r\n{meta} | Added on {date}\r\n\r\n{mark.text}\r\n"
            )
    (person.sources / "My Clippings.txt").write_text(
        "==========\r\n".join([*entries, ""])
    )


def write_web_page(path: Path, name: str, page: Page) -> None:
    paragraphs = "".join(f"<p>{mark.text}</p>" for mark in page.marks)
    path.write_text(
        f"<!doctype html><html><head><meta charset=utf-8><title>{name}</title></head>"
        f"<body><h1>{name}</h1><p>{page.intro}</p>{paragraphs}<p>Good night.</p></body></html>"
    )


def write_book(path: Path, name: str, page: Page) -> None:
    text = "\n".join([page.intro, *(mark.text for mark in page.marks), "Good night."])
    write_epub(path, Book(name, ("Ann Roe",), ((name, text),)))


def write_paper(path: Path, name: str, page: Page) -> None:
    """Write a PDF whose marks have a comment: the question."""
    marks = []
    for mark in page.marks:
        comment = QUESTION if "hippocampus" in mark.text else ""
        if mark.is_marked:
            marks.append(pdf_writer.mark(mark.text, name=mark.id, comment=comment))
    texts = (page.intro, *(mark.text for mark in page.marks), "Good night.")
    blocks = [paragraph(text) for text in texts]
    pdf_writer.write_pdf(path, [pdf_writer.Page(blocks, marks)], title=name)


def write_library(person: Person, pages: Pages) -> None:
    """Write a Zotero library with a paper for each document."""
    folder = person.forge.folder / "zotero"
    folder.mkdir(exist_ok=True)
    works = []
    for name, page in sorted(pages.items()):
        # a paper keeps its keys when its title changes
        key = {"Other": "OTHR", "Elsewhere": "ELSE"}.get(name, "SLEP")
        annotations = [
            Annotation(mark.id, mark.text, top=100 + 50 * number)
            for number, mark in enumerate(page.marks)
            if mark.is_marked
        ]
        attachment = Attachment(f"{key}ATTA", f"{name}.pdf", tuple(annotations))
        works.append(Work(f"{key}WORK", {"title": name}, attachments=(attachment,)))
    write_zotero(folder / "zotero.sqlite", [Library(tuple(works))])


# --- the table -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """A way in which a card is made."""

    write: Callable[[Person, Pages], None]
    make: Callable[[Person], None]
    lacks: Sequence[str] = ()
    """The events that make no sense for it."""
    settings: str = ""
    """The source in the settings; without one, the folder is given to `run`."""
    more: str = ""
    needs: str = ""
    """What must be there: `server` or `anki`."""
    is_in_chat: bool = False
    """Whether a chat must be asked about the new text."""
    cards: int = 1
    takes_new_text: bool = False
    """Whether the card must take the new text at once."""


_ONE_FILE = ("renamed", "moved", "both", "unmarked", "document", "back", "copied")
"""An export that isn't there, or lacks a book, changes nothing: the device may be unplugged."""
_VAULT = "{obsidian: {name: notes, path: notes}}"
_NO_ANKI = "anki: {collection: none}\n"

WAYS: Final = {
    "question": Way(write_notes(to_question), lambda person: None, takes_new_text=True),
    "phrase": Way(write_notes(to_phrases), accept_draft, takes_new_text=True),
    "proposal": Way(write_notes(to_highlight), accept_proposal),
    "chat": Way(write_notes(to_highlight), ask_chat, is_in_chat=True),
    "chat, cloze": Way(write_notes(to_highlight), ask_chat_for_cloze),
    "chat and own": Way(
        write_notes(to_highlight), ask_chat_and_write_own, is_in_chat=True, cards=2
    ),
    "own": Way(write_notes(to_highlight), write_own, is_in_chat=True),
    "edited": Way(write_notes(to_highlight), edit_card, is_in_chat=True),
    "edited in Anki": Way(
        write_notes(to_highlight),
        edit_in_anki,
        settings=_VAULT,
        more="anki: {collection: COLLECTION}\n",
        needs="anki",
        is_in_chat=True,
    ),
    "chosen": Way(
        write_notes(lambda text: text),
        choose_passage,
        lacks=("unmarked", "copied"),
        is_in_chat=True,
    ),
    "chosen, page": Way(
        write_in_vault(".html", write_web_page),
        choose_passage,
        lacks=("unmarked", "copied"),
        is_in_chat=True,
    ),
    "chosen, EPUB": Way(
        write_in_vault(".epub", write_book),
        choose_passage,
        lacks=("unmarked", "copied"),
        is_in_chat=True,
    ),
    "kindle": Way(write_kindle, ask_chat, lacks=_ONE_FILE, is_in_chat=True),
    "kindle, proposal": Way(write_kindle, accept_proposal, lacks=_ONE_FILE),
    "PDF comment": Way(
        write_files(".pdf", write_paper), accept_draft, takes_new_text=True
    ),
    "Zotero": Way(
        write_library,
        ask_chat,
        settings="{zotero: {path: zotero}}",
        more=_NO_ANKI,
        is_in_chat=True,
    ),
    "model": Way(
        write_notes(to_highlight),
        accept_draft,
        settings=_VAULT,
        more=_NO_ANKI,
        needs="server",
    ),
}

ROWS: Final = [
    (name, event)
    for name, way in WAYS.items()
    for event in EVENTS
    if event not in way.lacks and not (EVENTS[event].renames_folder and way.settings)
]


def reply_as_model(request: dict[str, Any]) -> llm_server.Reply:
    """Make a question of each highlight about the hippocampus."""
    cards = []
    for label, passage in llm_server.marked(request):
        number = re.search(r"about \d+ times", passage)
        card = {
            **CARD,
            "h": label,
            "kind": "none",
            "quote": "",
            "why_none": "not this one",
        }
        if number:
            sentence = re.match(r".*?\.(?= |$)", passage)
            card |= {
                "kind": "basic",
                "back": number[0],
                "quote": sentence[0] if sentence else passage,
            }
        cards.append(card)
    return llm_server.cards(*cards)


@contextmanager
def no_waiting() -> Any:
    """Let what is missing in two runs be gone at once, and a file change within a tick."""
    with (
        patch.object(ingest, "MIN_GONE_SECONDS", 0.0),
        patch.object(files, "TICK_NS", 0),
    ):
        yield


@contextmanager
def live(folder: Path, way: str, server: Any = None) -> Any:
    """Yield a person with the source of a way."""
    chosen = WAYS[way]
    if server is not None:
        server.otherwise = reply_as_model
        told = {"base_url": server.base_url, "model": "m", "second_reading": False}
        chosen = replace(
            chosen, more=f"{chosen.more}drafter: llm\nllm: {json.dumps(told)}\n"
        )
    with no_waiting():
        yield Person(folder, chosen)


def play(
    folder: Path, way_name: str, event_name: str, server: Any = None
) -> tuple[str, list[str]]:
    """Play a row. Returns what happened in one word, and what falls short."""
    event = EVENTS[event_name]
    with live(folder, way_name, server) as person:
        way = person.way
        person.write(event.start)
        person.run()
        way.make(person)
        person.run()
        before = person.cards()
        if len(before) != way.cards:
            return "–", [
                f"{len(before)} cards were made: {person.said} {person.rows('--all')}"
            ]
        shipped = person.notes()
        runs = []
        if event.renames_folder:
            person.sources = person.sources.rename(person.sources.with_name("my papers"))
            if not event.is_edited_before_run:
                person.run()
        for step in event.steps:
            person.write(step(person.written))
            runs.append(person.run())
        last_run = person.run() if not event.lost else runs[-1]
        return judge(person, event, before, shipped, "".join(runs[-1:]) + last_run)


def judge(
    person: Person,
    event: Event,
    before: Mapping[str, dict[str, Any]],
    shipped: Mapping[str, list[str]],
    said: str,
) -> tuple[str, list[str]]:
    """Compare what the lists, the run and the package say with what the event must lead to."""
    way = person.way
    after = person.cards()
    status = person.status()
    changes = [row for row in person.rows() if row.get("changes") in before]
    questions = person.rows("--view", "questions")
    lost = {row["guid"] for row in person.rows("finding:source_gone")} & before.keys()
    notes = person.notes()
    faults = []

    # what holds whatever happened
    if after.keys() != before.keys():
        faults.append(f"other cards: {sorted(after)} instead of {sorted(before)}")
    extra = [notes[guid] for guid in notes.keys() - shipped.keys() - before.keys()]
    if any("hippocampus" in "".join(fields) for fields in extra):
        faults.append(f"another note: {extra}")
    if questions:
        faults.append(f"a question: {[row['text'] for row in questions]}")

    is_new = all("40 times" in json.dumps(card["fields"]) for card in after.values())
    counts = re.sub(r"\d+ highlights? \([^)]*\)", "", said)
    if event.waits:
        unchanged = [
            guid
            for guid, card in after.items()
            if "40 times" not in json.dumps(card["fields"])
        ]
        waiting = {row.get("changes") for row in changes}
        if way.takes_new_text and not is_new:
            faults.append("the card does not take the new text")
        if not waiting.issuperset(unchanged):
            faults.append(f"old words stay, and nothing waits: {unchanged}")
        for row in changes:
            if "20 times" not in row["old_quote"] or "40 times" not in row["quote"]:
                faults.append(f"a change does not show both: {row}")
            if row["keeps_text"] and row["fields"] != after[row["changes"]]["fields"]:
                faults.append(f"a change shows other words than the card: {row}")
        if unchanged and not re.search(r"\d+ changed cards?\b", counts):
            faults.append(f"the run does not count the change: {said}")
        for guid in unchanged:
            if "40 times" in "".join(notes.get(guid, ())):
                faults.append(f"old words above the new passage: {notes[guid]}")
        if unchanged and way.is_in_chat:
            asked = person.chat_text()
            for part in ("40 times", "20 times", QUESTION):
                if part not in asked:
                    faults.append(f"the text for the chat lacks {part!r}")
    elif changes and not event.may_wait:
        faults.append(f"a change waits: {[row['waits'] for row in changes]}")

    if event.lost:
        if lost != before.keys():
            faults.append("`list finding:source_gone` lacks the card")
        if status["cards"]["sourceless"] != len(person.rows("finding:source_gone")):
            faults.append(
                f"status counts {status['cards']['sourceless']} without a passage"
            )
        if not re.search(r"\d+ cards? lost (its|their) passage in Sleep", counts):
            faults.append(f"the run does not say that the passage is lost: {said}")
        shown = person.call("list", "-v", next(iter(before)))
        if "gone" not in shown or "Sleep" not in shown:
            faults.append(f"`show` names neither the place nor the loss: {shown}")
    elif lost:
        faults.append(f"a card counts as lost: {lost}")

    for guid in after.keys() & notes.keys() & shipped.keys():
        *fields, mod = notes[guid]
        *former_fields, former_mod = shipped[guid]
        if fields != former_fields and int(mod) <= int(former_mod):
            faults.append(f"Anki does not take the note: {shipped[guid]}, {notes[guid]}")
        text = "".join(fields)
        if event.moves and "file=Sleep" in text:
            faults.append("the link in the note is dead")
        if event.renames_folder and not lost and "vault=notes" in text:
            faults.append("the link in the note leads to the old folder")
    cell = "new words" if is_new else "waits" if changes else "lost" if lost else "same"
    return cell, faults
