"""Cards, highlights and questions as JSON, as text, and as files for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import asdict

from ankiforge.model import (
    FOREIGN_PREFIX,
    CardHere,
    CardKind,
    Document,
    Draft,
    Fields,
    Highlight,
    Json,
    LeftOut,
    Line,
    Pair,
    Proposal,
    Question,
    Strings,
    Waiting,
    Words,
    h16,
)
from ankiforge.text import (
    AT_THE_RIGHT,
    bold,
    counted,
    occlusion,
    on_one_line,
    shortened,
)
from ankiforge.text.cloze import cloze_answers, marked_gaps, plain, with_brackets
from ankiforge.text.fold import without_escapes
from ankiforge.text.passages import from_a_word, to_a_word

if TYPE_CHECKING:
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.ledger import (
        HighlightOutcome,
        HistoryEntry,
        Ledger,
        LeftOutThere,
    )
    from ankiforge.ledger.facts import Fact


Text = Iterator[str]
"""The lines of a text for a person."""

# --- JSON -------------------------------------------------------------------------------


def line_json(ledger: Ledger, line: Line, decks: tuple[DeckRule, ...]) -> Json:
    """Return a card or draft as an object of `list --json` and `show --json`."""
    # slow to import, and `extract` shows no cards
    from ankiforge.anki.notes import content_html
    from ankiforge.pipeline.decks import tags_of

    if isinstance(line, CardHere):
        state = _card_state(ledger, line)
    else:
        state = _draft_state(line)
    html = content_html(line.kind, line.fields)
    figure: Json | None = None
    masks = masks_of(line)
    if masks is not None:
        figure = {"hide": masks.hide, "masks": [*map(asdict, masks.masks)]}
    return {
        "id": line.id,
        "guid": state.pop("guid"),
        "verdict": line.told,
        "kind": line.kind,
        "anki": state.pop("anki"),
        "deck": line.deck,
        "tags": tags_of(line, decks),
        "fields": dict(line.fields),
        "gaps": gaps_of(line),
        "figure": figure,
        "html": dict(zip(line.family.content_fields, html, strict=True)),
        "quote": line.quote,
        "highlight": line.highlight.key,
        "also": [passage.key for passage in line.passages[1:]],
        "document": line.highlight.document.key,
        "title": line.highlight.document.title,
        "heading": line.highlight.heading,
        "origin": {
            "drafter": line.origin.drafter,
            "model": line.origin.model,
            "prompt": line.origin.prompt,
        },
        "findings": line.findings,
        **state,
    }


def _draft_state(draft: Waiting) -> Json:
    """Return what `line_json` says only of a draft, and of no card."""
    from ankiforge.review.items import why_waiting

    return {
        "guid": None,
        "anki": "none",
        "waits": why_waiting(draft),
        "revises": draft.revises,
        "replaces": draft.replaces,
        "revision": None,
        "reason": "",
        "accepted_by": "",
        "seen": None,
    }


def _card_state(ledger: Ledger, card: CardHere) -> Json:
    """Return what `line_json` says only of a card, and of no draft."""
    from ankiforge.ledger.tables.anki import seen_note

    revision: Json | None = None
    if card.revision:
        fields = dict(card.revision.fields)
        revision = {"id": card.revision.id, "fields": fields}
    seen: Json | None = None
    note = seen_note(ledger, card.guid) if card.anki == "seen" else None
    if note is not None:
        seen = {
            "mod": note.mod,
            "tags": note.tags,
            "deck": note.deck,
            "reviews": note.reviews,
            "lapses": note.lapses,
            "suspended": note.suspended,
            "leech": note.leech,
            "remark": note.feedback,
        }
    return {
        "guid": card.guid,
        "anki": card.anki,
        "waits": "",
        "revises": None,
        "replaces": None,
        "revision": revision,
        "reason": card.why,
        "accepted_by": card.by if card.live else "",
        "seen": seen,
    }


def passage_json(ledger: Ledger, key: str) -> Json:
    """Return the facts of a passage as an object of `show KEY --json`."""
    from ankiforge.ledger.tables.here import passage_here

    here = passage_here(ledger, ledger.passage(key))
    facts = []
    for fact in here.facts_now():
        name = h16(fact.sentence)
        state = "decided" if fact.decided else "offered"
        drafts = [draft.id for draft in here.waiting if name in draft.about]
        named = {"sentence": fact.sentence, "state": state, "card": fact.card or None}
        facts.append({**named, "near": fact.near, "drafts": drafts})
    passage = {"id": None, "guid": None, "key": key}
    return {**passage, "facts": facts, "closed": here.passage.closed}


def passage_text(ledger: Ledger, key: str) -> Text:
    """Yield the facts of a passage, and how many of them are decided."""
    from ankiforge.ledger.tables.here import passage_here

    facts = passage_here(ledger, ledger.passage(key)).facts_now()
    if facts:
        yield facts_told(facts) or "one fact"
    for fact in facts:
        yield f"  {'decided' if fact.decided else 'offered'}  {fact.sentence}"


def facts_told(facts: Sequence[Fact]) -> str:
    """Return how many facts of a passage are decided; "" if it has only one."""
    decided = [fact for fact in facts if fact.decided]
    if len(facts) < 2:
        return ""
    return f"{len(decided)} of {len(facts)} facts decided"


def question_json(question: Question) -> Json:
    """Return a question as an object of `list --view questions --json`."""
    conflicts = []
    for conflict in question.conflicts:
        conflicts.append(
            {"field": conflict.field, "mine": conflict.mine, "source": conflict.source}
        )
    return {
        "id": question.id,
        "guid": None,
        "question": question.kind,
        "text": question.text,
        "accept": question.accept,
        "reject": question.reject,
        "guids": question.guids,
        "examples": question.examples,
        "conflicts": conflicts,
    }


def done_json(entry: HistoryEntry) -> Json:
    """Return a decision, or a change by the source, as JSON; `undo` takes its id."""
    named = {
        "id": entry.id,
        "guid": entry.guid,
        "at": entry.at,
        "by": entry.by,
        "what": entry.what,
    }
    json: Json = {**named, "highlight": entry.key, "text": entry.text}
    if entry.change is not None:
        json["before"] = dict(entry.change.before)
        json["after"] = dict(entry.change.after)
    return json


def highlight_json(highlight: Highlight) -> Json:
    """Return a highlight as an object of `extract --json`."""
    return {
        "key": highlight.key,
        "source": highlight.document.source,
        "kind": highlight.kind,
        "form": highlight.form,
        "exact": highlight.exact,
        "gaps": highlight.gaps,
        "prefix": from_a_word(highlight.prefix),
        "suffix": to_a_word(highlight.suffix),
        "comment": highlight.comment,
        "colour": highlight.colour,
        "author": highlight.author,
        "tags": highlight.tags,
        "created": highlight.created,
        "modified": highlight.modified,
        "page_label": highlight.page_label,
        "heading": highlight.heading,
        "above": highlight.above,
        "uri": highlight.uri,
        "links": highlight.links,
        "document": document_json(highlight.document),
    }


def document_json(document: Document) -> Json:
    """Return the bibliographic data of a document."""
    named = {
        "key": document.key,
        "title": document.title,
        "creators": document.creators,
        "issued": document.issued,
    }
    return {**named, "identifiers": dict(document.identifiers)}


# --- in a few words ---------------------------------------------------------------------

FATES = {
    "carded": "with a card",
    "waiting": "waiting for you",
    "blocked": "blocked by a check",
    "no_card": "no card",
    "left_out": "skipped",
    "failed": "failed",
    "undrafted": "not drafted yet",
}
"""The fates of a highlight, in words."""

_FEATURES = 3
"""The number of reasons for a proposal."""
_QUESTION = 72
"""The characters of a question in a line."""
_BEFORE_GAP = 24
"""The characters before its first gap, where the line begins in the middle."""


def in_anki(line: Line) -> str:
    """Return what Anki has of a line; it has nothing of a draft."""
    return line.anki if isinstance(line, CardHere) else "none"


def titled(highlight: Highlight) -> str:
    """Return the title of a highlight's document, with the page."""
    return ", ".join(filter(None, (highlight.document.title, highlight.page)))


_SIGNS = {"accepted": "✓", "in Anki": "✓", "waiting": "○", "revision": "○"}


def one_line(line: Line, facts: str = "") -> str:
    """Return a card or draft as a row: its question, `facts` of its passage, its document.

    Its sign says whether it is accepted (✓) or waits (○); another state stands in words.
    """
    _, *others = gaps_of(line) or [""]
    parts = [_asked(line.fields)]
    if others:
        parts.append(f"or: {shortened(' · '.join(others), 60)}")
    parts += [
        f"({told})"
        for told in (facts, _SIGNS.get(line.state, line.state))
        if len(told) > 1
    ]
    sign = _SIGNS.get(line.state, "✗")
    return f"{sign} {'  '.join(parts)}{AT_THE_RIGHT}{line.highlight.document.title}"


def _asked(fields: Iterable[Pair]) -> str:
    """Return the whole question of a card on one line, its gaps bold."""
    named = dict(occlusion.readable(fields))
    if occlusion.FIELD in named:
        return on_one_line(named[occlusion.FIELD]) or "(no label)"
    words = named.get("Text") or named.get("Front", "")
    return on_one_line(with_brackets(words, *bold(" ").split(" ")))


def gaps_of(line: Line | Proposal) -> list[str]:
    """Return the words that the gaps of a proposal hide, the best first; [] for another line."""
    gaps = line.gaps if isinstance(line, Draft) else ()
    return [plain(cloze_answers(text)) for text in gaps]


def proposal_json(proposal: Proposal) -> Json:
    """Return a proposal as an object of `list --no-card --json`."""
    return {
        "fields": dict(proposal.fields),
        "gaps": gaps_of(proposal),
        "sureness": round(proposal.sureness, 2),
    }


def question_of(fields: Iterable[Pair]) -> str:
    """Return the question of a card, shortened to fit in a line; its gaps are in brackets."""
    named = dict(occlusion.readable(fields))
    question = named.get("Text") or named.get("Front", "")
    if occlusion.FIELD in named:
        question = named[occlusion.FIELD] or "(no label)"
    question = on_one_line(question)
    (before, answer), *_ = marked_gaps(question) or [("", "")]
    gap = len(before)
    question = with_brackets(question)
    # of a long cloze, the part that has its first gap
    if not answer or gap + len(answer) + len("[]") <= _QUESTION:
        return shortened(question, _QUESTION)
    start = question.find(" ", max(gap - _BEFORE_GAP, 0), gap) + 1 or gap
    return f"…{shortened(question[start:], _QUESTION - 1)}"


def question_line(question: Question) -> str:
    """Return a question in one line, with the beginning of its examples."""
    examples = question.examples or [conflict.source for conflict in question.conflicts]
    about = on_one_line(" / ".join(examples))
    return f"? {question.text}{AT_THE_RIGHT}{about}"


def done_words(entry: HistoryEntry) -> str:
    """Return the words, the card or the passage of a decision."""
    return _words_of(entry) or entry.guid[:10] or entry.key


def done_row(entry: HistoryEntry) -> str:
    """Return a decision in one line: its kind, its words, and when it was made."""
    minute = entry.at[:16].replace("T", " ")
    return f"{entry.said}: {done_words(entry)}{AT_THE_RIGHT}{minute}"


def done_line(entry: HistoryEntry) -> str:
    """Return a decision in one line: its id, time, maker, kind and text."""
    minute = entry.at[:16].replace("T", " ")
    about = entry.guid[:10] or entry.key
    said = f"{entry.id:16}  {minute}  {entry.said} by {entry.by}"
    return f"{said}  {about}  {_words_of(entry)}".rstrip()


def _words_of(entry: HistoryEntry) -> str:
    text = with_brackets(entry.text) if "{{" in entry.text else entry.text
    return shortened(without_escapes(on_one_line(text)), 60)


def change_lines(entry: HistoryEntry) -> Text:
    """Yield the old and the new words of a card that changed with its source."""
    undo = f"to take it back: ankiforge undo {entry.id}"
    yield f"{entry.guid[:10]}  changed with its source {entry.at[:10]}; {undo}"
    if entry.change:
        for name, old, new in entry.change.words:
            yield _row(f"  {name.lower()}", old)
            yield _row("   →", new or "(nothing)")


def fate_lines(
    outcome: HighlightOutcome, proposal: Proposal | None, *, whole: bool
) -> Text:
    """Yield a highlight without a card: its proposal, or its words and the reason.

    The `whole` has what else may be hidden, and the key that `accept` and `edit` take.
    """
    highlight = outcome.highlight
    where = titled(highlight)
    if proposal:
        yield f"○ {_asked(proposal.fields)}{AT_THE_RIGHT}{where}"
        if whole:
            _, *others = gaps_of(proposal)
            choice = f"; or: {' · '.join(others)}" if others else ""
            yield f"    proposal, score {100 * proposal.sureness:.0f}{choice}"
            yield f"    ankiforge accept {highlight.key}"
        return
    words = on_one_line(highlight.exact or highlight.comment)
    yield f"– {words or f'({highlight.kind})'}{AT_THE_RIGHT}{where}"
    yield f"    {FATES.get(outcome.fate, 'no card')}: {outcome.reason}"
    if whole:
        yield f"    {highlight.key}"


def place_of(highlight: Highlight) -> str:
    """Return where a highlight is: the file or the title, the page, the heading."""
    document = highlight.document
    file = document.path or dict(document.identifiers).get("file") or document.title
    return ", ".join(filter(None, (file, highlight.page, highlight.heading)))


def left_out(ledger: Ledger) -> Iterator[LeftOutThere]:
    """Yield lookalikes of marks and cards, then the files that no source reads at all."""
    from ankiforge.extract.discover import EMBEDDED, EMPTY
    from ankiforge.ledger import LeftOutThere, overview
    from ankiforge.pipeline.sources import not_read

    reasons = {
        EMPTY: "in which there is nothing",
        EMBEDDED: "whose marks Zotero does not know: name the folder storage to read them",
        ".txt": "read only by its name, or in a folder of nothing but texts",
    }
    yield from overview.left_out(ledger)
    for folder, unread in not_read(ledger).items():
        for kind, number in unread.kinds.items():
            why = reasons.get(kind, "which no source reads")
            reason = f"{counted(number, 'such file')} here, {why}"
            if unread.are_elsewhere and kind not in reasons:
                marks = counted(number, "mark")
                reason = (
                    f"the file is not on this machine: the text around {marks} is unknown"
                )
            yield LeftOutThere("", folder, folder, LeftOut(kind, "", reason))
        for name in unread.hidden:
            reason = "its name begins with a dot, and no source enters such a folder"
            yield LeftOutThere("", folder, folder, LeftOut("hidden folder", name, reason))


def left_out_json(entry: LeftOutThere) -> Json:
    """Return a lookalike of a highlight as an object of `list --no-card --all --json`."""
    return {
        "key": None,
        "source": entry.source,
        "kind": entry.left_out.kind,
        "exact": "",
        "place": entry.place,
        "fate": "left_out",
        "reason": entry.left_out.reason,
        "path": entry.document,
        "title": entry.title,
    }


def left_out_lines(entry: LeftOutThere) -> Strings:
    """Return the place, the kind and the reason of a lookalike of a highlight."""
    return (
        f"{entry.place}: {entry.left_out.kind}",
        f"    left out: {entry.left_out.reason}",
    )


# --- in full ----------------------------------------------------------------------------

_BESIDE = 150
"""The characters of a passage before and after a quote."""
_LONGEST_WORD = 24


def _row(name: str, text: str) -> str:
    """Return a line with a name in front; further lines of the text are indented below it."""
    return f"{name:9} {text}".replace("\n", f"\n{'':10}")


def line_text(
    ledger: Ledger,
    line: Line,
    questions: Iterable[Question] = (),
) -> Text:
    """Yield the lines of a card or draft: fields, source, findings, and commands."""
    from ankiforge.ledger import lists

    title = f"{line.id[:10]}  {line.kind}  {line.told}"
    yield f"{title}  anki: {line.anki}" if isinstance(line, CardHere) else title
    yield _row("deck", line.deck)
    yield from _words_lines(line)
    yield from _source_lines(line)
    for finding in line.findings:
        yield _row(finding.severity, finding.message)
        if finding.duplicate and not finding.duplicate.startswith(FOREIGN_PREFIX):
            for duplicate in lists.lines(ledger, [finding.duplicate]):
                yield _row("", f"{duplicate.id[:10]}  {question_of(duplicate.fields)}")
    if isinstance(line, Waiting):
        yield from _about_draft(ledger, line)
    else:
        yield from _about_card(ledger, line)
    for question in questions:
        if line.id in question.guids:
            yield from question_text(question)


def quoted_in(passage: str, quote: str) -> str:
    """Return the part of a passage around a quote, which is marked; else its beginning."""
    passage, quote = on_one_line(passage), on_one_line(quote)
    before, found, after = passage.partition(quote) if quote else (passage, "", "")
    if found and quote != passage:
        before = _up_to_a_word(before[::-1], _BESIDE)[::-1]
        return f"“{before}»{quote}«{_up_to_a_word(after, _BESIDE)}”"
    return f"“{_up_to_a_word(passage, 2 * _BESIDE)}”"


def _up_to_a_word(text: str, limit: int) -> str:
    """Return the first words of a text, with an ellipsis if there are more."""
    if len(text) <= limit:
        return text
    words, _, last = text[: limit + 1].rpartition(" ")
    # a longer word may be text in a script without spaces
    return f"{words if len(last) <= _LONGEST_WORD else text[:limit]}…"


def _words_lines(line: Line) -> Text:
    """Yield the words of a card or draft: fields, labels, gaps, quote."""
    for name, words in line.fields:
        if name != occlusion.FIELD:
            yield _row(name.lower(), words)
    masks = masks_of(line)
    if masks is not None:
        one_by_one = masks.hide == occlusion.ONE
        yield _row("hides", "one label at a time" if one_by_one else "all labels")
        for mask in masks.masks:
            state = "" if mask.on else "  (switched off)"
            yield _row("", f"{mask.number}  {mask.label or '(drawn)'}{state}")
    for number, words in enumerate(gaps_of(line), start=1):
        yield _row(f"gap {number}", words)
    yield _row("quote", line.quote)


def _source_lines(line: Line) -> Text:
    """Yield the place of a passage, its links, and its other places."""
    highlight = line.highlight
    heading = f" › {highlight.heading}" if highlight.heading else ""
    yield _row("source", f"{titled(highlight)}{heading}")
    for link in (highlight.uri, *highlight.links):
        if link:
            yield _row("", link)
    for passage in line.passages[1:]:
        yield _row("also", titled(passage))


def _about_draft(ledger: Ledger, line: Waiting) -> Text:
    """Yield why a draft waits, the card that it would change, and the commands for it."""
    from ankiforge.ledger import lists
    from ankiforge.review.items import why_waiting

    reason = why_waiting(line)
    if reason:
        yield _row("waits", reason)
    for old in lists.lines(ledger, [line.changes] if line.changes else []):
        yield _row("instead of" if line.replaces else "now", _fields(old.fields))
    force = "--force " if line.blocked else ""
    gap = " --gap 1" if len(line.gaps) > 1 else ""
    effect = " (the card gets these words)" if line.revises else ""
    yield _row("", f"ankiforge accept {force}{line.id[:10]}{gap}{effect}")
    if line.revises and not line.in_slot:
        yield _row(
            "", f"ankiforge accept --another {force}{line.id[:10]}{gap} (another card)"
        )
    if line.kind is CardKind.OCCLUSION:
        yield _row("", "ankiforge review")
    else:
        first_field = line.family.content_fields[0]
        yield _row("", f'ankiforge edit {line.id[:10]} --field {first_field} "…"')
    yield _row("", f"ankiforge reject {line.id[:10]}")


def _about_card(ledger: Ledger, line: CardHere) -> Text:
    """Yield the revision of a card, how it fares in Anki, and why it is no longer live."""
    from ankiforge.ledger.tables.anki import seen_note

    if line.revision:
        yield _row("revision", _fields(line.revision.fields))
        yield _settled_by(line.revision.id, "take the new words", "keep the old ones")
        if not line.revision.in_slot:
            yield _row(
                "", f"ankiforge accept --another {line.revision.id[:10]} (another card)"
            )
    seen = seen_note(ledger, line.id)
    if seen:
        parts = [seen.deck] if seen.deck else []
        parts.append(f"{seen.reviews} reviews")
        if seen.lapses:
            parts.append(f"{seen.lapses} lapses")
        if seen.suspended:
            parts.append("suspended")
        yield _row("studied", " · ".join(parts))
        if seen.feedback:
            yield _row("remark", seen.feedback)
    if line.why:
        yield _row(line.told, line.why)
    if not line.live:
        yield _row("", f"ankiforge undo {line.id[:10]}")


def masks_of(line: Words) -> occlusion.Masks | None:
    """Return the masks of a figure; None for a card of another kind."""
    if line.kind is not CardKind.OCCLUSION:
        return None
    return occlusion.masks_in(line.fields)


def why_proposed(proposal: Proposal) -> str:
    """Return the strongest reasons for the sentence of a proposal."""
    from ankiforge.draft.propose import Judged, draft_of, judged
    from ankiforge.draft.propose.features import decisive

    reasons = []
    for sentence in judged(proposal.highlight):
        if not isinstance(sentence, Judged):
            continue
        draft = draft_of(proposal.highlight, sentence)
        if not isinstance(draft, Draft) or draft.quote != proposal.quote:
            continue
        for each in decisive(sentence.features):
            if each.weight > 0:
                reasons.append(each.words)
    return "; ".join(reasons[:_FEATURES])


def _fields(fields: Fields) -> str:
    parts = [f"{name}: {text}" for name, text in occlusion.readable(fields)]
    return on_one_line("; ".join(parts))


def _settled_by(id: str, accept: str, reject: str) -> str:
    """Return the commands for a question or revision, each with its effect."""
    return _row(
        "",
        f"ankiforge accept {id} ({accept}) · ankiforge reject {id} ({reject})",
    )


def question_text(question: Question) -> Text:
    """Yield the lines of a question, with the commands that answer it."""
    yield f"{question.id}  {question.text}"
    for conflict in question.conflicts:
        yield _row(conflict.field.lower(), "")
        yield _row("  in Anki" if conflict.edited_here else "  mine", conflict.mine)
        yield _row("  here" if conflict.edited_here else "  source", conflict.source)
    for example in question.examples:
        yield _row("", on_one_line(example))
    yield _settled_by(question.id, question.accept, question.reject)


# --- files for other programs -----------------------------------------------------------

VERSION = 1
"""The version of the JSON Lines format. Greater versions need a newer program."""
CardJson = Callable[["Line"], Json]


def as_lines(
    highlights: Sequence[Highlight],
    lines: Sequence[Line],
    query: str,
    card_json: CardJson,
) -> Text:
    """Yield all lines of JSON, which are always the same for the same ledger.

    The first line identifies the format. Then follow all documents, highlights and cards,
    and finally the number of lines.

    Args:
        highlights: the highlights to export, in reading order.
        lines: the cards and drafts to export.
        query: what was asked for.
        card_json: returns a card or draft as JSON.
    """
    documents: dict[str, Document] = {}
    for highlight in chain(highlights, (line.highlight for line in lines)):
        documents[highlight.document.key] = highlight.document
    objects: list[Json] = [{"type": "ankiforge", "version": VERSION, "query": query}]
    for document in documents.values():
        named = {
            "type": "document",
            **document_json(document),
            "source": document.source,
            "path": document.path,
            "uri": document.uri,
            "tags": document.tags,
            "collections": document.collections,
        }
        objects.append(named)
    count = 0
    for value in chain(
        objects,
        ({"type": "highlight", **highlight_json(highlight)} for highlight in highlights),
        ({"type": "card", **card_json(line)} for line in lines),
    ):
        count += 1
        yield msgspec.json.encode(value).decode() + "\n"
    yield msgspec.json.encode({"type": "end", "lines": count}).decode() + "\n"


# --- CSV --------------------------------------------------------------------------------

# Characters that a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def _columns(decks: tuple[DeckRule, ...]) -> dict[str, Callable[[Line], str]]:
    """Return the columns by their heads."""
    from ankiforge.pipeline.decks import tags_of

    def words(line: Line, *fields: str) -> str:
        readable = dict(occlusion.readable(line.fields))
        return next(filter(None, map(readable.get, fields)), "")

    return {
        "id": lambda line: line.id,
        "guid": lambda line: line.guid if isinstance(line, CardHere) else "",
        "kind": lambda line: line.kind,
        "verdict": lambda line: line.told,
        "anki": in_anki,
        "deck": lambda line: line.deck,
        "tags": lambda line: " ".join(tags_of(line, decks)),
        "front": lambda line: words(line, "Text", "Front", occlusion.FIELD),
        "back": lambda line: words(line, "Back"),
        "extra": lambda line: words(line, "Extra"),
        "quote": lambda line: line.quote,
        "comment": lambda line: line.highlight.comment,
        "document": lambda line: line.highlight.document.title,
        "creators": lambda line: "; ".join(line.highlight.document.creators),
        "issued": lambda line: line.highlight.document.issued,
        "page": lambda line: line.highlight.page_label,
        "link": lambda line: line.highlight.uri or line.highlight.document.uri,
        "highlight": lambda line: line.highlight.key,
        "drafter": lambda line: line.origin.drafter,
        "reason": lambda line: line.why if isinstance(line, CardHere) else "",
    }


def as_csv(lines: Sequence[Line], decks: tuple[DeckRule, ...]) -> str:
    """Return the cards as CSV (RFC 4180)."""
    import csv

    columns = _columns(decks)
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(columns)
    for line in lines:
        cells = []
        for text in (column(line) for column in columns.values()):
            # an apostrophe before a formula, so that no spreadsheet evaluates it
            runs = text.lstrip(" \n").startswith(_FORMULA) or text[:1] in _FORMULA
            cells.append(f"'{text}" if runs else text)
        writer.writerow(cells)
    return written.getvalue()
