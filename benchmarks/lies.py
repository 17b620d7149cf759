"""Planted lies: how many the checks catch, by kind, and how often they alarm at honest cards.

    python -m benchmarks.lies [--missed] [--half dev|held-out|sentences|premises]

`lies.jsonl` holds drafts on passages of many fields and some languages: one lie each, named by
its kind, or none ("honest"). The half `dev` was tuned on. `held-out` was written before it was
run; what its false alarms taught was mended afterwards, so a new set would fare a little worse. `sentences` has true quotes with a sentence turned
around by a small word or another clause's verb; the author of the checks wrote it before
them, and tuned on six. `premises` has rated cards of `blind` and `wording`, and changed ones whose
question takes for granted what the passage does not say; no check was tuned on it.
Blocked: never a card; seen: blocked, or a person is warned.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ankiforge.check import CheckContext, DuplicateIndex, check_draft
from ankiforge.model import (
    CardContent,
    CardKind,
    Document,
    DocumentKey,
    Finding,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Severity,
)

SET = Path(__file__).with_name("lies.jsonl")
KEY = HighlightKey("pdf:0123456789abcdef/a")
HONEST = "honest"
HALVES = ("dev", "held-out", "sentences", "premises")


@dataclass(frozen=True)
class Planted:
    """One draft of the set, as the checks see it."""

    row: dict[str, Any]
    draft: CardContent
    highlight: Highlight

    @property
    def lies(self) -> bool:
        return str(self.row["kind"]) != HONEST

    def findings(self) -> tuple[Finding, ...]:
        return check_draft(self.draft, CheckContext(self.highlight, DuplicateIndex()))


def planted(path: Path = SET) -> list[Planted]:
    """All drafts of a set."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_planted(json.loads(line)) for line in lines]


def _planted(row: dict[str, Any]) -> Planted:
    document = Document(DocumentKey("pdf:0123456789abcdef"), "papers", row["title"])
    prefix, suffix = row.get("prefix", ""), row.get("suffix", "")
    highlight = Highlight(
        document,
        "pdf:0123456789abcdef",
        HighlightKind.HIGHLIGHT,
        row["passage"],
        KEY,
        prefix=prefix,
        suffix=suffix,
    )
    quote = row.get("quote", row["passage"])
    if "text" in row:
        kind, fields = CardKind.CLOZE, (("Text", row["text"]),)
    else:
        kind = CardKind.BASIC
        fields = (("Front", row["front"]), ("Back", row["back"]))
    return Planted(row, CardContent(KEY, kind, fields, Origin("llm"), quote), highlight)


def seen(found: Iterable[Finding], *weights: Severity) -> list[Finding]:
    """The findings of these severities."""
    return [finding for finding in found if finding.severity in weights]


def report(half: str, missed: bool) -> None:
    """Print one half: recall by kind, false alarms, and what was missed if asked."""
    lies: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    honest: list[tuple[bool, bool]] = []
    for one in planted():
        if one.row["half"] != half:
            continue
        found = one.findings()
        blocks, warns = seen(found, Severity.BLOCK), seen(found, Severity.WARN)
        weight = (bool(blocks), bool(blocks or warns))
        (lies[one.row["kind"]] if one.lies else honest).append(weight)
        if missed and (weight[1] != one.lies or (one.lies and not blocks)):
            _tell(one, blocks + warns)
    every = [weight for weights in lies.values() for weight in weights]
    print(f"\n{half}: {len(every)} lies, {len(honest)} honest cards")
    print(f"{'kind':<19}{'lies':>5}{'blocked':>9}{'seen':>7}")
    for kind, weights in sorted(lies.items()):
        print(f"{kind:<19}{_shares(weights)}")
    print(f"{'all lies':<19}{_shares(every)}")
    print(f"{'honest':<19}{_shares(honest)}")


def _shares(weights: list[tuple[bool, bool]]) -> str:
    blocked, alarmed = (sum(column) for column in zip(*weights, strict=True))
    count = len(weights)
    return f"{count:>5}{blocked / count:>9.0%}{alarmed / count:>7.0%}"


def _tell(one: Planted, found: list[Finding]) -> None:
    row = one.row
    card = row.get("text") or f"{row['front']} » {row['back']}"
    print(f"{row['id']} [{row['kind']}] {card}")
    for finding in found:
        print(f"    {finding.severity} {finding.check}: {finding.message}")


def pace() -> None:
    """Print what a draft costs."""
    drafts = planted()
    start = time.process_time()
    for one in drafts:
        one.findings()
    took = time.process_time() - start
    print(f"\n{1000 * took / len(drafts):.2f} ms of processor time a draft, all checks")


def main() -> None:
    """Print both halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--missed", action="store_true", help="tell each miss and false alarm"
    )
    parser.add_argument("--half", choices=HALVES)
    given = parser.parse_args()
    for half in (given.half,) if given.half else HALVES:
        report(half, given.missed)
    pace()


if __name__ == "__main__":
    main()
