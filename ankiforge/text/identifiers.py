"""Normalised identifiers: of works (DOI, arXiv, ISBN …), of models, and of our exports.

An identifier of a work is (scheme, value). No network is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

Name = tuple[str, str]

_MAX_CHARS = 4_000
"""The number of characters searched for identifiers."""
_MAX_PARTS = 12

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
    """Return the identifiers in a text that a person typed, the most reliable ones first."""
    text = text.strip()[:_MAX_CHARS]
    return tuple(dict.fromkeys(_identifiers(text)))


def _identifiers(text: str) -> Iterator[Name]:
    bare_host = _BARE_HOST.fullmatch(text) and not _DOI.match(text)
    for address in [*_URL.findall(text), *([f"https://{text}"] if bare_host else [])]:
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


def _of_file(text: str) -> Iterator[Name]:
    """Yield a file's name, and every suffix of its path: the root of its source is unknown."""
    if found := _OBSIDIAN.fullmatch(text):
        query = dict(parse_qsl(found[1]))
        path = (query.get("file") or query.get("path") or "").partition("#")[0]
        path = path if path[-3:].lower() == ".md" or not path else f"{path}.md"
    else:
        path = unquote(text[7:]) if text.lower().startswith("file://") else text
    parts = [part for part in re.split(r"[/\\]", path.casefold()) if part]
    if "://" in path or not parts or not _FILE.fullmatch(path.strip()):
        return
    yield from (("path", "/".join(parts[start:])) for start in range(len(parts))[-_MAX_PARTS:])
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
    """Yield a DOI with and without a publisher's suffix. arXiv's own DOIs also give arXiv ids."""
    doi = without_punctuation(unquote(found))
    for spelled in dict.fromkeys((doi, _AFTER_DOI.sub("", doi))):
        yield ("doi", spelled)
        if arxiv := re.fullmatch(rf"10\.48550/arxiv\.{_ARXIV_ID}", spelled, re.IGNORECASE):
            yield ("arxiv", arxiv[1])


def without_punctuation(doi: str) -> str:
    """Return a DOI in lower case, without the punctuation that follows it in a sentence."""
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
    """Return a normalised web address, or "" if it is not one.

    Scheme, `www.`, port, case of the host, a trailing slash, the fragment and tracking parameters
    are removed. The rest of the query is sorted.
    """
    try:
        parts = urlsplit(address.strip().rstrip(".,;)>”’"))
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not host:
        return ""
    path = _PAGES.sub("", unquote(parts.path)).rstrip("/")
    asked = [pair for pair in parse_qsl(parts.query) if not _TRACKING.fullmatch(pair[0])]
    return f"{host}{path}" + (f"?{urlencode(sorted(asked))}" if asked else "")


def isbn13(text: str) -> str:
    """Return an ISBN as 13 digits, or "" if its check digit is wrong."""
    digits = re.sub(r"[-\s]", "", text).upper()
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        total = sum((10 - n) * (10 if d == "X" else int(d)) for n, d in enumerate(digits))
        digits, valid = f"978{digits[:9]}", total % 11 == 0
        check = -sum(int(digit) * (3 if n % 2 else 1) for n, digit in enumerate(digits)) % 10
        return f"{digits}{check}" if valid else ""
    if not re.fullmatch(r"[0-9]{13}", digits):
        return ""
    total = sum(int(digit) * (3 if n % 2 else 1) for n, digit in enumerate(digits))
    return digits if total % 10 == 0 else ""


def names_of(identifiers: Iterable[Name], uri: str = "") -> tuple[Name, ...]:
    """Return the normalised identifiers of a document."""
    found: list[Name] = []
    for scheme, value in identifiers:
        match scheme.removesuffix("-hint"):
            case "doi":
                found += _of_doi(value)
                found += _works(value)  # best effort: some old DOIs contain `<` and `>`
            case "arxiv":
                found.append(("arxiv", re.sub(r"v\d+$", "", value.lower())))
            case "isbn":
                found.append(("isbn", isbn13(value) or value))
            case "url":
                found += _of_address(value)
            case "attachment":
                found.append(("zotero", value))
            case "citekey" | "file" | "path" as name:
                found.append((name, value.casefold()))
            case name if not name.startswith("quoted-"):
                found.append((name, value))
    return tuple(dict.fromkeys((*found, *(_of_address(uri) if _URL.match(uri) else ()))))


# --- models ------------------------------------------------------------------------------------

_MODEL_FOLDERS = re.compile(r"(?:[/\\]|[A-Za-z]:\\).*[/\\]|.*[/\\](?=[^/\\]+\.gguf$)")


def model_name(model: str) -> str:
    """Return the display name of a model: for a file, without its folders.

    `/models/a-Q4.gguf` gives `a-Q4.gguf`. `openai/gpt-5-mini` is unchanged.
    """
    return _MODEL_FOLDERS.sub("", model, count=1)
