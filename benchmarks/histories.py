"""Random histories of a reader: do notes keep their passages, and does what a person did stay?

    python -m benchmarks.histories [FIRST [COUNT [STEPS]]] [--without STEP,…] [--shared]
    python -m benchmarks.histories --play '[["run", 0, 0], ["typo", 3, 1]]'

A history is a list of steps chosen by a seed: edits, corrected numbers, renamed, split and copied
documents, passages cut and pasted two runs later, PDFs saved with other words, decisions, edits and
deletions in the real Anki, lost ledgers and journals, backups put back, and a second machine whose
journal is united with the first one's. The program runs in this process. After each step these must
hold: no passage has two notes that no person asked for, what a person typed, tagged or decided
stands, no rejected or deleted card is shipped, and no note says another fact than it did. After the
last union both machines agree: the same cards are in use with the same words and verdicts, and the
same questions wait. A card that is out of use, or whose passage is gone, and new words for one whose
passage is gone may be unknown on the machine that never drafted them. With one machine, its ledger
is lost once more at last: the next run must show the same cards.
A history that fails is cut down to the steps it needs.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ankiforge.anki import collection
from ankiforge.extract import files
from ankiforge.extract.pdf.worker import PdfWorker, answer
from samples import pdf_writer
from tests.conftest import Forge
from tests.golden import anki, clock
from tests.golden.histories import notes_in

Step = tuple[str, int, int]
STEPS = 14
REPLAYS = 60
"""Attempts to cut a failing history down."""
TICK = 60.0
START = 7200.0
SECOND = 4
"""Of five numbers, the one that means the second machine."""
RETIRED = "ankiforge::retired"
NAME = re.compile(r"\bZ[a-z]+(?:ar|el|in|or|un)\b")
"""A name that belongs to one fact and stands in each of its cards."""
MINE = "as I say"
SETTINGS = """\
sources:
  - obsidian: {{name: notes, path: {notes}}}
  - pdf: {{name: papers, path: {papers}}}
anki: {{collection: {collection}}}
"""

# --- the sources --------------------------------------------------------------------------------

ADJECTIVES = ["northern", "quiet", "narrow", "ancient", "broad", "shallow", "golden", "remote"]
THINGS = ["harbour", "basin", "valley", "quarry", "orchard", "citadel", "market", "lagoon"]
PLACES = ["near the coast", "of the old province", "behind the range", "along the river"]
CITES = ("", " (Smith, 2010)", " [12]", " [[Reading list]]")
SYLLABLES = [
    "ba",
    "co",
    "du",
    "fe",
    "gi",
    "ka",
    "lo",
    "mu",
    "ne",
    "pi",
    "ra",
    "so",
    "ta",
    "vu",
    "we",
]


def coin(dice: random.Random, ends: Sequence[str]) -> str:
    return "".join(dice.choice(SYLLABLES) for _ in range(2)) + dice.choice(ends)


@dataclass
class Passage:
    """One fact as it stands in a document."""

    name: str
    form: str
    """`inline`, `block` or `cloze`; in a PDF all are marks with a question."""
    answer: str
    adjective: str
    thing: str
    place: str
    year: int
    cite: str = ""
    aside: str = ""

    def text(self) -> str:
        what = f"the {self.adjective} {self.thing} of {self.name} {self.place}{self.aside}"
        if self.form == "inline":
            return f"What was found at {what} in {self.year}?::{self.answer}{self.cite}"
        if self.form == "block":
            return f"What did people bring to {what}{self.cite}?\n?\n{self.answer}"
        return f"In {self.year} {what} was known to hold =={self.answer}== in all{self.cite}."

    @property
    def question(self) -> str:
        return f"What does the {self.adjective} {self.thing} of {self.name} hold?"

    @property
    def sentence(self) -> str:
        what = f"The {self.adjective} {self.thing} of {self.name} {self.place}{self.aside}"
        return f"{what} is known to hold {self.answer} since {self.year}."


@dataclass
class Document:
    title: str
    passages: list[Passage]
    filler: list[str]
    """A sentence before each passage and one at the end."""

    def text(self) -> str:
        between = [*self.filler, *self.filler[-1:] * len(self.passages)]
        blocks = [f"{between[at]}\n\n{one.text()}" for at, one in enumerate(self.passages)]
        return "\n\n".join([f"# {self.title}", *blocks, self.filler[-1]]) + "\n"

    def pdf(self, path: Path) -> None:
        blocks = [pdf_writer.heading(self.title, level=0)]
        marks = []
        for at, one in enumerate(self.passages):
            blocks.append(pdf_writer.paragraph(f"{self.filler[at]} {one.sentence}"))
            marks.append(
                pdf_writer.mark(one.sentence, comment=one.question, name=f"mark-{one.name}")
            )
        pdf_writer.write_pdf(path, [pdf_writer.Page(tuple(blocks), tuple(marks))], title=self.title)


class Shelf:
    """The vault and the papers; both machines read them."""

    def __init__(self, root: Path, dice: random.Random) -> None:
        self.root, self.dice = root, dice
        self.vault, self.papers = root / "notes", root / "papers"
        (self.vault / ".obsidian").mkdir(parents=True)
        self.papers.mkdir()
        self.names: set[str] = set()
        self.documents = {
            f"{title}.md": self.document(title, 4) for title in ("Lakes", "Towns", "Guilds")
        }
        self.pdf = {"survey.pdf": self.document("A Survey of Places", 3)}
        self.clipboard: list[Passage] = []
        self.count = 0
        self.write()

    def name(self) -> str:
        while (name := f"Z{coin(self.dice, ('ar', 'el', 'in', 'or', 'un'))}") in self.names:
            pass
        self.names.add(name)
        return name

    def word(self) -> str:
        return coin(self.dice, ("ck", "st", "lm", "ft"))

    def answer(self) -> str:
        if self.dice.random() < 0.5:
            return f"{self.dice.randint(1_100, 9_900):,} {self.dice.choice(('tons', 'boats'))}"
        return f"{self.word().capitalize()} {self.dice.choice(('salt', 'amber', 'cedar'))}"

    def passage(self) -> Passage:
        dice = self.dice
        return Passage(
            self.name(), dice.choice(("inline", "block", "cloze", "cloze")), self.answer(),
            dice.choice(ADJECTIVES), dice.choice(THINGS), dice.choice(PLACES),
            dice.randint(1200, 1900),
        )  # fmt: skip

    def sentence(self) -> str:
        words = [self.word() for _ in range(9)]
        return f"The {words[0]} and the {words[1]} were {' '.join(words[2:])}."

    def document(self, title: str, count: int) -> Document:
        passages = [self.passage() for _ in range(count)]
        return Document(title, passages, [self.sentence() for _ in range(count + 1)])

    def write(self) -> None:
        for path in self.vault.rglob("*.md"):
            path.unlink()
        for name, one in self.documents.items():
            path = self.vault / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(one.text(), encoding="utf-8")
        for path in self.papers.glob("*.pdf"):
            path.unlink()
        for name, one in self.pdf.items():
            one.pdf(self.papers / name)

    def all(self) -> Iterator[tuple[str, Passage]]:
        for name, document in (*self.documents.items(), *self.pdf.items()):
            yield from ((name, one) for one in document.passages)


# --- what a person remembers ------------------------------------------------------------------


@dataclass
class Machine:
    forge: Forge
    seen: set[str] = field(default_factory=set)
    """Notes that were in Anki at some view from here."""
    rejected: set[str] = field(default_factory=set)
    reworded: dict[str, str] = field(default_factory=dict)
    """Words that a person gave a card here, by guid."""
    imported: bytes = b""
    backup: Backup | None = None
    last: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By name, where its passages stood and what they said when they were read here last."""
    texts: dict[str, str] = field(default_factory=dict)
    """What each document said then."""

    @property
    def desk(self) -> Path:
        return self.forge.folder

    @property
    def journal(self) -> Path:
        return self.desk / "journal.jsonl"

    @property
    def package(self) -> Path:
        return self.desk / "ankiforge.apkg"


@dataclass
class Backup:
    folder: Path
    seen: set[str]
    rejected: set[str]
    reworded: dict[str, str]
    asked: Counter[str]


class Wrong(Exception):
    """What must not happen; the first word is its kind."""


@dataclass(frozen=True)
class Shown:
    """What a person sees of a card that is in use."""

    stands: str
    """Its accepted words; "" if it is pending or blocked."""
    waits: str
    """The words that are to be decided on: of a pending card, or of a revision."""


def has_finding(card: dict[str, Any] | None, name: str) -> bool:
    """Whether a card has a finding of this check or severity."""
    return bool(card) and any(name in (one["check"], one["severity"]) for one in card["findings"])


def is_gone(card: dict[str, Any] | None) -> bool:
    """Whether no source has the passage of a card; it may be known from Anki alone."""
    from_anki = card is not None and str(card["document"]).startswith("anki:")
    return from_anki or has_finding(card, "source_gone")


def in_use(card: dict[str, Any] | None) -> Shown | None:
    if card is None or card["standing"] != "live" or card["verdict"] == "rejected":
        return None
    waits = card["verdict"] == "pending" or "conflict" in card["anki_why"]
    if waits or has_finding(card, "block"):
        return Shown("", parts(card["fields"]))
    return Shown(
        parts(card["fields"]), (card["revision"] and parts(card["revision"]["fields"])) or ""
    )


def difference(one: Shown | None, other: Shown | None, typed: bool) -> str:
    """Return in what two machines disagree about a card, "" if they agree.

    A machine that never read the words that were shipped has those of the source wait as the card, and
    the other has the same words wait as its revision. What was typed in Anki is shown where its words
    were taken over from there.
    """
    if one is None or other is None:
        return "" if one is other else "its being in use"
    if one.waits != other.waits:
        return "what waits"
    unknown = one.waits and not (one.stands and other.stands)
    return "" if unknown or typed or one.stands == other.stands else "its words"


def parts(card: dict[str, str]) -> str:
    return " | ".join(card.get(name, "") for name in ("Front", "Back", "Text"))


def facts_of(fields: dict[str, str]) -> frozenset[str]:
    return frozenset(NAME.findall(parts(fields)))


class World:
    """One reader with two machines and one Anki; `do_*` are the steps."""

    def __init__(
        self, folder: Path, seed: int, without: Sequence[str] = (), *, shared: bool = False
    ) -> None:
        self.shelf = Shelf(folder, random.Random(seed))
        self.folder, self.without, self.shared = folder, without, shared
        self.collection = folder / "anki" / "collection.anki2"
        self.ahead, self.number = START, 0
        with anki.opened(self.collection):
            pass
        where = [str(self.collection), str(self.collection) if shared else "none"]
        self.machines = [self.machine(*each) for each in zip(("one", "two"), where, strict=True)]
        self.typed: dict[tuple[str, str], str] = {}
        self.tagged: set[tuple[str, str]] = set()
        self.untagged: set[tuple[str, str]] = set()
        self.deleted: set[str] = set()
        self.allowed: dict[str, set[str]] = {}
        """By guid, the names its note may have: those it had first, and what a person accepted."""
        self.asked: Counter[str] = Counter()
        """Further notes of a fact that a person accepted, or that nothing could prevent."""
        self.reviewed: set[str] = set()
        self.copies: list[Path] = []
        self.makers: dict[str, int] = {}
        """The machine that shipped a note first."""
        self.orphans: set[str] = set()
        """Notes whose passage stood nowhere when their machine lost both files."""

    def machine(self, name: str, where: str) -> Machine:
        forge = Forge(self.folder / name)
        settings = SETTINGS.format(
            notes=self.shelf.vault, papers=self.shelf.papers, collection=where
        )
        (forge.folder / "ankiforge.yaml").write_text(settings, encoding="utf-8")
        forge.ok("init", "--trust", forge.folder)
        return Machine(forge)

    def play(self, steps: Sequence[Step]) -> None:
        ending = [("run", 0, 0), ("load", 0, 0), ("run", 0, 0)]
        if any(name == "run" and self.here(other) is self.machines[1] for name, _, other in steps):
            both = [("run", 0, 0), ("run", 0, SECOND), ("load", 0, 0), ("load", 0, SECOND)]
            ending = [("unite", 0, 0), *both, ("unite", 0, 0), *both, *ending]
            ending += [("unite", 0, 0), *both[:2], ("unite", 0, 0), ("agree", 0, 0)]
        beginning = [("run", 0, 0), ("load", 0, 0)]
        for self.number, (name, one, other) in enumerate([*beginning, *steps, *ending]):
            self.ahead += TICK
            getattr(self, f"do_{name}")(one, other)
            if name in ("run", "load"):
                self.check_anki()
        self.check_anki(united=True)
        self.do_rebuild(0, 0)

    # --- the program

    def call(self, machine: Machine, *words: str, codes: tuple[int, ...] = (0, 1)) -> Any:
        self.ahead += 10.0
        with clock.ahead(self.ahead):
            result = machine.forge(*words, "--json")
        if result.exit_code not in codes:
            raise Wrong(f"refused: {' '.join(words)}: {result.exit_code} {result.stderr[-300:]}")
        return result

    def cards(self, machine: Machine) -> list[dict[str, Any]]:
        found = self.call(machine, "list", "--all", codes=(0,)).lines
        return sorted(found, key=lambda card: str(card["guid"]))

    def pick(self, machine: Machine, one: int, *fits: str) -> dict[str, Any] | None:
        """Return a card: `live`, `waits`, `rejected`, `conflict`."""
        tests = {
            "live": lambda c: c["standing"] == "live" and c["verdict"] != "rejected",
            "waits": lambda c: (
                c["standing"] == "live" and (c["verdict"] == "pending" or c["revision"])
            ),
            "rejected": lambda c: c["verdict"] == "rejected",
            "conflict": lambda c: "conflict" in c["anki_why"],
        }
        found = [card for card in self.cards(machine) if all(tests[name](card) for name in fits)]
        return found[one % len(found)] if found else None

    def here(self, other: int) -> Machine:
        return self.machines["second" not in self.without and other % 5 == SECOND]

    def do_run(self, one: int, other: int) -> None:
        machine = self.here(other)
        self.notice_lost(machine)
        self.call(machine, "run")
        self.after(machine, looks=True)

    def after(self, machine: Machine, *, looks: bool) -> None:
        """Check the package and the decisions; note what the machine has seen in Anki."""
        if looks and (self.shared or machine is self.machines[0]):
            with anki.opened(self.collection) as opened:
                machine.seen |= set(opened.state())
        notes = notes_in(machine.package) if machine.package.exists() else {}
        for guid, note in notes.items():
            self.makers.setdefault(guid, self.machines.index(machine))
            retired = RETIRED in note["tags"]
            if guid in self.deleted & machine.seen:
                raise Wrong(f"deleted, and shipped: {guid} {parts(note['fields'])}")
            if guid in machine.rejected and not retired:
                raise Wrong(f"rejected, and shipped: {guid} {parts(note['fields'])}")
            self.check_fact(guid, note["fields"])
        rejected: dict[str, str] = {}
        for card in self.cards(machine):
            guid, live = card["guid"], card["standing"] == "live"
            if guid in machine.rejected:
                if card["verdict"] != "rejected":
                    raise Wrong(f"rejected, and back: {guid} {parts(card['fields'])}")
                rejected[parts(card["fields"])] = guid
            words = machine.reworded.get(guid)
            if words and live and words not in parts(card["fields"]):
                raise Wrong(f"edit lost: {guid} {words!r}: {parts(card['fields'])}")
        for guid, note in notes.items():
            if parts(note["fields"]) in rejected and RETIRED not in note["tags"]:
                raise Wrong(f"rejected, and shipped as another: {guid} {parts(note['fields'])}")

    def check_fact(self, guid: str, fields: dict[str, str]) -> None:
        found = facts_of(fields)
        allowed = self.allowed.setdefault(guid, set(found))
        if not found <= allowed:
            raise Wrong(f"another fact: {guid} had {sorted(allowed)}: {parts(fields)}")

    def check_anki(self, *, united: bool = False) -> None:
        """Nothing that a person did in Anki is undone, and no fact has two notes.

        A note of each machine is allowed until their journals are `united`.
        """
        with anki.opened(self.collection) as opened:
            there = opened.state()
        for (guid, name), text in self.typed.items():
            if guid in there and there[guid]["fields"].get(name) != text:
                raise Wrong(f"typed words lost: {guid} {name}: {there[guid]['fields'].get(name)}")
        for guid, tag in self.tagged:
            if guid in there and tag not in there[guid]["tags"]:
                raise Wrong(f"tag lost: {guid} {tag}")
        for guid, tag in self.untagged:
            if guid in there and tag in there[guid]["tags"]:
                raise Wrong(f"tag back: {guid} {tag}")
        here = {one.name for _, one in self.shelf.all()}
        live: dict[str, list[str]] = defaultdict(list)
        words: dict[str, list[str]] = defaultdict(list)
        for guid, note in there.items():
            self.check_fact(guid, note["fields"])
            lost = guid in self.orphans and not facts_of(note["fields"]) & here
            if RETIRED not in note["tags"] and not lost:
                words[parts(note["fields"])].append(guid)
                for name in facts_of(note["fields"]):
                    live[name].append(guid)
        for said, guids in words.items():
            if not united and len({self.makers.get(guid) for guid in guids}) > 1:
                continue
            if len(guids) > 1 and not any(self.asked[name] for name in NAME.findall(said)):
                raise Wrong(f"equal notes: {guids} {said}")
        for name, guids in live.items():
            if not united and len({self.makers.get(guid) for guid in guids}) > 1:
                continue
            if len(guids) > 1 + self.asked[name]:
                said = [parts(there[guid]["fields"]) for guid in guids]
                raise Wrong(f"double: {name} {guids} {said}")

    def do_agree(self, one: int, other: int) -> None:
        """Compare what the machines show, which have read the same journal and the same sources."""
        if "agree" in self.without:
            return
        first, second = ({c["guid"]: c for c in self.cards(machine)} for machine in self.machines)
        typed = {guid for guid, _ in self.typed}
        here = {one.name for _, one in self.shelf.all()}
        for guid in sorted(first.keys() | second.keys()):
            cards = [first.get(guid), second.get(guid)]
            both = [in_use(card) for card in cards]
            gone = any(is_gone(card) for card in cards if None in cards)
            if not any(facts_of(card["fields"]) & here for card in cards if card):
                both = [one and replace(one, waits="" if one.stands else one.waits) for one in both]
            if what := "" if gone else difference(*both, guid in typed):
                raise Wrong(f"disagree on {what}: {guid} {both[0]} {both[1]}")

    def do_rebuild(self, one: int, other: int) -> None:
        """Compare what the first machine shows before and after it loses its ledger."""
        machine = self.machines[0]
        alone = "second" in self.without and "rebuild" not in self.without
        if not (alone and machine.journal.exists()):
            return
        self.call(machine, "run")
        before = {card["guid"]: card for card in self.cards(machine)}
        shutil.rmtree(machine.desk / ".ankiforge", ignore_errors=True)
        self.call(machine, "run")
        after = {card["guid"]: card for card in self.cards(machine)}
        typed = {guid for guid, _ in self.typed}
        for guid in sorted(before.keys() | after.keys()):
            cards = [before.get(guid), after.get(guid)]
            both = [in_use(card) for card in cards]
            gone = guid in self.deleted or any(has_finding(card, "source_gone") for card in cards)
            if gone or (guid in typed and None not in both):  # what we had shipped is lost
                continue
            if what := difference(*both, typed=False):
                raise Wrong(f"rebuilt with another {what}: {guid} {both[0]} {both[1]}")

    def notice_lost(self, machine: Machine) -> None:
        """Count the passages that nothing can recognise: moved and reworded at once.

        Compared is what was read here last, and on the other machine, whose journal may be united with
        this one's before or after.
        """
        now: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for where, one in self.shelf.all():
            noted = where in self.shelf.documents
            now[one.name].append((where, one.text() if noted else one.sentence))
        for name, found in now.items():
            unlike = name not in machine.last and any(
                self.other_fact(one, name) for one in self.machines
            )
            strange = any(self.strange(one, name, found) for one in self.machines)
            self.asked[name] += unlike or strange
            before = machine.last.get(name) or found[:1]
            self.asked[name] += max(len(found) - len(before), 0)
        machine.last.update(now)
        machine.texts = {
            name: one.text() for name, one in (self.shelf.documents | self.shelf.pdf).items()
        }

    def strange(self, machine: Machine, name: str, found: list[tuple[str, str]]) -> bool:
        """Whether no passage of this name stands where one was read on a machine, or says what it said."""
        before = machine.last.get(name, [])
        if not before or any({*one} & {*other} for one in before for other in found):
            return False
        return not self.followed(machine, before[0][0], found[0][0])

    def other_fact(self, machine: Machine, name: str) -> bool:
        """Whether answer and year are others than a machine read: a machine that knows would ask."""
        said = " ".join(text for _, text in machine.last.get(name, []))
        now = [one for _, one in self.shelf.all() if one.name == name]
        return bool(said) and not any(one.answer in said or str(one.year) in said for one in now)

    def followed(self, machine: Machine, old: str, new: str) -> bool:
        """Whether a document is the other one under a new name: half of its words say so."""
        there = {**self.shelf.documents, **self.shelf.pdf}
        if old in there or old not in machine.texts or new in machine.texts:
            return False
        before = shingles(machine.texts[old])
        parts = {name: shingles(one.text()) for name, one in there.items()}
        shared = {
            name: len(before & part) / min(len(before), len(part))
            for name, part in parts.items()
            if name not in machine.texts and part
        }
        few, many = sorted((len(before), len(parts[new])))
        rest = [share for name, share in shared.items() if name != new]
        alone = max(rest, default=0.0) < 0.7 * shared.get(new, 0.0)  # not one of two halves
        return alone and shared[new] > 0.6 and many < 1.9 * few

    # --- sources

    def any(self, one: int) -> tuple[Document, Passage] | None:
        papers = () if "paper" in self.without else self.shelf.pdf.values()
        found = [
            (document, passage)
            for document in (*self.shelf.documents.values(), *papers)
            for passage in document.passages
        ]
        return found[one % len(found)] if found else None

    def edit(self, one: int, **values: Any) -> None:
        if found := self.any(one):
            for name, value in values.items():
                setattr(found[1], name, value)
            self.shelf.write()

    def do_typo(self, one: int, other: int) -> None:
        self.edit(one, adjective=ADJECTIVES[other % len(ADJECTIVES)])

    def do_cite(self, one: int, other: int) -> None:
        self.edit(one, cite=CITES[other % len(CITES)])

    def do_insert(self, one: int, other: int) -> None:
        self.edit(one, aside=("", " then", " in the east", " as it is told")[other % 4])

    def do_number(self, one: int, other: int) -> None:
        """Correct a number, or a letter of a word, in the answer."""
        if found := self.any(one):
            said = found[1].answer
            digits = [at for at, sign in enumerate(said) if sign.isdigit()]
            at = digits[other % len(digits)] if digits else 1
            new = str((int(said[at]) + 1) % 10) if digits else "aeiou"[other % 5]
            self.edit(one, answer=f"{said[:at]}{new}{said[at + 1 :]}")

    def do_year(self, one: int, other: int) -> None:
        if found := self.any(one):
            self.edit(one, year=found[1].year + 1 + other % 9)

    def do_replace(self, one: int, other: int) -> None:
        """Another fact takes the place of one."""
        self.edit(one, name=self.shelf.name(), answer=self.shelf.answer())

    def do_name(self, one: int, other: int) -> None:
        self.edit(one, name=self.shelf.name())

    def do_add(self, one: int, other: int) -> None:
        documents = list(self.shelf.documents.values())
        if documents:
            document = documents[one % len(documents)]
            at = other % (len(document.passages) + 1)
            document.passages.insert(at, self.shelf.passage())
            document.filler.insert(at, self.shelf.sentence())
            self.shelf.write()

    def do_cut(self, one: int, other: int) -> None:
        if found := self.any(one):
            found[0].passages.remove(found[1])
            self.shelf.clipboard.append(found[1])
            self.shelf.write()

    def do_paste(self, one: int, other: int) -> None:
        documents = list(self.shelf.documents.values())
        if self.shelf.clipboard and documents:
            into = documents[one % len(documents)].passages
            into.insert(other % (len(into) + 1), self.shelf.clipboard.pop(0))
            self.shelf.write()

    def do_copy(self, one: int, other: int) -> None:
        """Copy a whole note."""
        names = list(self.shelf.documents)
        if names:
            self.shelf.count += 1
            name = names[one % len(names)]
            old = self.shelf.documents[name]
            copied = [Passage(**vars(passage)) for passage in old.passages]
            copy = Document(old.title, copied, list(old.filler))
            self.shelf.documents[f"{name[:-3]} copy {self.shelf.count}.md"] = copy
            self.shelf.write()

    def do_rename(self, one: int, other: int) -> None:
        self.shelf.count += 1
        names = list(self.shelf.documents)
        if names:
            old = names[one % len(names)]
            folder = ("", "Archive/", f"Year {self.shelf.count}/")[other % 3]
            new = f"{folder}{self.shelf.word().title()} {self.shelf.count}.md"
            self.shelf.documents = {
                (new if name == old else name): document
                for name, document in self.shelf.documents.items()
            }
            if other % 2:
                self.shelf.documents[new].title = new.rpartition("/")[2][:-3]
            self.shelf.write()

    def do_split(self, one: int, other: int) -> None:
        documents = list(self.shelf.documents.values())
        if documents:
            self.shelf.count += 1
            old = documents[one % len(documents)]
            half = len(old.passages) // 2
            new = Document(f"Part {self.shelf.count}", old.passages[half:], old.filler[half:])
            old.passages, old.filler = old.passages[:half], old.filler[: half + 1]
            self.shelf.documents[f"Part {self.shelf.count}.md"] = new
            self.shelf.write()

    def do_drop(self, one: int, other: int) -> None:
        """Delete a note; it is in the clipboard as a whole."""
        names = list(self.shelf.documents)
        if len(names) > 1:
            self.shelf.clipboard += self.shelf.documents.pop(names[one % len(names)]).passages
            self.shelf.write()

    def do_shuffle(self, one: int, other: int) -> None:
        documents = list(self.shelf.documents.values())
        if documents:
            passages = documents[one % len(documents)].passages
            passages[:] = (
                passages[other % (len(passages) or 1) :] + passages[: other % (len(passages) or 1)]
            )
            self.shelf.write()

    def do_rename_pdf(self, one: int, other: int) -> None:
        self.shelf.count += 1
        self.shelf.pdf = {
            f"paper {self.shelf.count}-{at}.pdf": document
            for at, document in enumerate(self.shelf.pdf.values())
        }
        self.shelf.write()

    def do_reprint(self, one: int, other: int) -> None:
        """Save a PDF with other words between its marks."""
        for document in self.shelf.pdf.values():
            document.filler[one % len(document.filler)] = self.shelf.sentence()
        self.shelf.write()

    # --- decisions

    def do_accept(self, one: int, other: int) -> None:
        machine = self.here(other)
        if card := self.pick(machine, one, "waits"):
            self.call(machine, "accept", card["guid"])
            self.accepted(machine, [card])

    def do_accept_all(self, one: int, other: int) -> None:
        machine = self.here(other)
        waiting = [c for c in self.cards(machine) if c["verdict"] == "pending" or c["revision"]]
        self.call(machine, "accept", "--all")
        self.accepted(machine, waiting)

    def accepted(self, machine: Machine, before: list[dict[str, Any]]) -> None:
        """A person accepted what waited: words, and notes, are what was asked for."""
        now = {card["guid"]: card for card in self.cards(machine)}
        for card in before:
            guid = card["guid"]
            machine.reworded.pop(guid, None)
            fields = now[guid]["fields"] if guid in now else {}
            self.allowed.setdefault(guid, set()).update(facts_of(fields))
            if card["verdict"] == "pending":
                self.asked.update(facts_of(fields))

    def do_reject(self, one: int, other: int) -> None:
        machine = self.here(other)
        if card := self.pick(machine, one, "live"):
            self.call(machine, "reject", card["guid"])
            now = {one["guid"]: one["verdict"] for one in self.cards(machine)}
            if now.get(card["guid"]) == "rejected":
                machine.rejected.add(card["guid"])

    def do_reword(self, one: int, other: int) -> None:
        machine = self.here(other)
        if card := self.pick(machine, one, "live"):
            name = "Text" if "Text" in card["fields"] else "Back"
            words = f"{MINE} {self.number}"
            said = f"{card['fields'][name]} {words}"
            self.call(machine, "edit", card["guid"], "--field", name, said, codes=(0, 1, 2))
            now = {one["guid"]: one for one in self.cards(machine)}[card["guid"]]
            if words in parts(now["fields"]):
                machine.reworded[card["guid"]] = words
                if now["verdict"] == "accepted" and card["verdict"] == "pending":
                    self.asked.update(facts_of(now["fields"]))

    def do_undo(self, one: int, other: int) -> None:
        """Undo the last action of a person; the cards tell what it was, unless no run made them anew."""
        machine = self.here(other)
        for undone in self.call(machine, "undo", codes=(0, 1, 2)).lines:
            if undone["undone"] == "reject":
                machine.rejected.discard(undone["guid"])
            elif undone["undone"] == "edit":
                machine.reworded.pop(undone["guid"], None)
        for card in self.cards(machine):
            if card["verdict"] != "rejected":
                machine.rejected.discard(card["guid"])
            if machine.reworded.get(card["guid"], "") not in parts(card["fields"]):
                del machine.reworded[card["guid"]]

    def do_resolve(self, one: int, other: int) -> None:
        machine = self.machines[0]
        if card := self.pick(machine, one, "conflict"):
            guid = card["guid"]
            side = "--mine" if one % 2 else "--source"
            self.call(machine, "resolve", guid, side, codes=(0, 1, 2))
            if side == "--source":
                self.typed = {k: v for k, v in self.typed.items() if k[0] != guid}
                machine.reworded.pop(guid, None)
                revised = {c["guid"]: c for c in self.cards(machine)}[guid]
                self.allowed.setdefault(guid, set()).update(facts_of(revised["fields"]))

    # --- Anki

    def do_load(self, one: int, other: int) -> None:
        machine = self.here(other)
        if machine.package.exists():
            if one % 4 == 0:
                self.copies.append(self.folder / f"copy-{len(self.copies)}.apkg")
                shutil.copyfile(machine.package, self.copies[-1])
            with anki.opened(self.collection, self.ahead - START) as opened:
                opened.load(machine.package)
                there = opened.state()
            self.deleted -= there.keys()

    def note(self, opened: Any, one: int) -> str:
        guids = sorted(guid for guid in opened.state() if guid.startswith("af"))
        return guids[one % len(guids)] if guids else ""

    def do_review(self, one: int, other: int) -> None:
        with anki.opened(self.collection, self.ahead - START) as opened:
            if guid := self.note(opened, one):
                opened.review(guid)
                self.reviewed.add(guid)

    def do_type(self, one: int, other: int) -> None:
        with anki.opened(self.collection, self.ahead - START) as opened:
            if guid := self.note(opened, one):
                fields = opened.state()[guid]["fields"]
                name = "Text" if "Text" in fields else ("Front", "Back")[other % 2]
                text = f"{fields[name]} (mine {self.number})"
                opened.edit(guid, name, text)
                self.typed[guid, name] = text

    def do_tag(self, one: int, other: int) -> None:
        with anki.opened(self.collection, self.ahead - START) as opened:
            if guid := self.note(opened, one):
                opened.tag(guid, "mine")
                self.tagged.add((guid, "mine"))

    def do_untag(self, one: int, other: int) -> None:
        with anki.opened(self.collection, self.ahead - START) as opened:
            if guid := self.note(opened, one):
                tags = [t for t in opened.state()[guid]["tags"] if "::doc::" in t]
                opened.tag(guid, *(f"-{tag}" for tag in tags))
                self.untagged |= {(guid, tag) for tag in tags}

    def do_delete(self, one: int, other: int) -> None:
        with anki.opened(self.collection, self.ahead - START) as opened:
            if guid := self.note(opened, one):
                opened.delete(guid)
                self.deleted.add(guid)
                self.typed = {k: v for k, v in self.typed.items() if k[0] != guid}
                self.tagged = {k for k in self.tagged if k[0] != guid}
                self.untagged = {k for k in self.untagged if k[0] != guid}

    # --- losses, backups and the second machine

    def do_lose_ledger(self, one: int, other: int) -> None:
        machine = self.here(other)
        if not machine.journal.exists():  # no run has written it anew
            self.do_lose_both(one, other)
        elif (machine.desk / ".ankiforge").exists():
            gone = {c["guid"] for c in self.cards(machine) if c["anki"] in ("tombstone", "missing")}
            shutil.rmtree(machine.desk / ".ankiforge")
            machine.seen = self.deleted & gone
            self.notice_unread()

    def do_lose_journal(self, one: int, other: int) -> None:
        if (self.here(other).desk / ".ankiforge").exists():
            self.here(other).journal.unlink(missing_ok=True)
        else:
            self.do_lose_both(one, other)

    def do_lose_both(self, one: int, other: int) -> None:
        machine = self.here(other)
        shutil.rmtree(machine.desk / ".ankiforge", ignore_errors=True)
        machine.journal.unlink(missing_ok=True)
        machine.seen, machine.rejected, machine.reworded = set(), set(), {}
        with anki.opened(self.collection) as opened:
            for guid, note in opened.state().items():
                if not facts_of(note["fields"]) & {one.name for _, one in self.shelf.all()}:
                    self.orphans.add(guid)
        self.notice_unread()

    def notice_unread(self) -> None:
        """Without a ledger only Anki can tell a passage: not if it was never shipped as it was."""
        self.asked.update({name: 1 for name in self.shelf.names if name in self.unshipped()})

    def unshipped(self) -> set[str]:
        with anki.opened(self.collection) as opened:
            said = [parts(note["fields"]) for note in opened.state().values()]
        return {one.name for _, one in self.shelf.all() if not self.is_said(one, said)}

    def is_said(self, one: Passage, said: Sequence[str]) -> bool:
        """Whether a note says what a passage does; its year tells a machine that reads no Anki, too."""
        if "second" in self.without:
            return any(one.answer in note for note in said)
        year = "" if one.form == "block" else str(one.year)
        return any(one.name in note and one.answer in note and year in note for note in said)

    def do_backup(self, one: int, other: int) -> None:
        machine = self.here(other)
        if (machine.desk / ".ankiforge").exists() and machine.journal.exists():
            folder = self.folder / f"backup-{self.number}"
            folder.mkdir()
            shutil.copytree(machine.desk / ".ankiforge", folder / ".ankiforge")
            shutil.copy(machine.journal, folder)
            machine.backup = Backup(
                folder, set(machine.seen), set(machine.rejected), dict(machine.reworded),
                Counter(self.asked),
            )  # fmt: skip

    def do_put_back(self, one: int, other: int) -> None:
        """Put a backup back: all of it, or without its journal."""
        machine = self.here(other)
        if backup := machine.backup:
            shutil.rmtree(machine.desk / ".ankiforge", ignore_errors=True)
            shutil.copytree(backup.folder / ".ankiforge", machine.desk / ".ankiforge")
            if one % 2 or not machine.journal.exists():
                shutil.copy(backup.folder / "journal.jsonl", machine.journal)
                machine.rejected &= backup.rejected
                machine.reworded = {
                    guid: words
                    for guid, words in machine.reworded.items()
                    if backup.reworded.get(guid) == words
                }
            machine.seen &= backup.seen
            self.notice_unread()

    def do_unite(self, one: int, other: int) -> None:
        """Each journal gets the lines of the other, as a version control system merges them."""
        first, second = self.machines
        lines = [
            line
            for machine in self.machines
            if machine.journal.exists()
            for line in machine.journal.read_text("utf-8").splitlines()
        ]
        if lines:
            text = "\n".join(dict.fromkeys(lines)) + "\n"
            for machine in self.machines:
                machine.journal.write_text(text, encoding="utf-8")
                self.call(machine, "list", codes=(0, 1))
        for machine, there in ((first, second), (second, first)):
            now = {c["guid"]: c for c in self.cards(machine)}
            for guid in there.rejected:
                if now.get(guid, {}).get("verdict") == "rejected":
                    machine.rejected.add(guid)
            machine.rejected = {
                guid
                for guid in machine.rejected
                if now.get(guid, {}).get("verdict", "rejected") == "rejected"
            }
            machine.reworded = {
                guid: words
                for guid, words in machine.reworded.items()
                if guid in now and words in parts(now[guid]["fields"])
            }


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[at : at + 4]) for at in range(len(words) - 3)}


# --- histories ----------------------------------------------------------------------------------

WEIGHTS = {
    "run": 16, "load": 12, "typo": 5, "cite": 3, "insert": 3, "number": 6, "year": 3, "replace": 3,
    "name": 1, "add": 2, "cut": 4, "paste": 5, "copy": 1, "rename": 7, "split": 2, "drop": 1,
    "shuffle": 1, "rename_pdf": 2, "reprint": 2, "accept": 2, "accept_all": 1, "reject": 4,
    "reword": 3, "undo": 1, "resolve": 1, "review": 4, "type": 3, "tag": 2, "untag": 1, "delete": 2,
    "lose_ledger": 2, "lose_journal": 2, "lose_both": 1, "backup": 3, "put_back": 3, "unite": 2,
}  # fmt: skip


def steps_of(seed: int, count: int, without: Sequence[str] = ()) -> list[Step]:
    dice = random.Random(f"steps {seed}")
    weights = [0 if name in without else weight for name, weight in WEIGHTS.items()]
    names = dice.choices(list(WEIGHTS), weights, k=count)
    return [(name, dice.randrange(60), dice.randrange(60)) for name in names]


@contextmanager
def in_this_process() -> Iterator[None]:
    """Run the program without its waits, and read PDFs in this process."""
    with (
        patch.object(files, "QUIET_SECONDS", 0.0),
        patch.object(files, "EMPTY_SECONDS", 0.0),
        patch.object(collection, "_PAUSE_SECONDS", 0.02),
        patch.object(PdfWorker, "ask", lambda _, question: answer(question)),
    ):
        yield


def failure(
    seed: int, steps: Sequence[Step], without: Sequence[str], *, shared: bool = False
) -> str:
    """Return what went wrong in a history, "" if nothing."""
    with tempfile.TemporaryDirectory() as name:
        world = None
        try:
            world = World(Path(name).resolve(), seed, without, shared=shared)
            world.play(steps)
        except Wrong as wrong:
            return f"{wrong} [step {world.number if world else 0}]"
        except Exception as error:  # noqa: BLE001 - a fault of the program, or of this one
            return f"error: {type(error).__name__}: {error} [step {world.number if world else 0}]"
    return ""


def cut_down(
    seed: int, steps: list[Step], said: str, without: Sequence[str], *, shared: bool = False
) -> list[Step]:
    """Return as few of the steps as fail in the same way."""
    kind, replays, size = said.partition(":")[0], 0, max(len(steps) // 2, 1)
    while size and replays < REPLAYS:
        at = 0
        while at < len(steps) and replays < REPLAYS:
            fewer = steps[:at] + steps[at + size :]
            replays += 1
            if failure(seed, fewer, without, shared=shared).partition(":")[0] == kind:
                steps = fewer
            else:
                at += size
        size //= 2
    return steps


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("first", type=int, nargs="?", default=1)
    asked.add_argument("count", type=int, nargs="?", default=20)
    asked.add_argument("steps", type=int, nargs="?", default=STEPS)
    asked.add_argument("--play", help="the steps of one history, as JSON")
    more = (
        "steps to leave out, `second` (machine), `paper` (edits), `agree`, `rebuild`: year,second"
    )
    asked.add_argument("--without", default="", help=more)
    seen = "let both machines see the one collection, as in a profile that is synced"
    asked.add_argument("--shared", action="store_true", help=seen)
    asked.add_argument("--whole", action="store_true", help="do not cut failing histories down")
    said = asked.parse_args()
    without = said.without.split(",")
    with in_this_process():
        if said.play:
            steps = [tuple(step) for step in json.loads(said.play)]
            print(failure(said.first, steps, without, shared=said.shared) or "ok")
            return
        wrong, begun = 0, time.perf_counter()
        for seed in range(said.first, said.first + said.count):
            steps = steps_of(seed, said.steps, without)
            if what := failure(seed, steps, without, shared=said.shared):
                wrong += 1
                if not said.whole:
                    steps = cut_down(seed, steps, what, without, shared=said.shared)
                    what = failure(seed, steps, without, shared=said.shared)
                print(f"seed {seed}: {what}\n  --play '{json.dumps(steps)}'", flush=True)
    spent = time.perf_counter() - begun
    print(f"{said.count} histories of {said.steps} steps, {wrong} failed, {spent:.0f} s")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
