"""Map libraries to our model, work by work: papers to documents, annotations to highlights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from heapq import merge
from itertools import groupby
from pathlib import Path

from ankiforge.errors import BugError, one_item
from ankiforge.extract.pdf.worker import Passage, PdfWorker
from ankiforge.extract.zotero.database import (
    BETTER_BIBTEX,
    KINDS,
    ChildNote,
    Database,
    Library,
    Mark,
    comment_of,
)
from ankiforge.extract.zotero.files import Files, Shown, page_index
from ankiforge.extract.zotero.notes import Quotable, note_text
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Problem,
)
from ankiforge.text.fold import same
from ankiforge.text.passages import percent, without_bullets


@dataclass(frozen=True)
class Works:
    """Reads the libraries of one database."""

    source: str
    """The name of the source in the configuration."""
    database: Database
    worker: PdfWorker
    folder: Path | None
    """Zotero's data folder, if it is on this machine."""
    me: tuple[str, ...]
    failed: list[str] = field(default_factory=list)
    """The keys of works that this program fails on."""

    @cached_property
    def files(self) -> Files:
        """The files of the libraries."""
        return Files(self.worker, self.folder)

    @cached_property
    def _quotable(self) -> Quotable:
        return Quotable(self.database)

    def of(
        self, library: Library, chosen: frozenset[str] | None = None
    ) -> Iterator[Extracted | Problem]:
        """Yield each work with marks or notes, by key. With `chosen`, only those attachments."""

        def work_key(item: Mark | ChildNote) -> str:
            return item.work_key

        if chosen is None:
            self.files.prefetch(library, self.database.marks(library))
        both: tuple[Iterator[Mark | ChildNote], ...] = (
            self.database.marks(library),
            self.database.notes(library),
        )
        for key, group in groupby(merge(*both, key=work_key), key=work_key):
            found = tuple(group)
            marks = tuple(item for item in found if isinstance(item, Mark))
            notes = tuple(item for item in found if isinstance(item, ChildNote))
            if chosen is None or any(mark.attachment_key in chosen for mark in marks):
                try:
                    with one_item():
                        yield from self._work(library, marks, notes)
                except BugError as error:
                    self.failed.append(key)
                    where = f"{library.namespace}/{percent(key)}"
                    yield Problem(where, error.message, error.hint)

    def _work(
        self, library: Library, marks: tuple[Mark, ...], notes: tuple[ChildNote, ...]
    ) -> Iterator[Extracted | Problem]:
        """Yield one paper (or standalone attachment) with its files' marks, then its notes."""
        first = marks[0] if marks else notes[0]
        paths = tuple(mark.attachment_path for mark in marks)
        document = document_of(self.database, self.source, library, first, paths)
        around, pictures = self.files.around(library, marks)
        read = []
        for mark in marks:
            if mark.kind in KINDS:
                near = around.get(mark.key, Passage())
                read.append(self._highlight(library, document, mark, near))
            else:
                yield Problem(
                    f"{document.title}: {library.namespace}/{mark.key}",
                    f"an annotation of a kind this program does not know ({mark.kind})",
                    hint="it was left out; a newer version of this program may know it",
                )
        noted = (self._note(library, document, note) for note in notes)
        highlights = (*read, *(note for note in noted if note is not None))
        if highlights:
            yield Extracted(document, highlights, library.namespace, pictures=pictures)

    def _highlight(
        self, library: Library, document: Document, mark: Mark, around: Passage
    ) -> Highlight:
        """Map a mark. Other people's in a shared library give neither instructions nor cards."""
        foreign = self._foreign(library, mark.author_name, mark.author, external=mark.external)
        page, file = page_index(mark), percent(mark.attachment_key)
        at = "" if page is None else f"page={page + 1}&"  # counted from 1, not a label
        link = f"zotero://open-pdf/{library.address}/items/{file}?{at}"
        return Highlight(
            document=document,
            namespace=library.namespace,
            kind=KINDS[mark.kind],
            exact=without_bullets(mark.text),
            own=percent(mark.key),
            prefix=around.prefix,
            suffix=around.suffix,
            sentence=around.sentence,
            nearby=around.nearby,
            markdown=(f"![]({around.picture})",) if isinstance(around, Shown) else (),
            comment=comment_of(mark),
            instructs=not foreign,
            colour=mark.colour.lower(),
            author=self._author(library, mark.author_name, mark.author),
            created=mark.created,
            modified=mark.modified,
            tags=self.database.tags(mark.item),
            page_label=mark.page_label,
            heading=around.heading,
            uri=f"{link}annotation={percent(mark.key)}",
            block=mark.attachment_key,
            skip=foreign,
        )

    def _note(self, library: Library, document: Document, note: ChildNote) -> Highlight | None:
        """Map a note. None if it is empty or only repeats annotations."""
        text = note_text(note.html, self._quotable)
        if text is None:
            return None
        foreign = self._foreign(library, "", note.author)
        return Highlight(
            document=document,
            namespace=library.namespace,
            kind=HighlightKind.NOTE,
            exact=text.plain,
            own=percent(note.key),
            markdown=text.markdown,
            instructs=not foreign and not text.too_long,
            author=self._author(library, "", note.author),
            created=note.created,
            modified=note.modified,
            tags=self.database.tags(note.item),
            heading=text.title,
            uri=f"zotero://select/{library.address}/items/{percent(note.key)}",
            block=note.key,
            skip=foreign or text.too_long,
        )

    # --- whose marks and notes these are

    def _author(self, library: Library, name: str, number: int | None) -> str:
        """Return the author's name as in Zotero: the stored one, otherwise that of the account."""
        return name or (self.database.user(number) if library.group is not None else "")

    def _foreign(
        self, library: Library, name: str, number: int | None, *, external: bool = False
    ) -> str:
        """Return why an item of a library does not count. "" if it is the user's own.

        Args:
            library: its library. In the user's own library everything counts.
            name: the author name stored in it.
            number: the account that made it. None if it was never synced.
            external: whether it comes from the file itself, so that its author is unknown.
        """
        if library.group is None:
            return ""
        author = self._author(library, name, number)
        unknown = "another program in the file" if external else "somebody else"
        reason = f"marked by {author or unknown}"
        if not name and number is None:
            return reason if external else ""  # made on this computer and never synced
        account = self.database.account()
        own = number is not None and number == account.id
        by_owner = _is_one_of(author, account.names) if name else own
        names = (author, *account.names) if by_owner else (author,)
        mine = any(_is_one_of(each, self.me) for each in names) if self.me else by_owner
        return "" if mine else reason


def _is_one_of(name: str, names: tuple[str, ...]) -> bool:
    return any(same(name, other) for other in names)


# --- papers ---------------------------------------------------------------------------------

_TITLES = ("title", "caseName", "subject", "nameOfAct")
_DATES = ("date", "dateDecided", "dateEnacted", "issueDate")
"""The name of the field depends on the item type: a case, an e-mail, a statute, a patent."""
_MARKUP = re.compile(r"</?(?:i|b|sub|sup|sc|span)(?:\s[^<>]*)?>", re.IGNORECASE)
_CITATION_KEY = re.compile(r"^[ \t]*citation key[ \t]*:[ \t]*(\S+)[ \t]*$", re.I | re.M)
_DOI = re.compile(r"\b10\.\d{4,9}/\S+")
_EXTRA_DOI = re.compile(r"^[ \t]*DOI[ \t]*:[ \t]*(\S+)", re.I | re.M)
_PMID = re.compile(r"^[ \t]*PMID:[ \t]*(\d{1,9})[ \t]*$", re.I | re.M)
_PUBMED = re.compile(
    r"^https?://(?:pubmed\.|www\.)?ncbi\.nlm\.nih\.gov/(?:pubmed/)?(\d{1,9})/?$", re.I
)
_ARXIV = re.compile(r"\barxiv(?:\.org/(?:abs|pdf)/|:[ \t]*)(\d{4}\.\d{4,5}|[a-z.-]+/\d{7})", re.I)


def document_of(
    database: Database,
    source: str,
    library: Library,
    item: Mark | ChildNote,
    paths: tuple[str, ...],
) -> Document:
    """Return the document for a paper, or for a standalone attachment.

    `paths` are those of its files that have marks: `storage:name`, `attachments:folder/name`, or a
    path of any system.
    """
    key = percent(item.work_key)
    fields = database.fields(item.work_item)
    last = (re.split(r"[/\\]|^(?:storage|attachments):", path)[-1] for path in paths)
    files = tuple(dict.fromkeys(last))
    title = _MARKUP.sub("", _first_filled(fields, _TITLES))
    title = " ".join(title.split()).removeprefix("storage:")
    # Zotero stores `2019-03-00 March 2019`: the sortable date, then the original text
    year = _first_filled(fields, _DATES)[:4]
    # authors first, then editors and others, each in the order of the paper
    creators = sorted(database.creators(item.work_item), key=lambda person: person.role != "author")
    names = (f"{person.first} {person.last}".strip() for person in creators)
    inner = library.namespace.partition(":")[2]  # item keys are unique only within a library
    return Document(
        key=DocumentKey(f"{library.namespace}/{key}"),
        source=source,
        title=title or next(filter(None, files), key),
        creators=tuple(dict.fromkeys(name for name in names if name)),
        issued=year if year.isascii() and year.isdecimal() and year != "0000" else "",
        identifiers=(
            *_identifiers(fields),
            ("zotero", f"{inner}/{key}"),
            *(("file", name) for name in files if name),
        ),
        uri=f"zotero://select/{library.address}/items/{key}",
        tags=database.tags(item.work_item),
        collections=database.collections(item.work_item),
    )


def _first_filled(fields: dict[str, str], names: tuple[str, ...]) -> str:
    return next((fields[name] for name in names if fields.get(name)), "")


def _identifiers(fields: dict[str, str]) -> Iterator[tuple[str, str]]:
    extra, url = fields.get("extra", ""), fields.get("url", "").strip()
    if doi := _DOI.search(fields.get("DOI") or _first(_EXTRA_DOI, extra)):
        yield ("doi", doi[0].lower())
    if arxiv := _first(_ARXIV, "\n".join((fields.get("archiveID", ""), extra, url))):
        yield ("arxiv", arxiv.lower())
    if pmid := _first(_PMID, extra) or _first(_PUBMED, url):
        yield ("pmid", pmid)
    for isbn in fields.get("ISBN", "").replace("-", "").split():
        yield ("isbn", isbn.upper())
    if url:
        yield ("url", url)
    native, typed = fields.get("citationKey"), _first(_CITATION_KEY, extra)
    if citekey := native or typed or fields.get(BETTER_BIBTEX):
        yield ("citekey", citekey)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
