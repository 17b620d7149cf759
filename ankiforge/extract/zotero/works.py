"""Map what Zotero's libraries hold to our model, work by work."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any

from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.extract.pdf.messages import Passage
from ankiforge.extract.pdf.worker import PdfWorker
from ankiforge.extract.zotero.files import Files, Shown, page_index
from ankiforge.extract.zotero.items import Access, Item, Library, Mark
from ankiforge.extract.zotero.notes import comment_of, note_text
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Json,
    Pair,
    Problem,
    Strings,
)
from ankiforge.text import regex
from ankiforge.text.fold import canonical, fold
from ankiforge.text.identifiers import names_in
from ankiforge.text.passages import percent, without_bullets

KINDS = {
    "highlight": HighlightKind.HIGHLIGHT,
    "underline": HighlightKind.UNDERLINE,
    "image": HighlightKind.IMAGE,
    "ink": HighlightKind.INK,
    "note": HighlightKind.NOTE,
    "text": HighlightKind.NOTE,  # typed on the page, stored in the comment
}


# The order of the marks of a paper: its oldest file first.
_ORDER = attrgetter("file.date_added", "file.key", "item.annotation_sort_index", "item.key")


@dataclass(frozen=True)
class Works:
    """Reads the libraries of one account."""

    source: str
    """The name of the source in the configuration."""
    access: Access
    worker: PdfWorker
    folder: Path | None
    """Zotero's data folder, if it is on this machine."""
    me: Strings
    reach: tuple[Path, ...] | None = None
    """The only folders in which files are opened; None = wherever the library says."""
    read: dict[str, list[Item]] = field(default_factory=dict)
    """What was read of each library."""
    failed: list[str] = field(default_factory=list)
    """The keys of works that this program fails on."""

    @cached_property
    def files(self) -> Files:
        """The files of the libraries."""
        return Files(self.worker, self.folder, self.reach)

    @cached_property
    def quotable(self) -> tuple[set[str], set[str]]:
        """The keys of all annotations, any of which a note may quote, and their folded comments."""
        keys, comments = set[str](), {""}
        for library in self.access.libraries:
            with suppress(ItemError):  # errors are reported when that library is read
                for item, *_ in self._standing(library):
                    keys |= {item.key} if item.item_type == "annotation" else set()
                    comments.add(fold(comment_of(item.annotation_comment)))
        return keys, comments

    def _standing(self, library: Library) -> Iterator[list[Item]]:
        """Yield each annotation and note with what it belongs to, up to the paper; no trash."""
        if library.namespace not in self.read:
            self.read[library.namespace] = self.access.items(library)
        items = {item.key: item for item in self.read[library.namespace]}
        for item in items.values():
            chain = [item]
            while len(chain) < 4 and (parent := items.get(chain[-1].parent_item)):
                chain.append(parent)
            is_mark = item.item_type in ("annotation", "note") and len(chain) > 1
            if is_mark and not any(one.deleted for one in chain):
                yield chain

    def of(self, library: Library) -> Iterator[Extracted | Problem]:
        """Yield each work with marks or notes, by key."""
        marks, notes = defaultdict[str, list[Mark]](list), defaultdict[str, list[Item]](list)
        works = {}
        for item, above, *more in self._standing(library):
            work = more[-1] if more else above
            works[work.key] = work
            if item.item_type == "annotation":
                marks[work.key].append(Mark(item, above))
            else:
                notes[work.key].append(item)
        for some in marks.values():
            some.sort(key=_ORDER)
        self.files.prefetch(library, [mark for key in sorted(marks) for mark in marks[key]])
        for key in sorted(works):
            try:
                with one_item():
                    ordered = sorted(notes[key], key=lambda note: (note.date_added, note.key))
                    yield from self._work(library, works[key], marks[key], ordered)
            except BugError as error:
                self.failed.append(key)
                yield Problem(f"{library.namespace}/{percent(key)}", error.message, error.hint)

    def _work(
        self, library: Library, work: Item, marks: list[Mark], notes: list[Item]
    ) -> Iterator[Extracted | Problem]:
        """Yield one paper (or standalone attachment) with its files' marks, then its notes."""
        document = document_of(self.source, library, work, [mark.file.path for mark in marks])
        around, pictures = self.files.around(library, marks)
        made = []
        for mark in marks:
            if mark.item.annotation_type in KINDS:
                near = around.get(mark.item.key, Passage())
                made.append(self._highlight(library, document, mark, near))
            else:
                what = "an annotation of a kind this program does not know"
                hint = "it was left out; a newer version of this program may know it"
                where = f"{document.title}: {library.namespace}/{mark.item.key}"
                yield Problem(where, f"{what} ({mark.item.annotation_type})", hint)
        made += filter(None, (self._note(library, document, note) for note in notes))
        if made:
            yield Extracted(document, tuple(made), library.namespace, pictures=pictures)

    def _highlight(
        self, library: Library, document: Document, mark: Mark, around: Passage
    ) -> Highlight:
        item, page, file = mark.item, page_index(mark), percent(mark.file.key)
        at = "" if page is None else f"page={page + 1}&"  # counted from 1, not a label
        link = f"zotero://open-pdf/{library.address}/items/{file}?{at}"
        return self._made(
            library,
            item,
            document=document,
            kind=KINDS[item.annotation_type],
            exact=without_bullets(item.annotation_text),
            prefix=around.prefix,
            suffix=around.suffix,
            sentence=around.sentence,
            nearby=around.nearby,
            markdown=(f"![]({around.picture})",) if isinstance(around, Shown) else (),
            comment=comment_of(item.annotation_comment),
            colour=item.annotation_color.lower(),
            page_label=item.annotation_page_label,
            heading=around.heading,
            uri=f"{link}annotation={percent(item.key)}",
            block=mark.file.key,
        )

    def _note(self, library: Library, document: Document, note: Item) -> Highlight | None:
        """Map a note. None if it is empty or only repeats annotations."""
        if not (text := note_text(note.note, lambda: self.quotable)):
            return None
        plain_words, markdown, title, too_long = text
        return self._made(
            library,
            note,
            too_long,
            document=document,
            kind=HighlightKind.NOTE,
            exact=plain_words,
            markdown=markdown,
            heading=title,
            uri=f"zotero://select/{library.address}/items/{percent(note.key)}",
            block=note.key,
        )

    def _made(self, library: Library, item: Item, wrong: str = "", **more: Any) -> Highlight:
        """Map what both have. Other people's in a shared library give no instructions, no cards."""
        skip = self._foreign(library, item) or wrong
        return Highlight(
            namespace=library.namespace,
            own=percent(item.key),
            instructs=not skip,
            author=self._author(library, item),
            created=item.date_added,
            modified=item.date_modified,
            tags=item.own_tags,
            skip=skip,
            **more,
        )

    # --- whose marks and notes these are

    def _author(self, library: Library, item: Item) -> str:
        """Return the author's name as in Zotero: the stored one, otherwise that of the account."""
        return item.annotation_author_name or (item.maker if library.group is not None else "")

    def _foreign(self, library: Library, item: Item) -> str:
        """Return why an item of a library does not count. "" if it is the user's own.

        In the user's own library everything counts.
        """
        if library.group is None:
            return ""
        author, name = self._author(library, item), item.annotation_author_name
        unknown = "another program in the file" if item.external else "somebody else"
        reason = f"marked by {author or unknown}"
        if not name and item.author is None:
            return reason if item.external else ""  # made on this computer and never synced
        account = self.access.account
        own = item.author is not None and item.author == account.id
        by_owner = canonical(author) in map(canonical, account.names) if name else own
        names = set(map(canonical, (author, *account.names) if by_owner else (author,)))
        mine = not names.isdisjoint(map(canonical, self.me)) if self.me else by_owner
        return "" if mine else reason


# --- papers ---------------------------------------------------------------------------------

_TITLES = ("title", "caseName", "subject", "nameOfAct")
# The name of the field depends on the item type: a case, an e-mail, a statute, a patent.
_DATES = ("date", "dateDecided", "dateEnacted", "issueDate")
_YEAR = regex(r"(?<!\d)(?!0000)\d{4}(?!\d)")
_MARKUP = regex(r"(?i)</?(?:i|b|sub|sup|sc|span)(?:\s[^<>]*)?>")
_CITATION_KEY = regex(r"(?im)^[ \t]*citation key[ \t]*:[ \t]*(\S+)[ \t]*$")
_LABELLED = regex(r"(?i)[ \t]*(?:doi|pmid|arxiv)[ \t]*:")


def document_of(source: str, library: Library, work: Item, paths: list[str]) -> Document:
    """Return the document for a paper, or for a standalone attachment.

    `paths` are those of its files that have marks.
    """
    key, fields = percent(work.key), work.fields
    last = (re.split(r"[/\\]|^(?:storage|attachments):", path)[-1] for path in paths)
    files = tuple(dict.fromkeys(last))
    title = _MARKUP.sub("", _first_filled(fields, _TITLES))
    title = " ".join(title.split()).removeprefix("storage:")
    # the database has `2019-03-00 March 2019`: the sortable date, then the original text
    year = _YEAR.search(_first_filled(fields, _DATES))
    # authors first, then editors and others, each in the order of the paper
    creators = sorted(work.creators, key=lambda person: person["creatorType"] != "author")
    parts = ((one.get("firstName"), one.get("lastName") or one.get("name")) for one in creators)
    names = (" ".join(filter(None, both)) for both in parts)
    inner = library.namespace.partition(":")[2]  # item keys are unique only within a library
    return Document(
        key=DocumentKey(f"{library.namespace}/{key}"),
        source=source,
        title=title or next(filter(None, files), key),
        creators=tuple(dict.fromkeys(name for name in names if name)),
        issued=year[0] if year else "",
        identifiers=(
            *_identifiers(fields),
            ("zotero", f"{inner}/{key}"),
            *(("file", name) for name in files if name),
        ),
        uri=f"zotero://select/{library.address}/items/{key}",
        tags=work.own_tags,
        collections=tuple(sorted(set(work.collections))),
    )


def _first_filled(fields: Json, names: Strings) -> str:
    return next((fields[name] for name in names if fields.get(name)), "")


def _identifiers(fields: Json) -> Iterator[Pair]:
    extra, url = fields.get("extra", ""), fields.get("url", "").strip()
    typed = filter(_LABELLED.match, extra.split("\n"))
    told = "\n".join((fields.get("DOI", ""), fields.get("archiveID", ""), *typed, url))
    yield from (one for one in names_in(told) if one[0] in ("doi", "arxiv", "pmid"))
    for isbn in fields.get("ISBN", "").replace("-", "").split():
        yield ("isbn", isbn.upper())
    if url:
        yield ("url", url)
    by_hand = _CITATION_KEY.search(extra)
    if citekey := fields.get("citationKey") or (by_hand and by_hand[1]):
        yield ("citekey", citekey)
