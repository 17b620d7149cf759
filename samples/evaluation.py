"""Builds the highlights that `ankiforge eval` draws cards for, from the texts beside this file.

    python -m samples.evaluation

A text is Markdown with a YAML head; what a reader marked stands between `⟦` and `⟧`, and for
each mark the head says, in order, whether it deserves a card, why, and the reader's comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ankiforge.text.sentences import sentence_around

TEXTS = Path(__file__).parent / "evaluation"
TARGET = Path(__file__).parents[1] / "evaluation" / "highlights.jsonl"
AROUND = 80
"""Characters of prefix and suffix, as `extract` gives them."""
OPEN, CLOSE = "⟦", "⟧"
_HEADING = re.compile(r"^## (.+)\n+", re.MULTILINE)
_MARK = re.compile(rf"{OPEN}(.*?){CLOSE}", re.DOTALL)


def build() -> str:
    """All highlights, a JSON object a line."""
    found = [one for path in sorted(TEXTS.glob("*.md")) for one in highlights(path)]
    return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in found)


def highlights(path: Path) -> Iterator[dict[str, Any]]:
    """The marks of one text, in reading order."""
    _, head_text, body = path.read_text(encoding="utf-8").split("---\n", 2)
    head = yaml.safe_load(head_text)
    marks, number = iter(head["marks"]), 0
    for section, (heading, text) in enumerate(sections(body)):
        for exact, start, plain in marked(text):
            number += 1
            page = str(head["page"] + section) if "page" in head else ""
            around = {"page_label": page, "heading": heading, **context(plain, start, exact)}
            yield highlight(path.stem, number, head, {"exact": exact, **around}, next(marks))
    assert next(marks, None) is None, f"{path.name}: more marks in the head than in the text"


def sections(body: str) -> Iterator[tuple[str, str]]:
    """(heading, text) of each part; what stands before the first heading has none."""
    parts = _HEADING.split(body)
    yield from (
        (head, text.strip()) for head, text in zip(["", *parts[1::2]], parts[::2], strict=True)
    )


def marked(text: str) -> Iterator[tuple[str, int, str]]:
    """(the marked words, where they begin, the text without mark signs)."""
    plain = text.replace(OPEN, "").replace(CLOSE, "")
    for nth, found in enumerate(_MARK.finditer(text)):
        yield found[1], found.start() - 2 * nth, plain


def context(plain: str, start: int, exact: str) -> dict[str, str]:
    """What stands around a mark; the sentence only where the mark is not all of it."""
    end = start + len(exact)
    first, last = plain.rfind("\n\n", 0, start) + 2, plain.find("\n\n", end)
    first, last = max(first - 2, 0) if first == 1 else first, len(plain) if last < 0 else last
    paragraph = plain[first:last]
    span = sentence_around(paragraph, start - first, end - first)
    sentence = paragraph[slice(*span)]
    return {
        "prefix": plain[max(start - AROUND, 0) : start],
        "suffix": plain[end : end + AROUND],
        "sentence": "" if sentence == exact else sentence,
    }


def highlight(
    text: str, number: int, head: dict[str, Any], found: dict[str, str], mark: dict[str, Any]
) -> dict[str, Any]:
    """One line, in the shape of `extract --json`, with what a rater would say of it."""
    document = {
        "key": f"eval:{text}",
        "title": head["title"],
        "creators": head.get("creators", []),
        "issued": head.get("issued", ""),
        "identifiers": {},
    }
    return {
        "key": f"eval:{text}/{number}",
        "source": head["source"],
        "kind": "highlight",
        "form": "mark",
        "gaps": [],
        **found,
        "comment": mark.get("comment", ""),
        "document": document,
        "deserves": mark["deserves"],
        "why": mark["why"],
    }


if __name__ == "__main__":
    TARGET.write_text(build(), encoding="utf-8")
