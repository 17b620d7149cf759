"""How many plain facts and definitions of textbooks are proposed, and how first tens were rated.

    python -m benchmarks.plain_facts.measure [dev]

Each `*.txt` has sixty facts of one language, the same in all; rules were written with the first forty in
view (`dev`), the last twenty are for measuring only. `definitions/*.txt` are for measuring only, too.
Unasked is what a run counts: the sentences are marked in a vault of study notes, one note for five
sentences, and in a Kindle's clippings.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from ankiforge.draft.propose import propose_drafts
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
)
from ankiforge.pipeline.proposals import find_blocking_messages_for_gap
from tests.makers.clippings import write_clippings

HERE = Path(__file__).parent
SEEN = 40
IN_A_NOTE = 5


def is_proposed(fact):
    """Return whether a fact that is marked alone has a proposal."""
    highlight = Highlight(
        document=Document(DocumentKey("d"), source="s", title=""),
        namespace="kindle:d",
        kind=HighlightKind.HIGHLIGHT,
        exact=fact,
        key=HighlightKey("x"),
    )
    return bool(propose_drafts(highlight, find_blocking_messages_for_gap).drafts)


def count_unasked(write, sentences):
    """Return how many sentences have a proposal that is shown unasked in a workspace of them."""
    with tempfile.TemporaryDirectory() as name:
        desk = Path(name)
        home = dict.fromkeys(("HOME", "ANKIFORGE_HOME", "ANKI_BASE"), str(desk / "home"))
        environment = {**os.environ, **home, "ANKIFORGE_TRUST": name}
        (desk / "ankiforge.yaml").write_text(write(desk, sentences), "utf-8")

        def forge(*words):
            command = [sys.executable, "-m", "ankiforge", *words]
            return subprocess.run(
                command, cwd=desk, env=environment, check=True, capture_output=True
            ).stdout

        forge("run", "-q")
        rows = map(json.loads, forge("--json", "list").splitlines())
        return sum(row.get("certain", False) for row in rows)


def write_notes(desk, sentences):
    """Write a vault of notes in which each sentence is a marked paragraph."""
    (desk / "notes" / ".obsidian").mkdir(parents=True)
    for number in range(0, len(sentences), IN_A_NOTE):
        paragraphs = [f"=={each}==\n" for each in sentences[number : number + IN_A_NOTE]]
        note = desk / "notes" / f"Lecture {number // IN_A_NOTE + 1}.md"
        note.write_text("\n".join(paragraphs), "utf-8")
    return "sources:\n- obsidian: {name: notes, path: notes}\n"


def write_kindle(desk, sentences):
    """Write the clippings of a book with these sentences."""
    write_clippings(
        desk / "My Clippings.txt", [("A Book (Ada)", each) for each in sentences]
    )
    return "sources:\n- kindle: {name: kindle, path: My Clippings.txt}\n"


def main(part):
    for path in sorted(HERE.glob("*.txt")):
        facts = path.read_text("utf-8").splitlines()
        facts = facts[:SEEN] if part == "dev" else facts[SEEN:]
        unasked = count_unasked(write_notes, facts)
        print(
            f"{path.stem}, plain facts: {sum(map(is_proposed, facts))} of {len(facts)}"
            f" proposed, {unasked} unasked in notes"
        )
    for path in sorted((HERE / "definitions").glob("*.txt")):
        definitions = path.read_text("utf-8").splitlines()
        in_notes = count_unasked(write_notes, definitions)
        on_kindle = count_unasked(write_kindle, definitions)
        print(
            f"{path.stem}, definitions: of {len(definitions)} unasked"
            f" {in_notes} in notes, {on_kindle} on a Kindle"
        )
    ratings = defaultdict(Counter)
    for line in (HERE / "first_tens.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        script = (
            "Chinese" if row["source"].startswith(("Mingxin", "chinadiaosi")) else "Latin"
        )
        for maker in row["makers"]:
            ratings[maker, script][row["rating"]] += 1
    for key, counts in sorted(ratings.items()):
        print(*key, dict(counts))


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["held"]))
