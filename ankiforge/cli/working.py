"""Doing the work of a run, and telling of it: shared by `run`, `draft` and `build`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ankiforge import app, ledger
from ankiforge.anki.notes import deck_name
from ankiforge.anki.package import is_ours
from ankiforge.anki.sync import types_to_ship
from ankiforge.cli.common import tell_problems
from ankiforge.cli.progress import bar
from ankiforge.cli.session import Session, first_line
from ankiforge.config import DrafterName, PackageShape
from ankiforge.config.deckfiles import DeckRule
from ankiforge.errors import ForgeError, ServiceError, UsageError
from ankiforge.model import (
    AnkiState,
    Card,
    Guid,
    Problem,
    RunId,
    Source,
    ViewSummary,
)
from ankiforge.pending import pending, share, unwritten
from ankiforge.pipeline import Job, Parcel, Progress, deliverable, publish
from ankiforge.reports.summary import Summary, Tally, counted, told
from ankiforge.sync import SyncResult, SyncStatus, plan_cards, read_anki

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model


# --- the first half -------------------------------------------------------------------------


def model_for(
    now: Session, drafter: str, *, fresh: bool = False, accept: str = "", spent: float = 0.0
) -> Model | None:
    """The language model, if it is to draft; None for the rules.

    `accept`: the policy given by `--accept`, if any; `spent`: dollars of the budget that are gone.
    """
    name = DrafterName(drafter) if drafter else now.workspace.config.drafter
    if name is DrafterName.RULES:
        return None
    return app.language_model(
        now.workspace,
        now.ledger,
        now.call.talk.say,
        offline=now.call.offline,
        jobs=now.call.jobs,
        fresh=fresh,
        accept=accept,
        spent=spent,
        repair=app.repair_hints(app.check_limits(now.workspace.config)),
    )


def job_for(
    now: Session, sources: tuple[Source, ...], model: Model | None, accept: str = "",
    deck: str = "",
) -> Job:  # fmt: skip
    """The job, its first line said."""
    job = app.make_job(
        now.workspace,
        sources,
        model,
        accept=accept,
        deck=deck and deck_name(deck),
        limit=now.call.limit,
    )
    now.call.talk.say(first_line(now, job, accept))
    return job


def follow(
    now: Session,
    tally: Tally,
    steps: Iterable[Progress],
    model: Model | None = None,
    job: Job | None = None,
    scope: RunId | None = None,
) -> ForgeError | None:
    """Work through the steps, showing where they are; `model` and `job`: who drafts what.

    `scope`: only what this run has read is drafted.

    A service that is needed and not there, or may not be asked, ends them; the reason is handed
    back, so that what is ready can still be written.
    """
    tally.problems += [one for one in now.problems if one not in tally.problems]
    sources = job.sources if job else ()
    with bar(now.call.talk, model, lambda: _to_draft(now, job, scope), sources) as show:
        try:
            for progress in steps:
                tally.add(progress)
                show(progress)
        except (ServiceError, UsageError) as error:
            return error
        finally:  # the ledger is closed next: no thread may write to it any more
            if model is not None:
                model.leave()
    return None


def waiting_for(now: Session, job: Job | None) -> int:
    """How many highlights a job is to draft."""
    if job is None:
        return 0
    tasks = unwritten(now.ledger, None, job.drafter_name, job.limit, job.only)
    return sum(len(task.highlights) for task in tasks)


def _to_draft(now: Session, job: Job | None, scope: RunId | None) -> int:
    """How many highlights are drafted now, cards written by hand among them."""
    if job is None:
        return 0
    written = share(pending(now.ledger, scope, job.drafter_name), job.only, by_hand=True)
    rest = unwritten(now.ledger, scope, job.drafter_name, job.limit, job.only)
    return sum(len(task.highlights) for task in (*written, *rest))


# --- sync with Anki -------------------------------------------------------------------------


def sync_first(now: Session, tally: Tally) -> SyncResult:
    """Sync with Anki before anything is made of the cards here, and say what came of it."""
    result = read_anki(now.workspace.config.anki, now.ledger, Path.home(), os.environ)
    tally.record_sync(result, now.ledger)
    for line in sync_lines(now, result):
        now.call.talk.say(line)
    return result


HOLDS_ALL = "so the package holds every card"


def sync_lines(now: Session, result: SyncResult) -> Iterator[str]:
    """Yield what syncing with Anki came to, for people."""
    summary = result.summary
    if result.status is SyncStatus.NO_NOTES:
        yield f"Anki was looked at ({result.path}): none of these cards is there yet"
    elif result.status is SyncStatus.FAILED:
        yield "Anki was not seen: cards that are there already stay as they are this time"
    elif result.status is SyncStatus.UNCHANGED:
        yield f"Anki is as it was at the last look ({result.path})"
    elif result.status is SyncStatus.READ:
        yield f"Anki was looked at ({result.path}): {counted(summary.seen, 'note') if summary else ''}"
    elif not now.ledger.views.ever:
        found = result.status is not SyncStatus.NO_COLLECTION
        why = (
            "Anki is not looked at (anki.collection is none)"
            if found
            else "no Anki collection found"
        )
        yield f"{why}, {HOLDS_ALL}"
    if summary:
        yield from _news(now, summary)


def _news(now: Session, summary: ViewSummary) -> Iterator[str]:
    program = now.call.program
    if summary.recovered:
        yield f"  {counted(summary.recovered, 'card')} taken over from there"
    if summary.back:
        yield f"  {counted(summary.back, 'note')} there again"
    if summary.deleted:
        yield f"  {counted(summary.deleted, 'note')} deleted there: not shipped again"
    if summary.missing:
        yield f"  {counted(summary.missing, 'note')} missing there: {program} list anki:missing"
    if summary.held_back:
        yield (
            "  so many at once may be an accident. If you deleted them:"
            f" {program} pull --confirm-deletions {summary.missing}; else: {program} restore --missing"
        )
    if summary.feedback:
        yield f"  {counted(summary.feedback, 'remark')} typed there: {program} list finding:feedback"


# --- the second half ------------------------------------------------------------------------


def target(now: Session, deck: str, output: str | None) -> Path:
    """Where the package goes: `-o`, else in the output folder, named after the deck if given."""
    if output:
        return Path(output).expanduser().absolute()
    name = deck_name(deck).replace("::", "-") if deck else "ankiforge"
    return now.workspace.output / f"{_file_name(name)}.apkg"


def _file_name(name: str) -> str:
    return "".join("_" if sign in '/\\:*?"<>|' or sign < " " else sign for sign in name)


def refuse_foreign(path: Path, force: bool) -> None:
    """Stop before a file that is not ours would be replaced.

    Raises:
        UsageError: with exit code 2.
    """
    if path.is_dir() or not path.parent.is_dir():
        if path.is_dir():
            raise UsageError(f"{path}: is a folder", hint="name a file: -o deck.apkg")
        raise UsageError(f"{path.parent}: there is no such folder", hint=f"mkdir {path.parent}")
    if path.suffix.lower() != ".apkg":
        what = f"{path}: Anki imports a package by its ending, .apkg"
        raise UsageError(what, hint=f"-o {path.with_suffix('.apkg')}")
    if path.exists() and not force and not is_ours(path):
        raise UsageError(
            f"{path}: is no package of ankiforge; it is left as it is",
            hint="another name: -o FILE.apkg; or --force to replace it",
        )


def write_packages(
    now: Session,
    run: RunId,
    tally: Tally,
    decks: tuple[DeckRule, ...],
    *,
    deck: str = "",
    below: str = "",
    output: str | None = None,
    only: frozenset[Guid] | None = None,
    new_only: bool = False,
    full: bool = False,
    force: bool = False,
    push: bool = False,
    without: frozenset[Guid] = frozenset(),
) -> None:
    """Write what is ready: the selection, and what the packages replaced held besides.

    `deck` names the package, if it holds cards of it; `below` leaves out the cards of other decks, `only` all
    but these and those that the package held before; `full` takes what Anki has, too;
    `push`: they go to a running Anki; `without`: these stay as the package had them.
    """
    workspace = now.workspace
    with ledger.lock(workspace.folder, "publishing"):
        cards = [c for c in deliverable(now.ledger) if within(c.deck, below)]
        parcels = []

        def parcel_of(path: Path, members: list[Card]) -> Parcel:
            refuse_foreign(path, force)
            held = now.ledger.packages.roster(str(path)) if path.exists() else frozenset()
            chosen = _chosen(now, members, held, only, new_only)
            shipped = [card for card in chosen if card.guid not in without - held]
            plans = plan_cards(
                now.ledger, shipped, decks,
                push=push, blind=tally.blind, full=full, unchanged=without,
            )  # fmt: skip
            return Parcel(path, tuple(plans))

        for path, members in _by_package(now, cards, deck, output).items():
            parcel = parcel_of(path, members)
            if deck and not output and path == target(now, deck, None):
                decks_there = _decks_of(parcel)
                if decks_there and not any(within(one, deck) for one in decks_there):
                    parcel = parcel_of(target(now, "", None), members)
            parcels.append(parcel)
        for parcel in parcels:
            tally.add_plans(parcel.plans)
        types = types_to_ship(now.ledger.views.types())
        for published in publish(now.ledger, run, parcels, types):
            tally.take(published)
            if not published.notes and not published.problems:
                if _is_stale(now, published.path):
                    tally.stale += _renamed(published.path)
                else:
                    tally.aside += set_aside(now, published.path)
            elif (notice := _stayed_inside(now, published.path)) and notice not in tally.problems:
                tally.problems.append(notice)
        if not (deck or output):
            for path in _others(now, {parcel.path for parcel in parcels}):
                if _is_stale(now, path):
                    tally.stale += _renamed(path)


def _stayed_inside(now: Session, package: Path) -> Problem | None:
    """That a package lies in the workspace though its settings name a folder elsewhere."""
    workspace = now.workspace
    if workspace.unconfirmed_output is None or package.parent != workspace.output:
        return None
    what = (
        f"output: {workspace.unconfirmed_output.resolve()} lies outside this workspace and needs"
        " your word;"
        f" until then packages are written to {workspace.output}"
    )
    do = f"if that is what you want: ankiforge init --trust {quote(str(workspace.root))}"
    return Problem(str(workspace.settings), what, do, notice=True)


def _decks_of(parcel: Parcel) -> Counter[str]:
    """How many notes of a package go to each deck."""
    return Counter(one.note.deck for one in parcel.plans if one.note)


def deck_notices(now: Session, run: RunId, tally: Tally, deck: str) -> Iterator[Problem]:
    """What became of `--deck`: new cards elsewhere and why, and packages with other decks' notes."""
    option, wanted = f"--deck {deck}", deck_name(deck)
    shipped = {one.card.guid: one.note.deck for one in tally.plans if one.note}
    where = {card.guid: (card, shipped.get(card.guid, deck_name(card.deck)))
             for card in now.ledger.cards.made_in(run)}  # fmt: skip
    if not where:
        yield Problem(option, "no new card in this run; all cards stay in their decks", notice=True)
    elsewhere: Counter[tuple[str, str]] = Counter()
    for card, there in where.values():
        if there.casefold() == wanted.casefold():
            continue
        if card.highlight.document.deck:
            why = "notes with `deck:` keep their own deck"
        elif deck_name(card.deck).casefold() == wanted.casefold():
            why = "you moved the cards of their document there in Anki"
        else:
            why = "they were in it before"
        elsewhere[there, why] += 1
    for (there, why), count in sorted(elsewhere.items()):
        yield Problem(option, f"{counted(count, 'new card')} in {there}: {why}", notice=True)
    for package in tally.published:
        held = Counter(one.note.deck for one in tally.plans if one.note
                       and one.card.guid in now.ledger.packages.roster(str(package.path)))  # fmt: skip
        if any(name.casefold() != wanted.casefold() for name in held):
            listed = ", ".join(
                f"{counted(n, 'note')} of {name}" for name, n in sorted(held.items())
            )
            yield Problem(option, f"{package.path.name} holds {listed}", notice=True)


def set_aside(now: Session, path: Path) -> tuple[Path, ...]:
    """Anki has all that a package of ours holds: it is kept under another name."""
    if not now.ledger.views.ever:
        return ()
    if any(_waits(now, guid) for guid in now.ledger.packages.roster(str(path))):
        return ()
    return _renamed(path)


def previous(path: Path) -> Path:
    """The name under which a package is kept that is not to be imported any more."""
    return path.with_name(f"{path.stem}.previous.apkg")


def _renamed(path: Path) -> tuple[Path, ...]:
    """Keep a package of ours under another name.

    One that another program has open stays where it is.
    """
    if not path.exists() or not is_ours(path):
        return ()
    try:
        path.replace(previous(path))
    except OSError:
        return ()
    return (previous(path),)


def _is_stale(now: Session, path: Path) -> bool:
    """Whether no card of a package is accepted any more, and Anki has none of them."""
    cards = [now.ledger.cards.get(guid) for guid in now.ledger.packages.roster(str(path))]
    return bool(cards) and not any(card.ready or card.anki.there for card in cards)


def _others(now: Session, written: set[Path]) -> Iterator[Path]:
    """The packages of earlier runs in the output folder, beside those of this one."""
    for path in map(Path, now.ledger.packages.paths()):
        if path.parent == now.workspace.output and path not in written and path.exists():
            yield path


def _waits(now: Session, guid: Guid) -> bool:
    """Whether a card was written and is not in Anki yet."""
    card = now.ledger.cards.get(guid)
    return card.ready and card.anki in (AnkiState.NONE, AnkiState.WRITTEN)


def within(name: str, deck: str) -> bool:
    """Whether a deck is the one that is meant, or below it."""
    wanted = deck_name(deck).casefold() if deck else ""
    mine = deck_name(name).casefold()
    return not wanted or mine == wanted or mine.startswith(f"{wanted}::")


def _by_package(
    now: Session, cards: list[Card], deck: str, output: str | None
) -> dict[Path, list[Card]]:
    if output or now.workspace.config.package is PackageShape.ONE:
        return {target(now, deck, output): cards}
    packages: dict[Path, list[Card]] = {}
    for card in cards:
        packages.setdefault(target(now, card.deck, None), []).append(card)
    return packages


def _chosen(
    now: Session,
    cards: list[Card],
    held: frozenset[Guid],
    only: frozenset[Guid] | None,
    new_only: bool,
) -> list[Card]:
    if new_only:
        return [card for card in cards if now.ledger.packages.last(card.guid) is None]
    if only is not None:
        return [card for card in cards if card.guid in only or card.guid in held]
    return cards


# --- the end --------------------------------------------------------------------------------


def tell(now: Session, summary: Summary, hints: Iterable[str]) -> None:
    """Say what a run came to: as JSON, or as the funnel with what to do next."""
    talk = now.call.talk
    if talk.as_json:
        talk.data(summary.as_json())
        return
    tell_problems(now.call, (*summary.tally.problems, *summary.tally.deck_notices))
    if talk.quiet:
        return
    for line in told(summary, now.ledger, now.call.program):
        talk.print(line)
    for line in hints:
        talk.print(line)
