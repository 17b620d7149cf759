"""`ankiforge edit`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial

import click

from ankiforge import review
from ankiforge.cli.choosing import meant, tell_refusal
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.editing import commented, form, need_terminal, typed
from ankiforge.cli.session import Session, session
from ankiforge.config.deckfiles import deck_of
from ankiforge.errors import RefusedError, UsageError
from ankiforge.model import Card, Fields, Highlight, HighlightKey, Standing, Verdict
from ankiforge.reports.cards import card_json
from ankiforge.review import Target
from ankiforge.review.decide import live_cards
from ankiforge.review.select import changed_fields, is_key, new_fields

EPILOG = """\b
Examples:
  ankiforge edit afpl5zre                                   in $EDITOR
  ankiforge edit finding:wording                            all of these, one after another
  ankiforge edit afpl5zre --field Back "the inner membrane"
  ankiforge edit vault:notes/90e45ebadf289dce --field Front "What is REM?" --field Back "a phase"
"""


@click.command(epilog=EPILOG)
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
@click.option(
    "--field",
    "changes",
    nargs=2,
    multiple=True,
    metavar="NAME TEXT",
    help="Set a field to this Markdown, without an editor.",
)
@common_options
def command(call: Call, words: tuple[str, ...], changes: tuple[tuple[str, str], ...]) -> None:
    """Reword cards, or make one of a passage; your words stay, whatever the source does.

    Several open one after another: one that is left unsaved is skipped, an emptied one ends it.
    """
    if any(map(is_key, words)):
        _make_one(call, words, dict(changes))
        return
    with session(call) as now:
        targets = meant(now, words, _may_be_edited)
        if changes and len(targets) > 1:
            what = f"--field sets the words of one card, and {len(targets)} are meant"
            raise UsageError(what, hint="name it by its id; or leave out --field for an editor")
        if not changes:
            need_terminal(targets[0].card.guid)
        at = [f"{place} of {len(targets)}" for place in range(1, len(targets) + 1)]
        done = [_tried(now, *one, dict(changes)) for one in zip(targets, at, strict=True)]
    if not all(done):
        click.get_current_context().exit(1)


def _may_be_edited(card: Card) -> bool:
    return card.standing is Standing.LIVE and card.verdict is not Verdict.REJECTED


def _tried(now: Session, target: Target, at: str, changes: dict[str, str]) -> bool:
    """Reword a card; False, and why, if that is refused: the next one is opened all the same."""
    try:
        _reword(now, target, at, changes)
    except RefusedError as error:
        tell_refusal(now.call, error.message, error.hint)
        return False
    return True


def _reword(now: Session, target: Target, at: str, changes: dict[str, str]) -> None:
    review.refuse_edit(target)
    shown, guid, folder = _as_named(target), target.card.guid, now.workspace.folder
    if changes:
        taking: AbstractContextManager[Fields | None] = nullcontext(changed_fields(shown, changes))
    else:
        taking = typed(_form(shown, at), partial(changed_fields, shown), folder)
    with taking as fields:
        if fields is None or fields == shown.fields:
            now.call.talk.say(f"nothing was changed: {guid}")
            return
        review.edit(now.ledger, target, fields, now.desk.judge)
    _tell(now, now.ledger.cards.get(guid))


def _tell(now: Session, card: Card) -> None:
    talk = now.call.talk
    if talk.as_json:
        talk.data(card_json(card, now.tags(card)))
    for finding in card.leading.findings:
        talk.say(f"{finding.severity}: {finding.message}")
    unfit = ", but blocked: it is in no package until that is mended" if card.blocked else ""
    talk.say(f"edited: {card.guid}{unfit}")


def _as_named(target: Target) -> Card:
    """The card, with the words of the candidate that is named, if one is."""
    named = target.candidate.draft.fields if target.letter else target.card.fields
    return replace(target.card, fields=named)


def _form(card: Card, at: str) -> str:
    """The fields of a card under the passage they are of, to be changed in an editor."""
    words = dict(card.fields)
    shown = {name: words.get(name, "") for name in card.family.content_fields if name != "Reverse"}
    head = f"{card.guid}, {at}: unsaved it stays as it is, emptied it ends here"
    return f"{commented(card.highlight.exact)}{commented(head)}{form(shown)}"


# --- a card of a passage --------------------------------------------------------------------


def _make_one(call: Call, words: tuple[str, ...], said: dict[str, str]) -> None:
    if len(words) > 1:
        what = f"{len(words)} words, and one is the key of a passage"
        raise UsageError(what, hint="make one card at a time: ankiforge edit KEY")
    make(call, words[0], said)


def make(call: Call, key: str, words: dict[str, str]) -> None:
    """Make a card of a passage, in the person's words, beside those that it has."""
    with session(call, writes="drafting") as now:
        highlight = now.ledger.highlights.get(HighlightKey(key))
        if highlight is None or not highlight.document.source:
            what = f"{key!r} is no passage that was read"
            raise UsageError(what, hint="ankiforge list --no-card shows their keys")
        others = len(live_cards(now.ledger, highlight.key))
        taking = nullcontext(new_fields(words)) if words else _typed_of(now, highlight)
        deck = deck_of(now.decks, highlight.document, highlight).deck
        with taking as fields:
            if fields is None:
                raise UsageError("nothing was saved", hint="no card was made")
            guid = review.make(now.ledger, highlight, fields, deck, now.desk.judge)
        card = now.ledger.cards.get(guid)
        tags = now.tags(card) if call.talk.as_json else ()
    if call.talk.as_json:
        call.talk.data(card_json(card, tags))
    beside = f", beside {others} of this passage" if others else ""
    call.talk.say(f"made: {guid}{beside}; to take it back: ankiforge undo")


def _typed_of(now: Session, highlight: Highlight) -> AbstractContextManager[Fields | None]:
    """What a person types in an editor, the passage before their eyes."""
    need_terminal(highlight.key, "Front")
    ways = "Front and Back make a question; Text with {{c1::…}} a cloze. Save to make the card."
    head = f"{commented(highlight.exact)}{commented(ways)}"
    return typed(f"{head}Front: |-\n  \nBack: |-\n  \n", new_fields, now.workspace.folder)
