"""Parse a note's front matter, or the page properties at the start of a Logseq page.

Also find the privacy tag `#no-llm` in places where it makes the whole note private, such as the
front matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from ankiforge.extract.file_source import normalize_time
from ankiforge.model import Json, Pair, Strings
from ankiforge.text import regex
from ankiforge.text.identifiers import find_identifiers
from ankiforge.text.private import (
    contains_private_tag,
    contains_private_tag_name,
)

_FRONT_MATTER_BLOCK = regex(r"(?ms)---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_SWITCHES = ("cards", "ankiforge")
_FALSE_WORD = regex("(?i)false|no|off")
_SWITCH_OFF_LINE = regex(
    r"(?im)^(cards|ankiforge):[ \t]*[\"']?(?:false|no|off)[\"']?[ \t]*$"
)
# Longer front matter, in characters, isn't parsed.
_MAX_CHARS = 64_000
# The most characters that are passed to the fast YAML loader, because deep nesting could make
# it crash.
_MAX_FAST_LOADER_CHARS = 4_000


class FrontMatter(NamedTuple):
    """The values in a note's front matter that describe the document or its cards."""

    title: str = ""
    deck: str = ""
    authors: Strings = ()
    created: str = ""
    """When the note was created, in ISO 8601, or ""."""
    updated: str = ""
    """When the note was last changed, in ISO 8601, or ""."""
    published: str = ""
    """When the clipped web page was published, in ISO 8601, or ""."""
    tags: Strings = ()
    skip_reason: str | None = None
    """The reason why no cards are made from the note, or None."""
    problem: str | None = None
    """The reason why the front matter can't be parsed, or None."""
    identifiers: tuple[Pair, ...] = ()
    """Identifiers of the paper that the note is about, each as (scheme, value)."""
    line_count: int = 0
    """The number of lines to skip before the note's text."""


def parse_front_matter(text: str) -> FrontMatter:
    """Parse a note's front matter, or the page properties of a Logseq page.

    Page properties remain part of the text, so `line_count` is 0. If the front matter can't be
    parsed, `problem` is the reason, and `line_count` still includes its lines.
    """
    match = _FRONT_MATTER_BLOCK.match(text)
    if match is None:
        return _parse_page_properties(text)
    raw_values, problem = _parse_yaml(match[1])
    # the names of properties are case-insensitive
    values: Json = {}
    for name, value in raw_values.items():
        values.setdefault(str(name).casefold(), value)
    line_count = match[0].count("\n")
    if not match[0].endswith("\n"):
        line_count += 1
    return FrontMatter(
        title=_to_text(values.get("title")) or "",
        deck=_parse_deck(values.get("deck")) or _parse_deck(values.get("cards-deck")),
        authors=_to_authors(_to_text(values.get("author"))),
        created=_parse_time(values.get("created")),
        updated=_parse_time(values.get("updated")),
        published=_parse_time(values.get("published")),
        tags=tuple(dict.fromkeys(_iter_tags(values))),
        skip_reason=_find_skip_reason(match[1], values, is_parsed=problem is None),
        identifiers=tuple(dict.fromkeys(_iter_identifiers(values))),
        problem=problem,
        line_count=line_count,
    )


def _parse_page_properties(text: str) -> FrontMatter:
    """Read the properties at the start of a Logseq page."""
    page = _LOGSEQ_PROPERTIES.match(text)
    if page is None:
        return FrontMatter()
    properties = dict(_LOGSEQ_PROPERTY.findall(page[0]))
    title = properties.get("full-title") or properties.get("title", "")
    author = _NAMED_LINK.sub(_get_link_name, properties.get("author", ""))
    return FrontMatter(
        title=title.strip().strip('"'), authors=_to_authors(author.strip())
    )


def _to_authors(author: str | None) -> Strings:
    if not author:
        return ()
    return (author,)


def _find_skip_reason(source: str, values: Json, *, is_parsed: bool) -> str | None:
    """Return why a note has no cards if its front matter says so."""
    if not is_parsed:
        # cards that are switched off stay off even if another line is broken
        switch = _SWITCH_OFF_LINE.search(source)
        if switch is None:
            return None
        return f"the note says {switch[1]}: false"
    for key in _SWITCHES:
        value = _to_text(values.get(key))
        if value is not None and _FALSE_WORD.fullmatch(value):
            return f"the note says {key}: false"
    return None


def _iter_tags(values: Json) -> Iterator[str]:
    """Yield the tags of a note, which are a list or separated by commas or whitespace."""
    for tags in (values.get("tags"), values.get("tag")):
        if not isinstance(tags, list):
            tags = re.split(r"[,\s]+", _to_text(tags) or "")
        for text in filter(None, map(_to_text, tags)):
            tag = text.lstrip("#")
            if tag:
                yield re.sub(r"\s+", "-", tag)


def _parse_time(value: Any) -> str:
    """Return a time in ISO 8601, or "" if the value is no time."""
    return normalize_time(_to_text(value) or "")


@lru_cache(maxsize=256)
def _parse_yaml(text: str) -> tuple[Json, str | None]:
    """Parse front matter, keeping numbers and dates as text.

    As a number, the arXiv identifier `2301.10240` would lose its last digit.

    Returns:
        (values, error message). The message is None on success.
    """
    import yaml

    if len(text) > _MAX_CHARS:
        return {}, f"the front matter is larger than {_MAX_CHARS // 1000} kB"
    loader = yaml.BaseLoader
    if len(text) <= _MAX_FAST_LOADER_CHARS:
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        values = yaml.load(text, loader)
    except yaml.MarkedYAMLError as error:
        if error.problem_mark is None:
            return {}, "the front matter is not YAML"
        # YAML counts lines from 0 and from the line after the opening `---`
        line = error.problem_mark.line + 2
        return {}, f"the front matter is not YAML in line {line}"
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, "the front matter is not YAML"
    if not values:
        return {}, None
    if isinstance(values, dict):
        return values, None
    return {}, "the front matter is not a list of keys and values"


def _to_text(value: Any) -> str | None:
    """Return a string without whitespace at its ends, or None if it is empty, null or no string."""
    if not isinstance(value, str) or value in ("null", "~"):
        return None
    return value.strip() or None


# A link of Obsidian or Markdown, with its name.
_NAMED_LINK = regex(r"\[\[([^\[\]|#]+)[^\[\]]*\]\]|\[([^\[\]]+)\]\([^)]*\)")
# A page property, such as `author:: [[Ann Seed]]`, on one of the first lines of a Logseq page.
_LOGSEQ_PROPERTY = regex(r"(?m)^([\w-]{1,40}):: +([^\n]{1,500})$")
_LOGSEQ_PROPERTIES = regex(r"(?:[\w-]{1,40}::[^\n]*\n){1,99}")


def _get_link_name(link: re.Match[str]) -> str:
    return link[1] or link[2]


def _parse_deck(value: Any) -> str:
    """Convert the value of a property to the name of a deck, or to "" if the value is empty.

    The value may be a name, a path, a link or a list, of which only the first element is used.
    """
    # YAML parses a link without quotation marks, such as `[[Plants]]`, as two lists
    for _ in range(2):
        if isinstance(value, list):
            value = next(iter(value), None)
    name = _NAMED_LINK.sub(_get_link_name, _to_text(value) or "").strip("#/ ")
    parts = [part.strip() for part in re.split(r"/|::", name)]
    return "::".join(filter(None, parts))


# --- the paper that a literature note is about ----------------------------------------

_KEYS_BY_SCHEME = {
    "doi": ("doi",),
    "arxiv": ("arxiv", "arxivid", "eprint"),
    "isbn": ("isbn", "isbn10", "isbn13"),
    "pmid": ("pmid", "pubmed", "pubmedid"),
    "citekey": ("citekey", "citationkey", "bibkey"),
    "url": ("url", "source", "link"),
}
_SCHEME_BY_KEY = {key: scheme for scheme, keys in _KEYS_BY_SCHEME.items() for key in keys}
# The most identifiers that are read from the value of one key.
_MAX_IDENTIFIERS = 8
_WEB_URL = regex(r"(?:\[[^\]\n]*\]\()?<?(https?://[^\s<>]+?)>?\)?")


def _iter_identifiers(values: Json) -> Iterator[Pair]:
    """Yield (scheme, value) for each identifier of the paper that a note is about.

    Reference managers and web clippers store identifiers under a variety of keys.
    """
    for key, value in values.items():
        scheme = _SCHEME_BY_KEY.get(re.sub(r"[\W_]+", "", key.casefold()))
        if scheme is None:
            continue
        if not isinstance(value, list):
            value = [value]
        for text in filter(None, map(_to_text, value[:_MAX_IDENTIFIERS])):
            yield from _parse_identifiers(scheme, text)


def _parse_identifiers(scheme: str, text: str) -> Iterator[Pair]:
    if scheme == "citekey":
        yield "citekey", text.lstrip("@")
    elif scheme == "url":
        url = _WEB_URL.fullmatch(text)
        if url:
            yield "url", url[1]
    else:
        for identifier in find_identifiers(f"{scheme} {text}"):
            if identifier[0] == scheme:
                yield identifier


# --- the tag #no-llm ------------------------------------------------------------------


_FRONT_MATTER = regex(
    r"(?ms)\A\s*(?:---|\+\+\+)[ \t]*\n(?P<fields>.*?)(?:^(?:---|\+\+\+|\.\.\.)[ \t]*$|\Z)"
)
"""Front matter in YAML or TOML. Unclosed front matter extends to the end of the note."""
_TAG_LINE = regex(r"(?im)^[ \t>*_+#-]*(?:file)?tags?[ \t*_]{0,9}(?:::?|=)[^\n]*")
"""A line of tags as written by Logseq and others, such as `tags:: diary, no-llm`."""
MIN_SENTENCE_WORDS = 4
"""Shorter texts in front matter and comments are just names or remarks."""
# A bracketed Dataview field that contains tags.
_INLINE_TAG_FIELD = regex(r"(?i)[\[(][ \t]{0,9}tags?[ \t]{0,9}::[^\])\n]{0,400}[\])]")
# A heading in HTML. Markdown doesn't parse it as a heading, so it is unknown what is below it.
_HTML_HEADING = regex(
    r"(?is)<(?P<name>h[1-6]|summary|caption|legend|title)\b[^<>]{0,400}>"
    r"(?P<words>(?:(?!</(?P=name)).){0,1000})"
)
_JSON_FRONT_MATTER = regex(
    r"(?s)\A\s{0,99}(?:;;;[ \t]{0,9}\n)?(?P<fields>\{.{0,8000}?\n\}|\{[^\n]{0,8000}\})"
)


def is_whole_note_private(text: str) -> bool:
    """Return whether the privacy tag makes the whole note private.

    It does in the front matter, in a field or line of tags, and in an HTML heading.
    """
    if not contains_private_tag_name(text):
        return False
    for pattern in (_FRONT_MATTER, _JSON_FRONT_MATTER):
        match = pattern.match(text)
        if match and contains_private_tag_name(match["fields"]):
            return True
    for field in (*_TAG_LINE.finditer(text), *_INLINE_TAG_FIELD.finditer(text)):
        if contains_private_tag_name(field[0]):
            return True
    headings = [heading["words"] for heading in _HTML_HEADING.finditer(text)]
    return any(map(contains_private_tag, headings))


def find_front_matter_sentences(text: str) -> Iterator[str]:
    """Yield the sentences in a note's front matter, skipping short values such as names."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return
    for line in match["fields"].split("\n"):
        content = line
        key, colon, value = line.partition(":")
        if colon and " " not in key.strip():
            content = value
        if len(content.split()) >= MIN_SENTENCE_WORDS:
            yield content.strip("-|> \t\"'")
