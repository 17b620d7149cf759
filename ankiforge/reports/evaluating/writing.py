"""Writes a rating sheet and the key that tells what it hides."""

from __future__ import annotations

import json
from pathlib import Path

from ankiforge.errors import UsageError
from ankiforge.reports.evaluating.page import as_html
from ankiforge.reports.evaluating.sheet import Sheet, as_csv, key_json, key_path


def write(sheet: Sheet, path: Path, *, force: bool = False) -> list[Path]:
    """Write the sheet, a page if it is called .html, and its key; where both lie.

    What another sheet was, or somebody has filled in, is only replaced with `force`.

    Raises:
        UsageError: a file is in the way, or cannot be written.
    """
    text = as_html(sheet) if path.suffix.lower() in (".html", ".htm") else as_csv(sheet)
    told = json.dumps(key_json(sheet), ensure_ascii=False, indent=1)
    both = {path: text, key_path(path): f"{told}\n"}
    for target, words in both.items():
        if not force and target.exists() and _text(target) != words:
            hint = "another name: -o; or --force to replace it, ratings and all"
            raise UsageError(f"{target}: is another sheet, or was filled in", hint=hint)
    for target, words in both.items():
        try:
            target.write_text(words, encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(f"{target}: cannot be written: {error.strerror}") from error
    return list(both)


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
