"""Checks switched off one after the other: what is found with each group of rules, and without it.

    python -m benchmarks.ablation [--rules]

A group is a module of `ankiforge/check`; `--rules` tells it rule by rule. The passages are ones
that no rule was written on; but the faults of `fresh_lies.jsonl` were planted by somebody who knew
the checks, and rules were dropped by the same material that scores them here:

- faults: those of `fresh_lies.jsonl` (152 on 32 passages of textbooks),
  `blind/lies.jsonl`, the half `held-out` of `lies.jsonl`, and the cards of `spoiled`;
- honest: the true cards of the same files and of `honest.jsonl`, and those of `blind` and `wording`
  that no two raters found fault with;
- small model: the cards of a real model with 1.5 thousand million parameters (`small_model.jsonl`,
  one rater): how often each rule finds a faulty card, and a sound one;
- duplicates: of the pairs in `fresh_pairs.jsonl` and `tests/check/more_pairs.jsonl`, how many
  are told right.

A rule that finds no fault alone, and is no guard of a promise, may go.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ankiforge import check
from ankiforge.model import (
    CardContent,
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Severity,
)
from benchmarks import duplicates, lies, spoiled

HERE = Path(__file__).parent
CHECKS = Path(check.__file__).parent
PAIRS = (
    HERE / "fresh_pairs.jsonl",
    HERE.parent / "tests" / "check" / "more_pairs.jsonl",
)
RATED = ("alone", "true", "one", "atomic", "short", "target", "formed", "natural")
Rules = frozenset[str]


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def passage(row: dict[str, Any]) -> Highlight:
    """Return a marked passage of a set of cards."""
    document = Document(DocumentKey(f"bench:{row['id']}"), "bench", row.get("work", ""))
    paragraph = row.get("paragraph", "")
    return Highlight(
        document=document,
        namespace=document.key,
        kind=HighlightKind.HIGHLIGHT,
        key=HighlightKey(f"{document.key}/1"),
        exact=row.get("marked") or paragraph,
        surrounding_text=paragraph,
        heading=row.get("heading", ""),
        comment=row.get("comment") or "",
    )


def card(row: dict[str, Any], highlight: Highlight) -> CardContent:
    """Return a card as a model answers it."""
    fields = {name.casefold(): words for name, words in row.get("fields", row).items()}
    quote = row.get("quote") or highlight.exact
    if fields.get("text"):
        kind, named = CardKind.CLOZE, (("Text", fields["text"]),)
    else:
        kind = CardKind.BASIC
        named = (("Front", fields["front"]), ("Back", fields["back"]))
    return CardContent(highlight.key, kind, named, Origin("llm"), quote)


def rules_of(draft: CardContent, highlight: Highlight) -> Rules:
    """Return the rules by which a card is blocked or warned about."""
    context = check.CheckContext(highlight, check.DuplicateIndex())
    found = check.check_draft(draft, context)
    return frozenset(each.check for each in found if each.severity is not Severity.INFO)


def drawn() -> Iterator[tuple[bool, Rules]]:
    """Yield (whether a card has a fault, the rules that it breaks) of all cards."""
    planted = lies.planted(HERE / "fresh_lies.jsonl")
    planted += [each for each in lies.planted() if each.row["half"] == "held-out"]
    for each in planted:
        yield each.lies, rules_of(each.draft, each.highlight)
    for kind in spoiled.SPOILERS:
        for item, highlight in spoiled.spoiled(kind):
            yield True, rules_of(spoiled.draft_of(item, highlight), highlight)
    for item, highlight in spoiled.honest():
        yield False, rules_of(spoiled.draft_of(item, highlight), highlight)

    passages = {row["id"]: passage(row) for row in rows(HERE / "blind/passages.jsonl")}
    for row in rows(HERE / "blind/lies.jsonl"):
        highlight = passages[row["id"]]
        yield True, rules_of(card(row, highlight), highlight)
    for folder, id in (("blind", "card"), ("wording", "id")):
        passages = {
            row["id"]: passage(row) for row in rows(HERE / folder / "passages.jsonl")
        }
        ratings = rows(HERE / folder / "ratings.jsonl")
        for row in rows(HERE / folder / "cards.jsonl"):
            rated = [each for each in ratings if each["card"] == row[id]]
            faults = [sum(1 - each[name] for each in rated) for name in RATED]
            highlight = passages[row["passage"]]
            if max(faults) < 2 and highlight.exact:
                yield False, rules_of(card(row, highlight), highlight)


def by_small_model() -> Iterator[tuple[bool, Rules]]:
    """Yield (whether a card has a fault, the rules that it breaks) of a small model's cards."""
    for row in rows(HERE / "small_model.jsonl"):
        highlight = passage(row)
        yield bool(row["faults"]), rules_of(card(row, highlight), highlight)


def groups(*, by_rule: bool) -> Iterator[tuple[str, int, Rules]]:
    """Yield the name, code lines and rules of each group."""
    if by_rule:
        for rule in check.RULES:
            yield rule.id, 0, frozenset((rule.id,))
        return
    for path in sorted(CHECKS.glob("*.py")):
        text = path.read_text("utf-8")
        named = (rule.id for rule in check.RULES if f'"{rule.id}"' in text)
        if "@needs(Needs" in text:
            yield path.stem, code_lines(text), frozenset(named)


def code_lines(text: str) -> int:
    """Return the number of lines with code: no comments, docstrings and blanks."""
    signs = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines = set[int]()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (*signs, tokenize.COMMENT, tokenize.ENDMARKER):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", action="store_true", help="rule by rule")
    by_rule = parser.parse_args().rules
    cards = list(drawn())
    faulty = [broken for is_fault, broken in cards if is_fault]
    honest = [broken for is_fault, broken in cards if not is_fault]

    def figures(off: Rules) -> tuple[int, int]:
        """Return what is left of the figures without some rules."""
        return (
            sum(bool(broken - off) for broken in faulty),
            sum(bool(broken - off) for broken in honest),
        )

    every = figures(frozenset())
    print(f"{len(faulty)} faults, {len(honest)} honest cards")
    print(f"{'off':<22}{'lines':>6}{'found':>7}{'alarms':>8}")
    print(f"{'nothing':<22}{'':>6}{every[0]:>7}{every[1]:>8}")
    for name, lines, rules in groups(by_rule=by_rule):
        found, alarms = figures(rules)
        print(f"{name:<22}{lines or '':>6}{found:>7}{alarms:>8}")
    small = list(by_small_model())
    on_faulty = Counter(rule for is_fault, rules in small if is_fault for rule in rules)
    on_sound = Counter(
        rule for is_fault, rules in small if not is_fault for rule in rules
    )
    faults = sum(is_fault for is_fault, _ in small)
    unseen = sum(is_fault and not rules for is_fault, rules in small)
    print(
        f"small model: {faults} of {len(small)} cards are faulty, {unseen} of them unnoticed"
    )
    for rule in sorted(on_faulty | on_sound):
        print(f"  {rule:<20}{on_faulty[rule]:>6} faulty{on_sound[rule]:>6} sound")
    pairs = [pair for path in PAIRS for pair in rows(path)]
    right = sum(any(duplicates.judge(pair)) == bool(pair["label"]) for pair in pairs)
    print(f"duplicates: {right} of {len(pairs)} pairs told right")


if __name__ == "__main__":
    main()
