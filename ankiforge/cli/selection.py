"""Select the cards for a command: by ids, by a query, or all that a filter matches."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote

import click
from click.core import ParameterSource

from ankiforge.cli.session import Session
from ankiforge.errors import UsageError
from ankiforge.model import Card
from ankiforge.reports.cards import one_line
from ankiforge.review import Result, Target
from ankiforge.review.query import FIELDS, UNBROKEN, parse
from ankiforge.review.select import find, is_id, names_card
from ankiforge.review.service import one_per_choice
from ankiforge.text.display import counted

_SHOWN = 10
"""The number of cards that are shown when the user is asked to confirm a query."""


def selected(
    now: Session,
    words: tuple[str, ...],
    every: bool,
    query: str,
    fits: Callable[[Card], bool],
) -> list[Target]:
    """Return the cards for a decision; of those that a query matches, only the ones that fit.

    The matches of a query without `--all --filter` are shown, and the user has to confirm them.

    Raises:
        UsageError: there are neither words nor `--all`, or both; an id does not identify a single
            card; or a query cannot be confirmed without a terminal.
    """
    if bool(words) == every or (query and not every):
        raise UsageError(
            "name cards by id or query, or use --all --filter QUERY",
            hint="ankiforge list shows ids",
        )
    if not every:
        if found := _named(now, words):
            return found
        query = joined(words)
    wanted = parse(query)
    cards = one_per_choice(card for card in now.review.all_matching(wanted) if fits(card))
    found = [target for card in cards for target in now.review.targets(wanted, card)]
    if every:
        return found
    if not found:
        raise _no_card(words)
    return found if _confirmed(now, query, found) else []


def shown_cards(
    now: Session, words: tuple[str, ...], fits: Callable[[Card], bool] = lambda card: True
) -> list[Target]:
    """Return the cards with these ids, or those that fit among the matches of the words as a query.

    Raises:
        UsageError: an id does not identify a single card, or the query matches none.
    """
    if found := _named(now, words):
        return found
    found = [Target(card) for card in now.review.matching(joined(words)) if fits(card)]
    if not found:
        raise _no_card(words)
    return found[: now.call.limit]


def _named(now: Session, words: tuple[str, ...]) -> list[Target]:
    """Return the cards with these ids; [] if the words are a query."""
    if not all(word.strip() for word in words):
        raise UsageError("an empty word names no card", hint="ankiforge list shows ids")
    if all(map(is_id, words)) or any(names_card(now.ledger, word) for word in words):
        return [find(now.ledger, word) for word in words]
    return []


def _no_card(words: tuple[str, ...]) -> UsageError:
    todo, typed = click.get_current_context().info_name, " ".join(map(quote, words))
    what = f"nothing to {todo}: {typed} is not an id, and as a query it matches no card that this applies to"
    return UsageError(what, hint=f"ankiforge list --all {typed}")


def _confirmed(now: Session, query: str, found: list[Target]) -> bool:
    """Ask the user to confirm the matches of a query.

    Raises:
        UsageError: there is no terminal; the hint is the same command with `--all --filter`.
    """
    context = click.get_current_context()
    many = counted(len(found), "card")
    if not now.out.interactive:
        typed = []
        for option in context.command.params:
            name = str(option.name)
            given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
            if isinstance(option, click.Option) and given and name != "workspace":
                value = () if option.is_flag else (str(context.params[name]),)
                typed += [max(option.opts, key=len), *value]
        words = (str(context.info_name), *typed, "--all", "--filter", query)
        what = (
            f"{query!r} means {many}: nothing was changed, because there is no terminal to ask on"
        )
        raise UsageError(what, hint=" ".join((now.call.program, *map(quote, words))))
    for target in found[:_SHOWN]:
        only = f"  (only candidate {target.letter})" if target.letter else ""
        now.out.warn(one_line(target.card) + only)
    if len(found) > _SHOWN:
        now.out.warn(f"… and {len(found) - _SHOWN} more")
    return click.confirm(f"{context.info_name} {many}?", err=True)


def joined(words: tuple[str, ...]) -> str:
    """Return the query as it was typed, with the quotes that the shell removed."""

    def requoted(word: str) -> str:
        sign, bare = ("-", word[1:]) if word.startswith("-") else ("", word)
        field, colon, value = bare.partition(":")
        if field not in FIELDS:
            field, colon, value = "", "", bare
        terms = (term.removeprefix("-").partition(":") for term in value.split())
        whole = field in UNBROKEN or any(sep and name in FIELDS for name, sep, _ in terms)
        if " " not in value or '"' in value or whole:  # `whole`: the word is a whole query
            return word
        return f'{sign}{field}{colon}"{value}"'

    return " ".join(map(requoted, words))


def report(now: Session, done: tuple[Result, ...], says: str) -> None:
    """Print the results of a decision on cards; exit with 1 if any was refused."""
    if now.out.as_json:
        for one in done:
            now.out.data({"guid": one.guid, "done": not one.refused, "refused": one.refused})
    elif changed := sum(not one.refused for one in done):
        now.out.say(f"{changed} {says}")
    elif not done:
        now.out.say(
            f"0 {says}: no card matches, or each needs a look first (a warning, or several candidates)"
        )
    report_refused(now, done)


def report_refused(now: Session, done: tuple[Result, ...]) -> None:
    """Print the refused decisions with hints; exit with 1 if there are any."""
    refused = [one for one in done if one.refused]
    for one in refused:
        now.out.refusal(one.refused, one.hint)
    if refused:
        click.get_current_context().exit(1)
