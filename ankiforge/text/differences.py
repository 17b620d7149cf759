"""Find the words in which two versions of a text differ."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from ankiforge.text import mark_bold, regex

_WORD = regex(r"\s*\S+\s*$|\s*\S+")

Runs = list[tuple[bool, list[str]]]
"""A list of (whether the run differs from the other text, tokens of the run) pairs."""


def diff_tokens(
    old_tokens: Sequence[str], new_tokens: Sequence[str]
) -> tuple[Runs, Runs]:
    """Compare two lists of tokens, and split each into runs that differ and runs that don't.

    Returns:
        (old runs, new runs).
    """
    matcher = SequenceMatcher(a=old_tokens, b=new_tokens, autojunk=False)
    old_runs: Runs = []
    new_runs: Runs = []
    for operation, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        differs = operation != "equal"
        old_runs.append((differs, list(old_tokens[old_start:old_end])))
        new_runs.append((differs, list(new_tokens[new_start:new_end])))
    return old_runs, new_runs


def diff_words(old: str, new: str) -> tuple[Runs, Runs]:
    """Compare two texts word by word, and split each as `diff_tokens` does.

    The whitespace before a run that differs is a run of its own, which doesn't differ.
    """
    old_runs, new_runs = diff_tokens(_WORD.findall(old), _WORD.findall(new))
    return _split_off_whitespace(old_runs), _split_off_whitespace(new_runs)


def _split_off_whitespace(runs: Runs) -> Runs:
    split_runs: Runs = []
    for differs, words in runs:
        first = words[0].lstrip() if differs and words else ""
        if first and first != words[0]:
            split_runs.append((False, [words[0][: -len(first)]]))
            words = [first, *words[1:]]
        split_runs.append((differs, words))
    return split_runs


def mark_differing_words(old: str, new: str) -> tuple[str, str]:
    """Return (old text, new text) with the words that differ marked as bold for the terminal."""
    marked_texts = []
    for runs in diff_words(old, new):
        parts = []
        for differs, words in runs:
            text = "".join(words)
            parts.append(mark_bold(text) if differs and text.strip() else text)
        marked_texts.append("".join(parts))
    return marked_texts[0], marked_texts[1]
