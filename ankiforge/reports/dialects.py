"""Which other tools a vault was written for, by marks that nothing else leaves."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

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
    return {name: _TOLD[name](vault) if name in _TOLD else {} for name in found}


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


_PLUGINS = {"osr": "obsidian-spaced-repetition", "flashcards": "flashcards-obsidian"}
_TEXTS = {
    "osr": (
        "singleLineCardSeparator",
        "singleLineReversedCardSeparator",
        "multilineCardSeparator",
        "multilineReversedCardSeparator",
        "multilineCardEndMarker",
    ),
    "flashcards": ("flashcardsTag", "inlineSeparator", "inlineSeparatorReverse"),
}
_SWITCHES = {
    "convertHighlightsToClozes": "==[123;;]answer[;;hint]==",
    "convertBoldTextToClozes": "**[123;;]answer[;;hint]**",
    "convertCurlyBracketsToClozes": "{{[123;;]answer[;;hint]}}",
}
"""How the plugin was told of its clozes before it had patterns for them."""


def _kept(vault: Path, dialect: str) -> dict[str, Any] | None:
    """What a plugin was told, as it keeps it; None if it is not there to be asked."""
    file = vault / ".obsidian" / "plugins" / _PLUGINS[dialect] / "data.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    settings = data.get("settings", data) if isinstance(data, dict) else {}
    return settings if isinstance(settings, dict) else {}


def _texts_of(settings: dict[str, Any], dialect: str) -> dict[str, Any]:
    return {name: settings[name] for name in _TEXTS[dialect] if isinstance(settings.get(name), str)}


def _of_osr(vault: Path) -> dict[str, Any]:
    """Its settings; its tag if it is not there to be asked."""
    settings = _kept(vault, "osr")
    if settings is None:
        return {"flashcardTags": ["#flashcards"]} if _has_tag(vault) else {}
    tags, patterns = settings.get("flashcardTags"), _patterns(settings)
    told = _texts_of(settings, "osr")
    told |= {} if patterns is None else {"clozePatterns": patterns}
    return told | ({"flashcardTags": tags} if _is_list(tags) else {})


def _patterns(settings: dict[str, Any]) -> list[str] | None:
    """What it takes for clozes; None if it was not told."""
    written = settings.get("clozePatterns")
    if _is_list(written):
        return [one for one in written if "answer" in one]
    if not any(switch in settings for switch in _SWITCHES):
        return None
    return [pattern for switch, pattern in _SWITCHES.items() if settings.get(switch) is True]


def _of_flashcards(vault: Path) -> dict[str, Any]:
    """Its settings."""
    return _texts_of(_kept(vault, "flashcards") or {}, "flashcards")


_TOLD: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "osr": _of_osr,
    "flashcards": _of_flashcards,
}


def _is_list(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_TAG = re.compile(r"(?<![\w#])#flashcards(?![\w-])")


def _has_tag(vault: Path) -> bool:
    return any(_TAG.search(text) for text in _texts(vault))
