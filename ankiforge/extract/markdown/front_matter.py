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
    problem: str = ""
    """The reason why the front matter can't be parsed, or ""."""
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
        page = _LOGSEQ_PROPERTIES.match(text)
        properties = dict(_LOGSEQ_PROPERTY.findall(page[0])) if page else {}
        title = properties.get("full-title") or properties.get("title", "")
        author = _NAMED_LINK.sub(_get_link_name, properties.get("author", "")).strip()
        return FrontMatter(
            title=title.strip().strip('"'), authors=(author,) if author else ()
        )
    raw_values, problem = _parse_yaml(match[1])
    # the names of properties are case-insensitive
    values: Json = {}
    for name, value in raw_values.items():
        values.setdefault(str(name).casefold(), value)
    if problem:
        # cards that are switched off stay off even if another line is broken
        switches_off = _SWITCH_OFF_LINE.findall(match[1])
    else:
        switches_off = [
            key for key in _SWITCHES if _FALSE_WORD.fullmatch(_to_text(values.get(key)))
        ]
    tags = []
    for tag_value in (values.get("tags"), values.get("tag")):
        if isinstance(tag_value, list):
            raw_tags = tag_value
        else:
            raw_tags = re.split(r"[,\s]+", _to_text(tag_value))
        for raw_tag in raw_tags:
            tag = _to_text(raw_tag).lstrip("#")
            if tag:
                tags.append(re.sub(r"\s+", "-", tag))
    ends_with_line = match[0].endswith("\n")
    return FrontMatter(
        title=_to_text(values.get("title")),
        deck=_parse_deck(values.get("deck")) or _parse_deck(values.get("cards-deck")),
        authors=tuple(filter(None, [_to_text(values.get("author"))])),
        created=normalize_time(_to_text(values.get("created"))),
        updated=normalize_time(_to_text(values.get("updated"))),
        published=normalize_time(_to_text(values.get("published"))),
        tags=tuple(dict.fromkeys(tags)),
        skip_reason=f"the note says {switches_off[0]}: false" if switches_off else None,
        identifiers=tuple(dict.fromkeys(_iter_identifiers(values))),
        problem=problem,
        line_count=match[0].count("\n") + (0 if ends_with_line else 1),
    )


@lru_cache(maxsize=256)
def _parse_yaml(text: str) -> tuple[Json, str]:
    """Parse front matter, keeping numbers and dates as text.

    As a number, the arXiv identifier `2301.10240` would lose its last digit.

    Returns:
        (values, error message). The message is "" on success.
    """
    import yaml

    if len(text) > _MAX_CHARS:
        return {}, f"the front matter is larger than {_MAX_CHARS // 1000} kB"
    loader = yaml.BaseLoader
    if len(text) <= _MAX_FAST_LOADER_CHARS:
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        values = yaml.load(text, loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        # YAML counts lines from 0 and from the line after the opening `---`
        location = "" if line is None else f" in line {line + 2}"
        return {}, f"the front matter is not YAML{location}"
    if not values:
        return {}, ""
    if isinstance(values, dict):
        return values, ""
    return {}, "the front matter is not a list of keys and values"


def _to_text(value: Any) -> str:
    """Return `value` without whitespace at its ends, or "" if it is null or not a string."""
    if not isinstance(value, str) or value in ("null", "~"):
        return ""
    return value.strip()


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
    if isinstance(value, list):
        value = value[0] if value else ""
        if isinstance(value, list):
            # YAML parses a link without quotation marks, such as `[[Plants]]`, as two lists
            value = value[0] if value else ""
    name = _NAMED_LINK.sub(_get_link_name, _to_text(value)).strip("#/ ")
    return "::".join(filter(None, [part.strip() for part in re.split(r"/|::", name)]))


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
        scheme = _SCHEME_BY_KEY.get(re.sub(r"[\W_]+", "", key.casefold()), "")
        raw_identifiers = value if isinstance(value, list) else [value]
        for raw_identifier in map(_to_text, raw_identifiers[:_MAX_IDENTIFIERS]):
            if scheme == "citekey":
                if raw_identifier:
                    yield "citekey", raw_identifier.lstrip("@")
            elif scheme == "url":
                url = _WEB_URL.fullmatch(raw_identifier)
                if url:
                    yield "url", url[1]
            elif scheme:
                for identifier in find_identifiers(f"{scheme} {raw_identifier}"):
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
    tag_fields = (*_TAG_LINE.finditer(text), *_INLINE_TAG_FIELD.finditer(text))
    if any(contains_private_tag_name(field[0]) for field in tag_fields):
        return True
    return any(
        contains_private_tag(heading["words"]) for heading in _HTML_HEADING.finditer(text)
    )


def find_front_matter_sentences(text: str) -> Iterator[str]:
    """Yield the sentences in a note's front matter, skipping short values such as names."""
    match = _FRONT_MATTER.match(text)
    for line in match["fields"].split("\n") if match else ():
        key, colon, value = line.partition(":")
        content = value if colon and " " not in key.strip() else line
        if len(content.split()) >= MIN_SENTENCE_WORDS:
            yield content.strip("-|> \t\"'")
