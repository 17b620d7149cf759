"""Build a sheet for raters of the best cards of two programs, unmarked and shuffled.

python -m benchmarks.offers.sheets 3aed9b32=before.jsonl now=now.jsonl --sheet sheet.md --key key.json

Each file is what `ankiforge list verdict:waiting --json` of one program printed for the same source.
The key says whose each card is; a card of both programs stands in the sheet once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path
from random import Random
from typing import Any

_GAP = re.compile(r"\{\{c\d+::(.*?)(?:::[^}]*?)?\}\}")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
Card = dict[str, Any]


def card_of(line: str) -> Card:
    """Return what a rater sees of a draft: title, heading, its words, and its other gaps."""
    draft = json.loads(line)
    text = draft["fields"].get("Text") or " / ".join(draft["fields"].values())
    hidden = {_ESCAPE.sub(r"\1", gap) for gap in _GAP.findall(text)}
    others = [gap for gap in draft.get("gaps", []) if gap not in hidden]
    shown = _ESCAPE.sub(r"\1", _GAP.sub(r"⟦\1⟧", text))
    return {
        "title": draft["title"],
        "heading": draft["heading"],
        "text": " ".join(shown.split()),
        "others": others,
    }


def block(name: str, card: Card) -> str:
    """Return a card as it stands in the sheet."""
    heading = f" — {card['heading']}" if card["heading"] else ""
    others = f"or: {' · '.join(card['others'])}\n" if card["others"] else ""
    return f"## {name}\n{card['title']}{heading}\n\n{card['text']}\n{others}\n"


def main() -> None:
    """Write the sheet and its key."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--sheet", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--best", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    cards: dict[str, Card] = {}
    ranks: dict[str, dict[str, int]] = {}
    for program in options.programs:
        name, _, file = program.partition("=")
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        for rank, line in enumerate(lines[: options.best], 1):
            card = card_of(line)
            identity = json.dumps(card, ensure_ascii=False)
            cards[identity] = card
            ranks.setdefault(identity, {})[name] = rank

    identities = [*cards]
    Random(options.seed).shuffle(identities)
    sheet = []
    key = {}
    for number, identity in enumerate(identities, 1):
        name = f"c{number:03}"
        sheet.append(block(name, cards[identity]))
        sha256 = hashlib.sha256(cards[identity]["text"].encode()).hexdigest()[:16]
        key[name] = {"sha256": sha256, "twenty": ranks[identity]}
    options.sheet.write_text("".join(sheet), encoding="utf-8")
    options.key.write_text(json.dumps(key, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
