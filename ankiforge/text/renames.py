"""Recognise a renamed, moved or rewritten document by its words.

Documents are compared by sketches: the 64 smallest hashes of their 4-word shingles. Sketches are
stored, so `sketch` must give the same hashes in every version of the program.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from array import array
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar
from zlib import crc32

import msgspec

Name = TypeVar("Name", bound=Hashable)

SIZE = 64
"""The number of hashes in a sketch."""
WORDS = 4
"""The number of words in a shingle."""

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_OWN_ID = re.compile(r"^(?:id|uid|uuid):[ \t]*[\"']?([^\s\"'#]{8,})[\"']?[ \t]*$", re.MULTILINE)
_FIELD = re.compile(r"^[ \t>]*(?:[-*+][ \t]+)?\**[\w-]+\**::(?:[ \t].*)?$", re.MULTILINE)
_BLOCK_ID = re.compile(r"(?:^|[ \t])\^([A-Za-z0-9-]+)[ \t]*$", re.MULTILINE)
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_]+")
"""In scripts without spaces, each character is a word. Kana and Chinese characters are not joined.
"""
_ASCII_WORD = re.compile("[a-z0-9]+")
"""Equivalent for ASCII text, in a third of the time."""
_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Sketch:
    """The stored characteristics of a document."""

    hashes: frozenset[int] = frozenset()
    """The smallest hashes of its shingles."""
    words: int = 0
    """The number of its words."""
    own: frozenset[str] = frozenset()
    """The document's own ids from its front matter."""
    hints: frozenset[str] = frozenset()
    """The file name and block ids. Another document may get the same ones."""

    @property
    def limit(self) -> int:
        """The largest hash up to which the sketch has all of the document's shingles."""
        return max(self.hashes) if len(self.hashes) == SIZE else _MASK


def sketch(text: str, hints: tuple[str, ...] = ()) -> Sketch:
    """Return the sketch of a document in Markdown. `hints` are added to its block ids.

    Front matter, lines `key:: value`, block ids, markup and case are ignored.
    """
    front = _FRONT.match(text)
    body = text[front.end() :] if front else text
    body = _FIELD.sub("", body) if "::" in body else body
    blocks = _BLOCK_ID.findall(body) if "^" in body else []
    body = _BLOCK_ID.sub("", body) if blocks else body
    plain = unicodedata.normalize("NFKC", body).casefold()
    words = (_ASCII_WORD if plain.isascii() else _WORD).findall(plain)
    a, b, c, d = _FACTORS
    marks = list(map(crc32, map(str.encode, words)))
    shingles = {
        (a * one + b * two + c * three + d * four) & _MASK
        for one, two, three, four in zip(marks, marks[1:], marks[2:], marks[3:], strict=False)
    }
    return Sketch(
        frozenset(sorted(shingles)[:SIZE]),
        len(words),
        frozenset(_OWN_ID.findall(front[1]) if front else ()),
        frozenset((*hints, *(f"^{name}" for name in blocks))),
    )


def sketched(text: str, path: str) -> str:
    """Return the stored form of the sketch of the document at `path`."""
    return encode(sketch(text, (path.rpartition("/")[2],)))


def encode(one: Sketch) -> str:
    """Return the stored form of a sketch."""
    packed = array("Q", sorted(one.hashes))
    if sys.byteorder == "big":
        packed.byteswap()
    parts = (packed.tobytes(), one.words, sorted(one.own), sorted(one.hints))
    return msgspec.json.encode(parts).decode()


def decode(stored: str) -> Sketch:
    """Return the sketch for its stored form."""
    kind = tuple[bytes, int, frozenset[str], frozenset[str]]
    packed, words, own, hints = msgspec.json.decode(stored, type=kind)
    hashes = array("Q", packed)
    if sys.byteorder == "big":
        hashes.byteswap()
    return Sketch(frozenset(hashes), words, own, hints)
