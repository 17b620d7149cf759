"""What Zotero knows of a paper, as a `Document`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ankiforge.extract.zotero.catalog import Catalog
from ankiforge.extract.zotero.database import BETTER_BIBTEX, Creator, Library
from ankiforge.model import Document, DocumentKey
from ankiforge.text.anchors import percent

_TITLES = ("title", "caseName", "subject", "nameOfAct")
_DATES = ("date", "dateDecided", "dateEnacted", "issueDate")
"""What the field is called depends on the type of item: a case, an e-mail, a statute, a patent."""
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
    catalog: Catalog,
    source: str,
    library: Library,
    work: int,
    work_key: str,
    paths: tuple[str, ...],
) -> Document:
    """The paper, or the loose attachment; `paths` are those of its files that have marks."""
    key = percent(work_key)
    fields = catalog.fields(work)
    files = tuple(dict.fromkeys(map(_file_name, paths)))
    identifiers = (*_identifiers(fields), ("zotero", f"{_inner(library)}/{key}"))
    return Document(
        key=DocumentKey(f"{library.namespace}/{key}"),
        source=source,
        title=_title(fields) or next(filter(None, files), key),
        creators=_names(catalog.creators(work)),
        issued=_year(fields),
        identifiers=(*identifiers, *(("file", name) for name in files if name)),
        uri=f"zotero://select/{library.address}/items/{key}",
        tags=catalog.tags(work),
        collections=catalog.collections(work),
    )


def _inner(library: Library) -> str:
    """`user` or `group.<id>`: item keys are unique in their library only."""
    return library.namespace.partition(":")[2]


def _title(fields: dict[str, str]) -> str:
    found = next((fields[name] for name in _TITLES if fields.get(name)), "")
    return " ".join(_MARKUP.sub("", found).split()).removeprefix("storage:")


def _year(fields: dict[str, str]) -> str:
    """Zotero keeps `2019-03-00 March 2019`: the sortable date, then what was typed."""
    year = next((fields[name] for name in _DATES if fields.get(name)), "")[:4]
    return year if year.isascii() and year.isdecimal() and year != "0000" else ""


def _names(creators: list[Creator]) -> tuple[str, ...]:
    """Authors first, then editors and the rest, each in the order of the paper."""
    ordered = sorted(creators, key=lambda creator: creator.role != "author")
    names = (f"{creator.first} {creator.last}".strip() for creator in ordered)
    return tuple(dict.fromkeys(name for name in names if name))


def _identifiers(fields: dict[str, str]) -> Iterator[tuple[str, str]]:
    extra = fields.get("extra", "")
    if doi := _DOI.search(fields.get("DOI") or _first(_EXTRA_DOI, extra)):
        yield ("doi", doi[0].lower())
    if arxiv := _first(_ARXIV, "\n".join((fields.get("archiveID", ""), extra, _url(fields)))):
        yield ("arxiv", arxiv.lower())
    if pmid := _first(_PMID, extra) or _first(_PUBMED, _url(fields)):
        yield ("pmid", pmid)
    for isbn in fields.get("ISBN", "").replace("-", "").split():
        yield ("isbn", isbn.upper())
    if _url(fields):
        yield ("url", _url(fields))
    native, typed = fields.get("citationKey"), _first(_CITATION_KEY, extra)
    if citekey := native or typed or fields.get(BETTER_BIBTEX):
        yield ("citekey", citekey)


def _url(fields: dict[str, str]) -> str:
    return fields.get("url", "").strip()


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _file_name(path: str) -> str:
    """The last part of `storage:name`, `attachments:folder/name`, or a path of any system."""
    return re.split(r"[/\\]|^(?:storage|attachments):", path)[-1]
