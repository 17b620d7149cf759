"""Cards, highlights, works and questions as JSON, as text, and as files for other programs."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from ankiforge.model import (
    AGENT,
    Document,
    Fields,
    Highlight,
    Json,
    Pair,
    Question,
    RemarkKind,
    Severity,
    Strings,
    Waiting,
)
from ankiforge.text import counted, on_one_line, shortened
from ankiforge.text.passages import from_a_word, to_a_word

if TYPE_CHECKING:
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.ledger import HighlightOutcome, HistoryEntry, Ledger, Line, Match


Text = Iterator[str]
"""The lines of a text for a person."""

# --- JSON -----------------------------------------------------------------------------------


def attributes(value: object, names: str) -> Json:
    """Return the named attributes of a value as JSON; `names` are separated by blanks."""
    return {name: getattr(value, name) for name in names.split()}


def line_json(ledger: Ledger, line: Line, decks: Sequence[DeckRule]) -> Json:
    """Return a card or draft as an object of `list --json` and `show --json`."""
    from ankiforge.anki.notes import content_html  # `extract` shows no cards

    card, draft, words = line.card, line.waiting, line.words
    html = content_html(line.kind, line.fields)
    seen = next(ledger.notes(line.id), None) if line.anki == "seen" else None
    revision = line.revision
    return {
        "id": line.id,
        "guid": card.guid if card else None,
        **attributes(line, "verdict kind anki deck"),
        "tags": line_tags(line, decks),
        "fields": dict(line.fields),
        "html": dict(zip(line.family.content_fields, html, strict=True)),
        "quote": words.quote,
        "highlight": line.highlight.key,
        "also": [one.key for one in card.passages[1:]] if card else [],
        "document": line.highlight.document.key,
        "title": line.highlight.document.title,
        "origin": attributes(words.origin, "drafter model prompt"),
        "findings": line.findings,
        "waits": why_waiting(draft) if draft else "",
        "revises": draft.revises if draft else None,
        "replaces": draft.replaces if draft else None,
        "revision": {"id": revision.id, "fields": dict(revision.draft.fields)}
        if revision
        else None,
        "reason": card.why if card else "",
        "accepted_by": card.by if card and card.live else "",
        "seen": {
            **attributes(seen, "mod tags deck reviews lapses suspended"),
            "leech": seen.leech,
            "remark": seen.feedback,
        }
        if seen
        else None,
    }


def line_tags(line: Line, decks: Sequence[DeckRule]) -> Strings:
    """Return the tags of the note: its own, its source's and those of the deck files."""
    from ankiforge.config.deckfiles import deck_of
    from ankiforge.pipeline.deliver import tags_of

    if line.card:
        return tuple(dict.fromkeys(tags_of(line.card, tuple(decks))))
    highlight, given = line.highlight, line.words.tags
    chosen = deck_of(tuple(decks), highlight.document, highlight).tags
    return tuple(dict.fromkeys((*given, *highlight.document.tags, *highlight.tags, *chosen)))


def question_json(question: Question) -> Json:
    """Return a question as an object of `list --view questions --json`."""
    conflicts = [
        {"field": one.field, "mine": one.words or one.theirs, "source": one.ours}
        for one in question.conflicts
    ]
    named = attributes(question, "text accept reject guids examples")
    return {"id": question.id, "guid": None, "question": question.kind, **named, "conflicts": conflicts}  # fmt: skip


def done_json(done: HistoryEntry) -> Json:
    """Return a decision, or a change by the source, as JSON; `undo` takes its id."""
    said = {**attributes(done, "id guid at by what"), "highlight": done.key, "text": done.text}
    if done.change is None:
        return said
    return {**said, "before": dict(done.change.before), "after": dict(done.change.after)}


def highlight_json(highlight: Highlight) -> Json:
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


def document_json(document: Document) -> Json:
    """Return the bibliographic data of a document."""
    named = attributes(document, "key title creators issued")
    return {**named, "identifiers": dict(document.identifiers)}


# --- in a few words -------------------------------------------------------------------------

FATES = {
    "carded": "with a card",
    "waiting": "waiting for you",
    "blocked": "blocked by a check",
    "no_card": "no card",
    "ignored": "left out",
    "failed": "failed",
    "undrafted": "not drafted yet",
}
"""What became of a highlight, in words."""
_REMARKS = {
    RemarkKind.FORM: "lines like `{written}` may be no cards",
    RemarkKind.REVISION: "it would be the new text of a card",
}


def titled(highlight: Highlight) -> str:
    """Return the title of a highlight's document, with the page."""
    page = f", p. {highlight.page_label}" if highlight.page_label else ""
    return f"{highlight.document.title}{page}"


def one_line(line: Line) -> str:
    """Return a card or draft in one line: id, state, kind and question."""
    state = line.verdict
    if line.waiting and line.waiting.revises:
        state = "revision"
    elif line.blocked:
        state = "blocked"
    elif state == "accepted" and line.anki in ("missing", "deleted"):
        state = line.anki
    return f"{line.id[:10]}  {state:8}  {line.kind:7}  {question_of(line.fields)}"


def question_of(fields: Iterable[Pair]) -> str:
    """Return the question of a card, shortened to fit in a line."""
    named = dict(fields)
    return shortened(on_one_line(named.get("Text") or named.get("Front", "")), 72)


def question_line(question: Question) -> str:
    """Return a question in one line, with the beginning of what it is about."""
    about = " / ".join(question.examples or [one.ours for one in question.conflicts])
    return f"{question.id[:10]}  {question.text}  {shortened(on_one_line(about), 60)}".rstrip()


def done_line(done: HistoryEntry) -> str:
    """Return a decision in one line: what `undo` takes, when, who, what, and the text."""
    at = done.at[:16].replace("T", " ")
    text = shortened(on_one_line(done.text), 60)
    about = done.guid[:10] or done.key
    return f"{done.id:16}  {at}  {done.said} by {done.by}  {about}  {text}".rstrip()


def change_lines(done: HistoryEntry) -> Text:
    """Yield the old and the new words of a card that changed with its source."""
    undo = f"to take it back: ankiforge undo {done.id}"
    yield f"{done.guid[:10]}  changed with its source {done.at[:10]}; {undo}"
    for name, old, new in done.change.words if done.change else ():
        yield _row(f"  {name.lower()}", old)
        yield _row("   →", new or "(nothing)")


def fate_lines(fate: HighlightOutcome) -> Strings:
    """Return a highlight without a card: its words, the reason, and the key that `edit` takes."""
    one = fate.highlight
    words = on_one_line(one.exact or one.comment) or f"({one.kind})"
    state = FATES.get(fate.fate, "no card")
    return f"{titled(one)}: {words}", f"    {state}: {fate.reason}", f"    {one.key}"


def why_waiting(draft: Waiting) -> str:
    """Return why a draft waits; "" if its findings give the reason."""
    said = []
    for remark in draft.remarks:
        text = _REMARKS.get(remark.kind, remark.text)
        said.append(text.format(written=draft.highlight.written))
    warned = any(one.severity is not Severity.INFO for one in draft.proposal.findings)
    if said or warned:
        return "; ".join(said)
    drafter = draft.draft.origin.drafter
    if drafter.startswith("rules"):
        return "no warning: your settings, or the limit of 300 cards a run, make it wait"
    by = "proposed by an agent" if drafter == AGENT else "drafted by a model"
    return f"{by}, so it waits for you"


# --- in full --------------------------------------------------------------------------------


def _row(name: str, text: str) -> str:
    return f"{name:9} {text}".replace("\n", f"\n{'':10}")


def line_text(ledger: Ledger, line: Line, questions: Iterable[Question] = ()) -> Text:
    """Yield the lines of a card or draft: fields, source, findings, and the commands that settle it."""
    highlight, card = line.highlight, line.card
    yield f"{line.id}  {line.kind}  {line.verdict}" + (f"  anki: {line.anki}" if card else "")
    yield _row("deck", line.deck)
    yield from (_row(name.lower(), words) for name, words in line.fields)
    yield _row("quote", line.words.quote)
    heading = f" › {highlight.heading}" if highlight.heading else ""
    yield _row("source", f"{titled(highlight)}{heading}")
    yield from (_row("", link) for link in filter(None, (highlight.uri, *highlight.links)))
    yield from (_row("also", titled(passage)) for passage in (card.passages[1:] if card else ()))
    for finding in line.findings:
        yield _row(finding.severity, f"{finding.message} ({finding.check})")
        if finding.twin and not finding.twin.startswith("nid:"):
            yield from (_row("", one_line(one)) for one in ledger.lines([finding.twin]))
    yield from _draft_text(ledger, line) if line.waiting else _card_text(ledger, line)
    for question in questions:
        if line.id in question.guids:
            yield from question_text(question)


def _draft_text(ledger: Ledger, line: Line) -> Text:
    draft = line.waiting
    assert draft
    if waits := why_waiting(draft):
        yield _row("waits", waits)
    for old in ledger.lines(filter(None, (draft.revises, draft.replaces))):
        yield _row("instead of" if draft.replaces else "now", _fields(old.fields))
    force = "--force " if line.blocked else ""
    name = line.family.content_fields[0]
    edit = f'edit {line.id} --field {name} "…"'
    commands = (f"accept {force}{line.id}", edit, f"reject {line.id}")
    yield _row("", " · ".join(f"ankiforge {one}" for one in commands))


def _card_text(ledger: Ledger, line: Line) -> Text:
    if line.revision:
        yield _row("revision", _fields(line.revision.draft.fields))
        yield _settled_by(line.revision.id, "take the new words", "keep the old ones")
    if seen := next(ledger.notes(line.id), None):
        parts = (
            seen.deck,
            f"{seen.reviews} reviews",
            f"{seen.lapses} lapses" if seen.lapses else "",
            "suspended" if seen.suspended else "",
        )
        yield _row("studied", " · ".join(filter(None, parts)))
        yield from [_row("remark", seen.feedback)] if seen.feedback else []
    if line.card and line.card.why:
        yield _row(line.verdict, line.card.why)
    if line.card and not line.card.live:
        yield _row("", f"ankiforge undo {line.id}")


def _fields(fields: Fields) -> str:
    return on_one_line("; ".join(f"{name}: {text}" for name, text in fields))


def _settled_by(id: str, accept: str, reject: str) -> str:
    return _row("", f"ankiforge accept {id} ({accept}) · ankiforge reject {id} ({reject})")


def question_text(question: Question) -> Text:
    """Yield the lines of a question, with the commands that answer it."""
    from ankiforge.anki.render import unrender

    yield f"{question.id}  {question.text}"
    for one in question.conflicts:
        yield _row(one.field.lower(), "")
        yield _row("  mine", one.words or unrender(one.theirs))
        yield _row("  source", unrender(one.ours))
    yield from (_row("", on_one_line(example)) for example in question.examples)
    yield _settled_by(question.id, question.accept, question.reject)


# --- works, for `search` ----------------------------------------------------------------------

# The number of passages and of cards that a terminal shows for a work without -v.
_MOST_FOUND = 5
_LINE = 96
_OPENERS = {
    "doi": "https://doi.org/",
    "arxiv": "https://arxiv.org/abs/",
}


def seen_json(match: Match, looked: str) -> Json:
    """Return a work as an object of `seen --json`; `looked` is when Anki was read last."""
    days = sorted(one.created[:10] for one in match.highlights if one.created)
    chances = match.recall
    mean = sum(chances.values()) / len(chances) if chances else None
    verdicts = Counter(one.verdict for one in match.lines)
    return {
        "document": document_json(match.documents[0]),
        "found": {"by": match.by, "what": match.detail},
        "ways": [attributes(one, "key source title path") for one in match.documents],
        "read": {"first": days[0] if days else "", "last": days[-1] if days else ""},
        "counts": {
            "highlights": len(match.highlights),
            "cards": verdicts["accepted"],
            "waiting": verdicts["pending"],
            "rejected": verdicts["rejected"],
            "retired": verdicts["retired"],
            "in_anki": sum(one.anki == "seen" for one in match.lines),
        },
        "recall": {"now": _rounded(mean), "learnt": len(chances), "looked": looked},
        "links": _links(match),
        "highlights": [
            {
                **attributes(one, "key kind exact comment colour page_label heading created uri links"),
                "presence": "gone" if one.key in match.gone else "present",
                "matched": one.key in match.matched,
            }
            for one in match.highlights
        ],
        "cards": [
            {
                "id": one.id, "guid": one.id if one.card else None,
                "highlight": one.highlight.key, **attributes(one, "kind verdict anki"),
                "fields": dict(one.fields),
                "recall": _rounded(chances.get(one.id)), "matched": one.id in match.matched,
            }
            for one in match.lines
        ],
    }  # fmt: skip


def _rounded(chance: float | None) -> float | None:
    return None if chance is None else round(chance, 4)


def _links(match: Match) -> list[str]:
    """Return the addresses at which the work opens."""
    found = []
    for document in match.documents:
        found.append(document.uri)
        for scheme, value in document.identifiers:
            if scheme == "url" and value.startswith(("http://", "https://")):
                found.append(value)
            elif scheme in _OPENERS:
                found.append(f"{_OPENERS[scheme]}{value}")
    return list(dict.fromkeys(filter(None, found)))


def seen_text(found: Json, *, whole: bool = False) -> Text:
    """Yield the lines that describe a work, given as JSON; with `whole`, all its highlights and cards."""
    document, read = found["document"], found["read"]
    year = f" ({document['issued'][:4]})" if document["issued"] else ""
    yield f"{document['title'] or found['ways'][0]['path']}{year}"
    if document["creators"]:
        yield f"  by        {', '.join(document['creators'])}"
    if read["first"]:
        yield f"  read      {' to '.join(dict.fromkeys(read.values()))}"
    counts, marks, cards = found["counts"], found["highlights"], found["cards"]
    most = len(marks) + len(cards) if whole else _MOST_FOUND
    yield f"  marked    {counted(len(marks), 'highlight')}"
    for one in marks[:most]:
        page = f"p. {one['page_label']}: " if one["page_label"] else ""
        comment = f"  [{one['comment']}]" if one["exact"] and one["comment"] else ""
        gone = "  (gone from the source)" if one["presence"] == "gone" else ""
        words = f"{page}{one['exact'] or one['comment'] or one['kind']}{comment}"
        yield f"    {shortened(on_one_line(words), _LINE)}{gone}"
    if len(marks) > most:
        yield f"    … {len(marks) - most} more (-v)"
    states = ("in_anki", "waiting", "rejected", "retired")
    parts = [f"{counts[one]} {one.replace('_', ' ')}" for one in states if counts[one]]
    if (now := found["recall"]["now"]) is not None:
        parts.append(f"{now:.0%} remembered now")
    yield f"  cards     {' · '.join([str(counts['cards']), *parts])}"
    for one in cards[:most]:
        in_anki = one["anki"] == "seen" and one["verdict"] == "accepted"
        state = "in Anki" if in_anki else one["verdict"]
        yield f"    {one['id'][:10]}  {state:9} {question_of(one['fields'].items())}"
    if len(cards) > most:
        yield f"    … {len(cards) - most} more (-v)"
    yield from (f"  open      {link}" for link in found["links"])


# --- files for other programs ---------------------------------------------------------------

VERSION = 1
"""The version of the JSON Lines format. Greater versions need a newer program."""
CardJson = Callable[["Line"], Json]


def as_lines(
    highlights: Sequence[Highlight], lines: Sequence[Line], query: str, card_json: CardJson
) -> Text:
    """Yield all lines of JSON, which are always the same for the same ledger.

    The first line identifies the format. Then follow all documents, highlights and cards, and finally
    the number of lines.

    Args:
        highlights: the highlights to export, in reading order.
        lines: the cards and drafts to export.
        query: what was asked for.
        card_json: returns a card or draft as JSON.
    """
    places = [*highlights, *(line.highlight for line in lines)]
    documents = {one.document.key: one.document for one in places}.values()
    more = "source path uri tags collections"
    objects = chain(
        [{"type": "ankiforge", "version": VERSION, "query": query}],
        ({"type": "document", **document_json(one), **attributes(one, more)} for one in documents),
        ({"type": "highlight", **highlight_json(one)} for one in highlights),
        ({"type": "card", **card_json(one)} for one in lines),
    )
    number = 0
    for one in objects:
        number += 1
        yield msgspec.json.encode(one).decode() + "\n"
    yield msgspec.json.encode({"type": "end", "lines": number}).decode() + "\n"


# --- CSV ------------------------------------------------------------------------------------

COLUMNS = (
    "id", "guid", "kind", "verdict", "anki", "deck", "tags", "front", "back", "extra", "quote",
    "comment", "document", "creators", "issued", "page", "link", "highlight", "drafter", "reason",
)  # fmt: skip
# Characters that a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def as_csv(lines: Sequence[Line], tags: Callable[[Line], Strings]) -> str:
    """Return the cards as CSV (RFC 4180); `tags` gives those of a card."""
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
        fields, highlight = dict(line.fields), line.highlight
        document = highlight.document
        cells = (
            line.id, line.card.guid if line.card else "", line.kind, line.verdict, line.anki, line.deck,
            " ".join(tags(line)), fields.get("Text") or fields.get("Front", ""),
            fields.get("Back", ""), fields.get("Extra", ""), line.words.quote, highlight.comment,
            document.title, "; ".join(document.creators), document.issued,
            highlight.page_label, highlight.uri or document.uri, highlight.key,
            line.words.origin.drafter, line.card.why if line.card else "",
        )  # fmt: skip
        writer.writerow(map(_guarded, cells))
    return written.getvalue()


def _guarded(text: str) -> str:
    """Return a text with an apostrophe before a formula, so that no spreadsheet evaluates it."""
    formula = text.lstrip(" \n").startswith(_FORMULA) or text[:1] in _FORMULA
    return f"'{text}" if formula else text
