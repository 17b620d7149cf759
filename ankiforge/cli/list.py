"""`ankiforge list`."""

from __future__ import annotations

from itertools import islice

import click

from ankiforge.cli.choosing import matching
from ankiforge.cli.common import Call, common_options
from ankiforge.cli.session import Session, session, told
from ankiforge.cli.ways import laid_out, ways_out
from ankiforge.config import DrafterName
from ankiforge.domain import Card
from ankiforge.errors import UsageError
from ankiforge.reports.cards import highlight_json, in_full, one_line, titled
from ankiforge.reports.summary import FATES, reason_of
from ankiforge.review.query import FIELDS, UNBROKEN

EPILOG = """\b
Examples:
  ankiforge list                        live cards
  ankiforge list verdict:pending -v     what waits, with source and findings
  ankiforge list --no-card              highlights without a card, each with its reason
  ankiforge list deck:Biology "cell membrane" --json
Fields: deck document source tag colour kind verdict standing anki finding drafter prompt run key
"""


# -finding:* is a word of the query, not an option
@click.command(epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option("--all", "everything", is_flag=True, help="Rejected and retired cards, too.")
@click.option("--no-card", is_flag=True, help="Highlights without a card, each with its reason.")
@common_options
def command(call: Call, query: tuple[str, ...], everything: bool, no_card: bool) -> None:
    """List cards; words match their text and title, `field:value` their fields."""
    unknown = next((word for word in query if word.startswith("--")), "")
    if unknown:
        raise click.NoSuchOption(unknown, ctx=click.get_current_context())
    with session(call, forgetful=True) as now:
        if no_card:
            _without(now, query)
            return
        found = matching(now, _joined(query), everything=everything)
        for card in islice(found, call.limit or None):
            if not _told(now, card):
                return


def _told(now: Session, card: Card) -> bool:
    """Tell a card; whether somebody still reads."""
    talk = now.call.talk
    if talk.as_json:
        return talk.data(told(now, card))
    return talk.print("\n".join((*in_full(card), "")) if talk.verbose else one_line(card))


def _joined(words: tuple[str, ...]) -> str:
    """The query as typed: a word the shell took quotes from gets them back."""
    return " ".join(map(_requoted, words))


def _requoted(word: str) -> str:
    sign, bare = ("-", word[1:]) if word.startswith("-") else ("", word)
    field, colon, value = bare.partition(":")
    if field not in FIELDS:
        field, colon, value = "", "", bare
    if " " not in value or '"' in value or _several(field, value):
        return word
    return f'{sign}{field}{colon}"{value}"'


def _several(field: str, value: str) -> bool:
    """Whether one word of the shell is a whole query, and no value that holds blanks."""
    named = (term.removeprefix("-").partition(":") for term in value.split())
    return field in UNBROKEN or any(colon and name in FIELDS for name, colon, _ in named)


def _without(now: Session, query: tuple[str, ...]) -> None:
    talk = now.call.talk
    named = next((word for word in query if word.partition(":")[0] in FIELDS), "")
    if named:
        what = f"{named!r}: a highlight without a card has no such field"
        raise UsageError(what, hint="words of its text or title: ankiforge list --no-card WORD")
    wanted = [word.casefold() for word in query]
    shown = 0
    funnel = now.ledger.funnel.funnel()
    for without in funnel.without:
        highlight = now.ledger.highlights.get(without.key)
        assert highlight is not None
        words = f"{highlight.exact} {highlight.document.title}".casefold()
        if not all(word in words for word in wanted):
            continue
        shown += 1
        if shown > (now.call.limit or shown):
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
