"""Sketches of documents: they show that one was renamed, moved or rewritten.

Sketches are stored: every version of the program must make the same ones.
"""

from __future__ import annotations

import re
import unicodedata
from zlib import crc32

import msgspec

from ankiforge.model import Value
from ankiforge.text import regex

SIZE = 64
"""The number of hashes in a sketch: the smallest ones of its shingles of four words."""

_FRONT = regex(r"(?ms)\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_OWN_ID = regex(r"(?m)^(?:id|uid|uuid):[ \t]*[\"']?([^\s\"'#]{8,})[\"']?[ \t]*$")
_FIELD = regex(r"(?m)^[ \t>]*(?:[-*+][ \t]+)?\**[\w-]+\**::(?:[ \t].*)?$")
_BLOCK_ID = regex(r"(?m)(?:^|[ \t])\^([A-Za-z0-9-]+)[ \t]*$")
# In scripts without spaces, each character is a word. Kana and Chinese characters are
# not joined.
_WORD = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_]+"
# Makes blanks of what is not a letter or digit in ASCII, where that is quicker than `_WORD`.
_ASCII_BLANKS = bytes(code if chr(code).isalnum() else 32 for code in range(128))
_BLANKS = _ASCII_BLANKS.ljust(256)
_MASK = 2**32 - 1


class Sketch(Value, array_like=True):
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


def sketch(text: str, path: str) -> str:
    """Return the stored form of the sketch of the document at `path`, in Markdown.

    Front matter, lines `key:: value`, block ids, markup and case are ignored.
    """
    front = _FRONT.match(text)
    own_ids = _OWN_ID.findall(front[1]) if front else []
    body = text[front.end() :] if front else text
    if "::" in body:
        body = _FIELD.sub("", body)
    block_ids = []
    if "^" in body:
        block_ids = _BLOCK_ID.findall(body)
        body = _BLOCK_ID.sub("", body)
    # the words, folded, in UTF-8
    plain = unicodedata.normalize("NFKC", body).casefold()
    if plain.isascii():
        words = plain.encode().translate(_BLANKS).split()
    else:
        words = [word.encode() for word in re.findall(_WORD, plain)]
    shingles = zip(words, words[1:], words[2:], words[3:], strict=False)
    hashes = set(map(crc32, map(b" ".join, shingles)))
    name = path.rpartition("/")[2]
    stored = Sketch(
        hashes=frozenset(sorted(hashes)[:SIZE]),
        words=len(words),
        own=frozenset(own_ids),
        hints=frozenset([name, *(f"^{block_id}" for block_id in block_ids)]),
    )
    return msgspec.json.encode(stored, order="deterministic").decode()


def decode_sketch(stored: str) -> Sketch:
    """Return the sketch for its stored form."""
    return msgspec.json.decode(stored, type=Sketch)
