"""The word lists in `data/`: sections of words, each line labelled with a language or a meaning."""

from __future__ import annotations

from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
Words = frozenset[str]
Table = dict[str, dict[str, tuple[str, ...]]]
"""The words by section, and by the label of their line."""


@cache
def read_table(path: Path) -> Table:
    """Read a table: `[section]`, `label: words`; lines without a label continue the one before."""
    table: Table = {}
    lines: dict[str, tuple[str, ...]] = {}
    label = ""
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            lines = table.setdefault(line.strip("[]"), {})
            continue
        head, colon, words = line.partition(":")
        if colon and not line[0].isspace():
            label = head
        else:
            words = line
        lines[label] = (*lines.get(label, ()), *words.split())
    return table


def read_weights(path: Path) -> dict[str, float]:
    """Read weights: a feature and a number on each line."""
    weights = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            feature, _, number = line.partition(" ")
            weights[feature] = float(number)
    return weights


def section(file: str, name: str) -> dict[str, tuple[str, ...]]:
    """Return the words of a section of `data/FILE.txt` by label."""
    return read_table(DATA / f"{file}.txt")[name]


@cache
def listed(file: str, name: str, label: str | None = None) -> Words:
    """Return the words of a section, casefolded: all, or those of one label."""
    lines = section(file, name)
    lists = lines.values() if label is None else [lines.get(label, ())]
    return frozenset(word.casefold() for words in lists for word in words)


def by_word(file: str, name: str) -> dict[str, str]:
    """Return the label of each word of a section."""
    labels = {}
    for label, words in section(file, name).items():
        labels.update(dict.fromkeys(words, label))
    return labels


def alternatives(file: str, name: str) -> str:
    """Return the words of a section as alternatives of a pattern; `_` stands for a blank."""
    lines = section(file, name).values()
    return "|".join("|".join(words) for words in lines).replace("_", " ")
