"""Convert the items in Zotero libraries to documents with highlights.

Each work becomes a document. A work is either a paper with its notes and the annotations of its
files, or an attachment or note without a paper. `reader` scans libraries with `WorkReader`, and
`pipeline.unmarked_documents` calls `find_work` for the metadata of an unmarked PDF in Zotero's
storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.errors import BugError, ItemError, wrap_unexpected_errors
from ankiforge.extract.passage_context import PassageContext
from ankiforge.extract.zotero.attachments import (
    STORAGE_DIRECTORY,
    PictureContext,
    ZoteroFiles,
    get_page_index,
)
from ankiforge.extract.zotero.database import (
    Library,
    LibraryAccess,
    ZoteroAnnotation,
    ZoteroItem,
    open_database,
)
from ankiforge.extract.zotero.note_text import (
    NoteText,
    RichText,
    extract_first_line,
    parse_note,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Json,
    Pair,
    Problem,
    Strings,
)
from ankiforge.text import regex
from ankiforge.text.comment_questions import has_question_mark
from ankiforge.text.identifiers import find_identifiers
from ankiforge.text.keys import percent_encode
from ankiforge.text.normalize import normalize_for_comparison, normalize_for_lookup
from ankiforge.text.passages import join_bullets
from ankiforge.text.private import (
    PRIVATE_TAG,
    contains_private_tag,
    get_privacy_reason,
    has_private_tag,
    is_name,
)
from ankiforge.text.raised_figures import copy_raised_figures

HIGHLIGHT_KINDS = {
    "highlight": HighlightKind.HIGHLIGHT,
    "underline": HighlightKind.UNDERLINE,
    "image": HighlightKind.IMAGE,
    "ink": HighlightKind.INK,
    "note": HighlightKind.NOTE,
    "text": HighlightKind.NOTE,  # typed on the page, stored in the comment
}


_MAX_ANCESTRY_LENGTH = 4
"""The maximum number of items from an annotation or note up to its paper, inclusive. Usually there
are three: the annotation, the attachment and the paper.
"""

# The sort key for the annotations of a work, with the oldest file first.
_ANNOTATION_SORT_KEY = attrgetter(
    "file.date_added",
    "file.key",
    "item.annotation_sort_index",
    "item.key",
)


class Work(NamedTuple):
    """A paper with its annotations and notes, or an attachment or note without a paper."""

    item: ZoteroItem
    annotations: list[ZoteroAnnotation]
    notes: list[ZoteroItem]


@dataclass(frozen=True)
class WorkReader:
    """Reads the works in an account's libraries, together with the context of each annotation."""

    source: str
    """The name of the source in the settings."""
    access: LibraryAccess
    files: ZoteroFiles
    """The libraries' files on this computer."""
    me: Strings
    works_by_library: dict[str, list[Work]] = field(default_factory=dict)
    """Caches the works of each library by namespace."""
    failed_keys: list[str] = field(default_factory=list)
    """The keys of the works that couldn't be read because of a bug in this program."""
    trashed_keys: set[str] = field(default_factory=set)
    """The keys of the annotations that aren't read because they, or what they belong to, are in
    the trash."""

    @cached_property
    def quotable_annotations(self) -> tuple[set[str], set[str]]:
        """The keys and the normalized comments of all annotations, which notes may quote.

        The comments always include "".
        """
        keys: set[str] = set()
        comments = {""}
        for library in self.access.libraries:
            # errors are reported when the library itself is read
            with suppress(ItemError):
                for work in self._load_works(library):
                    for annotation in work.annotations:
                        keys.add(annotation.item.key)
                        comment = RichText(annotation.item.annotation_comment).plain
                        comments.add(normalize_for_lookup(comment))
        return keys, comments

    def _load_works(self, library: Library) -> list[Work]:
        """Return the works that have annotations or notes, sorted by key.

        An item is skipped if it or one of its ancestors is in the trash.
        """
        if library.namespace in self.works_by_library:
            return self.works_by_library[library.namespace]
        items = {item.key: item for item in self.access.read_items(library)}
        by_key: dict[str, Work] = {}
        for item in items.values():
            ancestry = _list_ancestry(item, items)
            is_annotation = item.item_type == "annotation"
            if is_annotation and _is_in_trash(ancestry):
                self.trashed_keys.add(item.key)
            if not _should_read_item(ancestry):
                continue
            top_item = ancestry[-1]
            work = by_key.setdefault(top_item.key, Work(top_item, [], []))
            if is_annotation:
                _, attachment, *_ = ancestry
                work.annotations.append(ZoteroAnnotation(item, attachment))
            else:
                work.notes.append(item)
        works = [by_key[key] for key in sorted(by_key)]
        for work in works:
            work.annotations.sort(key=_ANNOTATION_SORT_KEY)
            work.notes.sort(key=attrgetter("date_added", "key"))
        self.works_by_library[library.namespace] = works
        return works

    def find_annotated_files(self) -> set[str]:
        """Return the keys of all files that have annotations in Zotero."""
        all_works = chain.from_iterable(self.works_by_library.values())
        return {
            annotation.file.key for work in all_works for annotation in work.annotations
        }

    def read_library(self, library: Library) -> Iterator[ExtractedDocument | Problem]:
        """Yield a document for each work that has annotations or notes, sorted by key.

        If a work can't be read because of a bug, yield a problem instead.
        """
        works = self._load_works(library)
        self.files.prefetch(
            library, chain.from_iterable(work.annotations for work in works)
        )
        for work in works:
            try:
                with wrap_unexpected_errors():
                    yield from self._read_work(library, work)
            except BugError as error:
                self.failed_keys.append(work.item.key)
                location = f"{library.namespace}/{percent_encode(work.item.key)}"
                yield Problem(location, error.message, error.hint)

    def _read_work(
        self, library: Library, work: Work
    ) -> Iterator[ExtractedDocument | Problem]:
        """Yield the document of a work, if it has highlights, after any problems."""
        paths = [annotation.file.path for annotation in work.annotations]
        document = build_document(self.source, library, work.item, paths)
        contexts, pictures = self.files.read_context(library, work.annotations)
        highlights = []
        for annotation in work.annotations:
            if annotation.item.annotation_type not in HIGHLIGHT_KINDS:
                yield _make_unknown_kind_problem(library, document, annotation.item)
                continue
            context = contexts.get(annotation.item.key, PassageContext())
            highlights.append(
                self._convert_annotation(library, document, annotation, context)
            )
        private_words = _PrivateWords()
        for note in work.notes:
            text = parse_note(note.note, lambda: self.quotable_annotations)
            if text is None:
                continue
            highlight = self._convert_note(library, document, note, text)
            highlights.append(highlight)
            if get_privacy_reason(highlight):
                private_words.add_note(text)
        if highlights:
            yield ExtractedDocument(
                document,
                tuple(highlights),
                library.namespace,
                pictures=pictures,
                private_texts=tuple(private_words.texts),
                private_names=tuple(private_words.names),
            )

    def _convert_note(
        self, library: Library, document: Document, note: ZoteroItem, text: NoteText
    ) -> Highlight:
        """Convert a note, of which `text` is the content, to a highlight.

        The note's title becomes the heading, unless it only repeats the title of the work.
        """
        highlight = self._start_highlight(
            library, document, note, HighlightKind.NOTE, text.plain
        )
        if highlight.skip_reason is None and text.skip_reason is not None:
            highlight = replace(
                highlight, skip_reason=text.skip_reason, comment_is_instruction=False
            )
        title = text.title or ""
        tags = note.user_tags
        # the privacy tag may be in the title, in an HTML comment, or after the part that is shown
        if contains_private_tag("\n".join((title, text.full_text, note.note))):
            tags = (*tags, PRIVATE_TAG)
        repeats_title = title == document.title and not has_question_mark(title)
        return replace(
            highlight,
            tags=tags,
            markdown=text.markdown,
            heading="" if repeats_title else title,
            uri=f"zotero://select/{library.link_path}/items/{percent_encode(note.key)}",
            block_id=note.key,
        )

    def _convert_annotation(
        self,
        library: Library,
        document: Document,
        annotation: ZoteroAnnotation,
        context: PassageContext,
    ) -> Highlight:
        """Convert an annotation to a highlight.

        `context` is what the file contains around the annotation. Its text is preferred to the one
        that Zotero stored.
        """
        item = annotation.item
        stored_text = RichText(item.annotation_text)
        exact = join_bullets(context.displayed_text or stored_text.plain)
        kind = HIGHLIGHT_KINDS[item.annotation_type]
        highlight = replace(
            self._start_highlight(library, document, item, kind, exact),
            tags=_list_tags(annotation),
            markdown=_format_annotation(stored_text, context),
            prefix=context.prefix,
            suffix=context.suffix,
            sentence=context.sentence,
            surrounding_text=context.surrounding_text,
            comment=RichText(item.annotation_comment, is_markdown=True).markdown.strip(),
            colour=item.annotation_color.lower(),
            page_label=item.annotation_page_label,
            heading=context.heading,
            uri=_build_annotation_uri(library, annotation),
            block_id=annotation.file.key,
        )
        if isinstance(context, PictureContext):
            return replace(
                highlight, figure_hash=context.figure, figure_labels=context.labels
            )
        return highlight

    def _start_highlight(
        self,
        library: Library,
        document: Document,
        item: ZoteroItem,
        kind: HighlightKind,
        exact: str,
    ) -> Highlight:
        """Build a highlight with what annotations and notes have in common."""
        author = item.annotation_author_name
        if not author and library.group is not None:
            author = item.maker
        skip_reason = self._find_skip_reason(library, item, author)
        return Highlight(
            document,
            library.namespace,
            kind,
            exact,
            source_id=percent_encode(item.key),
            comment_is_instruction=skip_reason is None,
            author=author,
            created=item.date_added,
            modified=item.date_modified,
            skip_reason=skip_reason,
        )

    def _find_skip_reason(
        self, library: Library, item: ZoteroItem, author: str
    ) -> str | None:
        """Return why an item doesn't become a card, or None if it is the user's own.

        In the user's own library, all items are the user's.
        """
        if library.group is None or self._is_mine(item, author):
            return None
        if author:
            return f"marked by {author}"
        if item.external:
            return "marked by another program in the file"
        return "marked by somebody else"

    def _is_mine(self, item: ZoteroItem, author: str) -> bool:
        """Return whether an item in a group library is the user's.

        It is if its author is listed in `me`, or if `me` is empty and the author owns the account.
        An item that was never synced is also the user's, unless another program wrote it into the
        file.
        """
        was_synced = item.author is not None or item.annotation_author_name
        if not was_synced:
            return not item.external
        is_by_owner = self._is_by_owner(item)
        if not self.me:
            return is_by_owner
        my_names = set(map(normalize_for_comparison, self.me))
        # `me` may list any of the owner's names in Zotero
        is_owner_listed = not my_names.isdisjoint(self._owner_names)
        if is_by_owner and is_owner_listed:
            return True
        return normalize_for_comparison(author) in my_names

    def _is_by_owner(self, item: ZoteroItem) -> bool:
        """Return whether the owner of the account made an item."""
        if item.annotation_author_name:
            name = normalize_for_comparison(item.annotation_author_name)
            return name in self._owner_names
        return item.author is not None and item.author == self.access.account.id

    @cached_property
    def _owner_names(self) -> set[str]:
        return set(map(normalize_for_comparison, self.access.account.names))


@dataclass(frozen=True)
class _PrivateWords:
    """What private notes contain that must not be sent elsewhere as part of other highlights."""

    texts: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """The titles that are names rather than sentences (`is_name`)."""

    def add_note(self, note: NoteText) -> None:
        """Add the text and the title of a private note."""
        self.texts.append(note.full_text)
        if note.title is None:
            return
        if is_name(note.title):
            self.names.append(note.title)
        else:
            self.texts.append(note.title)


def _make_unknown_kind_problem(
    library: Library, document: Document, annotation: ZoteroItem
) -> Problem:
    return Problem(
        f"{document.title}: {library.namespace}/{annotation.key}",
        f"an annotation of a kind this program does not know ({annotation.annotation_type})",
        "it was left out; a newer version of this program may know it",
    )


def _list_tags(annotation: ZoteroAnnotation) -> Strings:
    """Return the tags of an annotation. It has the privacy tag if its comment or file has it."""
    tags = annotation.item.user_tags
    # find the privacy tag even if there is emphasis within it
    comment = RichText(annotation.item.annotation_comment).plain
    if contains_private_tag(comment) or has_private_tag(annotation.file.user_tags):
        return (*tags, PRIVATE_TAG)
    return tags


def _format_annotation(stored_text: RichText, context: PassageContext) -> Strings:
    """Return the Markdown of an annotation, or () if it is the same as its plain text."""
    if isinstance(context, PictureContext):
        return (f"![{context.caption}]({context.picture})",)
    if stored_text.is_formatted:
        markdown = copy_raised_figures(stored_text.markdown, context.displayed_text)
        return (join_bullets(markdown),)
    return ()


def _build_annotation_uri(library: Library, annotation: ZoteroAnnotation) -> str:
    """Build the link that opens an annotation in Zotero. Its page is a number, not a label."""
    file_key = percent_encode(annotation.file.key)
    uri = f"zotero://open-pdf/{library.link_path}/items/{file_key}?"
    page = get_page_index(annotation)
    if page is not None:
        uri += f"page={page + 1}&"
    return f"{uri}annotation={percent_encode(annotation.item.key)}"


def _list_ancestry(item: ZoteroItem, items: Mapping[str, ZoteroItem]) -> list[ZoteroItem]:
    """Return an item, followed by its parent and its further ancestors."""
    ancestry = [item]
    while len(ancestry) < _MAX_ANCESTRY_LENGTH:
        parent = items.get(ancestry[-1].parent_item)
        if not parent:
            break
        ancestry.append(parent)
    return ancestry


def _should_read_item(ancestry: Sequence[ZoteroItem]) -> bool:
    """Return whether to read an item. `ancestry` is the item, followed by its ancestors.

    Only annotations and notes are read, and only if neither they nor an ancestor is in the trash.
    An annotation must have a parent, but a note needn't, because it may be a work of its own.
    """
    item = ancestry[0]
    if item.item_type not in ("annotation", "note"):
        return False
    if _is_in_trash(ancestry):
        return False
    return len(ancestry) > 1 or (item.item_type == "note" and not item.parent_item)


def _is_in_trash(ancestry: Iterable[ZoteroItem]) -> bool:
    """Return whether an item or one of its ancestors is in the trash."""
    return any(each.deleted for each in ancestry)


# --- papers -----------------------------------------------------------------------------

_TITLE_FIELDS = ("title", "caseName", "subject", "nameOfAct")
# The name of the field depends on the item type: case, e-mail, statute, patent.
_DATE_FIELDS = ("date", "dateDecided", "dateEnacted", "issueDate")
_YEAR = regex(r"(?<!\d)(?!0000)\d{4}(?!\d)")
_MARKUP = regex(r"(?i)</?(?:i|b|sub|sup|sc|span)(?:\s[^<>]*)?>")
_CITATION_KEY = regex(r"(?im)^[ \t]*citation key[ \t]*:[ \t]*(\S+)[ \t]*$")
_IDENTIFIER_LABEL = regex(r"(?i)[ \t]*(?:doi|pmid|arxiv)[ \t]*:")


def build_document(
    source: str,
    library: Library,
    work: ZoteroItem,
    paths: list[str],
) -> Document:
    """Build the document for a paper, or for an attachment or note without a paper.

    Args:
        source: The name of the source.
        library: The library that contains the work.
        work: The paper, attachment or note.
        paths: The paths of the work's annotated files.
    """
    key = percent_encode(work.key)
    fields = work.fields
    file_names = tuple(filter(None, dict.fromkeys(map(get_file_name, paths))))

    # keys are unique only within a library
    _, _, library_name = library.namespace.partition(":")
    identifiers = [*_parse_identifiers(fields), ("zotero", f"{library_name}/{key}")]
    identifiers += [("file", name) for name in file_names]

    return Document(
        key=DocumentKey(f"{library.namespace}/{key}"),
        source=source,
        title=_choose_title(work, file_names),
        creators=tuple(dict.fromkeys(_iter_creators(work))),
        publication_date=_find_year(fields),
        identifiers=tuple(identifiers),
        uri=f"zotero://select/{library.link_path}/items/{key}",
        tags=work.user_tags,
        collections=tuple(sorted(set(work.collections))),
    )


def _choose_title(work: ZoteroItem, file_names: Strings) -> str:
    """Return the title of a work, its first file or its note, without markup, or else its key."""
    stored_title = _get_first_filled(work.fields, _TITLE_FIELDS)
    if stored_title is not None:
        words = _MARKUP.sub("", stored_title).split()
        title = " ".join(words).removeprefix("storage:")
        if title:
            return title
    if file_names:
        return file_names[0]
    return extract_first_line(work.note) or percent_encode(work.key)


def _iter_creators(work: ZoteroItem) -> Iterator[str]:
    """Yield the authors, then editors and others, each in the order in which Zotero shows them."""
    for creator in sorted(work.creators, key=lambda row: row["creatorType"] != "author"):
        last_name = creator.get("lastName") or creator.get("name")
        name = " ".join(filter(None, (creator.get("firstName"), last_name)))
        if name:
            yield name


def find_work(file: Path) -> Document | None:
    """Return the document of a file in Zotero's storage, or None if the file is in no library.

    The document has the tags of the work and of the file.

    Raises:
        ItemError: The library cannot be read, so the tags are unknown.
    """
    data_folder = file.parents[2] if len(file.parents) > 2 else file.parent
    path = data_folder / "zotero.sqlite"
    if file.parent.parent.name != STORAGE_DIRECTORY or not path.is_file():
        return None
    with open_database(path, None) as database:
        for library in database.libraries:
            found = database.find_file_and_work(library, file.parent.name)
            if found:
                paths = [f"{STORAGE_DIRECTORY}:{file.name}"]
                document = build_document("", library, found[-1], paths)
                return replace(document, tags=(*document.tags, *found[0].user_tags))
    return None


def get_file_name(path: str) -> str:
    """Return the file name in a path, which may have Zotero's or any operating system's format."""
    return re.split(r"[/\\]|^(?:storage|attachments):", path)[-1]


def _find_year(fields: Json) -> str:
    """Return the year of publication, or "" if it is unknown.

    The database stores `2019-03-00 March 2019`: a date that can be sorted, and the original text.
    """
    date = _get_first_filled(fields, _DATE_FIELDS)
    if date is None:
        return ""
    year = _YEAR.search(date)
    return "" if year is None else year[0]


def _get_first_filled(fields: Json, names: Strings) -> str | None:
    """Return the first value that isn't empty, or None if there is none."""
    for name in names:
        value: str | None = fields.get(name)
        if value:
            return value
    return None


def _parse_identifiers(fields: Json) -> Iterator[Pair]:
    """Yield the identifiers in the fields of a work, then its URL and its citation key."""
    url = fields.get("url", "").strip()
    for kind, value in find_identifiers("\n".join(_iter_identifier_texts(fields))):
        if kind in ("doi", "arxiv", "pmid"):
            yield (kind, value)
    for isbn in fields.get("ISBN", "").replace("-", "").split():
        yield ("isbn", isbn.upper())
    if url:
        yield ("url", url)
    citation_key = fields.get("citationKey") or _find_citation_key(fields)
    if citation_key:
        yield ("citekey", citation_key)


def _iter_identifier_texts(fields: Json) -> Iterator[str]:
    """Yield the texts that may contain a DOI, an arXiv id or a PubMed id."""
    for name in ("DOI", "archiveID"):
        if name in fields:
            yield fields[name]
    for line in fields.get("extra", "").split("\n"):
        if _IDENTIFIER_LABEL.match(line):
            yield line
    if "url" in fields:
        yield fields["url"].strip()


def _find_citation_key(fields: Json) -> str | None:
    """Return the citation key in the field Extra, or None."""
    line = _CITATION_KEY.search(fields.get("extra", ""))
    return None if line is None else line[1]
