"""What Zotero's own settings say of a data folder: where its linked files begin."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_HOMES = (
    ".zotero/zotero",
    ".var/app/org.zotero.Zotero/.zotero/zotero",
    "snap/zotero-snap/common/.zotero/zotero",
    "Library/Application Support/Zotero/Profiles",
)
_LARGEST = 5_000_000
"""Bytes of a file of settings."""
_SETTING = re.compile(
    r'^user_pref\("extensions\.zotero\.(dataDir|baseAttachmentPath)", ("[^\n]*")\);$', re.MULTILINE
)


def linked_folder(data: Path) -> Path | None:
    """The folder below which this data folder links files, None if no profile tells."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    for settings in _profiles(home, os.environ):
        folder = Path(settings.get("dataDir", home / "Zotero"))
        base = settings.get("baseAttachmentPath", "")
        if base and _is_same(folder, data):
            return Path(base)
    return None


def _profiles(home: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """What each profile of this user says of its folders."""
    homes = [home / name for name in _HOMES]
    if windows := environ.get("APPDATA"):
        homes.append(Path(windows, "Zotero", "Zotero", "Profiles"))
    for folder in homes:
        for path in sorted(folder.glob("*/prefs.js")):
            yield dict(_settings(path))


def _settings(path: Path) -> Iterator[tuple[str, str]]:
    try:
        text = path.read_text("utf-8", "replace") if path.stat().st_size < _LARGEST else ""
    except OSError:
        return
    for name, value in _SETTING.findall(text):
        try:
            yield name, json.loads(value)
        except ValueError:
            continue


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
