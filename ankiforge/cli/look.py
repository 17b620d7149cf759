"""The commands that show cards and highlights: status, list, show, seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import click

from ankiforge.cli.output import Call, command, refuse_unknown_options
from ankiforge.cli.session import (
    Session,
    columns,
    commands_without_card,
    glance,
    session,
)
from ankiforge.errors import UsageError

if TYPE_CHECKING:
    from ankiforge.ledger.queries import Funnel, Queries
    from ankiforge.ledger.search import Match
    from ankiforge.model import Card


# --- list, show -----------------------------------------------------------------------------

_VIEWS: dict[str, Callable[[Queries], Iterable[str]]] = {
    "pending": lambda queries: queries.pending(),
    "findings": lambda queries: queries.with_findings(),
    "work": lambda queries: queries.problem_cards.all(),
    "revisions": lambda queries: queries.revisions(),
    "conflicts": lambda queries: queries.conflicts(),
    "twins": lambda queries: (guid for guid, _ in queries.duplicates()),
    "missing": lambda queries: queries.missing(),
    "retired": lambda queries: (*queries.left_in_anki(), *queries.without_source()),
    "recent": lambda queries: (one for ids in queries.person_actions().values() for one in ids),
    "run": lambda queries: queries.of_last_run(),
}
"""The views of the review page: functions that return the cards of each, in the order of review."""


# --- status ---------------------------------------------------------------------------------

_WAITING = {
    "pending": ("card waits", "cards wait"),
    "revisions": ("correction waits", "corrections wait"),
    "conflicts": ("conflict with Anki", "conflicts with Anki"),
    "work": ("card keeps failing in Anki", "cards keep failing in Anki"),
    "missing": ("note is missing in Anki", "notes are missing in Anki"),
}
"""The views that need a decision, with texts for one and for several cards."""


@command("""
  ankiforge status           what waits, and the next command
  ankiforge status --json    the same, as JSON
""")
def status(call: Call) -> None:
    """Show what is waiting, and what to run next."""
    from ankiforge.app import sources_in_use
    from ankiforge.review.query import parse
    from ankiforge.review.service import FEWEST
    from ankiforge.text.display import counted

    with session(call, read_only=True) as now:
        queries = now.ledger.queries
        funnel, cards, view = queries.funnel(), queries.card_counts(), queries.last_view()
        sources = sorted(one.partition(":")[2] for one in sources_in_use(now.workspace, now.ledger))
        unsent = len(queries.matching(parse("verdict:accepted standing:live anki:none").terms))
        waiting = {name: len(set(_VIEWS[name](queries))) for name in _WAITING}
        next_command, why = _next(now, funnel, waiting, unsent)
        forms = now.review.forms()

    if call.out.as_json:
        call.out.data({
            "workspace": str(now.workspace.root), "sources": sources,
            "highlights": {"seen": funnel.seen, "without": len(funnel.without)},
            "cards": cards, "unsent": unsent, "waiting": waiting,
            "looked": view.taken_at if view else "", "next": next_command,
            "forms": [one.as_json() for one in forms],
        })  # fmt: skip
        return
    call.out.print(f"{now.workspace.root}: {', '.join(sources) or 'no sources yet'}")
    if now.workspace.remembered:
        paths = ", ".join(item.path for item in now.workspace.remembered)
        call.out.print(f"  remembered in {now.workspace.remembered_file}: {paths}")
    without = f", {len(funnel.without):,} without an accepted card" if funnel.without else ""
    call.out.print(f"  {counted(funnel.seen, 'highlight')}{without}")
    blocked = f", {cards['blocked']:,} blocked" if cards["blocked"] else ""
    call.out.print(f"  {counted(cards['ready'], 'accepted card')}{blocked}")
    looked = f"last read {view.taken_at[:16].replace('T', ' ')} UTC" if view else "not read yet"
    call.out.print(f"  Anki: {looked}")
    for name, (one, several) in _WAITING.items():
        if count := waiting[name]:
            call.out.print(f"  {counted(count, one, several)}")
    for form in forms:
        if form.choice or len(form.waiting) >= FEWEST:
            of_it = f", {counted(len(form.waiting), 'card')} waiting" if form.waiting else ""
            call.out.print(f"  written as {form.written} in {form.source}: {form.said}{of_it}")
    call.out.print(f"next: {call.program} {next_command}   ({why})")


def _next(now: Session, funnel: Funnel, waiting: dict[str, int], unsent: int) -> tuple[str, str]:
    """Return the next command to run, and the reason."""
    from ankiforge.config import DrafterName
    from ankiforge.text.display import counted

    if not funnel.seen:
        return (
            "run" if now.workspace.config.sources or now.workspace.remembered else "run PATH",
            "no highlight has been read yet",
        )
    if any(waiting.values()):
        return "review", "decide on what waits"
    if unsent:
        return "build", f"{counted(unsent, 'accepted card')} not in a package yet"
    if way := next(commands_without_card(now, funnel, model=True), None):
        by_model = now.workspace.config.drafter is DrafterName.LLM
        return ("draft", "let the model draft the rest") if by_model else way
    return "run", "read what is new"


# -finding:* is a word of the query, not an option
@command("""
  ankiforge list                        live cards
  ankiforge list verdict:pending -v     waiting cards, with source and findings
  ankiforge list --view twins           pairs that ask the same thing, and how to settle them
  ankiforge list --view work            cards you keep forgetting, the worst first
  ankiforge list --no-card              highlights without a card, each with its reason
  ankiforge list deck:Biology "cell membrane" --json
Fields: deck document source tag colour kind verdict standing anki finding drafter prompt run key
""", shows="limit", lines=True, context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option("--all", "everything", is_flag=True, help="Include rejected and retired cards.")
@click.option(
    "--no-card", is_flag=True, help="List highlights without a card, each with the reason."
)
@click.option(
    "--view", type=click.Choice(list(_VIEWS)), help="List what this view of the review page holds."
)
def list_(
    call: Call, query: tuple[str, ...], everything: bool, no_card: bool, view: str | None
) -> None:
    """List cards. Words match text and title; `field:value` matches that field."""
    from ankiforge.cli.selection import joined
    from ankiforge.ledger.cards import DISMISSIBLE
    from ankiforge.reports.cards import card_text, duplicates_text, one_line
    from ankiforge.review.history import work_lines
    from ankiforge.review.query import parse

    refuse_unknown_options(query)
    if view and no_card:
        raise UsageError(
            "--view lists cards, --no-card lists highlights without one: use one of them"
        )
    with session(call, read_only=True) as now:
        if no_card:
            _list_highlights(now, query)
            return
        wanted, card = parse(joined(query)), None
        # a query for the finding wants to see the other card of each pair, too
        duplicates = view == "twins" or any(
            term.field == "finding" and term.value.casefold() in DISMISSIBLE and not term.negated
            for term in wanted.terms
        )
        if view:
            guids = dict.fromkeys(_VIEWS[view](now.ledger.queries))
            cards = (card for guid in guids if (card := now.review.card(guid)))
            found: Iterator[Card] = filter(partial(now.review.matches, wanted), cards)
        else:
            found = now.review.matching(joined(query), everything=everything)
        verbose, out = call.out.verbose, call.out
        for card in islice(found, call.limit):
            if out.as_json:
                reads = out.data(now.card_data(card))
            else:
                lines = [*card_text(card, now.conflicts(card))] if verbose else [one_line(card)]
                lines += duplicates_text(now.ledger, card) if duplicates else []
                lines += work_lines(now.ledger, card) if view == "work" or verbose else []
                reads = out.print("\n".join((*lines, "") if verbose else lines))
            if not reads:
                return
        if card is None and call.limit != 0:
            out.say(f"no card here; see also: {call.program} list --all, or list --no-card")


def _list_highlights(now: Session, query: tuple[str, ...]) -> None:
    """Print the highlights without a card, each with its reason, and commands that make cards."""
    from ankiforge.config import DrafterName
    from ankiforge.reports.cards import highlight_json, titled
    from ankiforge.reports.summary import FATES, reason_of
    from ankiforge.review.query import FIELDS

    out = now.out
    if named := next((word for word in query if word.partition(":")[0] in FIELDS), ""):
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
        reason = reason_of(now.ledger, without)
        if out.as_json:
            out.data({**highlight_json(highlight), "fate": without.fate, "reason": reason})
        else:
            out.print(f"{titled(highlight)}: {highlight.exact or highlight.comment}")
            out.print(f"    {FATES[without.fate]}: {reason}")
            out.print(f"    {highlight.key}")
    if not out.as_json:
        by_model = now.workspace.config.drafter is DrafterName.LLM
        for line in columns(now, commands_without_card(now, funnel, model=by_model)):
            out.say(line)


@command("""
  ankiforge show afpl5zre
  ankiforge show deck:Biology membrane      all cards that a query matches
  ankiforge show afpl5zre -v                with its decisions, their ids, and what was shipped
  ankiforge show afpl5zre --json
""", shows="limit", lines=True)  # fmt: skip
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
def show(call: Call, words: tuple[str, ...]) -> None:
    """Show cards in full: fields, quote, source, findings, alternatives; with -v, the history."""
    from ankiforge.cli.selection import shown_cards
    from ankiforge.reports.cards import (
        card_text,
        duplicates_text,
        history_json,
        history_text,
        schedule_line,
    )
    from ankiforge.review.history import work_lines

    with session(call, read_only=True) as now:
        for target in shown_cards(now, words):
            card = target.card
            if call.out.as_json:
                history = history_json(now.ledger, card) if call.out.verbose else {}
                call.out.data({**now.card_data(card), **history})
                continue
            seen = now.ledger.views.seen(card.guid)
            reviews = now.ledger.views.reviews_of(card.guid)
            lines = [*card_text(card, now.conflicts(card))]
            lines += [f"studied   {schedule_line(seen, reviews)}"] if seen else []
            lines += work_lines(now.ledger, card)
            lines += duplicates_text(now.ledger, card)
            lines += history_text(now.ledger, card) if call.out.verbose else ()
            call.out.print("\n".join((*lines, "")))


# --- seen -----------------------------------------------------------------------------------

_WORKS = 10
"""The default number of works that are shown."""
_LONGEST = 100
"""The number of characters of a query that a message repeats."""


# -x is a word of the query, not an option
@command("""
  ankiforge seen forgetting curve       words from titles, names, highlights or cards
  ankiforge seen 10.1037/h0061626       a DOI, arXiv id, ISBN, PMID or @citekey
  ankiforge seen https://arxiv.org/abs/1706.03762v5
  ankiforge seen ~/Downloads/paper.pdf  a PDF, by its pages, identifiers or title
  ankiforge seen "Attention is al you need"  a title, even misspelt
""", shows="limit", lines=True, context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, required=True, metavar="QUERY|FILE.pdf")
def seen(call: Call, query: tuple[str, ...]) -> None:
    """Search your works, highlights and cards, and show how well you remember them."""
    from ankiforge.reports.seen import as_text, seen_json

    refuse_unknown_options(query)
    words = " ".join(query)
    with glance(call) as now:
        moment, view = now.ledger.clock().timestamp(), now.ledger.queries.last_view()
        looked = view.taken_at if view else ""
        shown = False
        most = _WORKS if call.limit is None else call.limit
        for found in islice(_works(now, words), most):
            shown = True
            if call.out.as_json:
                reads = call.out.data(seen_json(found, moment, looked))
            else:
                lines = as_text(found, moment, whole=call.out.verbose)
                reads = call.out.print("\n".join((*lines, "")))
            if not reads:
                return
        if not shown and call.limit != 0:
            asked = words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
            call.out.say(f"nothing you have read matches {asked!r}")


def _works(now: Session, words: str) -> Iterator[Match]:
    """Return the works that match words or a PDF; exit if the PDF cannot be read."""
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
    from ankiforge.model import Problem

    document = identify(path)
    if isinstance(document, Problem):
        now.out.problems([document])
        raise click.exceptions.Exit(1)
    return now.ledger.search.find_file([document])
