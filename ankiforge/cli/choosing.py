"""Which cards a command means: ids, the words of a query, or all that a filter lets through."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote
from typing import Any

import click
from click.core import ParameterSource

from ankiforge.cli.common import Call
from ankiforge.cli.session import Session
from ankiforge.errors import UsageError
from ankiforge.model import Card
from ankiforge.reports.cards import one_line
from ankiforge.review import Result, Target
from ankiforge.review.query import FIELDS, UNBROKEN, parse
from ankiforge.review.select import find, is_id, names_card
from ankiforge.review.service import one_per_choice

Fits = Callable[[Card], bool]
_SHOWN = 10
"""Cards that are told before a person is asked about all."""


def choosing(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command IDs or a QUERY, `--all` and `--filter`."""
    function = click.option(
        "--filter", "query", default="", metavar="QUERY", help="With --all: only these."
    )(function)
    function = click.option("--all", "every", is_flag=True, help="All cards (see --filter).")(
        function
    )
    return click.argument("words", nargs=-1, metavar="[ID|QUERY]...")(function)


def chosen(
    now: Session, words: tuple[str, ...], every: bool, query: str, fits: Fits
) -> list[Target]:
    """The cards that are meant; of a query those that `fits` lets through.

    What a query means that was not given by `--all --filter` is told, and a person asked.

    Raises:
        UsageError: neither words nor `--all`, both, an id that names no single card, or a query
            where nobody can be asked.
    """
    if bool(words) == every or (query and not every):
        raise UsageError(
            "name cards by their ids or a query, or all of them by --all --filter QUERY",
            hint="ankiforge list shows ids",
        )
    if every:
        return _matching(now, query, fits)
    if named := _named(now, words):
        return named
    query = joined(words)
    found = _matching(now, query, fits)
    if not found:
        raise _none(words)
    return found if _agreed(now.call, query, found) else []


def meant(now: Session, words: tuple[str, ...], fits: Fits = lambda card: True) -> list[Target]:
    """The cards that ids name; else those that the words, as a query, mean and `fits` lets through.

    Raises:
        UsageError: an id names no single card, or the query means none.
    """
    if named := _named(now, words):
        return named
    query = joined(words)
    found = [Target(card) for card in now.desk.matching(query) if fits(card)]
    if not found:
        raise _none(words)
    return found[: now.call.limit]


def _named(now: Session, words: tuple[str, ...]) -> list[Target]:
    """The cards that ids name; none if the words are a query."""
    if not all(word.strip() for word in words):
        raise UsageError("an empty word names no card", hint="ankiforge list shows ids")
    if all(map(is_id, words)) or any(names_card(now.ledger, word) for word in words):
        return [find(now.ledger, word) for word in words]
    return []


def _matching(now: Session, query: str, fits: Fits) -> list[Target]:
    wanted = parse(query)
    found = one_per_choice(card for card in now.desk.all_matching(wanted) if fits(card))
    return [target for card in found for target in now.desk.targets(wanted, card)]


# --- a query, before it decides ---------------------------------------------------------------


def _agreed(call: Call, query: str, found: list[Target]) -> bool:
    """Whether a person wants what a query means.

    Raises:
        UsageError: nobody can be asked.
    """
    many = "1 card" if len(found) == 1 else f"{len(found)} cards"
    if not call.talk.interactive:
        what = f"{query!r} means {many}: nothing was done, for nobody can be asked"
        raise UsageError(what, hint=_by_filter(call, query))
    for target in found[:_SHOWN]:
        call.talk.warn(_line(target))
    if len(found) > _SHOWN:
        call.talk.warn(f"… and {len(found) - _SHOWN} more")
    return click.confirm(f"{click.get_current_context().info_name} {many}?", err=True)


def _line(target: Target) -> str:
    only = f"  (only candidate {target.letter})" if target.letter else ""
    return one_line(target.card) + only


def _none(words: tuple[str, ...]) -> UsageError:
    todo, typed = click.get_current_context().info_name, " ".join(map(quote, words))
    what = f"nothing to {todo}: {typed} is no id, and as a query it finds no card for this"
    return UsageError(what, hint=f"ankiforge list --all {typed}")


def _by_filter(call: Call, query: str) -> str:
    """The command as it was typed, with the query as a filter."""
    context = click.get_current_context()
    typed = [
        word
        for option in context.command.params
        if isinstance(option, click.Option) and option.name != "workspace"
        for word in _typed(option, context)
    ]
    words = [str(context.info_name), *typed, "--all", "--filter", query]
    return " ".join((call.program, *map(quote, words)))


def _typed(option: click.Option, context: click.Context) -> tuple[str, ...]:
    name, longest = str(option.name), max(option.opts, key=len)
    if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
        return ()
    return (longest,) if option.is_flag else (longest, str(context.params[name]))


# --- the words of a query ---------------------------------------------------------------------


def joined(words: tuple[str, ...]) -> str:
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


# --- what came of it --------------------------------------------------------------------------


def tell_done(call: Call, done: tuple[Result, ...], says: str) -> None:
    """Say what came of an action; exit 1 if something was refused."""
    if call.talk.as_json:
        for one in done:
            call.talk.data(_done_json(one))
    elif changed := sum(not one.refused for one in done):
        call.talk.say(f"{changed} {says}")
    tell_refused(call, done)


def tell_refused(call: Call, done: tuple[Result, ...]) -> None:
    """Name what was refused, each with what to do; exit 1 if anything was."""
    refused = [one for one in done if one.refused]
    for one in refused:
        tell_refusal(call, one.refused, one.hint)
    if refused:
        click.get_current_context().exit(1)


def tell_refusal(call: Call, why: str, hint: str) -> None:
    """Name what was refused, and what to do."""
    call.talk.warn(f"refused: {why}" + (f"\nhint: {hint}" if hint else ""))


def _done_json(one: Result) -> dict[str, Any]:
    return {"guid": one.guid, "done": not one.refused, "refused": one.refused}
