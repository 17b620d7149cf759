"""`ankiforge edit`."""

from __future__ import annotations

import sys
from dataclasses import replace

import click
import yaml

from ankiforge import check, review
from ankiforge.assembly import limits_of
from ankiforge.check.twins.duplicates import Twins
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.config.deckfiles import deck_of
from ankiforge.domain import Card, Draft, Family, Fields, Finding, Highlight, HighlightKey
from ankiforge.errors import UsageError
from ankiforge.making import standing_on
from ankiforge.reports.cards import card_json
from ankiforge.review import making
from ankiforge.review.ids import find

EPILOG = """\b
Examples:
  ankiforge edit afpl5zre                                   in $EDITOR
  ankiforge edit afpl5zre --field Back "the inner membrane"
  ankiforge edit vault:notes/90e45ebadf289dce --field Front "What is REM?" --field Back "a phase"
"""


@click.command(epilog=EPILOG)
@click.argument("id", metavar="ID")
@click.option(
    "--field",
    "changes",
    nargs=2,
    multiple=True,
    metavar="NAME TEXT",
    help="Set a field to this Markdown, without an editor.",
)
@common_options
def command(call: Call, id: str, changes: tuple[tuple[str, str], ...]) -> None:
    """Reword a card, or make one of a passage; your words stay, whatever its source does."""
    if "/" in id:
        make(call, id, dict(changes))
        return
    with session(call) as now:
        choice = find(now.ledger, id)
        if not changes:
            need_terminal(id)
        review.refuse_edit(choice)
        shown = _as_named(choice)
        fields = _changed(shown, dict(changes)) if changes else _edited(shown)
        if fields is None or fields == shown.fields:
            call.talk.say("nothing was changed")
            return
        review.edit(now.ledger, choice, fields, _judge_by(limits_of(now.workspace.config)))
        card = now.ledger.cards.get(choice.card.guid)
        tags = now.tags(card) if call.talk.as_json else ()
    if call.talk.as_json:
        call.talk.data(card_json(card, tags))
    for finding in card.leading.findings:
        call.talk.say(f"{finding.severity}: {finding.message}")
    unfit = ", but blocked: it is in no package until that is mended" if card.blocked else ""
    call.talk.say(f"edited: {card.guid}{unfit}")


def _as_named(choice: review.Choice) -> Card:
    """The card, with the words of the candidate that is named, if one is."""
    named = choice.candidate.draft.fields if choice.letter else choice.card.fields
    return replace(choice.card, fields=named)


def need_terminal(id: str, field: str = "NAME") -> None:
    """Refuse to open an editor where nobody could type."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = f'ankiforge edit {id} --field {field} "TEXT"'
        raise UsageError("an editor needs a terminal, and there is none", hint=hint)


# --- a passage without a card ---------------------------------------------------------------


def make(call: Call, key: str, words: dict[str, str]) -> None:
    """Make a card of a passage that has none, in the person's words."""
    with session(call, writes="drafting") as now:
        highlight = now.ledger.highlights.get(HighlightKey(key))
        if highlight is None or not highlight.document.source:
            what = f"{key!r} is no passage that was read"
            raise UsageError(what, hint="ankiforge list --no-card shows their keys")
        if there := standing_on(now.ledger, highlight.key):
            raise UsageError(f"{key} has a card", hint=f"ankiforge edit {there}")
        if not words:
            need_terminal(key, "Front")
            words = _asked(highlight)
        deck = deck_of(now.decks, highlight.document, highlight).deck
        judge = _judge_by(limits_of(now.workspace.config))
        guid = making.make(now.ledger, highlight, _fields(words), deck, judge)
        card = now.ledger.cards.get(guid)
        tags = now.tags(card) if call.talk.as_json else ()
    if call.talk.as_json:
        call.talk.data(card_json(card, tags))
    call.talk.say(f"made: {guid}; to take it back: ankiforge undo")


def _fields(words: dict[str, str]) -> Fields:
    """The fields of a card of either family, whichever their names say."""
    given = {name: text for name, text in words.items() if text.strip()}
    family = Family.CLOZE if "Text" in given else Family.BASIC
    names = family.content_fields
    if wrong := [name for name in given if name not in names]:
        what = f"no field {wrong[0]!r} beside {names[0]}"
        raise UsageError(what, hint="Front, Back and Extra, or Text with {{c1::…}} and Extra")
    needed = ("Text",) if family is Family.CLOZE else ("Front", "Back")
    if missing := [name for name in needed if name not in given]:
        raise UsageError(f"the card has no {missing[0]}", hint=f'--field {missing[0]} "TEXT"')
    return tuple((name, given[name]) for name in names if name in given)


def _asked(highlight: Highlight) -> dict[str, str]:
    """What a person typed in an editor, the passage before their eyes."""
    passage = "".join(f"# {line}\n" for line in highlight.exact.splitlines())
    form = "# Front and Back make a question; Text with {{c1::…}} a cloze. Save to make the card.\n"
    answer = click.edit(f"{passage}{form}Front: |-\n  \nBack: |-\n  \n", extension=".yaml")
    if answer is None:
        raise UsageError("nothing was saved", hint="no card was made")
    return _said(answer)


def _judge_by(limits: check.Limits) -> review.Judge:
    def judge(draft: Draft, highlight: Highlight) -> tuple[Finding, ...]:
        return check.check(draft, check.Context(highlight, Twins(), limits=limits))

    return judge


def _changed(card: Card, changes: dict[str, str]) -> Fields:
    names = card.family.content_fields
    wrong = [name for name in changes if name not in names]
    if wrong:
        raise UsageError(f"no field {wrong[0]!r} on this card", hint=f"it has: {', '.join(names)}")
    words = {**dict(card.fields), **changes}
    return tuple((name, words[name]) for name in names if words.get(name))


def _edited(card: Card) -> Fields | None:
    """The fields as a person left them in an editor; None if they were not saved."""
    words = dict(card.fields)
    shown = {name: words.get(name, "") for name in card.family.content_fields if name != "Reverse"}
    text = yaml.safe_dump(shown, allow_unicode=True, sort_keys=False, default_style="|")
    answer = click.edit(text, extension=".yaml")
    return None if answer is None else _changed(card, _said(answer))


def _said(answer: str) -> dict[str, str]:
    """The fields as they stand in the saved text."""
    try:
        said = yaml.safe_load(answer)
    except yaml.YAMLError as error:
        raise UsageError(
            f"this is no YAML any more: {error}", hint="nothing was changed"
        ) from error
    if not isinstance(said, dict):
        raise UsageError("the fields are gone", hint="nothing was changed")
    return {str(name): str(value or "").rstrip("\n") for name, value in said.items()}
