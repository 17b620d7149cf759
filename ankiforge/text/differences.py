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
    """Split the whitespace off the start of each run that differs and has words."""
    split_runs: Runs = []
    for differs, words in runs:
        if not differs or not words or not words[0].strip():
            split_runs.append((differs, words))
            continue
        first, *others = words
        content = first.lstrip()
        whitespace = first.removesuffix(content)
        if whitespace:
            split_runs.append((False, [whitespace]))
        split_runs.append((True, [content, *others]))
    return split_runs


def mark_differing_words(old: str, new: str) -> tuple[str, str]:
    """Return (old text, new text) with the words that differ marked as bold for the terminal."""
    old_runs, new_runs = diff_words(old, new)
    return _mark_runs(old_runs), _mark_runs(new_runs)


def _mark_runs(runs: Runs) -> str:
    """Join the words of runs, and mark the runs that differ as bold."""
    marked = ""
    for differs, words in runs:
        text = "".join(words)
        if differs and text.strip():
            text = mark_bold(text)
        marked += text
    return marked
