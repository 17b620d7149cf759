"""The YAML head of a note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ankiforge.text.identifiers import names_in

_HEAD = re.compile(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_DOI = re.compile(r"\b10\.\d{4,9}/\S+")
_ZOTERO = re.compile(r"^(?:zotero:.*?(?:groups/(\d+)/)?items/)?(?:\d+_)?([A-Z0-9]{8})$")
_NOTE_ID = re.compile(r"\A\d{10,19}\Z")
_TARGET_FILE = re.compile(
    r"\A(?![a-z]+://)(?:.*[/\\])?([^/\\\[\]]+\.pdf)(?:\]\])?\Z", re.IGNORECASE
)
"""The PDF that a note of the Annotator plug-in annotates."""
_NAMED_BY = {
    **dict.fromkeys(("arxiv", "arxivid", "eprint"), "arxiv"),
    **dict.fromkeys(("isbn", "isbn10", "isbn13"), "isbn"),
    **dict.fromkeys(("pmid", "pubmed", "pubmedid"), "pmid"),
    **dict.fromkeys(("url", "source", "link"), "url"),
}
_MOST_NAMES = 8
_ADDRESS = re.compile(r"(?:\[[^\]\n]*\]\()?<?(https?://[^\s<>]+?)>?\)?")
_FIVE_DIGITS = 1501
"""Year and month since which arXiv's numbers have five digits."""
_NO = ("cards", "ankiforge")
_LARGEST = 64_000
"""Characters of a head that is read."""


@dataclass(frozen=True, slots=True)
class Front:
    """What a note says of itself."""

    title: str = ""
    deck: str = ""
    tags: tuple[str, ...] = ()
    skip: str = ""
    """Why nothing of it becomes a card ("" = it may)."""
    problem: str = ""
    """What is wrong with the YAML."""
    identifiers: tuple[tuple[str, str], ...] = ()
    """Of the paper it says it is about: (scheme, value)."""
    lines: int = 0
    """How many lines the head takes."""
    note_id: str = ""
    """Of the note in Anki that yanki made of the whole file."""


@dataclass(frozen=True, slots=True)
class _Read:
    values: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def front_matter(text: str) -> Front:
    """Read the head; broken YAML is a problem, and its lines are a head all the same."""
    head = _HEAD.match(text)
    if head is None:
        return Front()
    read = _yaml(head[1])
    values = read.values
    return Front(
        title=values["title"].strip() if isinstance(values.get("title"), str) else "",
        deck=_word(values.get("deck")) or _word(values.get("cards-deck")),
        tags=tuple(dict.fromkeys(_tags(values))),
        skip=next((f"the note says {key}: false" for key in _NO if values.get(key) is False), ""),
        identifiers=tuple(dict.fromkeys(_identifiers(values))),
        problem=read.problem,
        lines=head[0].count("\n") + (not head[0].endswith("\n")),
        note_id="".join(_NOTE_ID.findall(_word(values.get("noteId")))),
    )


def _yaml(head: str) -> _Read:
    import yaml

    if len(head) > _LARGEST:
        return _Read(problem=f"the front matter is larger than {_LARGEST // 1000} kB")
    try:
        values = yaml.load(head, _loader(head))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" in line {line + 2}"
        return _Read(problem=f"the front matter is not YAML{where}")
    if values is None or isinstance(values, dict):
        return _Read(values={str(key): value for key, value in (values or {}).items()})
    return _Read(problem="the front matter is not a list of keys and values")


def _loader(head: str) -> Any:
    """The fast loader, unless the head is so long that its nesting could break the C stack."""
    import yaml

    return yaml.SafeLoader if len(head) > 4000 else getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _identifiers(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The paper that a literature note is about, by the keys that note makers write."""
    named = {re.sub(r"[\W_]+", "", key.casefold()): _word(value) for key, value in values.items()}
    if doi := _DOI.search(named.get("doi", "")):
        yield "doi", doi[0].lower()
    for key in ("citekey", "citationkey", "bibkey"):
        if citekey := named.get(key, "").lstrip("@"):
            yield "citekey", citekey
    if target := _TARGET_FILE.search(named.get("annotationtarget", "")):
        yield "quoted-file", target[1]
    yield from _found(values)
    for key, value in named.items():
        if key.startswith("zotero") and (found := _ZOTERO.search(value)):
            yield "zotero", f"group.{found[1]}/{found[2]}" if found[1] else f"user/{found[2]}"


def _found(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """An arXiv id, ISBN, PMID, and the address of the page it was taken from."""
    for key, value in values.items():
        scheme = _NAMED_BY.get(re.sub(r"[\W_]+", "", key.casefold()), "")
        for one in (value if isinstance(value, list) else [value])[:_MOST_NAMES]:
            if scheme == "url" and (address := _ADDRESS.fullmatch(_word(one))):
                yield "url", address[1]
            elif scheme and scheme != "url":
                word = _arxiv(one) if scheme == "arxiv" else f"{scheme} {_word(one)}"
                yield from (name for name in names_in(word) if name[0] == scheme)


def _arxiv(value: Any) -> str:
    """YAML takes an id without quotes for a number, and its last zeros for nothing."""
    if not isinstance(value, float):
        return _word(value)
    digits = 5 if value >= _FIVE_DIGITS else 4
    return f"{value:0{5 + digits}.{digits}f}"


def _word(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _tags(values: dict[str, Any]) -> Iterator[str]:
    for given in (values.get("tags"), values.get("tag")):
        words = given if isinstance(given, list) else re.split(r"[,\s]+", _word(given))
        for word in words:
            if tag := _word(word).lstrip("#"):
                yield re.sub(r"\s+", "-", tag)
