"""Describe past decisions in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ankiforge.ledger.cards import LEFT_AS_IS
from ankiforge.ledger.chosen_passages import BY_CHAT
from ankiforge.ledger.events import USER, Event
from ankiforge.model import WORD_AND_TRANSLATION, Draft, Json, Pair
from ankiforge.model.hints import TOOL_NAMES
from ankiforge.reports.cards import TextLines, format_labelled_text
from ankiforge.text import ROW_TAIL_MARK, format_count, to_one_line, truncate
from ankiforge.text.cloze import to_terminal_text
from ankiforge.text.normalize import remove_escapes

if TYPE_CHECKING:
    from ankiforge.ledger import HistoryEntry

_DESCRIPTIONS = {
    "accept": "accepted",
    "reject": "rejected",
    "edit": "edited",
    "revise": "new words",
    "placed": "deck and tags",
    "skip": "no card",
    "retire": "retired",
    "same": "the same card",
    "different": "two cards",
    "adopt": "taken over",
    "unseen": "to be sent again",
    "repair": "repaired",
}


def describe_event(entry: HistoryEntry) -> Pair:
    """Return the kind of a decision as shown to the user, and its details or reason."""
    event = entry.event
    description = _DESCRIPTIONS.get(event.kind, event.kind)
    details: str = event.body.get("why", "")
    match event.kind:
        case "accept" if event.body["draft"].get("drafter") == USER:
            description = "written"
        case "revise" if entry.keeps_text:
            description = "kept"
        case "repair":
            description = f"repaired: {event.body['name']}"
            if event.body["name"] == LEFT_AS_IS:
                description = "left as it is for 30 days"
        case "resolve":
            is_source_text = event.body.get("choice") == "source"
            description = (
                "the source's words taken" if is_source_text else "your words kept"
            )
        case "form":
            is_accepted = event.body.get("choice") == "accept"
            description = "made into cards" if is_accepted else "no cards"
            source, _, form = event.key.removeprefix("form:").partition(":")
            lines = f"lines like `{form}`"
            if form == WORD_AND_TRANSLATION:
                lines = "words with your translation"
            details = f"{lines} in {source}"
        case "mark":
            by_chat = event.body.get("kind") == BY_CHAT
            description = "chosen by a chat or model" if by_chat else "chosen"
            details = f"{event.body['exact']} ({event.body.get('title', '')})"
        case "decline":
            tool = TOOL_NAMES.get(event.key.removeprefix("tool:"), "another tool")
            description = "history declined"
            details = f"of {tool}"
        case "placed":
            tags = [f"+{tag}" for tag in event.body.get("added", ())]
            tags += [f"−{tag}" for tag in event.body.get("removed", ())]
            details = " ".join(filter(None, (event.body.get("deck"), *tags)))
        case "dialects":
            names = [TOOL_NAMES.get(name, name) for name in event.body["read"]]
            titles = " and ".join(names)
            description = f"the cards of {titles} read" if titles else "plain notes read"
            details = f"in {event.key.removeprefix('dialects:')}"
    return description, details


def format_decision_text(entry: HistoryEntry) -> str:
    """Return the text that a decision is about, followed by details in parentheses."""
    _, details = describe_event(entry)
    is_both = entry.text and details
    return f"{entry.text} ({details})" if is_both else entry.text or details


def decision_to_json(entry: HistoryEntry) -> Json:
    """Convert a history entry, i.e. a decision or a change made by a source, to JSON.

    Its `id` can be passed to `ankiforge undo`.
    """
    event = entry.event
    data: Json = {
        "id": entry.id,
        "guid": entry.guid,
        "at": event.time,
        "by": event.author,
    }
    data |= {
        "what": event.kind,
        "highlight": event.key,
        "text": format_decision_text(entry),
    }
    if entry.change is not None:
        data["before"] = dict(entry.change.before)
        data["after"] = dict(entry.change.after)
    return data


def describe_decision(entry: HistoryEntry) -> str:
    """Return the text that a decision is about.

    If the text is unknown, return the note's GUID or the passage's key.
    """
    return _format_text(entry) or entry.guid[:10] or entry.event.key


def describe_draft(draft: Draft) -> str:
    """Return the first field of a draft on one line, truncated."""
    return truncate(to_one_line(to_terminal_text(draft.fields[0][1])), 60)


def format_draft_counts(new_count: int, rewording_count: int) -> str:
    """Format the numbers of drafts of new cards, and of new texts for existing cards."""
    counts = [format_count(new_count, "new draft")]
    if rewording_count:
        changes = format_count(rewording_count, "change of a card", "changes of cards")
        counts = [*counts, changes] if new_count else [changes]
    return ", ".join(counts)


def format_decision_row(entry: HistoryEntry) -> str:
    """Format a decision as one line: the kind of decision, the text and the time."""
    description, _ = describe_event(entry)
    if entry.event.kind == "form":  # it applies to later lines, too
        description = f"{description.removeprefix('made into ')} until undo {entry.id}"
    minute = _format_minute(entry.event)
    return f"{description}: {describe_decision(entry)}{ROW_TAIL_MARK}{minute}"


def format_decision_line(entry: HistoryEntry) -> str:
    """Format a decision as one line for verbose output.

    Unlike `format_decision_row`, the line has the decision's id and author, and the id of the
    card or passage.
    """
    event = entry.event
    description, _ = describe_event(entry)
    start = f"{entry.id:16}  {_format_minute(event)}  {description} by {event.author}"
    return f"{start}  {entry.guid[:10] or event.key}  {_format_text(entry)}".rstrip()


def _format_minute(event: Event) -> str:
    return event.time[:16].replace("T", " ")


def _format_text(entry: HistoryEntry) -> str:
    text = format_decision_text(entry)
    text = to_terminal_text(text) if "{{" in text else text
    return truncate(remove_escapes(to_one_line(text)), 60)


def format_change(entry: HistoryEntry) -> TextLines:
    """Yield lines with the old and the new text of a card that its source has changed.

    The first line gives the command to undo the change.
    """
    undo = f"to undo it: ankiforge undo {entry.id}"
    yield f"{entry.guid[:10]}  changed with its source {entry.event.time[:10]}; {undo}"
    if entry.change:
        for name, old_text, new_text in entry.change.changed_fields:
            yield format_labelled_text(f"  {name.lower()}", old_text)
            yield format_labelled_text("   →", new_text or "(nothing)")
