"""Pictures: named by their bytes, so that an unchanged name means unchanged bytes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ankiforge.model import Media, Problem

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg"})
"""What Anki shows on every device."""
MAX_BYTES = 20_000_000
_NAME = re.compile(r"af-[0-9a-f]{16}\.(?:png|jpe?g|gif|webp|avif|svg)")


def is_media_name(name: str) -> bool:
    """Whether a picture has a name of ours; only such names reach a field or a package."""
    return _NAME.fullmatch(name) is not None


def media_of(path: Path) -> Media | Problem:
    """The picture at `path` as `af-<first 16 of its sha256>.<suffix>`; reads it once."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        return Problem(path.name, f"{suffix or 'no suffix'} is no kind of picture for Anki")
    try:
        if path.stat().st_size > MAX_BYTES:
            return Problem(path.name, f"over {MAX_BYTES // 1_000_000} MB", "make it smaller")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return Problem(path.name, f"cannot be read: {error.strerror}")
    return Media(f"af-{digest[:16]}{suffix}", str(path))
