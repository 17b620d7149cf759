"""Map the items of Zotero's libraries to our model, work by work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.extract.pdf.messages import QuoteContext
from ankiforge.extract.pdf.worker import PdfWorker
from ankiforge.extract.zotero.attachments import (
    STORAGE,
    Shown,
    ZoteroFiles,
    page_index,
)
from ankiforge.extract.zotero.database import (
    Access,
    Library,
    ZoteroItem,
    ZoteroMark,
    local_database,
)
from ankiforge.extract.zotero.note_text import RichText, first_line, note_text
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
from ankiforge.text.asking import asks
from ankiforge.text.fold import for_comparing, for_finding
from ankiforge.text.identifiers import names_in
from ankiforge.text.keys import percent
from ankiforge.text.passages import without_bullets
from ankiforge.text.private import (
    TAG,
    has_tag,
    is_name,
    is_tagged,
    why_private,
)

KINDS = {
    "highlight": HighlightKind.HIGHLIGHT,
    "underline": HighlightKind.UNDERLINE,
    "image": HighlightKind.IMAGE,
    "ink": HighlightKind.INK,
    "note": HighlightKind.NOTE,
    "text": HighlightKind.NOTE,  # typed on the page, stored in the comment
}


_LONGEST_FAMILY = 4
"""Items that belong to one another, at most: annotation, attachment and paper are
three."""

# The order of the marks of a paper: its oldest file first.
_ORDER = attrgetter(
    "file.date_added",
    "file.key",
    "item.annotation_sort_index",
    "item.key",
)


class Work(NamedTuple):
    """A paper, or a lone attachment or note, with its marks and notes."""

    item: ZoteroItem
    marks: list[ZoteroMark]
    notes: list[ZoteroItem]


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
    read: dict[str, list[ZoteroItem]] = field(default_factory=dict)
    """The items of each library that were read."""
    failed: list[str] = field(default_factory=list)
    """The keys of works that this program fails on."""

    @cached_property
    def files(self) -> ZoteroFiles:
        """The files of the libraries."""
        return ZoteroFiles(self.worker, self.folder, self.reach)

    @cached_property
    def quotable(self) -> tuple[set[str], set[str]]:
        """The keys of all annotations, which notes may quote, and folded comments."""
        keys: set[str] = set()
        comments = {""}
        for library in self.access.libraries:
            with suppress(ItemError):  # errors are reported when that library is read
                for item, *_ in self._families(library):
                    if item.item_type == "annotation":
                        keys.add(item.key)
                    comments.add(for_finding(RichText(item.annotation_comment).plain))
        return keys, comments

    def _families(self, library: Library) -> Iterator[list[ZoteroItem]]:
        """Yield each annotation and note with the items that it belongs to, up to the paper.

        The trash is left out.
        """
        if library.namespace not in self.read:
            self.read[library.namespace] = self.access.items(library)
        all_items = self.read[library.namespace]
        items = {item.key: item for item in all_items}
        for item in items.values():
            family = [item]
            while len(family) < _LONGEST_FAMILY:
                parent = items.get(family[-1].parent_item)
                if not parent:
                    break
                family.append(parent)
            if any(member.deleted for member in family):
                continue
            of_note = item.item_type == "note" and not item.parent_item
            if of_note or (len(family) > 1 and item.item_type in ("annotation", "note")):
                yield family

    def marked_files(self) -> set[str]:
        """Return the keys of the files with annotations that Zotero knows."""
        keys = set()
        for items in self.read.values():
            for item in items:
                if item.item_type == "annotation" and not item.deleted:
                    keys.add(item.parent_item)
        return keys

    def read_library(self, library: Library) -> Iterator[Extracted | Problem]:
        """Yield each work with marks or notes, by key."""
        by_key: dict[str, Work] = {}
        for family in self._families(library):
            item = family[0]
            paper = family[-1]  # a note that belongs to no paper is a work of its own
            work = by_key.setdefault(paper.key, Work(paper, [], []))
            if item.item_type == "annotation":
                work.marks.append(ZoteroMark(item, family[1]))
            else:
                work.notes.append(item)
        works = [by_key[key] for key in sorted(by_key)]
        for work in works:
            work.marks.sort(key=_ORDER)
            work.notes.sort(key=attrgetter("date_added", "key"))
        self.files.prefetch(library, chain.from_iterable(work.marks for work in works))
        for work in works:
            try:
                with one_item():
                    yield from self._read_work(library, work)
            except BugError as error:
                self.failed.append(work.item.key)
                where = f"{library.namespace}/{percent(work.item.key)}"
                yield Problem(where, error.message, error.hint)

    def _read_work(self, library: Library, work: Work) -> Iterator[Extracted | Problem]:
        """Yield a work with the marks in its files, then its notes."""
        paths = [mark.file.path for mark in work.marks]
        document = document_of(self.source, library, work.item, paths)
        passages, pictures = self.files.around(library, work.marks)
        highlights = []
        for mark in work.marks:
            if mark.item.annotation_type in KINDS:
                passage = passages.get(mark.item.key, QuoteContext())
                highlights.append(self._highlight(library, document, mark, passage))
            else:
                message = "an annotation of a kind this program does not know"
                hint = "it was left out; a newer version of this program may know it"
                key = f"{library.namespace}/{mark.item.key}"
                where = f"{document.title}: {key}"
                yield Problem(
                    where,
                    f"{message} ({mark.item.annotation_type})",
                    hint,
                )
        private = list[str]()
        private_names = list[str]()
        for note in work.notes:
            text = note_text(note.note, lambda: self.quotable)
            if not text:
                continue
            # the tag may be in the title, in a comment of HTML, or after the part that is shown
            heading = text.title
            if heading == document.title and not asks(heading):
                heading = ""
            highlight = self._made(
                library,
                note,
                text.skip,
                document=document,
                tags=note.own_tags,
                kind=HighlightKind.NOTE,
                exact=text.plain,
                markdown=text.markdown,
                heading=heading,
                uri=f"zotero://select/{library.address}/items/{percent(note.key)}",
                block=note.key,
            )
            if has_tag("\n".join((text.title, text.whole, note.note))):
                highlight = replace(highlight, tags=(*highlight.tags, TAG))
            if why_private(highlight):
                private.append(text.whole)
                if text.title:
                    of_title = private_names if is_name(text.title) else private
                    of_title.append(text.title)
            highlights.append(highlight)
        if highlights:
            yield Extracted(
                document,
                tuple(highlights),
                library.namespace,
                pictures=pictures,
                private=tuple(private),
                private_names=tuple(private_names),
            )

    def _highlight(
        self,
        library: Library,
        document: Document,
        mark: ZoteroMark,
        passage: QuoteContext,
    ) -> Highlight:
        """Map an annotation and its context in the file."""
        item = mark.item
        # emphasis within the tag does not take it apart
        is_private = has_tag(RichText(item.annotation_comment).plain) or is_tagged(
            mark.file.own_tags
        )
        text = RichText(item.annotation_text)

        # the link that opens it in Zotero; its pages are counted from 1, not labelled
        page = page_index(mark)
        place = "" if page is None else f"page={page + 1}&"
        file = f"zotero://open-pdf/{library.address}/items/{percent(mark.file.key)}"
        uri = f"{file}?{place}annotation={percent(item.key)}"
        markdown: Strings = ()
        shown = passage if isinstance(passage, Shown) else None
        if shown:
            markdown = (f"![]({shown.picture})",)
        elif text.is_formatted:
            markdown = (without_bullets(text.markdown),)
        return self._made(
            library,
            item,
            document=document,
            tags=(*item.own_tags, TAG) if is_private else item.own_tags,
            kind=KINDS[item.annotation_type],
            exact=without_bullets(passage.words or text.plain),
            prefix=passage.prefix,
            suffix=passage.suffix,
            sentence=passage.sentence,
            nearby=passage.nearby,
            markdown=markdown,
            figure=shown.figure if shown else "",
            labels=shown.labels if shown else (),
            comment=RichText(item.annotation_comment, is_markdown=True).markdown.strip(),
            colour=item.annotation_color.lower(),
            page_label=item.annotation_page_label,
            heading=passage.heading,
            uri=uri,
            block=mark.file.key,
        )

    def _made(
        self,
        library: Library,
        item: ZoteroItem,
        skip: str = "",
        **fields: Any,
    ) -> Highlight:
        """Map the fields that marks and notes share.

        Other people's in a shared library give no instructions, no cards.

        `skip` is why the user's own gives no card either.
        """
        author = item.annotation_author_name
        if not author and library.group is not None:
            author = item.maker
        skip = self._foreign(library, item, author) or skip
        return Highlight(
            namespace=library.namespace,
            own=percent(item.key),
            instructs=not skip,
            author=author,
            created=item.date_added,
            modified=item.date_modified,
            skip=skip,
            **fields,
        )

    def _foreign(self, library: Library, item: ZoteroItem, author: str) -> str:
        """Return why an item of a library does not count. "" if it is the user's own.

        In the user's own library everything counts; in another one the items by one of `me`,
        or by the account's owner if ().
        """
        if library.group is None:
            return ""
        unknown = "another program in the file" if item.external else "somebody else"
        reason = f"marked by {author or unknown}"
        if item.author is None and not item.annotation_author_name:
            return reason if item.external else ""
        account = self.access.account
        own_names = set(map(for_comparing, account.names))
        if item.annotation_author_name:
            is_by_owner = for_comparing(author) in own_names
        else:
            is_by_owner = item.author is not None and item.author == account.id
        names = {for_comparing(author)}
        if is_by_owner:
            names |= own_names
        is_mine = not names.isdisjoint(map(for_comparing, self.me))
        if not self.me:
            is_mine = is_by_owner
        return "" if is_mine else reason


# --- papers -----------------------------------------------------------------------------

_TITLES = ("title", "caseName", "subject", "nameOfAct")
# The name of the field depends on the item type: a case, an e-mail, a statute, a patent.
_DATES = ("date", "dateDecided", "dateEnacted", "issueDate")
_YEAR = regex(r"(?<!\d)(?!0000)\d{4}(?!\d)")
_MARKUP = regex(r"(?i)</?(?:i|b|sub|sup|sc|span)(?:\s[^<>]*)?>")
_CITATION_KEY = regex(r"(?im)^[ \t]*citation key[ \t]*:[ \t]*(\S+)[ \t]*$")
_LABELLED = regex(r"(?i)[ \t]*(?:doi|pmid|arxiv)[ \t]*:")


def document_of(
    source: str,
    library: Library,
    work: ZoteroItem,
    paths: list[str],
) -> Document:
    """Return the document for a paper, or for an attachment or a note that has none.

    `paths` are those of its files that have marks.
    """
    key = percent(work.key)
    fields = work.fields
    file_names = tuple(filter(None, dict.fromkeys(map(file_name, paths))))

    # without markup
    title = _MARKUP.sub("", _first_filled(fields, _TITLES))
    title = " ".join(title.split()).removeprefix("storage:")
    if not title:
        title = next(iter(file_names), "") or first_line(work.note) or key

    # authors first, then editors and others, each in the order of the paper
    creators = []
    for person in sorted(
        work.creators, key=lambda person: bool(person["creatorType"] != "author")
    ):
        last_name = person.get("lastName") or person.get("name")
        name = " ".join(filter(None, (person.get("firstName"), last_name)))
        if name:
            creators.append(name)

    # the database has `2019-03-00 March 2019`: the sortable date, then the original text
    year = _YEAR.search(_first_filled(fields, _DATES))

    # keys are unique only within a library
    library_name = library.namespace.partition(":")[2]
    identifiers = [*_identifiers(fields), ("zotero", f"{library_name}/{key}")]
    identifiers += [("file", name) for name in file_names]
    return Document(
        key=DocumentKey(f"{library.namespace}/{key}"),
        source=source,
        title=title,
        creators=tuple(dict.fromkeys(creators)),
        issued=year[0] if year else "",
        identifiers=tuple(identifiers),
        uri=f"zotero://select/{library.address}/items/{key}",
        tags=work.own_tags,
        collections=tuple(sorted(set(work.collections))),
    )


def work_of_file(file: Path) -> Document | None:
    """Return the work of which Zotero stores a file, with the file's own tags; None if it is none.

    Raises:
        ItemError: the library cannot be read, so what its tags say is unknown.
    """
    data = file.parents[2] if len(file.parents) > 2 else file.parent
    if file.parent.parent.name != STORAGE or not (data / "zotero.sqlite").is_file():
        return None
    with local_database(data / "zotero.sqlite", None) as database:
        for library in database.libraries:
            family = database.with_work(library, file.parent.name)
            if family:
                document = document_of(
                    "", library, family[-1], [f"{STORAGE}:{file.name}"]
                )
                return replace(document, tags=(*document.tags, *family[0].own_tags))
    return None


def file_name(path: str) -> str:
    """Return the name at the end of a path of any system, or one of Zotero's."""
    return re.split(r"[/\\]|^(?:storage|attachments):", path)[-1]


def _first_filled(fields: Json, names: Strings) -> str:
    for name in names:
        if fields.get(name):
            return fields[name]  # type: ignore[no-any-return]
    return ""


def _identifiers(fields: Json) -> Iterator[Pair]:
    """Yield the identifiers in the fields of a paper, as (kind, value)."""
    extra = fields.get("extra", "")
    url = fields.get("url", "").strip()
    labelled = [line for line in extra.split("\n") if _LABELLED.match(line)]
    texts = (fields.get("DOI", ""), fields.get("archiveID", ""), *labelled, url)
    for kind, value in names_in("\n".join(texts)):
        if kind in ("doi", "arxiv", "pmid"):
            yield (kind, value)
    for isbn in fields.get("ISBN", "").replace("-", "").split():
        yield ("isbn", isbn.upper())
    if url:
        yield ("url", url)
    citation_key = fields.get("citationKey")
    if not citation_key:
        by_hand = _CITATION_KEY.search(extra)
        citation_key = by_hand[1] if by_hand else ""
    if citation_key:
        yield ("citekey", citation_key)
