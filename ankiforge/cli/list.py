"""`ankiforge list`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import click

from ankiforge.cli.choosing import joined
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import Session, session, told
from ankiforge.cli.ways import laid_out, ways_out
from ankiforge.config import DrafterName
from ankiforge.errors import UsageError
from ankiforge.ledger.cards import PAIRED
from ankiforge.ledger.queries import Queries
from ankiforge.model import Card
from ankiforge.reports.cards import highlight_json, in_full, one_line, titled
from ankiforge.reports.summary import FATES, reason_of
from ankiforge.reports.twins import twins_told
from ankiforge.review.history import work_lines
from ankiforge.review.query import FIELDS, Query, Term, parse

EPILOG = """\b
Examples:
  ankiforge list                        live cards
  ankiforge list verdict:pending -v     what waits, with source and findings
  ankiforge list --view twins           pairs that ask the same, with the commands that settle them
  ankiforge list --view work            cards that keep failing in Anki, the worst first
  ankiforge list --no-card              highlights without a card, each with its reason
  ankiforge list deck:Biology "cell membrane" --json
Fields: deck document source tag colour kind verdict standing anki finding drafter prompt run key
"""


def _last_decided(queries: Queries) -> Iterator[str]:
    return (subject for subjects in queries.person_actions().values() for subject in subjects)


_VIEWS: dict[str, Callable[[Queries], Iterable[str]]] = {
    "pending": Queries.pending,
    "findings": Queries.with_findings,
    "work": lambda queries: queries.problem_cards.all(),
    "revisions": Queries.revisions,
    "conflicts": Queries.conflicts,
    "twins": lambda queries: (guid for guid, _ in queries.duplicates()),
    "missing": Queries.missing,
    "retired": lambda queries: (*queries.left_in_anki(), *queries.without_source()),
    "recent": _last_decided,
    "run": Queries.of_last_run,
}
"""What the review page asks of a person, and in which order."""


# -finding:* is a word of the query, not an option
@click.command(epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option("--all", "everything", is_flag=True, help="Rejected and retired cards, too.")
@click.option("--no-card", is_flag=True, help="Highlights without a card, each with its reason.")
@click.option("--view", type=click.Choice(list(_VIEWS)), help="What this view of the page holds.")
@common_options
def command(
    call: Call, query: tuple[str, ...], everything: bool, no_card: bool, view: str | None
) -> None:
    """List cards; words match their text and title, `field:value` their fields."""
    unknown = next((word for word in query if word.startswith("--")), "")
    if unknown:
        raise click.NoSuchOption(unknown, ctx=click.get_current_context())
    if view and no_card:
        raise UsageError("--view holds cards, --no-card passages without one: name one of them")
    with session(call, forgetful=True) as now:
        if no_card:
            _without(now, query)
            return
        said = joined(query)
        twins = view == "twins" or any(map(_about_twins, parse(said).terms))
        found = (
            _viewed(now, view, parse(said))
            if view
            else now.desk.matching(said, everything=everything)
        )
        for card in islice(found, call.limit):
            if not _told(now, card, twins=twins, work=view == "work"):
                return


def _viewed(now: Session, view: str, wanted: Query) -> Iterator[Card]:
    """The cards of a view that a query matches, each once."""
    for guid in dict.fromkeys(_VIEWS[view](now.ledger.queries)):
        card = now.desk.card(guid)
        if card and now.desk.matches(wanted, card):
            yield card


def _about_twins(term: Term) -> bool:
    """Whether who asks so wants to see the other card, too, of which the finding tells."""
    return term.field == "finding" and term.value.casefold() in PAIRED and not term.negated


def _told(now: Session, card: Card, *, twins: bool, work: bool) -> bool:
    """Tell a card; whether somebody still reads."""
    talk = now.call.talk
    if talk.as_json:
        return talk.data(told(now, card))
    lines = [*in_full(card)] if talk.verbose else [one_line(card)]
    lines += twins_told(now.ledger, card) if twins else []
    lines += work_lines(now.ledger, card) if work or talk.verbose else []
    return talk.print("\n".join((*lines, "") if talk.verbose else lines))


def _without(now: Session, query: tuple[str, ...]) -> None:
    talk = now.call.talk
    named = next((word for word in query if word.partition(":")[0] in FIELDS), "")
    if named:
        what = f"{named!r}: a highlight without a card has no such field"
        raise UsageError(what, hint="words of its text or title: ankiforge list --no-card WORD")
    wanted = [word.casefold() for word in query]
    shown = 0
    funnel = now.ledger.queries.funnel()
    for without in funnel.without:
        highlight = now.ledger.highlights.get(without.key)
        assert highlight is not None
        words = f"{highlight.exact} {highlight.document.title}".casefold()
        if not all(word in words for word in wanted):
            continue
        shown += 1
        if now.call.limit is not None and shown > now.call.limit:
            return
        if talk.as_json:
            fate = {"fate": without.fate, "reason": reason_of(now.ledger, without)}
            talk.data({**highlight_json(highlight), **fate})
        else:
            talk.print(f"{titled(highlight)}: {highlight.exact or highlight.comment}")
            talk.print(f"    {FATES[without.fate]}: {reason_of(now.ledger, without)}")
            talk.print(f"    {highlight.key}")
    if talk.as_json:
        return
    asked = now.workspace.config.drafter is DrafterName.LLM
    for line in laid_out(now, ways_out(now, funnel, model=asked)):
        talk.say(line)
