"""Describe past decisions in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ankiforge.ledger.cards import LEFT_AS_IS
from ankiforge.ledger.chosen_passages import BY_CHAT
from ankiforge.ledger.events import USER, Event
from ankiforge.model import WORD_AND_TRANSLATION, Draft, Json
from ankiforge.model.hints import TOOL_NAMES
from ankiforge.reports.cards import TextLines, format_labelled_text
from ankiforge.text import ROW_TAIL_MARK, format_count, to_one_line, truncate
from ankiforge.text.cloze import to_terminal_text
from ankiforge.text.normalize import remove_escapes

if TYPE_CHECKING:
    from ankiforge.ledger import HistoryEntry

_DECISION_NAMES = {
    "accept": "accepted",
    "reject": "rejected",
    "edit": "edited",
    "revise": "new words",
    "skip": "no card",
    "retire": "retired",
    "same": "the same card",
    "different": "two cards",
    "adopt": "taken over",
    "unseen": "to be sent again",
}
"""Maps kinds of events to what the user is told. Other kinds have a function of their own."""


class Description(NamedTuple):
    """What the user is told about a decision."""

    name: str
    """What was decided, e.g. `rejected`."""
    details: str | None = None
    """The reason for the decision or what it applies to, if known."""


def describe_event(entry: HistoryEntry) -> Description:
    """Describe the decision that an event records."""
    event = entry.event
    match event.kind:
        case "form":
            return _describe_form_answer(event)
        case "mark":
            return _describe_chosen_passage(event)
        case "decline":
            tool = TOOL_NAMES.get(event.key.removeprefix("tool:"), "another tool")
            return Description("history declined", f"of {tool}")
        case "placed":
            return _describe_placement(event)
        case "dialects":
            return _describe_dialects(event)
    return Description(_name_decision(entry), event.body.get("why") or None)


def _name_decision(entry: HistoryEntry) -> str:
    event = entry.event
    match event.kind:
        case "accept" if event.body["draft"].get("drafter") == USER:
            return "written"
        case "revise" if entry.keeps_text:
            return "kept"
        case "repair" if event.body["name"] == LEFT_AS_IS:
            return "left as it is for 30 days"
        case "repair":
            return f"repaired: {event.body['name']}"
        case "resolve" if event.body.get("choice") == "source":
            return "the source's words taken"
        case "resolve":
            return "your words kept"
    return _DECISION_NAMES.get(event.kind, event.kind)


def _describe_form_answer(event: Event) -> Description:
    source, _, form = event.key.removeprefix("form:").partition(":")
    lines = f"lines like `{form}`"
    if form == WORD_AND_TRANSLATION:
        lines = "words with your translation"
    name = "made into cards" if _are_cards(event) else "no cards"
    return Description(name, f"{lines} in {source}")


def _are_cards(form_answer: Event) -> bool:
    """Return whether the user has said that the lines of a form are cards."""
    return form_answer.body.get("choice") == "accept"


def _describe_chosen_passage(event: Event) -> Description:
    by_chat = event.body.get("kind") == BY_CHAT
    name = "chosen by a chat or model" if by_chat else "chosen"
    return Description(name, f"{event.body['exact']} ({event.body.get('title', '')})")


def _describe_placement(event: Event) -> Description:
    parts = []
    if event.body.get("deck"):
        parts.append(event.body["deck"])
    for tag in event.body.get("added", ()):
        parts.append(f"+{tag}")
    for tag in event.body.get("removed", ()):
        parts.append(f"−{tag}")
    return Description("deck and tags", " ".join(parts))


def _describe_dialects(event: Event) -> Description:
    """Describe which other tools' notes are read as cards."""
    tools = [TOOL_NAMES.get(name, name) for name in event.body["read"]]
    name = "plain notes read"
    if tools:
        name = f"the cards of {' and '.join(tools)} read"
    return Description(name, f"in {event.key.removeprefix('dialects:')}")


def format_decision_text(entry: HistoryEntry) -> str:
    """Return the text that a decision is about, followed by details in parentheses."""
    details = describe_event(entry).details
    if not details:
        return entry.text
    if not entry.text:
        return details
    return f"{entry.text} ({details})"


def decision_to_json(entry: HistoryEntry) -> Json:
    """Convert a history entry, i.e. a decision or a change made by a source, to JSON.

    Its `id` can be passed to `ankiforge undo`.
    """
    data: Json = {
        "id": entry.id,
        "guid": entry.guid,
        "at": entry.event.time,
        "by": entry.event.author,
        "what": entry.event.kind,
        "highlight": entry.event.key,
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
    counts = []
    if new_count or not rewording_count:
        counts.append(format_count(new_count, "new draft"))
    if rewording_count:
        counts.append(
            format_count(rewording_count, "change of a card", "changes of cards")
        )
    return ", ".join(counts)


def format_decision_row(entry: HistoryEntry) -> str:
    """Format a decision as one line: the kind of decision, the text and the time."""
    event = entry.event
    name = describe_event(entry).name
    if event.kind == "form":  # it applies to later lines, too
        answer = "cards" if _are_cards(event) else "no cards"
        name = f"{answer} until undo {entry.id}"
    return f"{name}: {describe_decision(entry)}{ROW_TAIL_MARK}{_format_minute(event)}"


def format_decision_line(entry: HistoryEntry) -> str:
    """Format a decision as one line for verbose output.

    Unlike `format_decision_row`, the line has the decision's id and author, and the id of the
    card or passage.
    """
    event = entry.event
    name = describe_event(entry).name
    start = f"{entry.id:16}  {_format_minute(event)}  {name} by {event.author}"
    return f"{start}  {entry.guid[:10] or event.key}  {_format_text(entry)}".rstrip()


def _format_minute(event: Event) -> str:
    return event.time[:16].replace("T", " ")


def _format_text(entry: HistoryEntry) -> str:
    text = format_decision_text(entry)
    if "{{" in text:
        text = to_terminal_text(text)
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
