"""`ankiforge reject`."""

from __future__ import annotations

import click

from ankiforge import review
from ankiforge.cli.choosing import choosing, chosen, tell_done
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import session
from ankiforge.errors import UsageError
from ankiforge.model import HighlightKey, Standing, Verdict
from ankiforge.review.select import is_key

EPILOG = """\b
Examples:
  ankiforge reject afpl5zre --reason "too vague"
  ankiforge reject finding:yes_no                    shows what that means, and asks
  ankiforge reject --all --filter "verdict:pending finding:yes_no"
  ankiforge reject vault:notes/90e45ebadf289dce      of this passage no card is wanted
"""


@click.command(epilog=EPILOG)
@choosing
@click.option("--reason", default="", help="Why; kept with the card.")
@common_options
def command(call: Call, words: tuple[str, ...], every: bool, query: str, reason: str) -> None:
    """Turn cards down, for ever: the same answer is not offered again on that highlight.

    Of a passage, named by its key, no card is wanted.
    """
    if any(map(is_key, words)):
        _set_aside(call, words, reason)
        return
    with session(call) as now:
        targets = chosen(
            now,
            words,
            every,
            query,
            lambda c: c.verdict is not Verdict.REJECTED and c.standing is Standing.LIVE,
        )
        done = review.reject(now.ledger, targets, reason)
    tell_done(call, done, "rejected")


def _set_aside(call: Call, keys: tuple[str, ...], reason: str) -> None:
    if others := [one for one in keys if not is_key(one)]:
        what = f"{others[0]} is no passage, {next(filter(is_key, keys))} is one"
        raise UsageError(what, hint="name cards and passages one command each")
    with session(call) as now:
        review.skip(now.ledger, [HighlightKey(key) for key in keys], reason)
    for key in keys if call.talk.as_json else ():
        call.talk.data({"key": key, "done": True, "refused": ""})
    call.talk.say(f"{len(keys)} set aside; to take it back: ankiforge undo")
