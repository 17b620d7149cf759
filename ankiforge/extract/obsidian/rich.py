"""Several blocks as our Markdown: line by line as written, with signs of the vault gone."""

from __future__ import annotations

import re

from ankiforge.extract.obsidian.covers import GONE, uncover
from ankiforge.extract.obsidian.pieces import Around
from ankiforge.extract.obsidian.properties import without_properties
from ankiforge.extract.obsidian.tokens import read

_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_OUTER_TAGS = re.compile(
    r"\A(?:#(?=[\w/-]*[^\W\d])[\w/-]+(?:\s+|\Z))+|(?:(?:\s+|\A)#(?=[\w/-]*[^\W\d])[\w/-]+)+\Z"
)
_COMMENT_LINE = re.compile(rf"^[ \t>]*{GONE}[{GONE} \t]*\n?", re.MULTILINE)
_ONE_BLANK = re.compile(r"(?<![ \t])[ \t]$", re.MULTILINE)
"""At the end of a line; two would be a line break."""


def rich(text: str, around: Around, gaps: bool = False) -> str:
    """The Markdown of a card's side or a callout's body; fences stay letter by letter.

    With `gaps` its clozes, all of them numbered, stay.
    """
    parts: list[str] = []
    for is_fence, run in _runs(_COMMENT_LINE.sub("", text)):
        parts.append(uncover(run, around.held) if is_fence else _words(run, around, gaps))
    return _OUTER_TAGS.sub("", "\n".join(parts).strip("\n")).strip()


def _words(run: str, around: Around, gaps: bool) -> str:
    words, _ = without_properties(run)
    inline = read(words, around._replace(lines=True))
    return _ONE_BLANK.sub("", inline.source_with_gaps() if gaps else inline.source())


def _runs(text: str) -> list[tuple[bool, str]]:
    """The text cut into fences and what stands between them."""
    runs: list[tuple[bool, list[str]]] = [(False, [])]
    mark = ""
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if not mark and fence:
            mark = fence[1]
            runs.append((True, [line]))
        elif mark:
            runs[-1][1].append(line)
            if fence and fence[1].startswith(mark) and not line.strip().strip(mark[0]):
                mark = ""
                runs.append((False, []))
        else:
            runs[-1][1].append(line)
    return [(is_fence, "\n".join(lines)) for is_fence, lines in runs if lines]
