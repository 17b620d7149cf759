"""Find and normalize the identifiers by which documents are recognized.

An identifier is a (scheme, value) pair. It names a work (`doi`, `arxiv`, `isbn`) or a location
(`url`, `file`, `path`). Nothing here uses the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import cycle
from operator import mul
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from ankiforge.model import Pair, hints
from ankiforge.text import regex

# How many characters of a text are searched for identifiers.
_MAX_CHARS = 4_000
# How many parts of a path its longest suffix has.
_MAX_PATH_PARTS = 12

_DOI = regex(r"(?i)\b10\.\d{4,9}/[^\s\"<>]+")
_DOI_SUFFIX = regex(
    r"(?i)(?:\.pdf|/(?:full(?:text)?|abstract|epdf|pdf|html|meta|summary)(?:/.*)?)$"
)
_ARXIV_ID = r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?"
_ARXIV = regex(
    r"(?i)(?:arxiv(?:\.org/(?:abs|pdf|html|ps|format)/|[:.\s]\s*))"
    rf"{_ARXIV_ID}(?!\d)"
)
_BARE_ARXIV = regex(rf"(?i){_ARXIV_ID}(?:\.pdf)?")
_ARXIV_DOI = regex(rf"(?i)10\.48550/arxiv\.{_ARXIV_ID}")
_PMC = regex(r"(?i)\bPMC\s?(\d{4,9})\b")
_PMID = regex(
    r"(?i)(?:\bpmid\s?:?\s*|pubmed\.ncbi\.nlm\.nih\.gov/|ncbi\.nlm\.nih\.gov/pubmed/)"
    r"(\d{1,9})\b"
)
_ISBN = regex(r"(?i)(?<![\w-])(?:97[89][-\s]?)?(?:\d[-\s]?){9}[\dX](?![\w-])")
_PREFIXED_ISBN = regex(r"(?i)(?:urn:)?(?:isbn:)?((?:97[89])?\d{9}[\dX])")
_URL = regex(r"(?i)https?://[^\s<>\"]+")
_ZOTERO = regex(r"(?i)zotero://[a-z-]+/(?:library|groups/(\d+))/(?:items/)?([A-Z0-9]{8})")
_BARE_HOST = regex(r"(?i)(?:www\.|(?:[a-z0-9-]+\.)+[a-z]{2,}/)[^\s<>\"]*")
_FILE = regex(r"(?i)[^\n\"<>|?*]{1,300}\.(?:pdf|epub|html?|md|markdown|txt|tid)")
_OBSIDIAN = regex(r"(?i)obsidian://[^\s?]*\?(\S+)")
_CITEKEY = regex(r"@([^\s@,;\[\]]+)")
_TRACKING_PARAMETER = regex(
    r"(?i)utm_\w+|fbclid|gclid|mc_[ce]id|ref_src|via|casa_token|needAccess"
)
_INDEX_PAGE = regex(r"(?i)/(?:index|default)\.(?:html?|php|aspx?)$")


def find_identifiers(text: str) -> tuple[Pair, ...]:
    """Find all identifiers, e.g. DOIs, in text typed by the user. The most reliable come first."""
    return tuple(dict.fromkeys(_iter_identifiers(text.strip()[:_MAX_CHARS])))


def _iter_identifiers(text: str) -> Iterator[Pair]:
    urls = _URL.findall(text)
    if _BARE_HOST.fullmatch(text) and not _DOI.match(text):
        urls.append(f"https://{text}")
    for url in urls:
        yield from _iter_url_identifiers(url)
    text_without_urls = _URL.sub(" ", text)
    yield from _iter_work_identifiers(text_without_urls)
    arxiv_match = _BARE_ARXIV.fullmatch(text)
    if arxiv_match:
        yield "arxiv", arxiv_match[1].lower()
    for match in _ISBN.finditer(text_without_urls):
        isbn = to_isbn13(match[0])
        if isbn:
            yield "isbn", isbn
    for match in _CITEKEY.finditer(text_without_urls):
        yield "citekey", match[1].casefold()
    for group, key in _ZOTERO.findall(text):
        library = "user"
        if group:
            library = f"group.{group}"
        yield "zotero", f"{library}/{key.upper()}"
    yield from _iter_path_suffixes(text)


def _iter_path_suffixes(text: str) -> Iterator[Pair]:
    """Yield all suffixes of a file's path, then the file's name.

    Any suffix may be the file's path within its source, whose directory is unknown. Yields nothing
    if the text isn't a path.
    """
    path = _parse_path(text)
    if path is None:
        return
    parts = list(filter(None, re.split(r"[/\\]", path.casefold())))
    first_part = max(0, len(parts) - _MAX_PATH_PARTS)
    for start in range(first_part, len(parts)):
        yield "path", "/".join(parts[start:])
    yield "file", parts[-1]


def _parse_path(text: str) -> str | None:
    """Return the path in a URL of Obsidian or of a file, or the text itself if it is a path."""
    obsidian_match = _OBSIDIAN.fullmatch(text)
    if obsidian_match:
        path = _parse_obsidian_path(obsidian_match[1])
    elif text.lower().startswith("file://"):
        path = unquote(text[len("file://") :])
    else:
        path = text
    if path is None or "://" in path or not _FILE.fullmatch(path.strip()):
        return None
    return path


def _parse_obsidian_path(query: str) -> str | None:
    """Return the path of the note that the query of an Obsidian URL names, with its suffix."""
    values = dict(parse_qsl(query))
    target = values.get("file") or values.get("path")
    if target is None:
        return None
    path, _, _ = target.partition("#")
    if not path:
        return None
    if path.lower().endswith((".md", ".qmd", ".rmd", ".canvas")):
        return path
    return f"{path}.md"


def _iter_work_identifiers(text: str) -> Iterator[Pair]:
    for match in _DOI.finditer(text):
        yield from _iter_doi_variants(match[0])
    for match in _ARXIV.finditer(text):
        yield "arxiv", match[1].lower()
    for match in _PMID.finditer(text):
        yield "pmid", match[1].lstrip("0")
    for match in _PMC.finditer(text):
        yield "pmcid", match[1].lstrip("0")


def _iter_doi_variants(raw_doi: str) -> Iterator[Pair]:
    """Yield a normalized DOI with and without a publisher's suffix, and any arXiv ID in them."""
    doi = normalize_doi(unquote(raw_doi))
    for variant in dict.fromkeys((doi, _DOI_SUFFIX.sub("", doi))):
        yield "doi", variant
        arxiv_match = _ARXIV_DOI.fullmatch(variant)
        if arxiv_match:
            yield "arxiv", arxiv_match[1]


def normalize_doi(doi: str) -> str:
    """Lower-case a DOI, and strip punctuation at the end that belongs to the sentence around it."""
    doi = doi.lower()
    while doi:
        is_unbalanced = doi[-1] == ")" and doi.count(")") > doi.count("(")
        if doi[-1] not in ".,;:-_('’”]}" and not is_unbalanced:
            break
        doi = doi[:-1]
    return doi


def _iter_url_identifiers(url: str) -> Iterator[Pair]:
    """Yield any work identifiers in a URL, followed by the normalized URL."""
    without_fragment = url.partition("#")[0]
    path, _, query = unquote(without_fragment).partition("?")
    yield from _iter_work_identifiers(path)
    yield from _iter_work_identifiers(query)
    normalized_url = normalize_url(url)
    if normalized_url:
        yield "url", normalized_url


def normalize_url(url: str) -> str:
    """Normalize a URL, or return "" if the text isn't one.

    Drops the scheme, `www.` or `m.`, port, trailing slash, fragment, and tracking parameters,
    lower-cases the host, and sorts the remaining query parameters.
    """
    try:
        parts = urlsplit(url.strip().rstrip(".,;)>”’"))
        host = parts.hostname
    except ValueError:
        return ""
    if not host or parts.scheme.lower() not in ("http", "https"):
        return ""
    host = host.removeprefix("www.").removeprefix("m.")
    if not host:
        return ""
    path = _INDEX_PAGE.sub("", unquote(parts.path)).rstrip("/")
    parameters = []
    for name, value in sorted(parse_qsl(parts.query)):
        if not _TRACKING_PARAMETER.fullmatch(name):
            parameters.append((name, value))
    if not parameters:
        return f"{host}{path}"
    return f"{host}{path}?{urlencode(parameters)}"


def parse_isbns(identifiers: Iterable[str]) -> tuple[Pair, ...]:
    """Extract the ISBNs from identifiers, which may have hyphens and the prefix `isbn:`."""
    isbns: list[Pair] = []
    for text in identifiers:
        match = _PREFIXED_ISBN.fullmatch(re.sub(r"[-\s]", "", text))
        if match:
            isbns.append(("isbn", match[1]))
    return tuple(isbns)


def to_isbn13(text: str) -> str | None:
    """Normalize an ISBN to 13 digits, or return None if it's malformed or fails its checksum."""
    digits = re.sub(r"[-\s]", "", text).upper()
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        values = ["0123456789X".index(digit) for digit in digits]
        if sum(map(mul, values, range(10, 0, -1))) % 11 != 0:
            return None
        body = f"978{digits[:9]}"
        return f"{body}{-_compute_weighted_sum(body) % 10}"
    if re.fullmatch(r"[0-9]{13}", digits) and _compute_weighted_sum(digits) % 10 == 0:
        return digits
    return None


def _compute_weighted_sum(digits: str) -> int:
    return sum(map(mul, map(int, digits), cycle((1, 3))))


def normalize_identifiers(identifiers: Iterable[Pair], uri: str = "") -> tuple[Pair, ...]:
    """Normalize a document's identifiers to the form returned by `find_identifiers`.

    If `uri` is a URL, the identifiers in it are added.
    """
    names: list[Pair] = []
    for printed_scheme, value in identifiers:
        scheme = hints.strip_printed_suffix(printed_scheme)
        match scheme:
            case "doi":
                names += _iter_doi_variants(value)
                # best effort: some old DOIs contain `<` and `>`
                names += _iter_work_identifiers(value)
            case "arxiv":
                names.append(("arxiv", re.sub(r"v\d+$", "", value.lower())))
            case "isbn":
                names.append(("isbn", to_isbn13(value) or value))
            case "url":
                names += _iter_url_identifiers(value)
            case "attachment":
                names.append(("zotero", value))
            case "citekey" | "file" | "path":
                names.append((scheme, value.casefold()))
            case _ if not hints.is_quoted_scheme(scheme):
                names.append((scheme, value))
    if _URL.match(uri):
        names += _iter_url_identifiers(uri)
    return tuple(dict.fromkeys(names))
