"""Cards and highlights as JSON and as text for a terminal, and why cards wait for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import (
    AT_ONCE,
    DECIDED,
    MOVED_FROM,
    NOTE,
    PAIRED,
    REPLACES,
    SOURCE_GONE,
    letter_of,
)
from ankiforge.ledger.events import DOUBTED, Event
from ankiforge.ledger.placing import FLOOD, FLOODED, RECOVERED
from ankiforge.model import (
    AnkiState,
    Candidate,
    Card,
    Document,
    Highlight,
    HighlightKey,
    RunId,
    Seen,
    Severity,
    Standing,
)
from ankiforge.text.anchors import from_a_word, to_a_word
from ankiforge.text.display import on_one_line, shortened

if TYPE_CHECKING:
    from ankiforge.anki.merge import Conflict

# --- JSON -----------------------------------------------------------------------------------


def attributes(value: object, names: str) -> dict[str, Any]:
    """Return the named attributes of a value as JSON; `names` are separated by blanks."""
    return {name: getattr(value, name) for name in names.split()}


def card_json(
    card: Card, tags: tuple[str, ...], conflicts: tuple[Conflict, ...] = ()
) -> dict[str, Any]:
    """Return a card as an object of `list --json` and `show --json`; `tags` are those in a package."""
    from ankiforge.anki.notes import content_html  # `extract` shows no cards

    lead, revision = card.leading, next(iter(card.open if card.picked else ()), None)
    html = content_html(card.kind, card.fields)
    return {
        "guid": card.guid,
        "draft": lead.id,
        "choice": [one.id for one in card.to_choose],
        "candidates": [
            {
                "draft": one.id,
                "kind": one.draft.kind,
                "fields": dict(one.draft.fields),
                "origin": origin_json(one),
                "findings": one.findings,
            }
            for one in card.to_choose
        ],
        **attributes(card, "kind verdict standing anki anki_why deck"),
        "tags": tags,
        "fields": dict(card.fields),
        "html": dict(zip(card.family.content_fields, html, strict=True)),
        "quote": lead.draft.quote,
        "highlight": card.highlight.key,
        "also": [highlight.key for highlight in card.also],
        "document": card.highlight.document.key,
        "title": card.highlight.document.title,
        "origin": origin_json(lead),
        "findings": lead.findings,
        "revision": {"draft": revision.id, "fields": dict(revision.draft.fields)}
        if revision
        else None,
        "conflicts": [
            {"field": one.field, "base": one.base, "mine": one.theirs, "source": one.ours}
            for one in conflicts
        ],
        **attributes(card, "reason accepted_by"),
        "waits": why_waiting(card),
    }


def origin_json(candidate: Candidate) -> dict[str, str]:
    """Return the drafter, model and prompt of a candidate."""
    return attributes(candidate.draft.origin, "drafter model prompt")


def note_json(seen: Seen | None, reviews: int) -> dict[str, Any] | None:
    """Return a note as last seen in Anki, with the schedules of its cards; null if it never was."""
    if seen is None:
        return None
    return {
        **attributes(seen, "mod tags deck"),
        "leech": "leech" in (tag.casefold() for tag in seen.tags),
        "reviews": reviews,
        "cards": [{"suspended": one.suspended, **asdict(one)} for one in seen.cards],
    }


def highlight_json(highlight: Highlight) -> dict[str, Any]:
    """Return a highlight as an object of `extract --json`."""
    return {
        "key": highlight.key,
        "source": highlight.document.source,
        **attributes(highlight, "kind form exact gaps"),
        "prefix": from_a_word(highlight.prefix),
        "suffix": to_a_word(highlight.suffix),
        **attributes(highlight, "comment colour author tags created modified"),
        **attributes(highlight, "page_label heading above uri links"),
        "document": document_json(highlight.document),
    }


def document_json(document: Document) -> dict[str, Any]:
    """Return the bibliographic data of a document."""
    named = attributes(document, "key title creators issued")
    return {**named, "identifiers": dict(document.identifiers)}


# --- text -----------------------------------------------------------------------------------

_IN_ANKI = {AnkiState.MISSING: "missing", AnkiState.TOMBSTONE: "deleted"}


def titled(highlight: Highlight) -> str:
    """Return the title of a highlight's document, with the page."""
    page = f", p. {highlight.page_label}" if highlight.page_label else ""
    return f"{highlight.document.title}{page}"


def one_line(card: Card) -> str:
    """Return a card in one line: id, state, kind and question."""
    state = card.verdict.value if card.standing == "live" else card.standing.value
    if card.blocked and state in ("pending", "accepted"):
        state = "blocked"
    if state == "accepted":
        state = _IN_ANKI.get(card.anki, state)
    if card.revision and state != "deleted":
        state = "revision"
    many = len(card.to_choose)
    choose = f"  ({many} to choose from)" if many > 1 else ""
    if state == "pending" and card.waits == FLOODED and not choose:
        choose = f"  ({why_waiting(card)})"
    return f"{card.guid[:10]}  {state:8}  {card.kind:7}  {question_of(card)}{choose}"


def question_of(card: Card) -> str:
    """Return the question of a card, shortened to fit in a line."""
    fields = dict(card.fields)
    return shortened(on_one_line(fields.get("Text") or fields.get("Front", "")), 72)


def fields_on_a_line(fields: Iterable[tuple[str, str]]) -> str:
    """Return the fields of a card in one line."""
    return "; ".join(f"{name}: {text}" for name, text in fields)


def schedule_line(seen: Seen, reviews: int) -> str:
    """Return the schedule of a note in Anki in one line."""
    lapses = sum(one.lapses for one in seen.cards)
    suspended = sum(one.suspended for one in seen.cards)
    longest = max((one.interval for one in seen.cards), default=0)
    parts = (
        seen.deck,
        f"{reviews} reviews",
        f"{lapses} lapses" if lapses else "",
        f"{longest} days" if longest > 0 else "",
        f"{suspended} suspended" if suspended else "",
    )
    return " · ".join(filter(None, parts))


def card_text(card: Card, conflicts: tuple[Conflict, ...] = ()) -> Iterator[str]:
    """Yield the lines of a card: its fields, source and findings, and pending decisions."""
    from ankiforge.anki.unrender import unrender

    highlight, margin = card.highlight, "\n          "

    def line(name: str, text: str) -> str:
        return f"{name:9} {text.replace(chr(10), margin)}"

    yield f"{card.guid}  {card.kind}  {card.verdict}  {card.standing}  anki: {card.anki}"
    if card.standing is Standing.SUPERSEDED:
        yield line("stands", f"{card.standing_why} in its place")
    if card.anki_why:
        since = "missing since " if card.anki is AnkiState.MISSING else ""
        yield line("in Anki", f"{since}{card.anki_why}")
        if since:
            yield line("", f"ankiforge restore {card.guid}")
    for conflict in conflicts:
        yield line("conflict", conflict.field)
        for side, words in (
            ("base", conflict.base),
            ("mine", conflict.theirs),
            ("source", conflict.ours),
        ):
            yield line(f"  {side}", unrender(words))
    if conflicts:
        commands = (f"ankiforge resolve {card.guid} --{side}" for side in ("mine", "source"))
        yield line("", " · ".join(commands))
    yield line("deck", card.deck)
    yield from (line(name.lower(), words) for name, words in card.fields)
    yield line("quote", card.leading.draft.quote)
    heading = f" › {highlight.heading}" if highlight.heading else ""
    yield f"source    {titled(highlight)}{heading}"
    for link in filter(None, (highlight.uri, *highlight.links)):
        yield f"          {link}"
    for passage in card.also:
        heading = f" › {passage.heading}" if passage.heading else ""
        yield f"also      {titled(passage)}{heading}"
    for finding in card.leading.findings:
        yield f"{finding.severity:9} {finding.message} ({finding.check})"
    if waits := why_waiting(card):
        yield line("waits", waits)
    for waiting in card.open if card.picked else ():
        words = fields_on_a_line(waiting.draft.fields).replace("\n", margin)
        yield f"revision {letter_of(waiting)}  {words}"
        yield from (line("", f"{one.message} ({one.check})") for one in waiting.findings)
        yield line("", f"ankiforge accept {card.guid} · ankiforge reject {waiting.id}")
    if len(card.to_choose) > 1:
        yield f"choose    one of {len(card.to_choose)}: ankiforge pick {card.to_choose[0].id}"
        for candidate in card.to_choose:
            yield f"  {candidate.id}  {candidate.draft.kind}"
            yield line("", fields_on_a_line(candidate.draft.fields))
            for finding in candidate.findings:
                yield f"          {finding.severity}: {finding.message} ({finding.check})"
    if card.reason:
        yield f"rejected  {card.reason}"


def history_text(ledger: Ledger, card: Card) -> Iterator[str]:
    """Yield the lines of a card's history: its decisions with the ids of their actions, and shipments."""
    if doubt := ledger.highlights.asked(card.highlight.key):
        yield f"doubt     {doubt}"
    history = _history(ledger, card)
    actions = {event.id: event.action for event in history}
    for event in history:
        undone = actions.get(event.undoes, "")
        action = f"{event.action}, takes back {undone}" if undone else event.action
        yield f"decided   {event.at}  {event.what} by {event.by}  ({action})"
        reason = event.body.get("reason") or event.body.get("after", {}).get("reason")
        if reason:
            yield f"  reason  {on_one_line(str(reason))}"
    for rev, mod, package, at in ledger.packages.history(card.guid):
        yield f"shipped   {at}  revision {rev}, mod {mod}, {package or 'by another machine'}"


def history_json(ledger: Ledger, card: Card) -> dict[str, Any]:
    """Return the decisions on a card and its shipments as JSON."""
    names = "id at by what undoes action body"
    return {
        "decisions": [attributes(one, names) for one in _history(ledger, card)],
        "shipped": [
            dict(zip(("rev", "mod", "package", "at"), one, strict=True))
            for one in ledger.packages.history(card.guid)
        ],
    }


def _history(ledger: Ledger, card: Card) -> list[Event]:
    """Return the decisions that merged the card's document with others, then those on the card."""
    documents = ledger.ingest.works.members(card.highlight.document.key)
    unions = [event for one in documents for event in ledger.decisions.of(one)]
    return [*unions, *ledger.decisions.of(card.guid)]


def duplicates_text(ledger: Ledger, card: Card) -> Iterator[str]:
    """Yield two lines for each duplicate or replacement of a card: its text, and commands to decide on it."""
    named = (one.twin for one in card.leading.findings if one.check in PAIRED)
    for twin in dict.fromkeys(filter(None, named)):
        if twin.startswith(NOTE):
            note = ledger.foreign.find(int(twin.removeprefix(NOTE)))
            if note:
                yield f"twin      {twin}  in Anki, {note.deck}: {fields_on_a_line(note.fields)}"
                yield f"          ankiforge reject {card.guid} · ankiforge distinct {card.guid} {twin}"
            continue
        other = ledger.cards.get(twin.partition(".")[0])
        yield f"twin      {one_line(other)}"
        yield (
            f"          ankiforge merge {card.guid} {other.guid}"
            f" · ankiforge distinct {card.guid} {other.guid}"
        )
    replaced = [one.twin for one in card.leading.findings if one.check == REPLACES and one.twin]
    for old in ledger.cards.several(replaced):
        yield from _replacement("replaces?", old, card, old)
    by = [
        new
        for new in ledger.cards.several(ledger.queries.problem_cards.waiting_for(card.guid))
        if any((one.check, one.twin) == (REPLACES, card.guid) for one in new.leading.findings)
    ]
    for new in by:
        yield from _replacement("replaced?", new, new, card)
    if card.ready and not by and SOURCE_GONE in card.leading.findings:
        yield f"keep it?  ankiforge accept {card.guid} · ankiforge reject {card.guid}"


def _replacement(label: str, shown: Card, new: Card, old: Card) -> Iterator[str]:
    yield f"{label} {one_line(shown)}"
    yield (
        f"          ankiforge accept {new.guid} · ankiforge merge {old.guid} {new.guid}"
        f" · ankiforge distinct {new.guid} {old.guid}"
    )


def left_behind(ledger: Ledger, run: RunId, decks: tuple[DeckRule, ...]) -> Iterator[str]:
    """Yield lines about cards of a run whose deck differs from that in the changed deck files.

    An import does not move existing cards.
    """
    from ankiforge.anki.notes import deck_name

    counts: Counter[tuple[str, str]] = Counter()
    for guid in sorted(ledger.cards.of_run(run)):
        card = ledger.cards.get(guid)
        seen = ledger.views.seen(card.guid)
        here = deck_name((seen.deck if seen else "") or card.deck)
        wanted = deck_name(deck_of(decks, card.highlight.document, card.highlight).deck)
        if card.ready and here.casefold() != wanted.casefold():
            counts[here, wanted] += 1
    for (here, wanted), count in sorted(counts.items()):
        yield (
            f"{count} card{'s stay' if count > 1 else ' stays'} in {here}, although the deck"
            f' files now say {wanted}: no import moves a card; in Anki: deck:"{here}"'
        )


# --- why cards wait -------------------------------------------------------------------------

CHOICE, MODEL, POLICY = "choice", "model", "policy"
"""Reasons for waiting other than findings, as named in `--json`."""
_SAYS = {
    CHOICE: "several drafts to choose from",
    FLOODED: f"more than {FLOOD} cards without findings at once",
    DECIDED: "you have already decided on a card of their passage",
    RECOVERED: "their document has cards that were recovered from Anki; accept one to go on",
    DOUBTED: "they may be cards that moved, or that you rejected",
    MODEL: "drafted by a model, so they wait for you",
    POLICY: "no findings, but your settings make them wait",
    "loose_term": "`Term: text` lines that may be prose",
    "inline_field": "`a:: b` lines that may be prose or fields",
    "phrase_gt5w": "long marked phrases that may be mere emphasis",
    "phrase_outside_vault": "words marked in a document that may be mere emphasis",
    "duplicate": "cards that repeat another card",
    "moved_from": "passages that may have moved from elsewhere",
    "replaces": "another fact has replaced that of an accepted card",
    "rejected_elsewhere": "cards that you rejected in another note",
    "same_highlight": "edited passages that may mean something else now",
}
_BY_DRAFTER = {"person": DECIDED, "anki": RECOVERED}
_COMMANDS = {
    CHOICE: ("choose", "review"),
    FLOODED: ("", ""),
    DECIDED: ("look at them", "review"),
    RECOVERED: ("look at them", "review"),
    DOUBTED: ("look at them", "review"),
    POLICY: ("accept them all", 'accept --all --filter "drafter:rules"'),
    MODEL: ("accept them all", 'accept --all --filter "-drafter:rules"'),
}


@cache
def _rules() -> dict[str, str]:
    """Return the message of each check; cached because loading the checks takes 0.1 s."""
    from ankiforge.check import RULES

    return {rule.id: rule.says.rstrip(":") for rule in RULES}


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for which cards wait for a person, with these cards."""

    name: str
    """The id of a finding, or `choice`, `flood`, `decided`, `recovered`, `model`, `policy`."""
    cards: tuple[Card, ...]

    @property
    def says(self) -> str:
        """The reason in words."""
        return _SAYS.get(self.name) or f"{_rules().get(self.name, 'a check warns')} ({self.name})"

    @property
    def command(self) -> tuple[str, str]:
        """A command for all the cards, as (effect, command); empty for a flood, which a run reports."""
        reject = f'reject --all --filter "verdict:pending finding:{self.name}"'
        return _COMMANDS.get(self.name, ("reject them all", reject))


def reasons(ledger: Ledger, run: RunId | None) -> tuple[Reason, ...]:
    """Return the reasons for which the cards of a run, or all cards, wait; most frequent first."""
    guids = ledger.queries.waiting(run)
    cards = [
        card
        for start in range(0, len(guids), AT_ONCE)
        for card in ledger.cards.several(guids[start : start + AT_ONCE])
    ]
    common = Counter(name for card in cards for name in _warnings(card))
    groups: dict[str, list[Card]] = {}
    for card in cards:
        groups.setdefault(_reason(card, common), []).append(card)
    found = (Reason(name, tuple(members)) for name, members in groups.items())
    return tuple(sorted(found, key=lambda one: (-len(one.cards), one.name)))


def reasons_by_key(found: Iterable[Reason]) -> dict[HighlightKey, Reason]:
    """Return the reason by the key of each highlight whose card waits."""
    by_key: dict[HighlightKey, Reason] = {}
    for reason in found:
        for card in reason.cards:
            for highlight in (card.highlight, *card.also):
                by_key.setdefault(highlight.key, reason)
    return by_key


def why_waiting(card: Card) -> str:
    """Return why a card waits; "" if it does not wait, or if its findings give the reason."""
    if not card.undecided or card.blocked or _warnings(card):
        return ""
    return Reason(_reason(card, Counter()), (card,)).says


def _reason(card: Card, common: Counter[str]) -> str:
    if len(card.to_choose) > 1:
        return CHOICE
    if warnings := sorted(
        _warnings(card), key=lambda name: (name not in (MOVED_FROM, REPLACES), -common[name], name)
    ):
        return warnings[0]
    if card.waits:
        return card.waits
    drafter = card.leading.draft.origin.drafter
    return POLICY if drafter.startswith("rules") else _BY_DRAFTER.get(drafter, MODEL)


def _warnings(card: Card) -> frozenset[str]:
    findings = card.leading.findings
    return frozenset(one.check for one in findings if one.severity is Severity.WARN)
