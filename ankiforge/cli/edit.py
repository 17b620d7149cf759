"""`ankiforge edit`."""

from __future__ import annotations

import sys

import click
import yaml

from ankiforge import check, review
from ankiforge.check.duplicates import Twins
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.domain import Card, Draft, Fields, Finding, Highlight
from ankiforge.errors import UsageError
from ankiforge.reports.cards import card_json
from ankiforge.review.ids import find

EPILOG = """\b
Examples:
  ankiforge edit afpl5zre                                   in $EDITOR
  ankiforge edit afpl5zre --field Back "the inner membrane"
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
    """Reword a card; your words stay, whatever its source does."""
    with session(call) as now:
        choice = find(now.ledger, id)
        if not (changes or _at_a_terminal()):
            hint = f'ankiforge edit {id} --field NAME "TEXT"'
            raise UsageError("an editor needs a terminal, and there is none", hint=hint)
        fields = _changed(choice.card, dict(changes)) if changes else _edited(choice.card)
        if fields is None or fields == choice.card.fields:
            call.talk.say("nothing was changed")
            return
        review.edit(now.ledger, choice, fields, _judge)
        card = now.ledger.cards.get(choice.card.guid)
        tags = now.tags(card) if call.talk.as_json else ()
    if call.talk.as_json:
        call.talk.data(card_json(card, tags))
    for finding in card.leading.findings:
        call.talk.say(f"{finding.severity}: {finding.message}")
    unfit = ", but blocked: it is in no package until that is mended" if card.blocked else ""
    call.talk.say(f"edited: {card.guid}{unfit}")


def _at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _judge(draft: Draft, highlight: Highlight) -> tuple[Finding, ...]:
    return check.check(draft, check.Context(highlight, Twins()))


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
    if answer is None:
        return None
    try:
        said = yaml.safe_load(answer)
    except yaml.YAMLError as error:
        raise UsageError(
            f"this is no YAML any more: {error}", hint="nothing was changed"
        ) from error
    if not isinstance(said, dict):
        raise UsageError("the fields are gone", hint="nothing was changed")
    return _changed(card, {str(name): str(value).rstrip("\n") for name, value in said.items()})
