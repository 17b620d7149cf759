"""How often the offline rules make a card of running text, and which: a sample to rate by hand.

    python benchmarks/rules.py FOLDER [--sample 20] [--seed 1]

FOLDER holds Markdown. Highlights are simulated: windows of one or two sentences, and items of
lists, of every paragraph; harder than what a person marks. What is good is for a person to say.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ankiforge.draft import Rules
from ankiforge.model import (
    Document,
    DocumentKey,
    Form,
    Highlight,
    HighlightKey,
    HighlightKind,
    Task,
)
from ankiforge.text.markdown import plain
from ankiforge.text.sentences import sentences

_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.)\s)")
_NO_PROSE = ("#", "|", "!", "<", ":", "$$", ">")
_ITEM = re.compile(r"(?:[-*+]|\d+\.)\s+")
DOCUMENT = Document(DocumentKey("pdf:text"), "texts", "Text")


def paragraphs(folder: Path) -> Iterator[str]:
    """The prose of all Markdown files below a folder, blanks made one."""
    for path in sorted(folder.rglob("*.md")):
        text = path.read_text(encoding="utf-8", errors="replace")
        for part in _PARAGRAPH.split(re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL)):
            words = " ".join(part.split())
            if len(words) > 20 and not words.startswith(_NO_PROSE):
                yield words


def windows(paragraph: str, chance: random.Random) -> Iterator[str]:
    """One or two sentences at a time; an item of a list whole."""
    if item := _ITEM.match(paragraph):
        yield paragraph[item.end() :]
        return
    spans = sentences(paragraph)
    while spans:
        taken = chance.choice((1, 2))
        group, spans = spans[:taken], spans[taken:]
        yield paragraph[group[0][0] : group[-1][1]]


def highlight(number: int, written: str) -> Highlight:
    """A passage of a note that was marked as a whole."""
    exact = plain(written)
    return Highlight(
        DOCUMENT, "vault:texts", HighlightKind.HIGHLIGHT, exact, HighlightKey(f"vault:texts/{number}"),
        form=Form.PHRASE, gaps=((0, len(exact)),), markdown=(written,),
    )  # fmt: skip


def main() -> None:
    """Print the yield and a sample of each rule."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    passages = [one for text in paragraphs(given.folder) for one in windows(text, chance)]
    marked = (highlight(*numbered) for numbered in enumerate(passages))
    made: dict[str, set[str]] = defaultdict(set)
    carded = 0
    for result in Rules().draft(Task(DOCUMENT, (one,)) for one in marked):
        carded += bool(result.drafts)
        for draft in result.drafts:
            made[draft.origin.drafter].add(" » ".join(words for _, words in draft.fields))
    print(f"{len(passages):,} passages, {carded:,} with a card")
    for rule, cards in sorted(made.items()):
        print(f"\n{rule}: {len(cards)} different cards")
        for card in chance.sample(sorted(cards), min(given.sample, len(cards))):
            print(f"  {card}")


if __name__ == "__main__":
    main()
