"""`ankiforge push`: bring the cards into a running Anki."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from ankiforge.anki.notes import RETIRED
from ankiforge.cli.anki import count_held, refuse_offline, why_none
from ankiforge.cli.common import Call, common_options, end, tell_problems
from ankiforge.cli.session import Session, session
from ankiforge.cli.working import (
    refuse_foreign,
    set_aside,
    sync_first,
    sync_lines,
    target,
    write_packages,
)
from ankiforge.config import is_loopback
from ankiforge.errors import ServiceError
from ankiforge.model import Guid, Problem
from ankiforge.pipeline import Published, deliverable
from ankiforge.reports.summary import Tally, counted, notes_json, told_of_anki, told_of_push
from ankiforge.sync import PushResult, RunningAnki, push_result, wrong_profile

EPILOG = """\b
Examples:
  ankiforge push                     Anki is open, with the add-on AnkiConnect (2055492159)
  ankiforge push --sync              sync with AnkiWeb before and after
  ankiforge push --suspend-retired   take cards out of study that are none any more
"""


@click.command(epilog=EPILOG)
@click.option("--deck", default="", metavar="NAME", help="Only this deck and its subdecks.")
@click.option("-o", "--output", metavar="FILE.apkg", help="Write the package here.")
@click.option("--sync", is_flag=True, help="Let Anki sync before and after.")
@click.option("--suspend-retired", is_flag=True, help="Suspend cards that are none any more.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--force", is_flag=True, help="Replace a file that is not ankiforge's.")
@common_options
def command(
    call: Call,
    deck: str,
    output: str | None,
    sync: bool,
    suspend_retired: bool,
    yes: bool,
    force: bool,
) -> None:
    """Look at a running Anki, import what it lacks, look again.

    The package is written in any case. Edits, tags, deletions and schedules there stay.
    """
    with session(call) as now:
        path = target(now, deck, output)
        refuse_foreign(path, force)
        work = Push(now, deck, path, force)
        refuse_offline(now)
        try:
            work.reachable()
            anki = RunningAnki.connect(now.workspace.config.anki)
            work.run(anki, sync=sync)
            work.suspensions(anki, wanted=suspend_retired, yes=yes)
            if work.syncs:
                anki.sync_account()
        except ServiceError as error:
            work.fall_back(error)
            if call.talk.as_json:  # else it is said at the end
                work.tally.problems.append(Problem("Anki", error.message, error.hint))
            work.tell(failed=True)
            raise
        work.tell()
    end(work.tally.problems)


class Push:
    """One push, step by step."""

    def __init__(
        self,
        now: Session,
        deck: str,
        path: Path,
        force: bool = False,
        without: frozenset[Guid] = frozenset(),
        tally: Tally | None = None,
    ) -> None:
        """`without`: these cards stay as they are there; `tally`: what was done before."""
        self.now = now
        self.deck = deck
        self.path = path
        self.force = force
        self.without = without
        self.tally = tally or Tally(problems=list(now.problems))
        self.pushed = PushResult()
        self.run_id = now.ledger.start_run("push")
        self.written = False
        self.syncs = False
        """Whether Anki is surely logged in, and is to sync once more at the end."""

    def bring(self) -> ServiceError | None:
        """All that is to be done with nobody there to be asked; why Anki did not take it."""
        try:
            self.reachable()
            anki = RunningAnki.connect(self.now.workspace.config.anki)
            self.run(anki, sync=False)
            self.suspensions(anki, wanted=False, yes=False)
        except ServiceError as error:
            return error
        return None

    def run(self, anki: RunningAnki, *, sync: bool) -> None:
        """Read Anki, write the package, import it, read Anki again."""
        self._say_once()
        if sync:
            self._sync(anki)
        ledger = self.now.ledger
        result = anki.read(ledger)
        if error := wrong_profile(result, ledger):
            raise error
        self.tally.record_sync(result, ledger)
        for line in sync_lines(self.now, result):
            self.now.call.talk.say(line)
        before = frozenset(card.guid for card in deliverable(ledger) if card.anki.there)
        self._write()
        self._import(anki, before)
        self.now.ledger.finish_run(self.run_id)

    def _sync(self, anki: RunningAnki) -> None:
        """Without an account Anki would open a dialog to log in, and another one at the end."""
        account = anki.sync_account()
        self.syncs = account is True
        if account is False:
            what = "not synced: Anki is not logged in to a sync account"
            hint = "in Anki press Sync and log in, once; then push --sync again"
            self.tally.problems.append(Problem("Anki", what, hint))
        elif account is None:
            self.now.call.talk.say(
                "Anki was asked to sync, once: whether it is logged in cannot be seen here. If it"
                " shows a dialog, log in there; then press Sync to send what is new"
            )

    def _import(self, anki: RunningAnki, before: frozenset[Guid]) -> None:
        """Bring in a package of its own: what a file would take from a note, this keeps."""
        sent = Tally()
        with tempfile.TemporaryDirectory(prefix="push-", dir=self.now.workspace.folder) as folder:
            write_packages(
                self.now, self.run_id, sent, self.now.decks, deck=self.deck, below=self.deck,
                output=str(Path(folder) / self.path.name), push=True, without=self.without,
            )  # fmt: skip
            self.tally.problems += [one for one in sent.problems if one not in self.tally.problems]
            for one in sent.published:
                anki.import_package(one.path)
        self.tally.pushed = self.pushed
        if sent.published:
            self.tally.record_sync(anki.read(self.now.ledger), self.now.ledger)
            self.pushed = self.tally.pushed = push_result(self.now.ledger, sent.plans, before)
            self._refused()

    def reachable(self) -> None:
        """A path only means something on the machine that Anki runs on."""
        address = self.now.workspace.config.anki.connect
        if not is_loopback(address):
            hint = f"import the package there: {self.path}"
            raise ServiceError(f"{address}: Anki on another machine cannot read it", hint=hint)

    def _say_once(self) -> None:
        writer = self.now.ledger.writer
        if writer.recall("push:said"):
            return
        talk = self.now.call.talk
        words = (
            "A push imports with scheduling and merges note types, and Anki's import dialog shows"
            " those options from then on."
        )
        if talk.interactive:
            click.confirm(f"{words} Go on?", abort=True, err=True)
        else:
            talk.say(words)
        with writer.unit():
            writer.meta("push:said", writer.now())

    def _write(self) -> None:
        """The package for an import by hand lies ready, whatever becomes of the push."""
        write_packages(
            self.now, self.run_id, self.tally, self.now.decks, deck=self.deck, below=self.deck,
            output=str(self.path), force=self.force, without=self.without,
        )  # fmt: skip
        self.written = True

    def _refused(self) -> None:
        if not self.pushed.refused:
            set_aside(self.now, self.path)
            return
        count = len(self.pushed.refused)
        what = f"{count} notes are not there as they were sent, {self.pushed.refused[0]} the first"
        hint = "was one of them changed in Anki meanwhile? push again"
        self.tally.problems.append(Problem(str(self.path), what, hint))

    def fall_back(self, error: ServiceError) -> None:
        """Anki cannot be reached: the package lies ready all the same."""
        if not self.written:
            sync_first(self.now, self.tally)
            self._write()
            self.now.ledger.finish_run(self.run_id)

    # --- cards that are none any more -------------------------------------------------------

    def suspensions(self, anki: RunningAnki, *, wanted: bool, yes: bool) -> None:
        """Suspend what is retired, if a person says so; study again what was taken back."""
        back = self.now.ledger.suspensions.taken_back()
        if back:
            anki.unsuspend(card for cards in back.values() for card in cards)
            self.now.ledger.suspensions.forget(tuple(back))
            self.now.call.talk.say(f"studied again: {counted(len(back), 'note')}")
        cards = self._retired(frozenset(anki.retired_cards())) if wanted else {}
        if not cards:
            return
        count = sum(map(len, cards.values()))
        talk = self.now.call.talk
        question = f"Suspend {counted(count, 'card')} in Anki, cards no more here ({RETIRED})?"
        if not yes and not talk.interactive:
            talk.warn(f"{question} Nobody to ask: say --yes")
        elif yes or click.confirm(question, err=True):
            self.now.ledger.suspensions.remember(cards)
            anki.suspend(card for ids in cards.values() for card in ids)
            talk.say(
                f"suspended: {counted(count, 'card')}; `undo` and another push takes that back"
            )

    def _retired(self, there: frozenset[int]) -> dict[Guid, tuple[int, ...]]:
        """Of the cards Anki finds, those that are ours and retired here."""
        found = {}
        for card in deliverable(self.now.ledger):
            seen = self.now.ledger.views.seen(card.guid)
            ids = tuple(one.id for one in seen.cards if one.id in there) if seen else ()
            if ids and not card.ready:
                found[card.guid] = ids
        return found

    # --- the end ----------------------------------------------------------------------------

    def tell(self, *, failed: bool = False) -> None:
        """Say what it came to; `failed`: why is said at the end."""
        talk = self.now.call.talk
        count_held(self.now, self.tally, again=True, push=True)
        if talk.as_json:
            pushed = {"added": self.pushed.added, "updated": self.pushed.updated}
            talk.data(
                {
                    "notes": {**notes_json(self.tally), **pushed},
                    "packages": [str(one.path) for one in self._left()],
                    "problems": self.tally.problems,
                }
            )
            return
        tell_problems(self.now.call, self.tally.problems)
        for line in () if talk.quiet else self._lines(failed=failed):
            talk.print(line)

    def _left(self) -> list[Published]:
        """The packages that lie there still, to be imported by hand."""
        return [one for one in self.tally.published if one.path.exists()]

    def _lines(self, *, failed: bool) -> Iterator[str]:
        if self.pushed.added or self.pushed.updated:
            yield told_of_push(self.pushed)
        elif left := self._left():
            yield f"package: {left[0].path}"
        elif not failed:
            yield f"no package: {why_none(self.now, deck=self.deck)}"
        yield from told_of_anki(self.tally)
