"""By what a document is known again: identifiers of works, and sketches of texts.

An identifier is (scheme, value): DOI, arXiv, ISBN …, or a name by which a document is known. A
sketch shows that a document was renamed, moved or rewritten. Sketches are stored: every version
of the program must make the same ones. No network is used.
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

SIZE = 64
"""The number of hashes in a sketch: the smallest ones of its shingles of four words."""

_FRONT = regex(r"(?ms)\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_OWN_ID = regex(r"(?m)^(?:id|uid|uuid):[ \t]*[\"']?([^\s\"'#]{8,})[\"']?[ \t]*$")
_FIELD = regex(r"(?m)^[ \t>]*(?:[-*+][ \t]+)?\**[\w-]+\**::(?:[ \t].*)?$")
_BLOCK_ID = regex(r"(?m)(?:^|[ \t])\^([A-Za-z0-9-]+)[ \t]*$")
# In scripts without spaces, each character is a word. Kana and Chinese characters are
# not joined.
_WORD = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_]+"
# Makes blanks of what is not a letter or digit in ASCII, where that is quicker than `_WORD`.
_ASCII_BLANKS = bytes(code if chr(code).isalnum() else 32 for code in range(128))
_BLANKS = _ASCII_BLANKS.ljust(256)
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

    Front matter, lines `key:: value`, block ids, markup and case are ignored.
    """
    front = _FRONT.match(text)
    own_ids = _OWN_ID.findall(front[1]) if front else []
    body = text[front.end() :] if front else text
    if "::" in body:
        body = _FIELD.sub("", body)
    block_ids = []
    if "^" in body:
        block_ids = _BLOCK_ID.findall(body)
        body = _BLOCK_ID.sub("", body)
    # the words, folded, in UTF-8
    plain = unicodedata.normalize("NFKC", body).casefold()
    if plain.isascii():
        words = plain.encode().translate(_BLANKS).split()
    else:
        words = [word.encode() for word in re.findall(_WORD, plain)]
    shingles = zip(words, words[1:], words[2:], words[3:], strict=False)
    hashes = list(map(crc32, map(b" ".join, shingles)))
    # of a long text, only those that are surely among the smallest ones need be in order
    limit = 2 * SIZE * (_MASK // max(len(hashes), 1))
    smallest = {number for number in hashes if number < limit}
    if len(smallest) < SIZE:
        smallest = set(hashes)
    name = path.rpartition("/")[2]
    stored = Sketch(
        hashes=frozenset(sorted(smallest)[:SIZE]),
        words=len(words),
        own=frozenset(own_ids),
        hints=frozenset([name, *(f"^{block_id}" for block_id in block_ids)]),
    )
    return msgspec.json.encode(stored, order="deterministic").decode()


def decode_sketch(stored: str) -> Sketch:
    """Return the sketch for its stored form."""
    return msgspec.json.decode(stored, type=Sketch)


# --- identifiers ----------------------------------------------------------------------

# The number of characters searched for identifiers.
_MAX_CHARS = 4_000
# The longest suffix of a path, in folders and the file.
_MOST_FOLDERS = 12

_DOI = regex(r"(?i)\b10\.\d{4,9}/[^\s\"<>]+")
_AFTER_DOI = regex(
    r"(?i)(?:\.pdf|/(?:full(?:text)?|abstract|epdf|pdf|html|meta|summary)(?:/.*)?)$"
)
_ARXIV_ID = r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?"
_ARXIV = regex(
    r"(?i)(?:arxiv(?:\.org/(?:abs|pdf|html|ps|format)/|[:.\s]\s*))"
    rf"{_ARXIV_ID}(?!\d)"
)
_BARE_ARXIV = regex(rf"(?i){_ARXIV_ID}(?:\.pdf)?")
_DOI_OF_ARXIV = regex(rf"(?i)10\.48550/arxiv\.{_ARXIV_ID}")
_PMC = regex(r"(?i)\bPMC\s?(\d{4,9})\b")
_PMID = regex(
    r"(?i)(?:\bpmid\s?:?\s*|pubmed\.ncbi\.nlm\.nih\.gov/|ncbi\.nlm\.nih\.gov/pubmed/)"
    r"(\d{1,9})\b"
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
    """Return the identifiers in a text that a person typed, the best ones first."""
    return tuple(dict.fromkeys(_identifiers(text.strip()[:_MAX_CHARS])))


def _identifiers(text: str) -> Iterator[Pair]:
    """Yield the identifiers in a text, in the order of their kinds; some may come twice."""
    addresses = _URL.findall(text)
    if _BARE_HOST.fullmatch(text) and not _DOI.match(text):
        addresses.append(f"https://{text}")
    for address in addresses:
        yield from _of_address(address)
    words = _URL.sub(" ", text)
    yield from _works(words)
    arxiv = _BARE_ARXIV.fullmatch(text)
    if arxiv:
        yield "arxiv", arxiv[1].lower()
    for match in _ISBN.finditer(words):
        isbn = isbn13(match[0])
        if isbn:
            yield "isbn", isbn
    for match in _CITEKEY.finditer(words):
        yield "citekey", match[1].casefold()
    for group, key in _ZOTERO.findall(text):
        library = f"group.{group}" if group else "user"
        yield "zotero", f"{library}/{key.upper()}"

    # a file's name, and every suffix of its path: the root of its source is unknown
    in_vault = _OBSIDIAN.fullmatch(text)
    if in_vault:
        values = dict(parse_qsl(in_vault[1]))
        written = values.get("file") or values.get("path") or ""
        path = written.partition("#")[0]
        if path and not path.lower().endswith((".md", ".canvas")):
            path = f"{path}.md"
    elif text.lower().startswith("file://"):
        path = unquote(text[len("file://") :])
    else:
        path = text
    if "://" in path or not _FILE.fullmatch(path.strip()):
        return
    parts = [part for part in re.split(r"[/\\]", path.casefold()) if part]
    first = max(0, len(parts) - _MOST_FOLDERS)
    for start in range(first, len(parts)):
        yield "path", "/".join(parts[start:])
    yield "file", parts[-1]


def _works(text: str) -> Iterator[Pair]:
    """Yield the identifiers of works that occur anywhere in a text."""
    for match in _DOI.finditer(text):
        yield from _of_doi(match[0])
    for match in _ARXIV.finditer(text):
        yield "arxiv", match[1].lower()
    for match in _PMID.finditer(text):
        yield "pmid", match[1].lstrip("0")
    for match in _PMC.finditer(text):
        yield "pmcid", match[1].lstrip("0")


def _of_doi(written: str) -> Iterator[Pair]:
    """Yield a DOI with and without a publisher's suffix.

    ArXiv's own DOIs also give arXiv ids.
    """
    doi = without_punctuation(unquote(written))
    for spelled in dict.fromkeys((doi, _AFTER_DOI.sub("", doi))):
        yield "doi", spelled
        arxiv = _DOI_OF_ARXIV.fullmatch(spelled)
        if arxiv:
            yield "arxiv", arxiv[1]


def without_punctuation(doi: str) -> str:
    """Return a DOI in lower case, without the punctuation of a sentence after it."""
    doi = doi.lower()
    while doi:
        closes_too_much = doi[-1] == ")" and doi.count(")") > doi.count("(")
        if doi[-1] not in ".,;:-_('’”]}" and not closes_too_much:
            break
        doi = doi[:-1]
    return doi


def _of_address(address: str) -> Iterator[Pair]:
    """Yield the identifiers of works in a web address, and the address."""
    without_fragment = address.partition("#")[0]
    path, _, query = unquote(without_fragment).partition("?")
    yield from _works(path)
    yield from _works(query)
    spelled = url_name(address)
    if spelled:
        yield "url", spelled


def url_name(address: str) -> str:
    """Return a normalised web address, or "" if it is not one.

    Scheme, `www.`, port, case of the host, a trailing slash, the fragment and tracking
    parameters are removed. The rest of the query is sorted.
    """
    try:
        parts = urlsplit(address.strip().rstrip(".,;)>”’"))
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not host:
        return ""
    path = _PAGES.sub("", unquote(parts.path)).rstrip("/")
    query = []
    for name, value in parse_qsl(parts.query):
        if not _TRACKING.fullmatch(name):
            query.append((name, value))
    if not query:
        return f"{host}{path}"
    return f"{host}{path}?{urlencode(sorted(query))}"


def isbn13(text: str) -> str:
    """Return an ISBN as 13 digits, or "" if its check digit is wrong."""
    digits = re.sub(r"[-\s]", "", text).upper()
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        total = 0
        for index, digit in enumerate(digits):
            value = 10 if digit == "X" else int(digit)
            total += (10 - index) * value
        body = f"978{digits[:9]}"
        check = -_weighted(body) % 10
        return "" if total % 11 else f"{body}{check}"
    if re.fullmatch(r"[0-9]{13}", digits) and _weighted(digits) % 10 == 0:
        return digits
    return ""


def _weighted(digits: str) -> int:
    """Return the sum of the digits of an ISBN-13, weighted by 1 and 3 in turn."""
    total = 0
    for index, digit in enumerate(digits):
        total += int(digit) * (3 if index % 2 else 1)
    return total


def names_of(identifiers: Iterable[Pair], uri: str = "") -> tuple[Pair, ...]:
    """Return the normalised identifiers of a document."""
    names: list[Pair] = []
    for printed, value in identifiers:
        scheme = hints.unprinted(printed)
        match scheme:
            case "doi":
                names += _of_doi(value)
                # best effort: some old DOIs contain `<` and `>`
                names += _works(value)
            case "arxiv":
                names.append(("arxiv", re.sub(r"v\d+$", "", value.lower())))
            case "isbn":
                names.append(("isbn", isbn13(value) or value))
            case "url":
                names += _of_address(value)
            case "attachment":
                names.append(("zotero", value))
            case "citekey" | "file" | "path":
                names.append((scheme, value.casefold()))
            case _ if not hints.is_quoted(scheme):
                names.append((scheme, value))
    if _URL.match(uri):
        names += _of_address(uri)
    return tuple(dict.fromkeys(names))
