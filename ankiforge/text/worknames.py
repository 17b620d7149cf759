"""What names a work: DOI, arXiv, ISBN, PMID, address, in one spelling each.

A name is (scheme, value). Two spellings of one name come to the same; nothing is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

Name = tuple[str, str]

LONGEST = 4_000
"""Characters of a text in which names are looked for."""
_DEEPEST = 12

_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>]+", re.IGNORECASE)
_AFTER_DOI = re.compile(
    r"(?:\.pdf|/(?:full(?:text)?|abstract|epdf|pdf|html|meta|summary)(?:/.*)?)$", re.IGNORECASE
)
_ARXIV_ID = r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?"
_ARXIV = re.compile(
    rf"(?:arxiv(?:\.org/(?:abs|pdf|html|ps|format)/|[:.\s]\s*)){_ARXIV_ID}(?!\d)", re.IGNORECASE
)
_BARE_ARXIV = re.compile(rf"{_ARXIV_ID}(?:\.pdf)?", re.IGNORECASE)
_PMC = re.compile(r"\bPMC\s?(\d{4,9})\b", re.IGNORECASE)
_PMID = re.compile(
    r"(?:\bpmid\s?:?\s*|pubmed\.ncbi\.nlm\.nih\.gov/|ncbi\.nlm\.nih\.gov/pubmed/)(\d{1,9})\b",
    re.IGNORECASE,
)
_ISBN = re.compile(r"(?<![\w-])(?:97[89][-\s]?)?(?:\d[-\s]?){9}[\dX](?![\w-])", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_ZOTERO = re.compile(
    r"zotero://[a-z-]+/(?:library|groups/(\d+))/(?:items/)?([A-Z0-9]{8})", re.IGNORECASE
)
_BARE_HOST = re.compile(r"(?:www\.|(?:[a-z0-9-]+\.)+[a-z]{2,}/)[^\s<>\"]*", re.IGNORECASE)
_FILE = re.compile(r"[^\n\"<>|?*]{1,300}\.(?:pdf|epub|html?|md|markdown|txt|tid)", re.IGNORECASE)
_OBSIDIAN = re.compile(r"obsidian://[^\s?]*\?(\S+)", re.IGNORECASE)
_CITEKEY = re.compile(r"@([^\s@,;\[\]]+)")
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id|ref_src|via|casa_token|needAccess", re.I)
_PAGES = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?)$", re.IGNORECASE)


def names_in(text: str) -> tuple[Name, ...]:
    """All that a person's words name, each once, the surest first."""
    text = text.strip()[:LONGEST]
    return tuple(dict.fromkeys(_found(text)))


def _found(text: str) -> Iterator[Name]:
    for address in _addresses(text):
        yield from _of_address(address)
    without = _URL.sub(" ", text)
    yield from _works(without)
    if bare := _BARE_ARXIV.fullmatch(text):
        yield ("arxiv", bare[1].lower())
    for found in _ISBN.finditer(without):
        if isbn := isbn13(found[0]):
            yield ("isbn", isbn)
    for found in _CITEKEY.finditer(without):
        yield ("citekey", found[1].casefold())
    for group, key in _ZOTERO.findall(text):
        yield ("zotero", f"group.{group}/{key.upper()}" if group else f"user/{key.upper()}")
    yield from _of_file(text)


def _addresses(text: str) -> Iterator[str]:
    yield from _URL.findall(text)
    if _BARE_HOST.fullmatch(text) and not _DOI.match(text):
        yield f"https://{text}"


def _of_file(text: str) -> Iterator[Name]:
    """A file, by its name or its path: one does not know where the folder that was read begins."""
    if found := _OBSIDIAN.fullmatch(text):
        told = dict(parse_qsl(found[1]))
        path = (told.get("file") or told.get("path") or "").partition("#")[0]
        path = path if path[-3:].lower() == ".md" or not path else f"{path}.md"
    else:
        path = unquote(text[7:]) if text.lower().startswith("file://") else text
    parts = [part for part in re.split(r"[/\\]", path.casefold()) if part]
    if "://" in path or not parts or not _FILE.fullmatch(path.strip()):
        return
    yield from (("path", "/".join(parts[start:])) for start in range(len(parts))[-_DEEPEST:])
    yield ("file", parts[-1])


def _works(text: str) -> Iterator[Name]:
    for found in _DOI.finditer(text):
        yield from _of_doi(found[0])
    for found in _ARXIV.finditer(text):
        yield ("arxiv", found[1].lower())
    for found in _PMID.finditer(text):
        yield ("pmid", found[1].lstrip("0"))
    for found in _PMC.finditer(text):
        yield ("pmcid", found[1].lstrip("0"))


def _of_doi(found: str) -> Iterator[Name]:
    """Also without what a publisher's address has after it; arXiv's own DOIs are arXiv ids."""
    doi = _ended(unquote(found))
    for spelled in dict.fromkeys((doi, _AFTER_DOI.sub("", doi))):
        yield ("doi", spelled)
        if arxiv := re.fullmatch(rf"10\.48550/arxiv\.{_ARXIV_ID}", spelled, re.IGNORECASE):
            yield ("arxiv", arxiv[1])


def _ended(doi: str) -> str:
    """Without the punctuation that follows it in a sentence."""
    doi = doi.lower()
    while doi and (
        doi[-1] in ".,;:-_('’”]}" or (doi[-1] == ")" and doi.count(")") > doi.count("("))
    ):
        doi = doi[:-1]
    return doi


def _of_address(address: str) -> Iterator[Name]:
    plain = unquote(address.partition("#")[0])
    yield from _works(plain.partition("?")[0])
    yield from _works(plain.partition("?")[2])
    if spelled := url_name(address):
        yield ("url", spelled)


def url_name(address: str) -> str:
    """An address without what does not tell pages apart; "" if it is none of the web.

    Scheme, `www.`, port, case of the host, a slash at the end, the fragment and what follows a
    reader's track are left out; the rest of the query is sorted.
    """
    try:
        parts = urlsplit(address.strip().rstrip(".,;)>”’"))
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not host:
        return ""
    path = _PAGES.sub("", unquote(parts.path)).rstrip("/")
    asked = [one for one in parse_qsl(parts.query) if not _TRACKING.fullmatch(one[0])]
    return f"{host}{path}" + (f"?{urlencode(sorted(asked))}" if asked else "")


def isbn13(text: str) -> str:
    """An ISBN as 13 digits; "" if its check digit says that it is none."""
    digits = re.sub(r"[-\s]", "", text).upper()
    if len(digits) == 10 and re.fullmatch(r"\d{9}[\dX]", digits):
        total = sum((10 - n) * (10 if d == "X" else int(d)) for n, d in enumerate(digits))
        return _with_check(f"978{digits[:9]}") if total % 11 == 0 else ""
    if len(digits) == 13 and digits.isascii() and digits.isdecimal():
        return digits if _with_check(digits[:12]) == digits else ""
    return ""


def _with_check(twelve: str) -> str:
    total = sum(int(digit) * (3 if n % 2 else 1) for n, digit in enumerate(twelve))
    return f"{twelve}{-total % 10}"


def names_of(identifiers: Iterable[Name], uri: str = "") -> tuple[Name, ...]:
    """The names of a work that was read, each in its one spelling."""
    found = (name for scheme, value in identifiers for name in _of_identifier(scheme, value))
    return tuple(dict.fromkeys((*found, *(_of_address(uri) if _URL.match(uri) else ()))))


def _of_identifier(scheme: str, value: str) -> Iterator[Name]:
    scheme = scheme.removesuffix("-hint")
    if scheme == "doi":
        yield from _of_doi(value)
        yield from _works(value)  # as far as a text can tell: some of old hold `<` and `>`
    elif scheme == "arxiv":
        yield ("arxiv", re.sub(r"v\d+$", "", value.lower()))
    elif scheme == "isbn":
        yield ("isbn", isbn13(value) or value)
    elif scheme == "url":
        yield from _of_address(value)
    elif scheme == "attachment":
        yield ("zotero", value)
    elif scheme in ("citekey", "file", "path"):
        yield (scheme, value.casefold())
    elif not scheme.startswith("quoted-"):
        yield (scheme, value)
