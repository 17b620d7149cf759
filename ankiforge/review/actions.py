"""What the user can do with an item, by the situation that the item is in.

`review --terminal` shows the keys, and `list ID` the commands. The buttons of the page are in
`web.actions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, StrEnum, auto

from msgspec.structs import replace

from ankiforge.model import (
    CardKind,
    OfferedDraft,
    PendingDraft,
    UserQuestion,
    UserQuestionKind,
    Value,
)

ENTER = "Enter"


class Verb(StrEnum):
    """What an action does with an item, in the order in which commands are listed."""

    ACCEPT = "accept"
    MAKE_ANOTHER = "make another"
    """Make another card of a draft, beside the card that it would change."""
    EDIT = "edit"
    DRAW = "draw"
    """Draw the masks of a figure, which only the page can do."""
    REWORD = "reword"
    """Let a chat reword a card."""
    REJECT = "reject"
    POSTPONE = "postpone"


class Action(Value):
    """Something that the user can do with an item, by keys, by a command or by both."""

    verb: Verb
    keys: tuple[str, ...] = ()
    """The keys of the terminal that do it, of which the first is shown."""
    legend: str | None = None
    """What the key does, in a word or two, or None if there is no key."""
    effect: str | None = None
    """What the command does, or None if the command says it."""


class Situation(Enum):
    """What a draft or suggestion asks of the user."""

    NEW_CARD = auto()
    FIGURE = auto()
    """A figure with hidden labels, which only the page shows."""
    CHANGE = auto()
    """New words for a card, which the user wrote or marked."""
    CHANGE_OR_ANOTHER = auto()
    """New words for a card, which could also become a card of their own."""
    REPLACEMENT = auto()
    """A card of another note type in place of a card."""
    OUTDATED_CARD = auto()
    """A card whose passage has changed, and which no drafter can reword."""


# Enter decides on at most one card, and keeps the user's own words.
_EDIT = Action(Verb.EDIT, ("e",), "edits")
_KEEP = Action(Verb.REJECT, (ENTER, "1"), "keeps yours")
_TAKE = Action(Verb.ACCEPT, ("2",), "takes the new")
_TAKE_WORDS = Action(
    Verb.ACCEPT, ("2",), "takes the new", effect="the card gets these words"
)
_MAKE_ANOTHER = Action(Verb.MAKE_ANOTHER, ("3",), "makes another", effect="another card")

ACTIONS: dict[Situation, tuple[Action, ...]] = {
    Situation.NEW_CARD: (
        Action(Verb.ACCEPT, (ENTER,), "accepts"),
        Action(Verb.REJECT, ("x",), "rejects"),
        _EDIT,
    ),
    Situation.FIGURE: (
        Action(Verb.ACCEPT),
        Action(Verb.DRAW),
        Action(Verb.REJECT),
    ),
    Situation.CHANGE: (_KEEP, _TAKE_WORDS, _EDIT),
    Situation.CHANGE_OR_ANOTHER: (_KEEP, _TAKE_WORDS, _MAKE_ANOTHER, _EDIT),
    Situation.REPLACEMENT: (_KEEP, _TAKE, _EDIT),
    Situation.OUTDATED_CARD: (
        Action(Verb.ACCEPT, (ENTER,), "keeps", effect="the card stays as it is"),
        Action(Verb.REJECT, ("x",), "retires", effect="the card goes"),
        _EDIT,
        Action(Verb.REWORD, effect="a chat rewords it"),
    ),
}
"""The actions in each situation, the default first."""


def find_situation(draft: OfferedDraft) -> Situation:
    """Determine what a draft or suggestion asks of the user."""
    if draft.keeps_text:
        return Situation.OUTDATED_CARD
    if draft.kind is CardKind.OCCLUSION:
        return Situation.FIGURE
    if not isinstance(draft, PendingDraft) or draft.target_guid is None:
        return Situation.NEW_CARD
    if draft.may_be_another_card:
        return Situation.CHANGE_OR_ANOTHER
    if draft.revised_guid is not None:
        return Situation.CHANGE
    return Situation.REPLACEMENT


def sort_as_commands(actions: Iterable[Action]) -> list[Action]:
    """Sort actions in the order in which commands are listed."""
    verbs = [*Verb]
    return sorted(actions, key=lambda action: verbs.index(action.verb))


def list_question_actions(question: UserQuestion) -> tuple[Action, ...]:
    """List the answers to a question, the default first.

    The terminal has keys only for questions about lines of a document and about conflicts.
    """
    yes = Action(Verb.ACCEPT, effect=question.accept_effect)
    no = Action(Verb.REJECT, effect=question.reject_effect)
    if question.kind is UserQuestionKind.FORM:
        return _list_form_actions(len(question.drafts), yes, no)
    if question.kind is UserQuestionKind.CONFLICT:
        mine, theirs = "yours", "source"
        if question.has_only_edit_conflicts:
            mine, theirs = "in Anki", "here"
        return (
            replace(no, keys=(ENTER, "1"), legend=f"keeps {mine}"),
            replace(yes, keys=("2",), legend=theirs),
        )
    return (yes, no)


def _list_form_actions(line_count: int, yes: Action, no: Action) -> tuple[Action, ...]:
    """List the answers to the question of whether lines of a document are cards.

    The Enter key makes the card of a single line. For several lines, it only postpones the
    question.
    """
    no = replace(no, keys=("x",), legend="none")
    if line_count == 1:
        return (replace(yes, keys=(ENTER, "1"), legend="makes the card"), no)
    return (
        Action(Verb.POSTPONE, (ENTER,), "later"),
        replace(yes, keys=("1",), legend=f"makes {line_count:,} cards"),
        no,
    )
