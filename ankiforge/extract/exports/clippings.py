"""The entries of Kindle's `My Clippings.txt`, and of the HTML that its apps and KOReader export."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ankiforge.extract.files import blocks_of
from ankiforge.model import Problem, Span
from ankiforge.text import regex

NOWHERE = (0, 0)


@dataclass(slots=True, eq=False)
class Clip:
    """One entry."""

    book: str
    kind: str
    """`note`, `place` for a bookmark, or "" for a mark."""
    text: str
    page: str
    place: Span
    """The first and last location, (0, 0) if there is none."""
    at: int
    """The index of the entry in its file."""
    section: str = ""
    wider: str = ""
    """A longer passage that was marked there before."""
    notes: list[Clip] = field(default_factory=list)

    def beside(self, other: Clip) -> bool:
        """Return whether both are at one place: their locations overlap, or else one page."""
        if NOWHERE in (self.place, other.place):
            return self.place == other.place and self.page == other.page != ""
        return self.place[0] <= other.place[1] and other.place[0] <= self.place[1]


_KIND = regex(
    r"(?i)(?P<note>\b(?:note?|notiz|nota|notitie|opmerking|notatka|anteckning|заметка|notunuz)\b"
    r"|笔记|筆記|メモ|메모)|(?P<place>\b(?:bookmark|lesezeichen|signet|marcador|favorito|segnalibro"
    r"|bladwijzer|zakładka|bokmärke|закладка)\b|书签|書籤|ブックマーク|책갈피|북마크)"
)
_PAGE = regex(
    r"(?i)\b(?:page|seite|página|pág\.|pagina|strona|stronie|sida|sayfa|страниц\w*)"
    r"\s+([\dIVXLCDM]+(?:[-–]\d+)?)\b|(\d+(?:[-–]\d+)?)\s*(?:ページ|页|頁|페이지|쪽)"
)
_RANGE = regex(r"(\d{1,9})(?:\s*[-–]\s*(\d{1,9}))?")
# What a block is: by Kindle's classes, or by KOReader's sizes of letters.
_ROLE = regex(
    r"(?P<book>bookTitle|:18pt)|(?P<by>authors|color:gray)|(?P<section>sectionHeading|:14pt)"
    r"|(?P<other>citation)|(?P<head>noteHeading)|(?P<page>:10pt)|(?P<text>noteText|\"font-size:12pt\")|(?P<note>:11pt)"
)


def _clip(book: str, where: str, text: str, at: int, section: str = "") -> Clip:
    """Return an entry. Its page has a word beside it in `where`, and its location stands last."""
    where = where.replace("\u00a0", " ")
    kind, page = _KIND.search(where), _PAGE.search(where)
    numbers = _RANGE.findall(where[: page.start()] + where[page.end() :] if page else where)
    first, last = numbers[-1] if numbers else ("0", "0")
    # old Kindles omit the common leading digits: `433-34`
    last = first[: len(first) - len(last)] + last
    label = re.sub(r"^(\d+)[-–]\1$", r"\1", page[1] or page[2]) if page else ""
    place = (int(first), max(int(last), int(first)))
    return Clip(book, kind.lastgroup or "" if kind else "", text, label, place, at, section)


def of_text(path: str, text: str) -> Iterator[Clip | Problem]:
    """Yield the entries of clippings, and a problem for each that is none."""
    for at, entry in enumerate(re.split(r"(?m)^={10}[ \t]*$\n?", text)):
        title, _, rest = entry.strip("\ufeff \t\n").partition("\n")
        head, _, words = rest.strip().partition("\n")
        if head.startswith(("-", "–", "—")):
            book = " ".join(title.replace("\ufeff", "").split())
            words = "\n".join(map(str.strip, words.split("\n"))).strip()
            yield _clip(book, head.rpartition("|")[0] or head, words, at)
        elif title:
            what = f"not a Kindle entry: {' '.join(entry.split())[:60]!r}"
            hint = "an entry has a title, a line that begins with `-`, and its text"
            yield Problem(f"{path}: entry {at + 1}", what, hint)


def of_html(html: str) -> Iterator[Clip]:
    """Yield the entries of a notebook. A note on the page of the mark above it is that mark's."""
    blocks = []
    for tag, words in blocks_of(html):
        if found := _ROLE.search(tag):
            blocks.append((found.lastgroup or "", words))
        elif blocks and words:
            blocks[-1] = (blocks[-1][0], f"{blocks[-1][1]}\n{words}".strip())
    told, mark, at = dict.fromkeys(("book", "by", "section", "head", "page"), ""), None, 0
    for role, words in blocks:
        told[role] = words
        if role == "book":
            told["section"] = ""
        elif role == "head":  # `Highlight (yellow) - Chapter > Page 1 · Location 2`
            kind, _, rest = words.partition(" - ")
            told["head"] = f"{kind} {rest.rpartition('>')[2]}"
        elif role == "page":  # `date chapter: page`
            told["head"] = f"page {words.rpartition(' ')[2]}"
        elif role in ("text", "note"):
            book = f"{told['book']} ({told['by']})" if told["by"] else told["book"]
            where, at = f"note {told['head']}" if role == "note" else told["head"], at + 1
            clip = _clip(book, where, words, at, told["section"])
            if clip.kind == "note" and mark and clip.page == mark.page:
                mark.notes.append(clip)
                continue
            mark = mark if clip.kind else clip
            yield clip
