"""`ankiforge undo`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import click

from ankiforge import review
from ankiforge.anki.notes import RETIRED
from ankiforge.cli.choosing import choosing, chosen, tell_refused
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import Session, session
from ankiforge.ledger.events import Event
from ankiforge.reports.cards import one_line, words_of
from ankiforge.reports.summary import counted
from ankiforge.review.select import names_card

EPILOG = """\b
Examples:
  ankiforge undo             the last thing you decided; again for the one before
  ankiforge undo afpl5zre    the last thing you decided about this card
  ankiforge undo --all --filter verdict:rejected
  ankiforge undo 5f0c…       one action by its id, as `ankiforge trace` shows it
"""

SHOWN = 3
"""Of more decisions than these, only so many are shown."""

_ACTION = re.compile("[0-9a-f]{16}")


@click.command(epilog=EPILOG)
@choosing
@common_options
def command(call: Call, words: tuple[str, ...], every: bool, query: str) -> None:
    """Take back the last action of yours, or one by its id; of cards what you last decided.

    Named by a card, what was decided of others in one go with it stands.
    """
    with session(call) as now:
        done: tuple[review.Result, ...] = ()
        taken_back: Sequence[Event]
        if every or query or not _is_action(now, words):
            about = now.ledger.decisions.decided_about()
            targets = chosen(now, words, every, query, lambda card: card.guid in about)
            done, taken_back = review.undo_about(now.ledger, targets)
        else:
            taken_back = review.undo(now.ledger, *words)
        there = [one for one in taken_back if _in_anki(now, one.subject)]
        lines = [] if call.talk.as_json else [*_lines(now, taken_back)]
    _tell(call, taken_back, lines, there=bool(there))
    tell_refused(call, done)


def _is_action(now: Session, words: tuple[str, ...]) -> bool:
    """Whether an action is meant: the last one, or that of an id."""
    match words:
        case ():
            return True
        case (word,):
            return bool(_ACTION.fullmatch(word)) and not names_card(now.ledger, word)
    return False


def _lines(now: Session, taken_back: Sequence[Event]) -> Iterator[str]:
    """Each decision with its card; of many, their number and the first few cards."""
    if len(taken_back) <= SHOWN:
        for one in taken_back:
            words = _words(now, one.subject)
            yield f"undone: {one.what} {one.subject}" + (f"  {words}" if words else "")
        return
    kinds = Counter(one.what for one in taken_back).most_common()
    listed = ", ".join(f"{count:,} {what}" for what, count in kinds)
    yield f"undone: {counted(len(taken_back), 'decision')} ({listed}), such as:"
    for one in taken_back if now.call.talk.verbose else taken_back[:SHOWN]:
        yield f"  {_line(now, one.subject)}"


def _line(now: Session, guid: str) -> str:
    try:
        return one_line(now.ledger.cards.get(guid))
    except KeyError:
        return guid


def _words(now: Session, guid: str) -> str:
    try:
        return words_of(now.ledger.cards.get(guid))
    except KeyError:
        return ""


def _tell(call: Call, taken_back: Sequence[Event], lines: Sequence[str], *, there: bool) -> None:
    if call.talk.as_json:
        for decided in taken_back:
            call.talk.data({"guid": decided.subject, "undone": decided.what, "id": decided.id})
        return
    for line in lines:
        call.talk.say(line)
    if there:
        call.talk.say(
            "in Anki, words and tags follow with the next build or push; a card that is none any"
            f" more gets the tag {RETIRED} there, for no import can delete it; your words that an"
            " import has replaced do not come back"
        )


def _in_anki(now: Session, guid: str) -> bool:
    try:
        return now.ledger.cards.get(guid).anki.there
    except KeyError:
        return False
