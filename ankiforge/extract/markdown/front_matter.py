"""The front matter of a note: what YAML at its start says about it.

A spelling that looks like the tag `#no-llm`, there or elsewhere in the note, and is none makes all
of the note private until a person says that it is not meant so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from ankiforge.extract.folder import iso_time
from ankiforge.model import Json, Pair, Strings
from ankiforge.text import regex
from ankiforge.text.identifiers import names_in
from ankiforge.text.private import (
    has_tag,
    names_tag,
)

_HEAD = regex(r"(?ms)---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_SWITCHES = ("cards", "ankiforge")
_OFF = regex("(?i)false|no|off")
_OFF_LINE = regex(r"(?im)^(cards|ankiforge):[ \t]*[\"']?(?:false|no|off)[\"']?[ \t]*$")
# Front matter of hashcards, whose `name` is the deck.
_TOML = regex(r"(?m)^[\w-]+[ \t]*=")
# Characters; longer front matter is not read.
_LARGEST = 64_000
# Characters above which the fast YAML loader is not used: deep nesting could end the
# process.
_LONG = 4_000


class FrontMatter(NamedTuple):
    """The front matter of a note."""

    title: str = ""
    deck: str = ""
    authors: Strings = ()
    created: str = ""
    updated: str = ""
    """ISO 8601, "" if not given."""
    published: str = ""
    """ISO 8601: when the page was published that the note was clipped from."""
    tags: Strings = ()
    skip: str = ""
    """The reason why no cards are made of the note, "" if they are."""
    problem: str = ""
    """The problem with the YAML, if any."""
    identifiers: tuple[Pair, ...] = ()
    """(scheme, value) of the paper that the note is about."""
    lines: int = 0
    """The number of lines of the front matter."""


def front_matter(text: str) -> FrontMatter:
    """Parse the front matter, or the properties of a page of Logseq, which stay in the text.

    Broken YAML is a problem, but its lines are skipped, too.
    """
    head = _HEAD.match(text)
    if head is None:
        page = _PROPERTIES.match(text)
        properties = dict(_PROPERTY.findall(page[0])) if page else {}
        title = properties.get("full-title") or properties.get("title", "")
        author = _LINK.sub(_name_of_link, properties.get("author", "")).strip()
        return FrontMatter(
            title=title.strip().strip('"'), authors=(author,) if author else ()
        )
    written, problem = _yaml(head[1])
    # names of properties mean the same in small and in capital letters
    values: Json = {}
    for name, value in written.items():
        values.setdefault(str(name).casefold(), value)
    if problem:
        # a person's “no” counts although another line is broken
        off = _OFF_LINE.findall(head[1])
    else:
        off = [key for key in _SWITCHES if _OFF.fullmatch(_word(values.get(key)))]
    tags = []
    for given in (values.get("tags"), values.get("tag")):
        words = given if isinstance(given, list) else re.split(r"[,\s]+", _word(given))
        for word in words:
            tag = _word(word).lstrip("#")
            if tag:
                tags.append(re.sub(r"\s+", "-", tag))
    ends_with_line = head[0].endswith("\n")
    return FrontMatter(
        title=_word(values.get("title")),
        deck=_deck(values.get("deck")) or _deck(values.get("cards-deck")),
        authors=tuple(filter(None, [_word(values.get("author"))])),
        created=iso_time(_word(values.get("created"))),
        updated=iso_time(_word(values.get("updated"))),
        published=iso_time(_word(values.get("published"))),
        tags=tuple(dict.fromkeys(tags)),
        skip=f"the note says {off[0]}: false" if off else "",
        identifiers=tuple(dict.fromkeys(_identifiers(values))),
        problem=problem,
        lines=head[0].count("\n") + (0 if ends_with_line else 1),
    )


@lru_cache(maxsize=256)
def _yaml(head: str) -> tuple[Json, str]:
    """Return the values of the front matter as they are written, and the problem with it.

    A number or a date stays text: `2301.10240` of arXiv keeps its last digit.
    """
    import yaml

    if len(head) > _LARGEST:
        return {}, f"the front matter is larger than {_LARGEST // 1000} kB"
    if _TOML.search(head):
        import tomllib  # only hashcards writes it

        with suppress(tomllib.TOMLDecodeError):
            of_hashcards = tomllib.loads(head)
            return {"deck": of_hashcards.get("name"), **of_hashcards}, ""
    loader = yaml.BaseLoader
    if len(head) <= _LONG:
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        values = yaml.load(head, loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        # lines are counted from 0, and from the one after the beginning of the front matter
        where = "" if line is None else f" in line {line + 2}"
        return {}, f"the front matter is not YAML{where}"
    if not values:
        return {}, ""
    if isinstance(values, dict):
        return values, ""
    return {}, "the front matter is not a list of keys and values"


def _word(value: Any) -> str:
    """Return a value that is text, "" for lists, mappings and null."""
    if not isinstance(value, str) or value in ("null", "~"):
        return ""
    return value.strip()


# A link as Obsidian or Markdown writes it, with the name of what it leads to.
_LINK = regex(r"\[\[([^\[\]|#]+)[^\[\]]*\]\]|\[([^\[\]]+)\]\([^)]*\)")
# `title:: Seeds`, `author:: [[Ann Seed]]` in the first lines of a page of Logseq.
_PROPERTY = regex(r"(?m)^([\w-]{1,40}):: +([^\n]{1,500})$")
_PROPERTIES = regex(r"(?:[\w-]{1,40}::[^\n]*\n){1,99}")


def _name_of_link(link: re.Match[str]) -> str:
    return link[1] or link[2]


def _deck(value: Any) -> str:
    """Return the deck that a property names: a name, a path, a link, or the first of a list."""
    if isinstance(value, list):
        value = value[0] if value else ""
        if isinstance(value, list):  # `[[Plants]]` without quotation marks
            value = value[0] if value else ""
    name = _LINK.sub(_name_of_link, _word(value)).strip("#/ ")
    return "::".join(filter(None, [part.strip() for part in re.split(r"/|::", name)]))


# --- the paper that a literature note is about ----------------------------------------

_SCHEMES = {
    "doi": ("doi",),
    "arxiv": ("arxiv", "arxivid", "eprint"),
    "isbn": ("isbn", "isbn10", "isbn13"),
    "pmid": ("pmid", "pubmed", "pubmedid"),
    "citekey": ("citekey", "citationkey", "bibkey"),
    "url": ("url", "source", "link"),
}
_SCHEME_OF = {key: scheme for scheme, keys in _SCHEMES.items() for key in keys}
# Identifiers of one key that are read.
_MOST_NAMES = 8
_ADDRESS = regex(r"(?:\[[^\]\n]*\]\()?<?(https?://[^\s<>]+?)>?\)?")


def _identifiers(values: Json) -> Iterator[Pair]:
    """Yield the identifiers of the paper of a note, from keys that tools write."""
    for key, value in values.items():
        scheme = _SCHEME_OF.get(re.sub(r"[\W_]+", "", key.casefold()), "")
        given = value if isinstance(value, list) else [value]
        for word in map(_word, given[:_MOST_NAMES]):
            if scheme == "citekey":
                if word:
                    yield "citekey", word.lstrip("@")
            elif scheme == "url":
                address = _ADDRESS.fullmatch(word)
                if address:
                    yield "url", address[1]
            elif scheme:
                for identifier in names_in(f"{scheme} {word}"):
                    if identifier[0] == scheme:
                        yield identifier


# --- the tag #no-llm ------------------------------------------------------------------


_FRONT_MATTER = regex(
    r"(?ms)\A\s*(?:---|\+\+\+)[ \t]*\n(?P<fields>.*?)(?:^(?:---|\+\+\+|\.\.\.)[ \t]*$|\Z)"
)
"""Front matter in YAML or TOML: up to the line that closes it, else to the end of the note."""
_LINE_OF_TAGS = regex(r"(?im)^[ \t>*_+#-]*(?:file)?tags?[ \t*_]{0,9}(?:::?|=)[^\n]*")
"""Tags as Logseq and other programs write them in the text: `tags:: diary, no-llm`."""
SENTENCE = 4
"""Words of the shortest text outside of the blocks that is more than a name or a remark."""
# A field of Dataview within a line.
_FIELD_OF_TAGS = regex(r"(?i)[\[(][ \t]{0,9}tags?[ \t]{0,9}::[^\])\n]{0,400}[\])]")
# A heading that Markdown does not know as one: what is under it is not known either.
_HEAD_IN_HTML = regex(
    r"(?is)<(?P<name>h[1-6]|summary|caption|legend|title)\b[^<>]{0,400}>"
    r"(?P<words>(?:(?!</(?P=name)).){0,1000})"
)
_JSON = regex(
    r"(?s)\A\s{0,99}(?:;;;[ \t]{0,9}\n)?(?P<fields>\{.{0,8000}?\n\}|\{[^\n]{0,8000}\})"
)


def tags_name_it(text: str) -> bool:
    """Return whether a note names the tag where that is about all of it.

    So it is in the front matter, in a field or a line of tags, and in a heading that Markdown
    does not know as one.
    """
    if not names_tag(text):
        return False
    for pattern in (_FRONT_MATTER, _JSON):
        front = pattern.match(text)
        if front and names_tag(front["fields"]):
            return True
    tags = (*_LINE_OF_TAGS.finditer(text), *_FIELD_OF_TAGS.finditer(text))
    if any(names_tag(field[0]) for field in tags):
        return True
    return any(has_tag(head["words"]) for head in _HEAD_IN_HTML.finditer(text))


def texts_in_front_matter(text: str) -> Iterator[str]:
    """Yield the sentences in the front matter of a note; a name or a type is none."""
    front_matter = _FRONT_MATTER.match(text)
    for line in front_matter["fields"].split("\n") if front_matter else ():
        key, colon, value = line.partition(":")
        words = value if colon and " " not in key.strip() else line
        if len(words.split()) >= SENTENCE:
            yield words.strip("-|> \t\"'")
