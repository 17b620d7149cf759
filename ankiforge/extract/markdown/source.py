"""The source of a note before it is cut into blocks: front matter, comments, maths.

Comments and multi-line maths may contain anything, so placeholders hide them from the parser; the
number of lines stays the same. The placeholders are noncharacters of Unicode, which do not occur in
text; those of a note that contains them are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from markdown_it.common.utils import normalizeReference

from ankiforge.extract.folder import iso_time
from ankiforge.model import Json, Pair, Strings, Texts
from ankiforge.text import regex
from ankiforge.text.identifiers import names_in

COMMENT = "\ufdd0"
"""Replaces each character of a comment."""
MATHS = "\ufdd1"
"""`MATHS 12 MATHS` replaces the maths with number 12."""
CONTINUED = "\ufdd2"
"""Replaces each further line of maths."""
# Replaces `<!--` where no comment ends any more, so that nobody looks for its end again.
_OPEN = "\ufdd3"
PLACEHOLDERS = regex(f"[{COMMENT}-\ufdef]")
QUOTES = regex(r"zotero://|(?i:\.pdf#)|\[@")
"""A text without a match quotes no paper."""

PREFIX = r"(?:[ \t]*(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*[ \t]*"
"""The signs of list items that may stand before a line."""
_PREFIX = rf"(?:{PREFIX}>)*{PREFIX}"
_BLANK_LINE = r"\n[ \t>]*(?:\n|\Z)"
_FENCE_END = r"[ \t>]*(?P=mark)[`~]*[ \t]*$"
_FIELD = r"(?P<field>[ \t>]*(?:[-*+][ \t]+)?[*_]*[\w-]+[*_]*::(?:[ \t][^\n]*)?$)"
_HIDING = rf"""(?=[\\<%`$]|^)(?:^(?:
    (?P<fence>  # one that is not closed ends with its quote or the note
      (?P<quote>[ \t]*>)?{_PREFIX}(?P<mark>`{{3,}}(?=[^`\n]*$)|~{{3,}})[^\n]*
      (?:\n(?(quote)(?=[ \t]*>))(?!{_FENCE_END})[^\n]*)*(?:\n{_FENCE_END})?)
    # of Obsidian_to_Anki, and the callout with a scheduler's data
    |(?P<data>TARGET[ ]DECK(?::[^\n]*|[ \t]*\n[^\n]*)$
      |(?P<outer>[ \t>]*)>[ \t]*\[!(?i:sr)\b[^\n]*(?:\n(?P=outer)>[^\n]*)*)
    |(?P<definition>[ ]{{0,3}}\[(?!\^|!)(?P<label>[^\[\]\n]+)\]:
      [ \t]*(?P<target>\S+)[ \t]*(?:"[^"\n]*")?[ \t]*$)
    |FIELD
    # maths that starts its line or begins with a TeX command may contain empty lines
    |(?P<start>{_PREFIX})(?P<display>\$\$(?!\$\$).+?\$\$))
  |\\[^\n]
  |(?P<ticks>`++)(?:[^`\n]++|(?!{_BLANK_LINE})\n|(?!(?P=ticks)(?!`))`++)*+(?P=ticks)|`+
  |(?P<comment><!--.*?-->|%%.*?%%)
  |(?P<maths>\$\$(?:[\s>]*\\[A-Za-z].*?|(?:(?!{_BLANK_LINE}|\$\$).)+)\$\$)
)"""
_FLAGS = re.DOTALL | re.MULTILINE | re.VERBOSE
_HIDDEN = regex(_HIDING.replace("FIELD", _FIELD), _FLAGS)
_HIDDEN_BUT_FIELDS = regex(_HIDING.replace("FIELD", "(?P<field>(?!))"), _FLAGS)
_MATHS = regex(f"{MATHS}(\\d+){MATHS}")
_NOTHING = regex(f"\n?{CONTINUED}|{COMMENT}")


class Source(NamedTuple):
    """The text of a note with placeholders."""

    text: str
    maths: Strings = ()
    """The multi-line maths, by number."""
    references: Mapping[str, Texts] = {}
    """The link labels that the note defines, as markdown-it has them."""


def restored(text: str, maths: Strings) -> str:
    """Put the maths back and drop the placeholders of comments."""
    if not PLACEHOLDERS.search(text):
        return text
    return _NOTHING.sub("", _MATHS.sub(lambda match: maths[int(match[1])], text))


def prepared(text: str, *, fields: bool = True) -> Source:
    """Replace comments (`%%…%%`, `<!--…-->`) and multi-line maths by placeholders.

    Definitions of links count as comments, and so do `fields` of Dataview and Logseq (`key:: value`
    on a line). Fences and code contain no markup. What is never closed is plain text.
    """
    if not text.isascii():
        text = PLACEHOLDERS.sub("\ufffd", text)
    end = text.rfind("-->") + 1
    text = text[:end] + text[end:].replace("<!--", _OPEN)
    maths = list[str]()
    references = dict[str, Texts]()

    def hidden(found: re.Match[str]) -> str:
        run = found[0]
        if shown := found["maths"] or found["display"]:
            if "\n" not in shown:
                return run
            bare = (one.strip(" \t>") for one in shown.split("\n"))
            maths.append("\n".join(filter(None, bare)).replace(_OPEN, "<!--"))
            rest = f"\n{CONTINUED}" * shown.count("\n")
            return f"{found['start'] or ''}{MATHS}{len(maths) - 1}{MATHS}{rest}"
        if found["definition"]:
            target = {"href": found["target"].strip("<>"), "title": ""}
            references[normalizeReference(found["label"])] = target
        elif not (found["comment"] or found["field"] or found["data"]):
            return run
        return re.sub(r"[^\n]", COMMENT, run)

    text = (_HIDDEN if fields else _HIDDEN_BUT_FIELDS).sub(hidden, text)
    text = text.replace(_OPEN, "<!--")
    return Source(text, tuple(maths), references)


# --- front matter ---------------------------------------------------------------------------

_HEAD = regex(r"(?ms)---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_ZOTERO = regex(r"^(?:zotero:.*?(?:groups/(\d+)/)?items/)?(?:\d+_)?([A-Z0-9]{8})$")
_SCHEMES = {
    "doi": ("doi",),
    "arxiv": ("arxiv", "arxivid", "eprint"),
    "isbn": ("isbn", "isbn10", "isbn13"),
    "pmid": ("pmid", "pubmed", "pubmedid"),
    "citekey": ("citekey", "citationkey", "bibkey"),
    "url": ("url", "source", "link"),
}
_SCHEME_OF = {key: scheme for scheme, keys in _SCHEMES.items() for key in keys}
_MOST_NAMES = 8
_ADDRESS = regex(r"(?:\[[^\]\n]*\]\()?<?(https?://[^\s<>]+?)>?\)?")
_OFF = regex("(?i)false|no|off")
_OFF_LINE = regex(r"(?im)^(cards|ankiforge):[ \t]*[\"']?(?:false|no|off)[\"']?[ \t]*$")
# Characters; longer front matter is not read.
_LARGEST = 64_000
# Characters above which the fast YAML loader is not used: deep nesting could end the process.
_LONG = 4_000


class FrontMatter(NamedTuple):
    """The front matter of a note."""

    title: str = ""
    deck: str = ""
    author: str = ""
    created: str = ""
    updated: str = ""
    """ISO 8601, "" if not told."""
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
    """Parse the front matter; broken YAML is a problem, but its lines are skipped, too."""
    head = _HEAD.match(text)
    if head is None:
        return FrontMatter()
    values, problem = _yaml(head[1])
    off = [key for key in ("cards", "ankiforge") if _OFF.fullmatch(_word(values.get(key)))]
    if problem:  # a person's “no” counts although another line is broken
        off = _OFF_LINE.findall(head[1])
    return FrontMatter(
        title=_word(values.get("title")),
        deck=_word(values.get("deck")) or _word(values.get("cards-deck")),
        author=_word(values.get("author")),
        created=iso_time(_word(values.get("created"))),
        updated=iso_time(_word(values.get("updated"))),
        published=iso_time(_word(values.get("published"))),
        tags=tuple(dict.fromkeys(_tags(values))),
        skip=next((f"the note says {key}: false" for key in off), ""),
        identifiers=tuple(dict.fromkeys(_identifiers(values))),
        problem=problem,
        lines=head[0].count("\n") + (not head[0].endswith("\n")),
    )


@lru_cache(maxsize=256)
def _yaml(head: str) -> tuple[Json, str]:
    """Return the values of the front matter as they are written, and the problem with it.

    A number or a date stays text: `2301.10240` of arXiv keeps its last digit.
    """
    import yaml

    if len(head) > _LARGEST:
        return {}, f"the front matter is larger than {_LARGEST // 1000} kB"
    fast = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        values = yaml.load(head, yaml.BaseLoader if len(head) > _LONG else fast)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" in line {line + 2}"
        return {}, f"the front matter is not YAML{where}"
    if isinstance(values or {}, dict):
        return values or {}, ""
    return {}, "the front matter is not a list of keys and values"


def _identifiers(values: Json) -> Iterator[Pair]:
    """Yield the identifiers of the paper that a literature note is about, from keys tools write."""
    for key, value in values.items():
        name = re.sub(r"[\W_]+", "", key.casefold())
        scheme = _SCHEME_OF.get(name, "")
        for word in map(_word, (value if isinstance(value, list) else [value])[:_MOST_NAMES]):
            if scheme == "citekey" and word:
                yield "citekey", word.lstrip("@")
            elif scheme == "url":
                if address := _ADDRESS.fullmatch(word):
                    yield "url", address[1]
            elif scheme:
                yield from (one for one in names_in(f"{scheme} {word}") if one[0] == scheme)
            elif name.startswith("zotero") and (item := _ZOTERO.search(word)):
                yield "zotero", f"group.{item[1]}/{item[2]}" if item[1] else f"user/{item[2]}"


def _word(value: Any) -> str:
    """Return a value that is text, "" for lists, mappings and null."""
    return value.strip() if isinstance(value, str) and value not in ("null", "~") else ""


def _tags(values: Json) -> Iterator[str]:
    for given in (values.get("tags"), values.get("tag")):
        words = given if isinstance(given, list) else re.split(r"[,\s]+", _word(given))
        for word in words:
            if tag := _word(word).lstrip("#"):
                yield re.sub(r"\s+", "-", tag)
