"""Which fields a card asks by and which it answers with, read from its template as Anki does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ankiforge.anki.cards import is_empty

_TAG = re.compile(r"\{\{([^{}]*)\}\}")
_COMMENT = re.compile(
    r"<!--.*?(?:-->|\Z)|<style\b.*?(?:</style>|\Z)|<script\b.*?(?:</script>|\Z)", re.DOTALL | re.I
)
"""What is never closed hides all that follows, as in a browser."""
_ANSWER = re.compile(
    r"<hr\b[^<>]{0,200}?\bid\s{0,9}=\s{0,9}[\"']?answer\b[^<>]{0,200}>", re.IGNORECASE
)
_SPECIAL = frozenset(("FrontSide", "Tags", "Type", "Deck", "Subdeck", "Card", "CardFlag", "CardID"))
_DEEPEST = 50
_WORD = re.compile(r"[^\W\d_]{2}")
_MARKUP = re.compile(r"<[^<>]*>|&\w+;")


@dataclass(frozen=True, slots=True)
class Hole:
    """`{{filter:Field}}` in a template."""

    field: str
    filters: tuple[str, ...] = ()
    """Outermost first, as written."""

    @property
    def cloze(self) -> bool:
        """Whether it hides clozes."""
        return "cloze" in self.filters

    @property
    def typed(self) -> bool:
        """Whether a person types its contents: it is asked for, not shown."""
        return "type" in self.filters

    @property
    def veiled(self) -> bool:
        """Whether it only shows when it is clicked."""
        return "hint" in self.filters


Part = str | Hole


@lru_cache(maxsize=4096)
def _tokens(template: str) -> tuple[str, ...]:
    """Text and the insides of `{{…}}`, in turns."""
    return tuple(_TAG.split(_COMMENT.sub("", template)))


def parts(template: str, fields: Mapping[str, str]) -> Iterator[Part]:
    """The text and the holes of a template that show for a note; conditions are decided."""
    hidden: list[bool] = []
    for at, token in enumerate(_tokens(template)):
        if at % 2 == 0:
            if token and not any(hidden):
                yield token
            continue
        sign, name = token.strip()[:1], token.strip()[1:].strip()
        if sign in ("#", "^") and len(hidden) < _DEEPEST:
            empty = is_empty(fields.get(name, ""))
            hidden.append(empty if sign == "#" else not empty)
        elif sign == "/":
            hidden = hidden[:-1]
        elif sign not in ("#", "^", "!", "=") and not any(hidden):
            *filters, field = (part.strip() for part in token.split(":"))
            if field not in _SPECIAL:
                yield Hole(field, tuple(word.split(" ")[0] for word in filters))


def cloze_fields(question: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """What stands in the fields that a question shows with their clozes hidden."""
    shown = (part for part in parts(question, fields) if isinstance(part, Hole) and part.cloze)
    return tuple(fields.get(hole.field, "") for hole in shown)


@dataclass(frozen=True, slots=True)
class Face:
    """One card of a note: what it asks by and what it answers with, as HTML."""

    name: str
    question: str
    answer: str
    more: str = ""
    """What the answer side shows besides."""
    cloze: bool = False
    """Whether the question is a cloze text; the answer is then in it."""
    asked: str = ""
    """The fields of the question without the words of the template, where it has some."""


def face(name: str, question: str, answer: str, fields: Mapping[str, str]) -> Face:
    """What a card of these templates shows for a note."""
    asked = list(parts(question, fields))
    gaps = [part for part in asked if isinstance(part, Hole) and part.cloze]
    shown = {part.field for part in asked if isinstance(part, Hole) and _open(part)}
    typed = [
        part.field for part in asked if isinstance(part, Hole) and part.typed and not part.cloze
    ]
    told = _fresh(answer, fields, shown)
    if gaps:
        text = "<br>".join(dict.fromkeys(fields.get(gap.field, "") for gap in gaps))
        return Face(name, text, "", "<br>".join(told.values()), cloze=True)
    main = next((field for field in typed if not is_empty(fields.get(field, ""))), "")
    main = main or next((field for field, text in told.items() if not is_empty(text)), "")
    more = "<br>".join(text for field, text in told.items() if field != main)
    worded = any(isinstance(part, str) and _WORD.search(_MARKUP.sub("", part)) for part in asked)
    own = _filled([part for part in asked if isinstance(part, Hole)], fields) if worded else ""
    return Face(name, _filled(asked, fields), fields.get(main, ""), more, asked=own)


def _open(hole: Hole) -> bool:
    return not (hole.typed or hole.veiled)


def _fresh(answer: str, fields: Mapping[str, str], shown: set[str]) -> dict[str, str]:
    """What the answer side shows and the question does not, below `<hr id=answer>` first."""
    above, below = _halves(answer)
    found: dict[str, str] = {}
    for side in (below, above):
        for part in parts(side, fields):
            if isinstance(part, Hole) and part.field not in shown and part.field in fields:
                found.setdefault(part.field, fields[part.field])
    return found


@lru_cache(maxsize=4096)
def _halves(answer: str) -> tuple[str, str]:
    """What stands above and below the line of the answer; without one all is below."""
    line = _ANSWER.search(answer)
    return (answer[: line.start()], answer[line.end() :]) if line else ("", answer)


def _filled(asked: list[Part], fields: Mapping[str, str]) -> str:
    """The question as it is seen, without what must be typed or clicked for."""
    texts = (
        part if isinstance(part, str) else fields.get(part.field, "") if _open(part) else ""
        for part in asked
    )
    return "".join(texts)
