"""What libraries hold, however they are read, and how it maps to our model, work by work."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, Tag
from bs4.element import NavigableString
from markdownify import MarkdownConverter

from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.extract.files import COMMENT, raised
from ankiforge.extract.pdf.worker import Passage, PdfWorker
from ankiforge.extract.zotero.files import Files, Shown, page_index
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
    Value,
)
from ankiforge.text import regex
from ankiforge.text.cloze import literal
from ankiforge.text.cloze import plain as plain_text
from ankiforge.text.fold import canonical, fold
from ankiforge.text.identifiers import names_in
from ankiforge.text.passages import percent, without_bullets

if TYPE_CHECKING:
    from ankiforge.extract.zotero.api import Online
    from ankiforge.extract.zotero.database import Database

Wanted = frozenset[int | None] | None
"""The selected groups by number, None for the user's own library; None instead of the set for all."""
KINDS = {
    "highlight": HighlightKind.HIGHLIGHT,
    "underline": HighlightKind.UNDERLINE,
    "image": HighlightKind.IMAGE,
    "ink": HighlightKind.INK,
    "note": HighlightKind.NOTE,
    "text": HighlightKind.NOTE,  # typed on the page, stored in the comment
}
_CONTROLS = regex(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Remove control characters except tab and line feed.

    Broken fonts cause some. In a shared library they could be terminal escapes.
    """
    text = text.encode("utf-8", "replace").decode()  # replace lone surrogates
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


class Library(NamedTuple):
    """The user's own library, or that of a group."""

    group: int | None
    """The group's number on zotero.org. None for the user's own library."""
    name: str = ""
    """The name of the group."""
    number: int | None = None
    """Its number in a database. None if it is not there."""

    @property
    def namespace(self) -> str:
        """The prefix of its keys. It never contains the user's number."""
        return "zotero:user" if self.group is None else f"zotero:group.{self.group}"

    @property
    def says(self) -> str:
        """The namespace with the name, for people."""
        return f"{self.namespace} ({self.name})" if self.name else self.namespace

    @property
    def address(self) -> str:
        """Its part of a zotero:// link."""
        return "library" if self.group is None else f"groups/{self.group}"


class Item(Value, rename="camel"):
    """A paper, file, annotation or note, with the names of Zotero's API."""

    key: str
    item_type: str = ""
    parent_item: str = ""
    deleted: bool = False
    """Whether it is in the trash."""
    date_added: str = ""
    date_modified: str = ""
    annotation_type: str = ""
    annotation_author_name: str = ""
    """A name stored in the annotation, if it comes from another program or library."""
    annotation_text: str = ""
    annotation_comment: str = ""
    annotation_color: str = ""
    annotation_page_label: str = ""
    annotation_sort_index: str = ""
    annotation_position: str = ""
    """JSON."""
    external: bool = False
    """Whether another program wrote it into the file, so that its author is unknown."""
    note: str = ""
    """HTML from Zotero's editor. Older notes may contain any HTML."""
    path: str = ""
    """Of a file: `storage:name`, `attachments:folder/name`, or a path of any system."""
    author: int | None = None
    """The account that made it, 0 if unknown. None if it was never synced."""
    maker: str = ""
    """The name of that account."""
    fields: Json = {}
    creators: tuple[Json, ...] = ()
    tags: tuple[Json, ...] = ()
    collections: Strings = ()
    """The full paths, as in `Outer/Inner`."""

    @property
    def own_tags(self) -> Strings:
        """The tags added by a person (type 0), not those imported automatically (type 1)."""
        return tuple(sorted(tag["tag"] for tag in self.tags if not tag.get("type")))


class Account(NamedTuple):
    """The owner of the libraries. (None, ()) before the first sync."""

    id: int | None
    names: Strings
    """The login name and the display name."""


Shelves = dict[Any, tuple[str, Any, bool]]
"""The name of each collection, the one around it, and whether it is in the trash."""


def paths_of(collections: Iterable[Any], shelves: Shelves) -> Strings:
    """Return the full paths of collections, without those that are in the trash."""
    paths = []
    for collection in collections:
        names, above = list[str](), collection
        while above in shelves and len(names) < 100 and not shelves[above][2]:
            name, above, _ = shelves[above]
            names.insert(0, name)
        paths += [] if above else ["/".join(names)]
    return tuple(paths)


class Mark(NamedTuple):
    """An annotation with its file."""

    item: Item
    file: Item


# The order of the marks of a paper: its oldest file first.
_ORDER = attrgetter("file.date_added", "file.key", "item.annotation_sort_index", "item.key")


@dataclass(frozen=True)
class Works:
    """Reads the libraries of one account."""

    source: str
    """The name of the source in the configuration."""
    access: Database | Online
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


# --- notes: what a person wrote there, without the annotations it quotes -----------------------
#
# Zotero inserts an annotation into a note as a quotation, followed by a citation and its comment. The
# annotation is a highlight of its own, so the quotation and its citation are left out, and so is a
# paragraph of which nothing but the annotation's comment is left. A citation anywhere else is
# ordinary text.

LARGEST = 200_000
"""The number of characters of HTML that are read, without pictures in it."""
LONGEST = 20_000
"""The maximum number of characters of a note that can become a card."""
_TOO_LONG = f"a note of more than {LONGEST:,} characters: split it into shorter ones"
_PICTURE = regex(r'src="data:[^"]*"')
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("p", "li", "div", "blockquote", "td", "th", "pre", *_HEADINGS)
# All markup that Zotero's editor writes in comments. Everything else is literal.
_COMMENT_MARKUP = regex(r"(?i)</?(?:b|i|sub|sup)>")
Quotable = tuple[set[str], set[str]]
"""The keys of all annotations, and their folded comments, among them the empty one."""
_NO_TAG = regex(r"<(?!/?[A-Za-z][^<>]*>)")
_BLANKS = regex(r"\n{3,}")


def comment_of(comment: str) -> str:
    """Return an annotation's comment as plain text."""
    return _COMMENT_MARKUP.sub("", comment).strip()


def note_text(html: str, quotable: Callable[[], Quotable]) -> tuple[str, Strings, str, str] | None:
    """Return the text of a note, its Markdown, its title, and why it cannot become a card.

    The title is the heading above everything else. None if a note only repeats annotations.
    """
    html = _PICTURE.sub("", html)
    # of signs that begin no tag, the parser looks for the end again and again
    markup = _NO_TAG.sub("&lt;", COMMENT.sub("", html[:LARGEST]))
    with warnings.catch_warnings():  # of a note that is nothing but an address
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        soup = BeautifulSoup(markup, "html.parser")
    for element in soup(("script", "style", "template", "title", "hr")):
        element.decompose()
    for text in soup.find_all(string=re.compile(r"\s{2}|\n")):
        if not text.find_parent("pre"):  # a line feed is a space, but to the converter
            text.replace_with(re.sub(r"\s+", " ", text))
    if quotes := "data-annotation" in html or "data-citation" in html:
        _drop_quotations(soup, *quotable())
    title = _title(soup, quotes=quotes)
    try:
        markdown = _Converter().convert_soup(soup)
    except RecursionError:  # elements without end, a thousand deep
        markdown = literal(soup.get_text("\n"))
    lines = (line.rstrip(" \t") for line in markdown.split("\n"))
    markdown = _BLANKS.sub("\n\n", "\n".join(lines)).strip("\n ")
    plain = "\n".join(line for line in plain_text(markdown).split("\n") if line.strip())
    if len(plain) > LONGEST or len(html) > LARGEST:
        return plain[:1_000], (), title, _TOO_LONG
    return (plain, (markdown,), title, "") if plain else None


# --- what is left out -----------------------------------------------------------------------


_QUOTED = regex(r'"annotationKey": ?"(\w+)"')


def _annotation(element: Tag) -> str:
    """Return the key of the annotation that a span or picture shows. "" if there is none."""
    found = _QUOTED.search(unquote(str(element.get("data-annotation", ""))))
    return found[1] if found else ""


def _drop_quotations(soup: BeautifulSoup, keys: set[str], comments: set[str]) -> None:
    """Remove quoted annotations with their citations, and what only repeats them."""
    touched = []
    for element in soup.select("[data-annotation]"):
        if _annotation(element) in keys:
            touched.append(element.find_parent(_BLOCKS) or soup)
            after = element.next_sibling
            while after is not None and not str(after).strip():
                after = after.next_sibling
            if isinstance(after, Tag) and "citation" in after.get_attribute_list("class"):
                after.decompose()
            element.decompose()
    for citation in soup.select(".citation"):  # the quotation before it was a picture, or is gone
        block = citation.find_parent(_BLOCKS) or soup
        if block.get_text().strip().startswith(citation.get_text().strip()):
            touched.append(block)
    for block in touched:
        cited = "".join(one.get_text() for one in block.select(".citation"))
        if fold(block.get_text().replace(cited, "", 1)) in comments:
            block.clear()


def _title(soup: BeautifulSoup, *, quotes: bool) -> str:
    """Take the heading above everything else out of a note, and return its text.

    What stands alone is no title but the note, unless it was above quotations.
    """
    heading, words = soup.find(_HEADINGS), soup.get_text().strip()
    title = heading.get_text().strip() if heading else ""
    if not heading or not words.startswith(title) or (words == title and not quotes):
        return ""
    heading.decompose()
    return " ".join(title.split())


# --- HTML as our Markdown -------------------------------------------------------------------


class _Converter(MarkdownConverter):
    """Writes what Zotero's editor knows as our Markdown. A link or picture is its text."""

    class Options:
        bullets = "-"
        strip = ("a", "img", "blockquote")

    def escape(self, text: str, parent_tags: set[str]) -> str:
        return literal(text)

    def process_element(
        self, node: Tag | NavigableString, parent_tags: set[str] | None = None
    ) -> str:
        if isinstance(node, Tag) and "math" in node.get_attribute_list("class"):
            text = " ".join(node.get_text().split())
            return f"\n\n{text}\n\n" if node.name == "pre" else text
        return str(super().process_element(node, parent_tags))  # type: ignore[misc]

    def convert_hN(self, n: int, el: Tag, text: str, parent_tags: set[str]) -> str:
        words = text.replace("**", "").strip()
        return f"\n\n**{words}**\n\n" if words else ""

    def convert_br(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return "\n"

    def convert_sub(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return raised(text, "sub")

    def convert_sup(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return raised(text, "sup")
