"""`ankiforge trace`."""

from __future__ import annotations

import click

from ankiforge import app
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import Session, session
from ankiforge.config import AcceptPolicy
from ankiforge.errors import ConfigError
from ankiforge.model import Candidate, Highlight, Task
from ankiforge.pending import briefed
from ankiforge.reports.trace import Asked, Messages, told, trace_json
from ankiforge.review.select import find

EPILOG = """\b
Examples:
  ankiforge trace afpl5zre
  ankiforge trace afpl5zre --json
"""


@click.command(epilog=EPILOG)
@click.argument("card", metavar="CARD")
@common_options
def command(call: Call, card: str) -> None:
    """Show one card's whole way: source, prompt, reply, checks, decisions, what was shipped."""
    with session(call, forgetful=True) as now:
        found = find(now.ledger, card).card
        asked = asked_by(now)
        if call.talk.as_json:
            call.talk.data(trace_json(now.ledger, found, now.tags(found), asked))
            return
        for line in told(now.ledger, found, asked):
            call.talk.print(line)


def asked_by(now: Session) -> Asked:
    """The messages of a draft's request, where today's prompt and settings still make that one."""

    def asked(candidate: Candidate) -> Messages:
        draft = candidate.draft
        first = draft.attempts[0].request if draft.attempts else draft.origin.request
        highlight = now.ledger.highlights.get(draft.highlight)
        if not first or highlight is None:
            return ()
        try:
            return _retraced(now, first, highlight)
        except ConfigError:  # a prompt that is no more
            return ()

    return asked


def _retraced(now: Session, request: str, highlight: Highlight) -> Messages:
    from ankiforge.draft.cache import retraced

    tasks = [
        part
        for discreet in (False, True)
        for part in briefed(Task(highlight.document, (highlight,), discreet=discreet), now.decks)
    ]
    settings = [app.server_settings(now.workspace, accept=accept) for accept in AcceptPolicy]
    return retraced(request, tasks, settings, app.load_prompts(now.workspace))
