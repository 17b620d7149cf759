"""`ankiforge seen`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import click

from ankiforge.cli.common import Call, common_options, tell_problems
from ankiforge.cli.session import Session, glance
from ankiforge.errors import UsageError
from ankiforge.model import Problem
from ankiforge.reports.seen import seen_json, told

if TYPE_CHECKING:
    from ankiforge.ledger.search import Match

MOST = 10
"""Works that are told where nobody says how many."""
LONGEST = 100
"""Characters of a question that are told again."""
EPILOG = """\b
Examples:
  ankiforge seen forgetting curve       by words of titles, people, passages, cards
  ankiforge seen 10.1037/h0061626       by DOI, arXiv id, ISBN, PMID, @citekey
  ankiforge seen https://arxiv.org/abs/1706.03762v5
  ankiforge seen ~/Downloads/paper.pdf  by its pages, its names, its title
  ankiforge seen "Attention is al you need" --json
"""


# -x is a word of the query, not an option
@click.command(epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("query", nargs=-1, required=True, metavar="QUERY|FILE.pdf")
@common_options
def command(call: Call, query: tuple[str, ...]) -> None:
    """Haven't I looked at this before? What was read, marked and forged, and is remembered now."""
    unknown = next((word for word in query if word.startswith("--")), "")
    if unknown:
        raise click.NoSuchOption(unknown, ctx=click.get_current_context())
    words = " ".join(query)
    with glance(call) as now:
        moment, view = now.ledger.clock().timestamp(), now.ledger.queries.last_view()
        looked = view.taken_at if view else ""
        shown = 0
        for found in islice(_found(now, words), MOST if call.limit is None else call.limit):
            shown += 1
            if call.talk.as_json:
                reads = call.talk.data(seen_json(found, moment, looked))
            else:
                lines = told(found, moment, whole=call.talk.verbose)
                reads = call.talk.print("\n".join((*lines, "")))
            if not reads:
                return
        if not shown and call.limit != 0:
            asked = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
            call.talk.say(f"nothing here matches {asked!r}: not marked, no card")


def _found(now: Session, words: str) -> Iterator[Match]:
    linked = Path(unquote(words[7:])) if words.lower().startswith("file://") else Path()
    words = str(linked) if linked.is_file() else words
    path = Path(words).expanduser()
    if not words.lower().endswith(".pdf") or "://" in words:
        return now.ledger.search.find(words)
    if not path.is_file():
        if len(path.parts) > 1:
            raise UsageError(f"{words}: no such file", hint="ankiforge seen TITLE")
        return now.ledger.search.find(words)
    from ankiforge.extract.pdf import identify

    document = identify(path)
    if isinstance(document, Problem):
        tell_problems(now.call, [document])
        click.get_current_context().exit(1)
    return now.ledger.search.find_file([document])
