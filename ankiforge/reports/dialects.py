"""Which other tools a vault was written for, by marks that nothing else leaves."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

_SIGNS = {
    "osr": r"<!--SR:|\[!sr\|card-metadata\]|^[^\n`]*(?<!\S)#flashcards(?![\w-])",
    "o2a": r"<!--ID: \d+|^ID: \d{13}\s*$|^START[ \t]*\n(?:.*\n){1,60}?END[ \t]*$|STARTI \[.*\bENDI\b"
    r"|^TARGET DECK",
    "flashcards": r"(?:^|[ \t])#card[/-](?:reverse|spaced)\b|(?:^|[ \t])\^1\d{12}[ \t]*$|^cards-deck:"
    r"|^(?![ \t]*[-*+] )[^\n]*\S[ \t]+#card(?:[ \t]+#[\w/-]+)*[ \t]*\n[^\n]",
    "yanki": r"\A---\n(?:.*\n){0,60}?noteId: *[\"']?\d{13}",
    "logseq": r"\{\{cloze |^[ \t]*card-last-interval:: ",
    "remnote": r"^[ \t]*[-*] .*\S (?:>>|;;|<>) .*\n(?:.*\n){0,40}?[ \t]*[-*] .*\S (?:>>|;;|<>) |\{\(\{",
}
_COMPILED = {name: re.compile(signs, re.MULTILINE) for name, signs in _SIGNS.items()}
_LARGEST = 400_000
"""Characters of a note that are looked at."""


def dialects(
    vault: Path, end: float, clock: Callable[[], float]
) -> Mapping[str, Mapping[str, Any]]:
    """The dialects whose marks stand in a vault, in the order of `cards:`, and their settings."""
    left = dict(_COMPILED)
    for text in _texts(vault):
        left = {name: signs for name, signs in left.items() if not signs.search(text)}
        if not left or clock() > end:
            break
    found = [name for name in _COMPILED if name not in left]
    return {name: _of_osr(vault) if name == "osr" else {} for name in found}


def _texts(vault: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(vault):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".md"):
                try:
                    with Path(folder, name).open(encoding="utf-8", errors="replace") as file:
                        yield file.read(_LARGEST)
                except OSError:
                    continue


_TEXTS = (
    "singleLineCardSeparator",
    "singleLineReversedCardSeparator",
    "multilineCardSeparator",
    "multilineReversedCardSeparator",
    "multilineCardEndMarker",
)
_LISTS = ("clozePatterns", "flashcardTags")


def _of_osr(vault: Path) -> dict[str, Any]:
    """What the plugin was told there, as it keeps it; its tag if it is not there to be asked."""
    kept = vault / ".obsidian" / "plugins" / "obsidian-spaced-repetition" / "data.json"
    try:
        data = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {"flashcardTags": ["#flashcards"]} if _has_tag(vault) else {}
    settings = data.get("settings", data) if isinstance(data, dict) else {}
    if not isinstance(settings, dict):
        return {}
    texts = {name: settings[name] for name in _TEXTS if isinstance(settings.get(name), str)}
    lists = {name: settings[name] for name in _LISTS if _is_list(settings.get(name))}
    lists["clozePatterns"] = [one for one in lists.get("clozePatterns", ()) if "answer" in one]
    return texts | {name: words for name, words in lists.items() if words or name in settings}


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_TAG = re.compile(r"(?<![\w#])#flashcards(?![\w-])")


def _has_tag(vault: Path) -> bool:
    return any(_TAG.search(text) for text in _texts(vault))
