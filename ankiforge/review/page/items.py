"""The items of the page, shown one at a time: cards beside their source, and the possible decisions.

An item reads its cards once and is rendered only when it is shown: a decision about it needs only
its stamp and its cards.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from rapidfuzz.distance import Indel

from ankiforge.anki.cards import card_ordinals, sides
from ankiforge.anki.notes import field_html
from ankiforge.anki.render import render as field_of
from ankiforge.model import AnkiState, Candidate, Card, Fields, Highlight, Media, Seen, h16
from ankiforge.review.select import selectable_text
from ankiforge.review.service import Service
from ankiforge.sync import pictures_of
from ankiforge.text.cloze import gaps, shields
from ankiforge.text.display import counted
from ankiforge.text.fold import isolated

Face = tuple[str, str]
"""(question, answer) of one card of a note, as Anki shows its two sides: HTML without the style."""
Fact = tuple[str, str]
"""(label, text): a line below the cards, which is not shown without text."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A card beside the source, shown in a frame of its own."""

    id: str
    """The draft id (`guid.letter`) that decisions about this slot name."""
    label: str
    """Its heading, as text: `1`, `now`, `proposed`, `in Anki` …"""
    faces: tuple[Face, ...] = ()
    head: str = ""
    """Our HTML above the frame, with kind and drafter."""
    foot: str = ""
    """Our HTML below the frame, with the findings."""
    fields: tuple[tuple[str, str], ...] = ()
    """All content fields as Markdown, for editing; () = it cannot be edited."""
    pictures: tuple[Media, ...] = ()
    """The pictures in its faces; the browser gets only their names."""
    tone: str = ""
    """The severity of its worst finding, `warn` or `block`; "" if there is none."""


@dataclass(frozen=True, slots=True)
class Act:
    """A possible action on an item: a button with its key."""

    key: str
    """As in `KeyboardEvent.key`: `a`, `1`, `ArrowDown` …"""
    label: str
    what: str
    """The name of the decision in `decisions.DECISIONS`; with a colon, an action of the script, such
    as `:edit`."""
    args: tuple[tuple[str, str], ...] = ()
    asks: str = ""
    """The question to answer first; the typed text is sent as `args["words"]`. "" = none."""
    needs: bool = False
    """Whether the action needs a typed text."""


class Content(NamedTuple):
    """The rendered content of an item."""

    source: str = ""
    """Our HTML: the highlight in its context."""
    slots: tuple[Slot, ...] = ()
    body: str = ""
    """Our HTML below the cards: differences, facts."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to decide."""

    id: str
    title: str
    """Its title as text, which a screen reader reads first."""
    stamp: str
    """A hash of everything that is shown; a decision with another one is refused as stale."""
    content: Callable[[], Content]
    """Renders it."""
    acts: tuple[Act, ...] = ()
    document: str = ""
    """The title of its document, which is added to its own title; "" = none."""
    group: str = ""
    """The key of its highlight: `g` goes to the first item of the next one."""
    passage: Highlight | None = None
    """The highlight in which words may be selected to make a card; None = no card can be made here."""
    compared: bool = False
    """Whether its slots are versions of one card; then the answers are shown first."""
    cards: tuple[Card, ...] = ()
    """Its cards, as they were read."""
    why: str = ""
    """Why it waits, or its state, as a sentence."""
    tone: str = ""
    """The severity of the finding in `why`, `warn` or `block`; "" if there is none."""
    kind: str = ""
    """The name of its list, such as `pending`."""
    heading: str = ""
    """The title of that list."""


def as_json(item: Item, content: Content, identity: str) -> dict[str, Any]:
    """Return an item for the script; `identity` is its id in the list that is shown."""
    slots = msgspec.to_builtins(content.slots)
    for slot in slots:
        slot["fields"] = dict(slot["fields"])
        del slot["pictures"]  # paths on this machine
    acts = msgspec.to_builtins(item.acts)
    for act in acts:
        act["args"] = dict(act["args"])
    title = f"{item.title} {isolated(item.document)}" if item.document else item.title
    passage = selectable_text(item.passage)[0] if item.passage else ""
    highlight = item.passage or next((card.highlight for card in item.cards), None)
    return {
        "id": identity, "title": title, "stamp": item.stamp, "source": content.source,
        "slots": slots, "body": content.body, "acts": acts, "group": item.group,
        "passage": passage, "compared": item.compared, "why": item.why, "tone": item.tone,
        "kind": item.kind, "heading": item.heading,
        "drawn": drawn_html(highlight) if highlight else "",
    }  # fmt: skip


_DRAWN = re.compile(r"\$[^$\n]*[^$\s]\$|^\s*\|.*\|\s*$", re.MULTILINE)
"""A formula, or a row of a table."""


def drawn_html(highlight: Highlight) -> str:
    """Return a passage with formulas or a table as HTML; "" if plain text shows all of it."""
    text = "\n\n".join(side for side in highlight.markdown if side.strip()) or highlight.exact
    return field_of(text) if _DRAWN.search(text) else ""


def stamp_of(*shown: object) -> str:
    """Return a hash of the shown values."""
    return h16(*(msgspec.json.encode(one).decode() for one in shown))


def title_of(card: Card) -> str:
    """Return the title of a card's document, safe to stand beside other text."""
    return isolated(card.highlight.document.title)


def tone_of(severities: Iterable[str]) -> str:
    """Return the worst of some severities; "" if none is a warning or worse."""
    found = set(severities)
    return next((one for one in ("block", "warn") if one in found), "")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ankiforge.review.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["isolated"] = isolated
    environment.filters["shortened"] = lambda address: re.sub(r"^https?://(www\.)?", "", address)
    return environment


def render(template: str, **values: Any) -> str:
    """Render a template, escaping all values."""
    return _environment().get_template(template).render(**values)


# --- cards as Anki shows them -----------------------------------------------------------------


def slot_of(service: Service, card: Card, candidate: Candidate, label: str) -> Slot:
    """Return the slot of a candidate: the card that it would become, with editable fields."""
    shown = as_if(card, candidate)
    faces, pictures = faces_of(service, shown)
    words = dict(shown.fields)
    names = (name for name in shown.family.content_fields if name != "Reverse")
    return Slot(
        candidate.id,
        label,
        faces,
        head=render("slot_head.html", candidate=candidate),
        foot=render("slot_foot.html", findings=candidate.findings),
        fields=tuple((name, words.get(name, "")) for name in names),
        pictures=pictures,
        tone=tone_of(finding.severity for finding in candidate.findings),
    )


def as_if(card: Card, candidate: Candidate) -> Card:
    """Return the card as if this candidate were picked; a person's edit of the picked one stays."""
    if candidate == card.picked:
        return card
    draft = candidate.draft
    return replace(card, kind=draft.kind, fields=draft.fields, candidates=(candidate,))


def faces_of(service: Service, card: Card) -> tuple[tuple[Face, ...], tuple[Media, ...]]:
    """Return (question, answer) of each card that Anki makes of a note, and their pictures."""
    pictures, _ = pictures_of(service.ledger, card)
    fields = field_html(card, pictures)
    ordinals = card_ordinals(card.family, fields)
    faces = tuple(sides(card.family, fields, ordinal) for ordinal in ordinals)
    return faces, tuple(pictures.values())


def faces_in_anki(card: Card, seen: Seen) -> tuple[Face, ...]:
    """Return the cards of a note with its fields in Anki, which anybody may have written."""
    ordinals = card_ordinals(card.family, seen.fields)
    return tuple(sides(card.family, seen.fields, ordinal) for ordinal in ordinals)


# --- actions if a question has another right answer ---------------------------------------------

EXCLUDING = ("excluding", "yes")
"""The argument of an action that requests a card to which the other right answers do not apply."""


def also_right_acts(shown: Sequence[Candidate]) -> Iterator[Act]:
    """Yield the actions for a card of which the answer probe found another right answer."""
    for at, one in enumerate(shown, 1):
        if (others := also_right(one)) and not one.blocked:
            which = f" of {at}" if len(shown) > 1 else ""
            named = " and ".join(f"“{other}”" for other in others)
            slot = (("slot", one.id),)
            yield Act("o", f"Add {named} to the answer{which}, and accept", "add", slot)
            yield Act("O", "Redraft as another kind of question", ":redraft", (EXCLUDING, *slot))
            return


def also_right(candidate: Candidate) -> tuple[str, ...]:
    """Return the other right answers that a finding of a draft names."""
    probe = candidate.draft.probe
    named = any(one.check == "also_right" for one in candidate.findings)
    return probe.others if probe and named else ()


# --- facts -----------------------------------------------------------------------------------


def studied(service: Service, card: Card) -> str:
    """Return a summary of a card's schedule in Anki, or that it was never there."""
    seen = service.ledger.views.seen(card.guid)
    if seen is None:
        written = card.anki is AnkiState.WRITTEN
        return "written for Anki, not seen there yet" if written else "not in Anki"
    longest = max((one.interval for one in seen.cards), default=0)
    suspended = sum(one.suspended for one in seen.cards)
    parts = (
        "" if card.anki.there else "not there now",
        seen.deck,
        counted(service.ledger.views.reviews_of(card.guid), "review"),
        f"interval of {counted(longest, 'day')}" if longest > 0 else "",
        f"{counted(suspended, 'card')} suspended" if suspended else "",
    )
    return " · ".join(filter(None, parts))


def when(moment: str | float) -> str:
    """Format a time, given as ISO text or in seconds; return other text unchanged."""
    if isinstance(moment, float):
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
    try:
        return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return moment


# --- versions side by side ---------------------------------------------------------------------

SAME, GONE, NEW = "", "del", "ins"
Run = tuple[str, str]
"""(`SAME` | `GONE` | `NEW`, text)"""


class Side(NamedTuple):
    """One version of a text."""

    label: str
    """Its origin; "" = none is shown."""
    runs: tuple[Run, ...]
    apart: bool = False
    """Whether the marked text occurs only on this side, and is neither new nor gone."""


class Row(NamedTuple):
    """A field, or the highlight, in all its versions."""

    name: str
    sides: tuple[Side, ...]


def sides_html(rows: Iterable[Row] = (), facts: Iterable[Fact] = ()) -> str:
    """Return the HTML of versions and facts."""
    return render("sides.html", rows=tuple(rows), facts=[fact for fact in facts if fact[1]])


def changed(name: str, old: str, new: str) -> Row:
    """Return two versions of a text as one, with the changes marked."""
    return Row(name, (Side("", runs(old, new)),))


def changed_rows(old: Fields, new: Fields) -> list[Row]:
    """Return the fields that differ."""
    before, after = dict(old), dict(new)
    names = [name for name in {**before, **after} if before.get(name, "") != after.get(name, "")]
    return [changed(name, before.get(name, ""), after.get(name, "")) for name in names]


def beside(name: str, one: tuple[str, str], other: tuple[str, str]) -> Row:
    """Return two texts, each given as (label, text), in which the text that only one has is marked."""
    found = runs(other[1], one[1])
    return Row(
        name,
        tuple(
            Side(label, tuple(run for run in found if run[0] in (SAME, what)), True)
            for label, what in ((one[0], NEW), (other[0], GONE))
        ),
    )


_IDEOGRAPHS = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Characters that are words of their own: kana and Chinese characters."""
_TOKEN = re.compile(
    rf"\d+(?:[.,]\d+)+ | (?:(?![{_IDEOGRAPHS}_])\w)+(?:['’](?:(?![{_IDEOGRAPHS}_])\w)+)* | \s+ | .",
    re.VERBOSE | re.DOTALL,
)
_JOINER = "\u200d"


def runs(old: str, new: str) -> tuple[Run, ...]:
    """Compare two texts word by word.

    All runs but `NEW` joined are the old text, all but `GONE` the new one. Formulas, code, clozes
    and escapes are never divided.
    """
    before, after = tokens(old), tokens(new)
    found: list[Run] = []
    for step in Indel.opcodes(before, after):
        gone = "".join(before[step.src_start : step.src_end])
        if step.tag == "equal":
            found.append((SAME, gone))
        else:
            found += [(GONE, gone), (NEW, "".join(after[step.dest_start : step.dest_end]))]
    return tuple(_gathered(found))


def tokens(text: str) -> list[str]:
    """Split a text into the pieces that are compared; joined, they give the text."""
    whole = [(start, end) for start, end, _ in shields(text)]
    whole += [(gap.start, gap.end) for gap in gaps(text)]
    found: list[str] = []
    at = 0
    for start, end in sorted(whole, key=lambda span: (span[0], -span[1])):
        if start >= at:
            found += [*_words(text[at:start]), text[start:end]]
            at = end
    return found + _words(text[at:])


def _words(text: str) -> list[str]:
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        # an accent or a further part of an emoji belongs to the character before it
        joins = match[0][0] == _JOINER or unicodedata.category(match[0][0]) in (
            "Mn", "Mc", "Me", "Sk",
        )  # fmt: skip
        if found and (joins or found[-1].endswith(_JOINER)):
            found[-1] += match[0]
        else:
            found.append(match[0])
    return found


def _gathered(found: Iterable[Run]) -> Iterator[Run]:
    """Join changes that only blanks separate, because single changed words are hard to read."""
    gone = new = blank = ""
    for what, text in found:
        if what == SAME and text.strip():
            yield from _nonempty((GONE, gone), (NEW, new), (SAME, blank))
            gone = new = blank = ""
            yield what, text
        elif what == SAME:
            blank += text
        elif text:
            if gone or new:
                gone, new = gone + blank, new + blank
            elif blank:
                yield SAME, blank
            blank = ""
            gone, new = gone + (text if what == GONE else ""), new + (text if what == NEW else "")
    yield from _nonempty((GONE, gone), (NEW, new), (SAME, blank))


def _nonempty(*found: Run) -> Iterator[Run]:
    return (run for run in found if run[1])
