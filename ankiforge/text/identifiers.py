"""What tells that two documents are one: identifiers of works, and sketches of their words.

An identifier is (scheme, value): DOI, arXiv, ISBN … No network is used.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit
from zlib import crc32

import msgspec

from ankiforge.model import Pair, Value, hints
from ankiforge.text import regex

# The number of characters searched for identifiers.
_MAX_CHARS = 4_000

_DOI = regex(r"(?i)\b10\.\d{4,9}/[^\s\"<>]+")
_AFTER_DOI = regex(r"(?i)(?:\.pdf|/(?:full(?:text)?|abstract|epdf|pdf|html|meta|summary)(?:/.*)?)$")
_ARXIV_ID = r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?"
_ARXIV = regex(rf"(?i)(?:arxiv(?:\.org/(?:abs|pdf|html|ps|format)/|[:.\s]\s*)){_ARXIV_ID}(?!\d)")
_BARE_ARXIV = regex(rf"(?i){_ARXIV_ID}(?:\.pdf)?")
_PMC = regex(r"(?i)\bPMC\s?(\d{4,9})\b")
_PMID = regex(
    r"(?i)(?:\bpmid\s?:?\s*|pubmed\.ncbi\.nlm\.nih\.gov/|ncbi\.nlm\.nih\.gov/pubmed/)(\d{1,9})\b"
)
_ISBN = regex(r"(?i)(?<![\w-])(?:97[89][-\s]?)?(?:\d[-\s]?){9}[\dX](?![\w-])")
_URL = regex(r"(?i)https?://[^\s<>\"]+")
_ZOTERO = regex(r"(?i)zotero://[a-z-]+/(?:library|groups/(\d+))/(?:items/)?([A-Z0-9]{8})")
_BARE_HOST = regex(r"(?i)(?:www\.|(?:[a-z0-9-]+\.)+[a-z]{2,}/)[^\s<>\"]*")
_FILE = regex(r"(?i)[^\n\"<>|?*]{1,300}\.(?:pdf|epub|html?|md|markdown|txt|tid)")
_OBSIDIAN = regex(r"(?i)obsidian://[^\s?]*\?(\S+)")
_CITEKEY = regex(r"@([^\s@,;\[\]]+)")
_TRACKING = regex(r"(?i)utm_\w+|fbclid|gclid|mc_[ce]id|ref_src|via|casa_token|needAccess")
_PAGES = regex(r"(?i)/(?:index|default)\.(?:html?|php|aspx?)$")


def names_in(text: str) -> tuple[Pair, ...]:
    """Return the identifiers in a text that a person typed, the most reliable ones first."""
    return tuple(dict.fromkeys(_identifiers(text.strip()[:_MAX_CHARS])))


def _identifiers(text: str) -> Iterator[Pair]:
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


def _of_file(text: str) -> Iterator[Pair]:
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
    yield from (("path", "/".join(parts[start:])) for start in range(len(parts))[-12:])
    yield ("file", parts[-1])


def _works(text: str) -> Iterator[Pair]:
    for found in _DOI.finditer(text):
        yield from _of_doi(found[0])
    for found in _ARXIV.finditer(text):
        yield ("arxiv", found[1].lower())
    for found in _PMID.finditer(text):
        yield ("pmid", found[1].lstrip("0"))
    for found in _PMC.finditer(text):
        yield ("pmcid", found[1].lstrip("0"))


def _of_doi(found: str) -> Iterator[Pair]:
    """Yield a DOI with and without a publisher's suffix. arXiv's own DOIs also give arXiv ids."""
    doi = without_punctuation(unquote(found))
    for spelled in dict.fromkeys((doi, _AFTER_DOI.sub("", doi))):
        yield ("doi", spelled)
        if arxiv := re.fullmatch(rf"(?i)10\.48550/arxiv\.{_ARXIV_ID}", spelled):
            yield ("arxiv", arxiv[1])


def without_punctuation(doi: str) -> str:
    """Return a DOI in lower case, without the punctuation that follows it in a sentence."""
    doi = doi.lower()
    while doi and (
        doi[-1] in ".,;:-_('’”]}" or (doi[-1] == ")" and doi.count(")") > doi.count("("))
    ):
        doi = doi[:-1]
    return doi


def _of_address(address: str) -> Iterator[Pair]:
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


def names_of(identifiers: Iterable[Pair], uri: str = "") -> tuple[Pair, ...]:
    """Return the normalised identifiers of a document."""
    found: list[Pair] = []
    for scheme, value in identifiers:
        match hints.unprinted(scheme):
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
            case name if not hints.is_quoted(name):
                found.append((name, value))
    return tuple(dict.fromkeys((*found, *(_of_address(uri) if _URL.match(uri) else ()))))


# --- sketches: documents that are renamed, moved or rewritten --------------------------------------

SIZE = 64
"""The number of hashes in a sketch: the smallest ones of its shingles of four words."""

_FRONT = regex(r"(?ms)\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_OWN_ID = regex(r"(?m)^(?:id|uid|uuid):[ \t]*[\"']?([^\s\"'#]{8,})[\"']?[ \t]*$")
_FIELD = regex(r"(?m)^[ \t>]*(?:[-*+][ \t]+)?\**[\w-]+\**::(?:[ \t].*)?$")
_BLOCK_ID = regex(r"(?m)(?:^|[ \t])\^([A-Za-z0-9-]+)[ \t]*$")
# In scripts without spaces, each character is a word. Kana and Chinese characters are not joined.
_WORD = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_]+"
# Makes blanks of what is no letter or digit in ASCII, where that is quicker than `_WORD`.
_BLANKS = bytes(at if chr(at).isalnum() else 32 for at in range(128)).ljust(256)
_MASK = 2**32 - 1


class Sketch(Value, array_like=True):
    """The stored characteristics of a document."""

    hashes: frozenset[int] = frozenset()
    """The smallest hashes of its shingles."""
    words: int = 0
    """The number of its words."""
    own: frozenset[str] = frozenset()
    """The document's own ids from its front matter."""
    hints: frozenset[str] = frozenset()
    """The file name and block ids. Another document may get the same ones."""

    @property
    def limit(self) -> int:
        """The largest hash up to which the sketch has all of the document's shingles."""
        return max(self.hashes) if len(self.hashes) == SIZE else _MASK


def sketch(text: str, path: str) -> str:
    """Return the stored form of the sketch of the document at `path`, in Markdown.

    Front matter, lines `key:: value`, block ids, markup and case are ignored. Sketches are stored:
    every version of the program must give the same hashes.
    """
    front = _FRONT.match(text)
    body = text[front.end() :] if front else text
    body = _FIELD.sub("", body) if "::" in body else body
    blocks = _BLOCK_ID.findall(body) if "^" in body else []
    body = _BLOCK_ID.sub("", body) if blocks else body
    plain = unicodedata.normalize("NFKC", body).casefold()
    if plain.isascii():
        words = plain.encode().translate(_BLANKS).split()
    else:
        words = [word.encode() for word in re.findall(_WORD, plain)]
    fours = zip(words, words[1:], words[2:], words[3:], strict=False)
    made = Sketch(
        frozenset(sorted(set(map(crc32, map(b" ".join, fours))))[:SIZE]),
        len(words),
        frozenset(_OWN_ID.findall(front[1]) if front else ()),
        frozenset((path.rpartition("/")[2], *(f"^{name}" for name in blocks))),
    )
    return msgspec.json.encode(made, order="deterministic").decode()


def decode_sketch(stored: str) -> Sketch:
    """Return the sketch for its stored form."""
    return msgspec.json.decode(stored, type=Sketch)
