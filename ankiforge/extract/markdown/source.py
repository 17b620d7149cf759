"""The source of a note before it is cut into blocks: front matter, comments, maths.

Comments and multi-line maths may contain anything, so placeholders hide them from the parser; the
number of lines stays the same. The placeholders are noncharacters of Unicode, which do not occur in
text; those of a note that contains them are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from ankiforge.extract.folder import iso_time
from ankiforge.model import Span
from ankiforge.text.identifiers import names_in

COMMENT = "\ufdd0"
"""Replaces each character of a comment."""
MATHS = "\ufdd1"
"""`MATHS 12 MATHS` replaces the maths with number 12."""
CONTINUED = "\ufdd2"
"""Replaces each further line of maths."""
PLACEHOLDERS = re.compile(f"[{COMMENT}-\ufdef]")
QUOTES = re.compile(r"zotero://|(?i:\.pdf#)|\[@|\^[A-Z0-9]{8}a[A-Z0-9]{8}p\d|show annotation\]\]")
"""A text without a match quotes no paper."""

_PREFIX = r"(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*"
_START = re.compile(
    r"(?=[\\<%`$]|^[ \t>*+\-0-9.)]*(?:`{3}|~{3}))(?:"
    rf"(?P<fence>^{_PREFIX}(?P<mark>`{{3,}}(?=[^`\n]*$)|~{{3,}})[^\n]*$)"
    r"|(?P<escape>\\[^\n])|(?P<html><!--)|(?P<comment>%%)|(?P<code>`+)|(?P<maths>\$\$))",
    re.MULTILINE,
)
_HIDES = re.compile(r"[\\<%$`]|~{3}")
_BLANK_LINE = re.compile(r"\n[ \t>]*(?:\n|\Z)")
_TEX_COMMAND = re.compile(r"[\s>]*\\[A-Za-z]")
_MATHS = re.compile(f"{MATHS}(\\d+){MATHS}")
_NOTHING = re.compile(f"\n?{CONTINUED}|{COMMENT}")
_DEFINITION = re.compile(
    r"[ ]{0,3}\[(?!\^|!)(?P<label>[^\[\]\n]+)\]:[ \t]*(?P<target>\S+)[ \t]*(?:\"[^\"\n]*\")?[ \t]*"
)
"""A line that defines the target of a link."""
_FIELD = re.compile(r"[ \t>]*(?:[-*+][ \t]+)?[*_]*[\w-]+[*_]*::(?:[ \t].*)?")
_DECK = re.compile(r"^TARGET DECK(?::.*|[ \t]*\n.*)$", re.MULTILINE)
"""The lines with which Obsidian_to_Anki names a deck."""


class Source(NamedTuple):
    """The text of a note with placeholders."""

    text: str
    maths: tuple[str, ...] = ()
    """The multi-line maths, by number."""
    references: tuple[tuple[str, str], ...] = ()
    """The labels that the note defines, each with the target of its links."""


def restored(text: str, maths: tuple[str, ...]) -> str:
    """Put the maths back and drop the placeholders of comments."""
    if not PLACEHOLDERS.search(text):
        return text
    return _NOTHING.sub("", _MATHS.sub(lambda match: maths[int(match[1])], text))


def prepared(text: str, *, fields: bool = True) -> Source:
    """Replace comments (`%%…%%`, `<!--…-->`) and multi-line maths by placeholders.

    Definitions of links count as comments, and so do `fields` of Dataview and Logseq (`key:: value`
    on a line). Fences and code contain no markup. What is never
    closed is plain text.
    """
    if not text.isascii():
        text = PLACEHOLDERS.sub("\ufffd", text)
    if "TARGET DECK" in text:
        text = _DECK.sub(lambda found: _hidden(found[0]), text)
    shown: list[str] = []
    maths: list[str] = []
    fences: list[Span] = []
    unclosed: set[str] = set()  # closing signs that do not occur any more
    at = line = 0
    while match := _START.search(text, at) if at or _HIDES.search(text) else None:
        shown.append(text[at : match.start()])
        line += text.count("\n", at, match.start())
        kind, end = _extent(text, match, unclosed)
        at = max(end, match.end())
        run = text[match.start() : at]
        lines = run.count("\n")
        if kind == "comment":
            run = _hidden(run)
        elif kind == "maths" and lines:
            bare = (one.strip(" \t>") for one in run.split("\n"))
            run = f"{MATHS}{len(maths)}{MATHS}" + f"\n{CONTINUED}" * lines
            maths.append("\n".join(filter(None, bare)))
        elif kind == "fence":
            fences.append((line, line + lines + 1))
        shown.append(run)
        line += lines
    text = "".join([*shown, text[at:]])
    references: list[tuple[str, str]] = []
    fields = fields and "::" in text
    if fields or "]:" in text:
        rows, fenced = text.split("\n"), {at for fence in fences for at in range(*fence)}
        for at, row in enumerate(rows):
            if at in fenced or not ("]:" in row or "::" in row):
                continue
            if fields and _FIELD.fullmatch(row):
                rows[at] = _hidden(row)
            elif found := _DEFINITION.fullmatch(row):
                rows[at] = _hidden(row)
                references.append((found["label"], found["target"].strip("<>")))
        text = "\n".join(rows)
    return Source(text, tuple(maths), tuple(references))


def _hidden(text: str) -> str:
    return re.sub(r"[^\n]", COMMENT, text)


def _extent(text: str, match: re.Match[str], unclosed: set[str]) -> tuple[str, int]:
    """Return (kind, end) of what begins at a sign, ("text", -1) if it is never closed."""
    start, kind = match.end(), str(match.lastgroup)
    if match["fence"] is not None:
        return _fence_end(text, match)
    if kind == "escape":
        return "text", start
    sign = {"html": "-->", "comment": "%%", "maths": "$$"}.get(kind, match[0])
    end = -1 if sign in unclosed else text.find(sign, start)
    while kind == "code" and end >= 0 and "`" in text[end - 1] + text[end + len(sign) :][:1]:
        end = text.find(sign, end + len(re.match("`*", text[end:])[0]))  # type: ignore[index]
    if end < 0:
        unclosed.add(sign)
        return "text", -1
    if kind == "code":
        return ("text", -1) if _BLANK_LINE.search(text, start, end) else ("code", end + len(sign))
    if kind != "maths":
        return "comment", end + len(sign)
    # maths that starts its line or begins with a TeX command may contain empty lines
    opens = re.fullmatch(_PREFIX, text[text.rfind("\n", 0, start) + 1 : start - 2])
    free = opens or _TEX_COMMAND.match(text, start, end + 2)
    if end == start or not (free or not _BLANK_LINE.search(text, start, end + 2)):
        return "text", -1
    return "maths", end + 2


def _fence_end(text: str, match: re.Match[str]) -> tuple[str, int]:
    """Return (kind, end) of a fence; one that is not closed ends with its quote or the note."""
    mark, at = match["mark"], match.end() + 1
    quotes = text.count(">", match.start(), match.start("mark"))
    close = re.compile(rf"[ \t>]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$", re.MULTILINE)
    while 0 < at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text.count(">", at, at + 2 * quotes + 8) < quotes:
            return "text", at
        if close.match(text, at, end):
            return "fence", end
        at = end + 1
    return "text", len(text)


# --- front matter ---------------------------------------------------------------------------

_HEAD = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_DOI = re.compile(r"\b10\.\d{4,9}/\S+")
_ZOTERO = re.compile(r"^(?:zotero:.*?(?:groups/(\d+)/)?items/)?(?:\d+_)?([A-Z0-9]{8})$")
_ANNOTATED_PDF = re.compile(
    r"\A(?![a-z]+://)(?:.*[/\\])?([^/\\\[\]]+\.pdf)(?:\]\])?\Z", re.IGNORECASE
)
"""The PDF that a note of the Annotator plug-in is about."""
_SCHEMES = {
    "arxiv": ("arxiv", "arxivid", "eprint"),
    "isbn": ("isbn", "isbn10", "isbn13"),
    "pmid": ("pmid", "pubmed", "pubmedid"),
    "url": ("url", "source", "link"),
}
_SCHEME_OF = {key: scheme for scheme, keys in _SCHEMES.items() for key in keys}
_MOST_NAMES = 8
_ADDRESS = re.compile(r"(?:\[[^\]\n]*\]\()?<?(https?://[^\s<>]+?)>?\)?")
_FIVE_DIGITS = 1501
"""Year and month (YYMM) since which arXiv ids have five digits after the dot."""
_LARGEST = 64_000
"""Characters; longer front matter is not read."""
_LONG = 4_000
"""Characters above which the fast YAML loader is not used: deep nesting could end the process."""


class FrontMatter(NamedTuple):
    """The front matter of a note."""

    title: str = ""
    deck: str = ""
    author: str = ""
    created: str = ""
    updated: str = ""
    """ISO 8601, "" if not told."""
    tags: tuple[str, ...] = ()
    skip: str = ""
    """The reason why no cards are made of the note, "" if they are."""
    problem: str = ""
    """The problem with the YAML, if any."""
    identifiers: tuple[tuple[str, str], ...] = ()
    """(scheme, value) of the paper that the note is about."""
    lines: int = 0
    """The number of lines of the front matter."""


def front_matter(text: str) -> FrontMatter:
    """Parse the front matter; broken YAML is a problem, but its lines are skipped, too."""
    head = _HEAD.match(text)
    if head is None:
        return FrontMatter()
    values, problem = _yaml(head[1])
    title = values.get("title")
    off = (key for key in ("cards", "ankiforge") if values.get(key) is False)
    return FrontMatter(
        title=title.strip() if isinstance(title, str) else "",
        deck=_scalar(values.get("deck")) or _scalar(values.get("cards-deck")),
        author=_scalar(values.get("author")),
        created=iso_time(str(values.get("created", ""))),
        updated=iso_time(str(values.get("updated", ""))),
        tags=tuple(dict.fromkeys(_tags(values))),
        skip=next((f"the note says {key}: false" for key in off), ""),
        identifiers=tuple(dict.fromkeys(_identifiers(values))),
        problem=problem,
        lines=head[0].count("\n") + (not head[0].endswith("\n")),
    )


@lru_cache(maxsize=256)
def _yaml(head: str) -> tuple[dict[str, Any], str]:
    """Return the values of the front matter, and the problem with it, if any."""
    import yaml

    if len(head) > _LARGEST:
        return {}, f"the front matter is larger than {_LARGEST // 1000} kB"
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        values = yaml.load(head, yaml.SafeLoader if len(head) > _LONG else fast)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" in line {line + 2}"
        return {}, f"the front matter is not YAML{where}"
    if values is None or isinstance(values, dict):
        return {str(key): value for key, value in (values or {}).items()}, ""
    return {}, "the front matter is not a list of keys and values"


def _identifiers(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the identifiers of the paper that a literature note is about, from keys tools write."""
    keys = {key: re.sub(r"[\W_]+", "", key.casefold()) for key in values}
    words = {keys[key]: _scalar(value) for key, value in values.items()}
    if doi := _DOI.search(words.get("doi", "")):
        yield "doi", doi[0].lower()
    for key in ("citekey", "citationkey", "bibkey"):
        if citekey := words.get(key, "").lstrip("@"):
            yield "citekey", citekey
    if pdf := _ANNOTATED_PDF.search(words.get("annotationtarget", "")):
        yield "quoted-file", pdf[1]
    for key, value in values.items():
        scheme = _SCHEME_OF.get(keys[key], "")
        for one in (value if isinstance(value, list) else [value])[:_MOST_NAMES]:
            if scheme == "url":
                if address := _ADDRESS.fullmatch(_scalar(one)):
                    yield "url", address[1]
            elif scheme:
                word = f"{scheme} {_scalar(one)}"
                if scheme == "arxiv":
                    word = _scalar(one)
                    if isinstance(one, float):  # YAML drops trailing zeros of an unquoted id
                        digits = 5 if one >= _FIVE_DIGITS else 4
                        word = f"{one:0{5 + digits}.{digits}f}"
                yield from (name for name in names_in(word) if name[0] == scheme)
    for key, value in words.items():
        if key.startswith("zotero") and (found := _ZOTERO.search(value)):
            yield "zotero", f"group.{found[1]}/{found[2]}" if found[1] else f"user/{found[2]}"


def _scalar(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _tags(values: dict[str, Any]) -> Iterator[str]:
    for given in (values.get("tags"), values.get("tag")):
        words = given if isinstance(given, list) else re.split(r"[,\s]+", _scalar(given))
        for word in words:
            if tag := _scalar(word).lstrip("#"):
                yield re.sub(r"\s+", "-", tag)
