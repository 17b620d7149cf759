"""Deliver cards: write packages, synchronise with Anki before and after, push to a running Anki.

`build`, `run` and `watch` write packages; `push`, `run` and `watch` push.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

import click

from ankiforge import ledger
from ankiforge.anki.notes import RETIRED, deck_name, in_deck
from ankiforge.anki.package import is_ours
from ankiforge.anki.sync import types_to_ship
from ankiforge.cli.session import Session, commands_to_rework
from ankiforge.config import is_loopback
from ankiforge.config.deckfiles import DeckRule
from ankiforge.errors import ForgeError, ItemError, ServiceError, UsageError
from ankiforge.model import AnkiState, Card, Guid, Problem, RunId
from ankiforge.pipeline import PackagePlan, publish
from ankiforge.reports.summary import Tally, anki_text, notes_json, push_text
from ankiforge.sync import (
    NEVER,
    PushResult,
    RunningAnki,
    SyncResult,
    SyncStatus,
    plan_cards,
    push_result,
    read_anki,
    read_file,
    wrong_profile,
)
from ankiforge.text.display import counted

# --- packages -------------------------------------------------------------------------------


def package_path(now: Session, deck: str, output: str | None = None) -> Path:
    """Return the path of a package: `-o`, or a file in the output folder, named after a given deck."""
    if output:
        return Path(output).expanduser().absolute()
    name = deck_name(deck).replace("::", "-") if deck else "ankiforge"
    name = "".join("_" if sign in '/\\:*?"<>|' or sign < " " else sign for sign in name)
    return now.workspace.output / f"{name}.apkg"


def refuse_foreign(path: Path, force: bool) -> None:
    """Check that a package may be written to a path.

    Raises:
        UsageError: the path has a file that is not ours (unless `force`), or cannot have a package.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", hint="name a file: -o deck.apkg")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder", hint=f"mkdir {path.parent}")
    if path.suffix.lower() != ".apkg":
        what = f"{path}: Anki imports a package by its ending, .apkg"
        raise UsageError(what, hint=f"-o {path.with_suffix('.apkg')}")
    if path.exists() and not force and not is_ours(path):
        raise UsageError(
            f"{path}: is not a package of ankiforge; it was left unchanged",
            hint="use another name, -o FILE.apkg, or --force to replace it",
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
    """Write the packages of the accepted cards, and add the results to the tally.

    Args:
        now: the session.
        run: the run that ships the cards.
        tally: the totals of the command.
        decks: the rules of the deck files.
        deck: the deck after which the package is named, if it contains cards of that deck.
        below: the only deck, with its subdecks, whose cards are written; "" = all.
        output: the path of the package, if given.
        only: the cards to write, in addition to those already in the package; None = all.
        new_only: write only cards that no package contained before.
        full: also write cards that Anki has.
        force: replace a file that is not ours.
        push: the package goes to a running Anki.
        without: cards that are not updated: they are written as in the last package, or not at all.
    """
    workspace, packages = now.workspace, now.ledger.packages

    def plan_package(path: Path, cards: list[Card]) -> PackagePlan:
        refuse_foreign(path, force)
        held = packages.roster(str(path)) if path.exists() else frozenset()
        if new_only:
            cards = [card for card in cards if packages.last(card.guid) is None]
        elif only is not None:
            cards = [card for card in cards if card.guid in only or card.guid in held]
        cards = [card for card in cards if card.guid not in without - held]
        plans = plan_cards(
            now.ledger, cards, decks, push=push, blind=tally.blind, full=full, unchanged=without
        )
        return PackagePlan(path, tuple(plans))

    with ledger.lock(workspace.folder, "publishing"):
        path = package_path(now, deck, output)
        cards = [one for one in now.ledger.cards.deliverable() if in_deck(one.deck, below)]
        package = plan_package(path, cards)
        if deck and not output:
            shipped_decks = {one.note.deck for one in package.plans if one.note}
            if shipped_decks and not any(in_deck(one, deck) for one in shipped_decks):
                package = plan_package(package_path(now, ""), cards)
        tally.add_plans(package.plans)
        for published in publish(
            now.ledger, run, [package], types_to_ship(now.ledger.views.types())
        ):
            tally.take(published)
            if not published.notes and not published.problems:
                if _is_stale(now, published.path):
                    tally.stale += _set_aside(published.path)
                else:
                    tally.aside += _set_aside_imported(now, published.path)
            elif workspace.unconfirmed_output and published.path.parent == workspace.output:
                notice = _output_notice(now, workspace.unconfirmed_output)
                tally.problems += [] if notice in tally.problems else [notice]
        if not (deck or output):  # set aside stale packages of earlier runs
            for path in map(Path, packages.paths()):
                inside = path.parent == workspace.output and path.exists()
                if inside and path != package.path and _is_stale(now, path):
                    tally.stale += _set_aside(path)


def previous(path: Path) -> Path:
    """Return the path to which a package is renamed when it must no longer be imported."""
    return path.with_name(f"{path.stem}.previous.apkg")


def _set_aside(path: Path) -> tuple[Path, ...]:
    """Rename a package of ours, unless another program has it open; return the new path, if any."""
    if not path.exists() or not is_ours(path):
        return ()
    try:
        path.replace(previous(path))
    except OSError:
        return ()
    return (previous(path),)


def _set_aside_imported(now: Session, path: Path) -> tuple[Path, ...]:
    """Rename a package of ours if Anki has all its notes; return the new path, if any."""
    if not now.ledger.views.ever:
        return ()
    cards = [now.ledger.cards.get(guid) for guid in now.ledger.packages.roster(str(path))]
    if any(one.ready and one.anki in (AnkiState.NONE, AnkiState.WRITTEN) for one in cards):
        return ()
    return _set_aside(path)


def _is_stale(now: Session, path: Path) -> bool:
    """Return whether no card of a package is still accepted and none is in Anki."""
    cards = [now.ledger.cards.get(guid) for guid in now.ledger.packages.roster(str(path))]
    return bool(cards) and not any(card.ready or card.anki.there for card in cards)


def _output_notice(now: Session, wanted: Path) -> Problem:
    """Return a notice that packages are in the workspace until the output folder is confirmed."""
    workspace = now.workspace
    what = (
        f"output: {wanted.resolve()} is outside this workspace and must be confirmed;"
        f" until then packages are written to {workspace.output}"
    )
    do = f"to confirm it: ankiforge init --trust {quote(str(workspace.root))}"
    return Problem(str(workspace.settings), what, do, notice=True)


def deck_notices(now: Session, run: RunId, tally: Tally, deck: str) -> Iterator[Problem]:
    """Yield notices about `--deck`: new cards in other decks, and packages with notes of other decks."""
    option, wanted = f"--deck {deck}", deck_name(deck).casefold()
    shipped = {one.card.guid: one.note.deck for one in tally.plans if one.note}
    made = list(now.ledger.cards.made_in(run))
    if not made:
        yield Problem(option, "no new card in this run; all cards stay in their decks", notice=True)
    elsewhere: Counter[tuple[str, str]] = Counter()
    for card in made:
        name = shipped.get(card.guid, deck_name(card.deck))
        if name.casefold() == wanted:
            continue
        if card.highlight.document.deck:
            why = "notes with `deck:` keep their own deck"
        elif deck_name(card.deck).casefold() == wanted:
            why = "you moved the cards of their document there in Anki"
        else:
            why = "they were already in it"
        elsewhere[name, why] += 1
    for (name, why), count in sorted(elsewhere.items()):
        yield Problem(option, f"{counted(count, 'new card')} in {name}: {why}", notice=True)
    for package in tally.published:
        roster = now.ledger.packages.roster(str(package.path))
        held = Counter(name for guid, name in shipped.items() if guid in roster)
        if any(name.casefold() != wanted for name in held):
            listed = ", ".join(f"{counted(n, 'note')} of {one}" for one, n in sorted(held.items()))
            yield Problem(option, f"{package.path.name} holds {listed}", notice=True)


def why_no_package(now: Session, deck: str) -> str:
    """Return why a build wrote no package."""
    cards = [card for card in now.ledger.cards.all() if in_deck(card.deck, deck)]
    if deck and not cards:
        return f"no card is in a deck {deck}, nor below it"
    ready = [card for card in cards if card.ready]
    if ready and all(card.anki not in (AnkiState.NONE, AnkiState.WRITTEN) for card in ready):
        return "Anki has everything"
    return f"no card is accepted ({now.call.program} status)"


# --- sync with Anki -------------------------------------------------------------------------


def sync_first(now: Session, tally: Tally) -> SyncResult:
    """Read Anki before cards are written, and print the result."""
    result = read_anki(now.workspace.config.anki, now.ledger, Path.home(), os.environ)
    tally.record_sync(result, now.ledger)
    for line in sync_lines(now, result):
        now.out.say(line)
    return result


def sync_lines(now: Session, result: SyncResult) -> Iterator[str]:
    """Yield the lines that describe the result of reading Anki."""
    summary, program = result.summary, now.call.program
    if result.status is SyncStatus.NO_NOTES:
        yield f"read Anki ({result.path}): none of these cards is in it yet"
    elif result.status is SyncStatus.FAILED:
        yield "Anki could not be read, so cards that are there stay as they are this time"
    elif result.status is SyncStatus.UNCHANGED:
        yield f"Anki has not changed since it was last read ({result.path})"
    elif result.status is SyncStatus.READ:
        yield f"read Anki ({result.path}): {counted(summary.seen, 'note') if summary else ''}"
    elif not now.ledger.views.ever:
        why = "no Anki collection found, so"
        if result.status is not SyncStatus.NO_COLLECTION:
            why = "Anki is not read (anki.collection is none), so what it has is unknown and"
        yield f"{why} packages contain every card"
    if not summary:
        return
    if summary.recovered:
        yield f"  {counted(summary.recovered, 'card')} taken over from there"
    if summary.back:
        yield f"  {counted(summary.back, 'note')} are there again"
    if summary.deleted:
        yield f"  {counted(summary.deleted, 'note')} deleted there; they will not be sent again"
    if summary.missing:
        yield f"  {counted(summary.missing, 'note')} missing there: {program} list anki:missing"
    if summary.held_back:
        yield (
            "  That many at once may be an accident. If you deleted them:"
            f" {program} pull --confirm-deletions {summary.missing}; else: {program} restore --missing"
        )
    if summary.feedback:
        yield f"  {counted(summary.feedback, 'remark')} typed into Feedback: {program} list finding:feedback"


def running_anki(now: Session) -> RunningAnki:
    """Connect to a running Anki.

    Raises:
        ServiceError: Anki does not answer, or must not be used.
        UsageError: Anki is on another machine, which `--offline` forbids.
    """
    refuse_offline(now)
    return RunningAnki.connect(now.workspace.config.anki)


def refuse_offline(now: Session) -> None:
    """Raise a UsageError if Anki is on another machine and `--offline` is given."""
    address = now.workspace.config.anki.connect
    if now.call.offline and not is_loopback(address):
        raise UsageError(
            f"--offline forbids a connection to Anki at {address}", hint="run it without --offline"
        )


def read_named_file(now: Session, file: Path, *, bind: bool = False) -> SyncResult:
    """Read a collection or an export that the user names; raise a UsageError if that fails."""
    try:
        return read_file(file.expanduser().absolute(), now.ledger, bind=bind)
    except ItemError as error:
        raise UsageError(error.message, hint=error.hint) from error


def read_any(now: Session, bind: bool) -> SyncResult:
    """Read the collection of this machine, else a running Anki."""
    settings = now.workspace.config.anki
    if settings.collection == NEVER:  # holds also for an explicit command
        what = f"anki.collection is {NEVER}, so Anki is not read"
        hint = "ankiforge pull --collection FILE; or anki.collection: auto"
        raise UsageError(what, hint=hint)
    result = read_anki(settings, now.ledger, Path.home(), os.environ, bind=bind)
    if result.status is not SyncStatus.NO_COLLECTION:
        return result
    try:
        return running_anki(now).read(now.ledger, bind=bind)
    except ForgeError as error:
        what = "no collection was found on this machine, and no running Anki answers"
        hint = "name one: ankiforge pull --collection FILE, or --apkg EXPORT.apkg"
        raise type(error)(f"{what} ({error.message})", hint=hint) from error


def report_sync(now: Session, tally: Tally, result: SyncResult) -> None:
    """Print the result of reading Anki, as JSON or as text."""
    out, summary, program = now.out, result.summary, now.call.program
    if out.as_json:
        counts = ("seen", "first", "back", "recovered", "reviews", "feedback")
        view = {
            "sight": result.status,
            "path": result.path,
            **{name: getattr(summary, name) if summary else 0 for name in counts},
            "bound": bool(summary and summary.bound),
        }
        out.data({"notes": notes_json(tally), "view": view, "problems": tally.problems})
        return
    out.problems(tally.problems)
    for line in sync_lines(now, result):
        out.print(line)
    if held := tally.anki["held"]:
        out.print(f"  {held} held; {program} list anki:held")
    if conflicts := tally.anki["conflicts"]:
        what = "changed in Anki and in the source: resolve ID"
        out.print(f"  {conflicts} {what}; {program} list anki:held")
    for words, says in commands_to_rework(now):
        out.print(f"  {says}; {program} {words}")


def count_held(now: Session, tally: Tally, *, push: bool = False) -> None:
    """Add the cards that cannot be updated in Anki now, by reason, to the tally."""
    cards = (card for card in now.ledger.cards.deliverable() if push or card.anki.there)
    tally.add_plans(plan_cards(now.ledger, cards, now.decks, push=push))


# --- push -----------------------------------------------------------------------------------


_OPTIONS_SHOWN = "push:said"
"""The name in `meta` that records that `_OPTIONS_STAY` was shown."""
_OPTIONS_STAY = (
    "A push imports with scheduling and merges note types, and Anki's import dialog shows those"
    " options from then on."
)


def send(now: Session) -> tuple[str, Path | None]:
    """Push the cards that Anki lacks; if Anki cannot be reached, write a package to import by hand.

    Returns:
        A message for the user, and the package to import, if any.
    """
    path = package_path(now, "")
    refuse_foreign(path, False)
    work, first = Push(now, "", path), not now.ledger.writer.recall(_OPTIONS_SHOWN)
    try:
        refuse_offline(now)
        work.run()
    except (ServiceError, UsageError) as error:
        work.fall_back()
        left = [one for one in work.tally.published if one.path.exists()]
        if not left:
            return f"Nothing to send: {why_no_package(now, '')} ({error.message})", None
        many = counted(sum(one.notes for one in left), "note")
        message = (
            f"{many} written to {left[0].path}: double-click it to import it ({error.message})"
        )
        return message, left[0].path
    message = push_text(work.pushed) if work.pushed.added or work.pushed.updated else ""
    message = message or f"Nothing to send: {why_no_package(now, '')}"
    failed = (f"{one.what} ({one.hint})" for one in work.tally.problems if not one.notice)
    return ". ".join(
        (message, *failed, *((_OPTIONS_STAY,) if first and work.pushed.added else ()))
    ), None


class Push:
    """One push to a running Anki: of `push`, or at the end of a pass of `watch`."""

    def __init__(
        self,
        now: Session,
        deck: str,
        path: Path,
        force: bool = False,
        without: frozenset[Guid] = frozenset(),
    ) -> None:
        """Prepare a push that does not update the cards in `without`."""
        self.now, self.deck, self.path, self.force = now, deck, path, force
        self.without = without
        self.tally = Tally(problems=list(now.problems))
        self.pushed = PushResult()
        self.run_id = now.ledger.start_run("push")
        self.written = False

    def run(self, *, sync: bool = False, suspend: bool = False, yes: bool = False) -> None:
        """Read Anki, write a package, import it, and read Anki again.

        Raises:
            ServiceError: Anki does not answer, is on another machine, or has another profile open.
        """
        now, out = self.now, self.now.out
        address = now.workspace.config.anki.connect
        if not is_loopback(address):  # Anki imports by path, so it must run on this machine
            hint = f"import the package there: {self.path}"
            raise ServiceError(f"{address}: Anki on another machine cannot read it", hint=hint)
        anki = RunningAnki.connect(now.workspace.config.anki)
        self._warn_once()
        account = anki.sync_account() if sync else False
        if sync and account is False:  # a sync would open Anki's login dialog
            what = "not synced: Anki is not logged in to a sync account"
            hint = "press Sync in Anki and log in, then: ankiforge push --sync"
            self.tally.problems.append(Problem("Anki", what, hint))
        elif account is None:
            out.say(
                "Anki was asked to sync. ankiforge cannot see whether it is logged in: if it shows"
                " a dialog, log in there, then press Sync"
            )
        result = anki.read(now.ledger)
        if error := wrong_profile(result, now.ledger):
            raise error
        self.tally.record_sync(result, now.ledger)
        for line in sync_lines(now, result):
            out.say(line)
        in_anki = frozenset(card.guid for card in now.ledger.cards.deliverable() if card.anki.there)
        self._write()
        self._import(anki, in_anki)
        now.ledger.finish_run(self.run_id)
        self._suspend(anki, wanted=suspend, yes=yes)
        if account:  # certainly logged in: sync the new notes
            anki.sync_account()

    def _warn_once(self) -> None:
        """Before the first push of this ledger, explain its effect on Anki's import dialog and confirm."""
        writer, out = self.now.ledger.writer, self.now.out
        if writer.recall(_OPTIONS_SHOWN):
            return
        if out.interactive:
            click.confirm(f"{_OPTIONS_STAY} Go on?", abort=True, err=True)
        else:
            out.say(_OPTIONS_STAY)
        with writer.unit():
            writer.meta(_OPTIONS_SHOWN, writer.now())

    def _write(self) -> None:
        """Write the package for an import by hand, in case the push fails."""
        write_packages(
            self.now, self.run_id, self.tally, self.now.decks, deck=self.deck, below=self.deck,
            output=str(self.path), force=self.force, without=self.without,
        )  # fmt: skip
        self.written = True

    def _import(self, anki: RunningAnki, in_anki: frozenset[Guid]) -> None:
        """Write and import a temporary package, which keeps edits that a file to import would replace."""
        now, sent = self.now, Tally()
        with tempfile.TemporaryDirectory(prefix="push-", dir=now.workspace.folder) as folder:
            write_packages(
                now, self.run_id, sent, now.decks, deck=self.deck, below=self.deck,
                output=str(Path(folder) / self.path.name), push=True, without=self.without,
            )  # fmt: skip
            self.tally.problems += [one for one in sent.problems if one not in self.tally.problems]
            for one in sent.published:
                anki.import_package(one.path)
        self.tally.pushed = self.pushed
        if not sent.published:
            return
        self.tally.record_sync(anki.read(now.ledger), now.ledger)
        self.pushed = self.tally.pushed = push_result(now.ledger, sent.plans, in_anki)
        if refused := self.pushed.refused:
            what = f"{len(refused)} notes did not arrive as sent, {refused[0]} the first"
            hint = "one may have been changed in Anki in the meantime: push again"
            self.tally.problems.append(Problem(str(self.path), what, hint))
        else:
            _set_aside_imported(now, self.path)

    def _suspend(self, anki: RunningAnki, *, wanted: bool, yes: bool) -> None:
        """Suspend the cards of retired notes if wanted and confirmed, and unsuspend restored ones."""
        out, suspensions = self.now.out, self.now.ledger.suspensions
        if back := suspensions.to_unsuspend():
            anki.unsuspend(card for cards in back.values() for card in cards)
            suspensions.remove(tuple(back))
            out.say(f"studied again: {counted(len(back), 'note')}")
        if not wanted:
            return
        unsuspended, retired = frozenset(anki.retired_cards()), {}
        for card in self.now.ledger.cards.deliverable():
            seen = self.now.ledger.views.seen(card.guid)
            ids = tuple(one.id for one in seen.cards if one.id in unsuspended) if seen else ()
            if ids and not card.ready:
                retired[card.guid] = ids
        if not retired:
            return
        many = counted(sum(map(len, retired.values())), "card")
        question = f"Suspend {many} in Anki, which are retired here ({RETIRED})?"
        if not yes and not out.interactive:
            out.warn(f"{question} There is no terminal to ask on: use --yes")
        elif yes or click.confirm(question, err=True):
            suspensions.record(retired)
            anki.suspend(card for ids in retired.values() for card in ids)
            out.say(f"suspended: {many}; `undo` and another push takes that back")

    def fall_back(self) -> None:
        """Write the package if Anki could not be reached."""
        if not self.written:
            sync_first(self.now, self.tally)
            self._write()
            self.now.ledger.finish_run(self.run_id)

    def report(self, *, failed: bool = False) -> None:
        """Print the result; with `failed`, the caller prints the error."""
        out, tally = self.now.out, self.tally
        tally.anki["held"] = tally.anki["conflicts"] = 0
        tally.reasons.clear()
        count_held(self.now, tally, push=True)
        left = [str(one.path) for one in tally.published if one.path.exists()]
        if out.as_json:
            pushed = {"added": self.pushed.added, "updated": self.pushed.updated}
            notes = {**notes_json(tally), **pushed}
            out.data({"notes": notes, "packages": left, "problems": tally.problems})
            return
        out.problems(tally.problems)
        if self.pushed.added or self.pushed.updated:
            out.print(push_text(self.pushed))
        elif left:
            out.print(f"package: {left[0]}")
        elif not failed:
            out.print(f"no package: {why_no_package(self.now, self.deck)}")
        for line in anki_text(tally):
            out.print(line)
