"""At one moment, everything that shows what waits shows the same number, and its parts add up to it.

Generated workspaces have notes, a paper and clippings of a reader, with private text and without, and
are looked at after each step of a life: runs, decisions, a chat's answer, changed sources, undo.
"""

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.features.agents.agent import TOOLS, AgentSession
from ankiforge.hooks import collect_page_parts
from ankiforge.pipeline.workspace import Workspace
from ankiforge.web.documents import PageRenderer
from ankiforge.web.session import ReviewSession
from tests.conftest import Forge
from tests.examples import examples
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

FACTS = (
    "Osmosis is the diffusion of water through a semipermeable membrane.",
    "Mitosis is the division of a cell into two equal daughter cells.",
    "Erosion is the removal of soil and rock by water, wind or ice.",
    "Entropy is the measure of the disorder of a physical system.",
    "The Suez Canal connects the Mediterranean with the Red Sea since 1869.",
    "The Peace of Westphalia ended the Thirty Years' War in 1648.",
)
LESS_CERTAIN = (
    "Such a treaty may also have changed how the smaller states bargained with others.",
    "Confidence in one's own memory often went the other way in these experiments.",
)
PLAIN = ("so much for that", "As we saw above.", "It took years.")
LINES = (
    "What is a ribosome?::a maker of proteins",
    "What is a nucleus?::the home of the genes",
    "The {{c1::Amazon}} carries more water than the {{c2::Nile}}.",
    "What does the word “it” in the last line of the second page stand for?::that",
)
DOUBTED = (
    "Capital of Peru :: Lima\n\nCapital of Chile :: Santiago\n\nDriest desert :: Atacama"
)
SENTENCES = st.sampled_from((*FACTS, *LESS_CERTAIN, *PLAIN))
MARKS = st.lists(SENTENCES, min_size=1, max_size=2, unique=True).map(
    lambda sentences: f"=={' '.join(sentences)}=="
)
PHRASES = st.sampled_from(FACTS).map(
    lambda fact: fact.replace(fact.split()[1], f"=={fact.split()[1]}==", 1)
)
NOTES = st.lists(
    st.one_of(MARKS, MARKS, PHRASES, st.sampled_from(LINES), st.just(DOUBTED)),
    min_size=1,
    max_size=5,
    unique=True,
)
STEPS = (
    *("accept", "accept", "accept all", "reject", "take", "drop", "answer", "refuse"),
    *("edit", "chat", "change", "mark less", "undo", "copy", "private", "skip"),
)
LIVES = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 20)), max_size=6)


# --- what each place says ---------------------------------------------------------------


def add_up(counts: dict[str, int]) -> int:
    """Return the total of counts whose parts add up to it."""
    assert counts["new"] + counts["changed"] + counts["questions"] == counts["total"]
    return counts["total"]


def read_phrase(text: str) -> int:
    """Return the number in a phrase such as `3 waiting: 2 new cards, 1 question`."""
    found = re.search(
        r"([\d,]+) (?:[a-z ]+ )?waiting(?: in all sources)?(?:: (.*))?", text
    )
    if not found:
        return 0
    total = int(found[1].replace(",", ""))
    if found[2]:
        assert sum(map(int, re.findall(r"\d+", found[2]))) == total, text
    return total


def count_listed(forge: Forge) -> dict[str, int]:
    """Count the rows of `list --json` by the decision for which they wait."""
    counts = {"card": 0, "change": 0, "question": 0}
    more = 0
    for row in forge.ok("list", "--json", "--more").lines:
        if row["decision"] and row["certain"]:
            counts[row["decision"]] += 1
        elif row["decision"]:
            more += 1
    rows = [row for row in forge.ok("list", "--json").lines if row["decision"]]
    assert len(rows) == sum(counts.values())
    assert all(row["by"] for row in rows if row["decision"] == "card")
    return {**counts, "more": more}


def count_signs(forge: Forge) -> int:
    """Count the rows of `list` that wait; its headings and the last line say the same number."""
    text = forge.ok("list").stdout
    signs = re.findall(r"(?m)^(?:[a-z0-9]+) ([○?!]) ", text)
    by_heading = sum(
        int(number.replace(",", ""))
        for number in re.findall(r"(?m)^\S.*?  ([\d,]+) waiting", text)
    )
    assert by_heading == len(signs), text
    return len(signs)


def count_row(row: dict[str, Any]) -> int:
    """Return how many decisions wait in a row of the shelf."""
    if row["waiting"] or not row["is_open"] or row["id"] == "failing":
        return int(row["waiting"])
    number = re.match(r"([\d,]+) in ", row["rest"])  # of a folder with small documents
    assert number, row
    return int(number[1].replace(",", ""))


def check_page(workspace: Workspace, total: int) -> None:
    """Compare the shelf, its rows and their sittings with the number of all that waits."""
    parts = lambda *known: collect_page_parts(*known)  # noqa: E731
    session = ReviewSession(workspace, PageRenderer(), get_parts=parts)
    shelf = session.render_documents()
    assert add_up(shelf["counts"]) == total
    assert read_phrase(shelf["waiting"]) == total
    best = [row for row in shelf["documents"] if row["id"] == "best"]
    rows = [row for row in shelf["documents"] if row["id"] != "best"]
    assert all(str(total) in row["title"] for row in best)
    assert sum(map(count_row, rows)) == total, rows
    for row in rows:
        if "list" in row:
            sitting = session.render_list(row["id"])
        else:
            sitting = session.start_document_sitting(row["id"])
        waits = count_row(row)
        assert sitting.get("waiting", waits) == waits, (row, sitting)
        is_about_others = sitting.get("more") or sitting.get("without")
        assert bool(waits) == bool(sitting["items"] and not is_about_others), sitting


def ask_agent(forge: Forge) -> dict[str, int]:
    """Return the counts that an agent is told."""
    from contextlib import contextmanager

    @contextmanager
    def open_workspace(lock: str) -> Any:
        with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
            yield opened

    [tool] = [each for each in TOOLS if each.name == "list_cards"]
    return AgentSession(open_workspace).call_tool(tool, {"state": "waiting"})["waiting"]


def check_numbers(forge: Forge, said: str | None = None) -> None:
    status = forge.json("status")
    counts = status["waiting"]
    total = add_up(counts)
    listed = count_listed(forge)
    assert listed == {
        "card": counts["new"],
        "change": counts["changed"],
        "question": counts["questions"],
        "more": counts["more"],
    }
    assert count_signs(forge) == total
    assert read_phrase(forge.ok("status").stdout) == total
    highlights = status["highlights"]
    assert sum(highlights.values()) == 2 * highlights["total"]
    if said is not None:
        assert read_phrase(said) == total, said
    with forge.here():
        with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
            check_page(opened, total)
        assert ask_agent(forge) == counts


# --- a life -----------------------------------------------------------------------------


class Life:
    """A workspace of notes, a paper and clippings, and what its owner does."""

    def __init__(self, folder: Path, notes: list[list[str]], paper: list[str]) -> None:
        self.forge = Forge(folder)
        self.notes = self.forge.folder / "notes"
        self.notes.mkdir()
        self.forge.settings(
            "sources: [{obsidian: {name: notes, path: notes}}, {pdf: {name: papers, path: papers}},"
            " {kindle: {path: clippings}}]\naccept: {rules: review}\nanki: {collection: none}\n",
            proposals=True,
        )
        for number, blocks in enumerate(notes):
            text = "\n\n".join((f"# Note {number}", *blocks))
            (self.notes / f"Note {number}.md").write_text(f"{text}\n", encoding="utf-8")
        (self.forge.folder / "papers").mkdir()
        if paper:
            content = tuple(map(paragraph, paper)), tuple(map(mark, paper))
            write_pdf(
                self.forge.folder / "papers/A paper.pdf",
                [Page(*content)],
                title="A paper",
            )
        (self.forge.folder / "clippings").mkdir()
        clippings = [
            f"A book (An Author)\n- Your Highlight on page {page} | Location {page}0-{page}1 |"
            f" Added on Monday, 2 March 2026 10:00:0{page}\n\n{text}\n==========\n"
            for page, text in enumerate(paper[::-1], 1)
        ]
        file = self.forge.folder / "clippings/My Clippings.txt"
        file.write_text("".join(clippings), encoding="utf-8")

    def choose(self, number: int, **wanted: str) -> list[str]:
        """Return the id of one of the listed rows with some values, if there is any."""
        ids = [
            row["id"] or row["highlight"]
            for row in self.forge.ok("list", "--json").lines
            if all(row.get(name) == value for name, value in wanted.items())
        ]
        return [ids[number % len(ids)]] if ids else []

    def choose_note(self, number: int) -> Path:
        files = sorted(self.notes.glob("*.md"))
        return files[number % len(files)]

    def perform(self, step: str, number: int) -> str | None:
        """Do one thing. Return what a run said, if it was one."""
        forge = self.forge
        match step:
            case "accept" | "reject" | "skip":
                ids = self.choose(number, decision="card", certain=True)
                if step == "skip" and ids:
                    rows = forge.ok("list", "--json").lines
                    [row] = [
                        each
                        for each in rows
                        if ids[0] in (each["id"], each.get("highlight"))
                    ][:1]
                    forge("reject", row["highlight"])
                elif ids:
                    forge(step, *ids)
            case "take" | "drop":
                ids = self.choose(number, decision="change")
                ids and forge({"take": "accept", "drop": "reject"}[step], *ids)
            case "answer" | "refuse":
                ids = self.choose(number, decision="question")
                ids and forge({"answer": "accept", "refuse": "reject"}[step], *ids)
            case "accept all":
                forge.ok("accept", "--all")
            case "edit":
                ids = self.choose(number, verdict="accepted", kind="basic")
                ids and forge("edit", *ids, "--field", "Back", f"my own words {number}")
            case "undo":
                forge("undo", "--yes")
            case "chat":
                self.ask_chat(number)
            case "change" | "mark less" | "private" | "copy":
                self.change_note(step, number)
                return forge.ok("run").stdout
        return None

    def ask_chat(self, number: int) -> None:
        """Let a chat make a card of one of the highlights without a card."""
        asked = self.forge("list", "--no-card", "--json").lines
        if not asked:
            return
        row = asked[number % len(asked)]
        card = {
            "kind": "basic",
            "front": f"Which question has the number {number}?",
            "back": row["exact"].split()[0],
            "quote": row["exact"],
        }
        answer = self.forge.folder / "answer.md"
        answer.write_text(json.dumps({"cards": [card]}), encoding="utf-8")
        self.forge("draft", "import", answer)

    def change_note(self, step: str, number: int) -> None:
        file = self.choose_note(number)
        text = file.read_text("utf-8")
        match step:
            case "change":
                for old, new in (
                    ("water", "liquid"),
                    ("1648", "1649"),
                    ("a maker", "the maker"),
                ):
                    text = text.replace(old, new)
            case "mark less":
                text = text.replace("==", "", 2)
            case "private":
                text = f"{text}\n#no-llm\n"
            case "copy":
                file = file.with_stem(f"{file.stem} again")
        file.write_text(text, encoding="utf-8")


@settings(
    examples(12, HealthCheck.data_too_large), phases=(Phase.explicit, Phase.generate)
)
@given(
    st.lists(NOTES, min_size=1, max_size=3),
    st.lists(SENTENCES, max_size=3, unique=True),
    LIVES,
)
def test_everything_that_shows_what_waits_shows_one_number(notes, paper, steps):
    folder = Path(tempfile.mkdtemp())
    try:
        life = Life(folder, notes, paper)
        check_numbers(life.forge, life.forge.ok("run").stdout)
        for step, number in steps:
            check_numbers(life.forge, life.perform(step, number))
    finally:
        shutil.rmtree(folder)
