"""However the marks of a note are cut, joined, drawn anew and moved: cards go with their evidence."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ankiforge.ledger import ingest as reading
from samples.pdf_writer import Page, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tests.examples import examples

few = examples(5)

SENTENCES = (
    "The minimum inhibitory concentration (MIC) is the lowest dose that prevents growth.",
    "The polymerase chain reaction (PCR) copies a piece of DNA many times over.",
    "The blood brain barrier (BBB) keeps most molecules away from the neurons.",
    "The default mode network (DMN) is busy while the mind wanders about.",
)
SPANS = [(start, end) for start in range(4) for end in range(start + 1, min(start + 4, 5))]
"""Marks over one sentence or several that follow one another; the rules draw three cards at most."""


def apart(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that overlap none before them."""
    kept: list[tuple[int, int]] = []
    for start, end in spans:
        if all(end <= first or last <= start for first, last in kept):
            kept.append((start, end))
    return sorted(kept)


MARKS = st.lists(st.sampled_from(SPANS), min_size=1, max_size=4).map(apart)
STEPS = st.tuples(MARKS, st.sampled_from(["", "", "rename", "reject", "edit", "lose"]))


def wording(span: tuple[int, int]) -> str:
    return " ".join(SENTENCES[slice(*span)])


@few
@given(steps=st.lists(STEPS, min_size=2, max_size=6))
@example(steps=[([(1, 4)], ""), ([(0, 1), (2, 4)], ""), ([(0, 1), (1, 3), (3, 4)], "")])
def test_a_quote_that_stands_keeps_its_one_card(forge_in, steps):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "GONE_AFTER_SECONDS", 0.0)
        story = Story(forge_in(Path(name)), Path(name) / "papers")
        for marks, what in steps:
            story.read(marks)
            story.check(marks)
            story.do(what)


class Story:
    """A paper that is marked anew again and again, and what was known of its cards."""

    def __init__(self, forge: Any, folder: Path) -> None:
        self.forge, self.folder, self.name = forge, folder, "paper.pdf"
        folder.mkdir()
        self.known: dict[str, str] = {}
        """Which card each quote was first drawn as."""
        self.here: set[str] = set()
        """The cards that this ledger has."""
        self.mine: dict[str, str] = {}
        self.rejected: set[str] = set()
        self.accepted: set[str] = set()

    def read(self, marks: list[tuple[int, int]]) -> None:
        drawn = tuple(mark(wording(span)) for span in marks)
        pages = [Page((paragraph(" ".join(SENTENCES)),), drawn)]
        write_pdf(self.folder / self.name, pages, title="Of Short Names")
        self.forge.ok("run", self.folder)

    def check(self, marks: list[tuple[int, int]]) -> None:
        cards = self.forge.cards()
        live = [card for card in cards if card["standing"] == "live"]
        twice = Counter((card["quote"], card["fields"].get("Front")) for card in live)
        assert not twice or max(twice.values()) == 1
        marked = {SENTENCES[n] for start, end in marks for n in range(start, end)}
        standing = {card["quote"]: card["guid"] for card in live if card["quote"] in marked}
        assert standing.keys() == marked
        for quote, guid in standing.items():
            assert self.known.setdefault(quote, guid) == guid
        by_guid = {card["guid"]: card for card in cards}
        assert self.here <= by_guid.keys()
        self.here = set(by_guid)
        assert {by_guid[guid]["verdict"] for guid in self.rejected & self.here} <= {"rejected"}
        mine = {guid: words for guid, words in self.mine.items() if guid in self.here}
        assert {guid: by_guid[guid]["fields"]["Back"] for guid in mine} == mine
        kept = (self.accepted - self.rejected) & self.here
        assert all(by_guid[guid]["standing"] == "live" for guid in kept)
        self.accepted |= {card["guid"] for card in live if card["verdict"] == "accepted"}

    def do(self, what: str) -> None:
        """One thing that happens beside the marking."""
        live = [c for c in self.forge.cards("verdict:accepted") if c["standing"] == "live"]
        if what == "rename":
            (self.folder / self.name).rename(self.folder / f"new {self.name}")
            self.name = f"new {self.name}"
        elif what == "lose":
            shutil.rmtree(self.forge.home / ".ankiforge")
            self.here = set()
        elif what == "reject" and live:
            self.forge.ok("reject", live[0]["guid"])
            self.rejected.add(live[0]["guid"])
        elif what == "edit" and live:
            self.mine[live[-1]["guid"]] = "my own words"
            self.forge.ok("edit", live[-1]["guid"], "--field", "Back", "my own words")


# --- the same paper in Zotero ---------------------------------------------------------------

DOI = "10.5555/names"
IN_ZOTERO = st.sets(st.integers(0, 3), min_size=1).map(sorted)
TURNS = st.tuples(IN_ZOTERO, MARKS, st.sampled_from([("papers",), ("Z",), ("papers", "Z")]))


@few
@given(turns=st.lists(TURNS, min_size=2, max_size=5))
@example(
    turns=[
        ([3], [(0, 1)], ("Z",)),
        ([0], [(3, 4)], ("papers",)),
        ([0], [(1, 4)], ("papers", "Z")),
    ]
)
@example(
    turns=[
        ([1], [(0, 1)], ("Z",)),
        ([1], [(1, 2), (2, 4)], ("papers",)),
        ([2], [(0, 1)], ("Z",)),
        ([0], [(0, 3)], ("papers",)),
    ]
)
@example(
    turns=[([0], [(0, 1)], ("papers",)), ([0], [(0, 1)], ("Z",)), ([0], [(0, 2)], ("papers",))]
)
def test_a_paper_read_by_two_routes_in_any_order_has_each_card_once(forge_in, turns):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "GONE_AFTER_SECONDS", 0.0)
        folder, forge = Path(name), forge_in(Path(name))
        known: dict[str, str] = {}
        for noted, marks, routes in turns:
            write_both(folder, noted, marks)
            for _ in range(2):  # gone is what two runs did not find
                forge("run", *(folder / route for route in routes))
            live = [card for card in forge.cards() if card["standing"] == "live"]
            cards = {card["quote"]: card["guid"] for card in live}
            assert len(cards) == len(live)
            marked = {SENTENCES[n] for n in noted} if "Z" in routes else set()
            if "papers" in routes:
                marked |= {SENTENCES[n] for start, end in marks for n in range(start, end)}
            assert marked <= cards.keys()
            assert known.items() <= cards.items()
            known = cards


def write_both(folder: Path, noted: list[int], marks: list[tuple[int, int]]) -> None:
    """A PDF with marks, and Zotero with annotations of the same paper."""
    for below in ("papers", "Z"):
        (folder / below).mkdir(exist_ok=True)
    drawn = tuple(mark(wording(span)) for span in marks)
    pages = [Page((paragraph(" ".join(SENTENCES)),), drawn)]
    write_pdf(folder / "papers" / "a.pdf", pages, title="Names", fields={"/Subject": f"doi:{DOI}"})
    annotations = tuple(Annotation(f"MARKAAA{n + 2}", SENTENCES[n], top=100 * n) for n in noted)
    attachment = Attachment("ATTACH01", "b.pdf", annotations)
    work = Work("PAPER001", {"title": "Short", "DOI": DOI}, attachments=(attachment,))
    write_zotero(folder / "Z" / "zotero.sqlite", [Library((work,))])
