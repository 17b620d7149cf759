"""The passes and deliveries of `ankiforge watch`, and its output."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width
from urllib.parse import urlsplit

import click

from ankiforge import app, ledger
from ankiforge.cli.delivery import Push, package_path, sync_first, write_packages
from ankiforge.cli.output import Call, Output
from ankiforge.cli.run import follow, job_for, model_for
from ankiforge.cli.session import (
    Session,
    glance,
    open_sources,
    select_sources,
    session,
    workspace_of,
)
from ankiforge.config import is_loopback
from ankiforge.config.deckfiles import DECK_FILES
from ankiforge.config.workspace import REMEMBERED, Workspace
from ankiforge.errors import ForgeError, ServiceError
from ankiforge.extract import AHEAD
from ankiforge.ledger.cache import CACHE_FILE, CacheFile
from ankiforge.model import Guid, HighlightKey, Problem, RunId
from ankiforge.pipeline import EditJudge, Job, Progress, draft_pending, ingest, pending, unwritten
from ankiforge.reports.summary import Tally
from ankiforge.text.display import counted
from ankiforge.watch import (
    DELIVER,
    DeliveryResult,
    InProgress,
    PassResult,
    WatchedSource,
)

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model

FEWEST, PORTION = 2, 20
"""The minimum and maximum number of highlights that a model drafts before files are checked again."""
NO_HIGHLIGHT = frozenset({HighlightKey("")})
"""A value of `Job.only` that matches no highlight; an empty set would mean all."""
NOTES_NAMED = 3
"""The number of changed notes that are listed in the line about a pass."""


# --- passes and deliveries -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassOutput(Output):
    """The output of a pass: messages go to `hear`, and questions cannot be asked."""

    hear: Callable[[str], None] = print

    def say(self, text: str = "") -> None:
        """Pass a message to `hear`."""
        self.hear(text)

    @property
    def interactive(self) -> bool:
        """Always False."""
        return False


class Passes:
    """The passes and deliveries in one workspace (`watch.Actions`), each with its own session."""

    def __init__(
        self,
        call: Call,
        workspace: Workspace,
        hear: Callable[[str], None],
        clock: Callable[[], float],
        *,
        push: bool,
    ) -> None:
        """Prepare passes for a workspace.

        Args:
            call: the options of the command.
            workspace: the workspace to watch.
            hear: called with the messages of passes.
            clock: returns the time of the wall clock.
            push: deliver to a running Anki.
        """
        out = call.out
        quiet = PassOutput(out.as_json, out.quiet, out.verbose, out.color, hear=hear)
        self._call = replace(call, out=quiet)
        self._workspace, self._clock, self._push = workspace, clock, push
        self._names: dict[str, str] = {}
        """The names of sources in the ledger, by their names in the settings."""
        self._spent = 0.0
        """The part of the model's budget spent since the watcher started, in US dollars."""
        self._left_out = frozenset[Guid]()
        """Cards that the last delivery omitted because their files were in progress."""

    # --- the settings -----------------------------------------------------------------------

    def sources(self) -> list[WatchedSource]:
        """Return the sources in the current settings."""
        workspace = self._workspace = workspace_of(self._call)
        caches = CacheFile(workspace.folder / CACHE_FILE)
        with glance(self._call) as now:
            wanted = app.watched_sources(workspace, now.ledger)
        found = []
        for one in wanted:
            memory = caches.of(f"{one.entry.kind}:{one.entry.name}")
            source = app.open_source(
                workspace.config, one.entry, one.only, memory=memory, offline=self._call.offline
            )
            found.append(WatchedSource(one.entry, source, one.only))
        return found

    def settings(self) -> str:
        """Return a stamp that changes with the settings files."""
        root = self._workspace.root
        files = {path for pattern in (DECK_FILES, "prompts/*.md") for path in root.glob(pattern)}
        remembered = self._workspace.folder / REMEMBERED
        own = (self._workspace.settings, remembered)
        return repr([_stamp(path) for path in (*own, *sorted(files))])

    def decided(self) -> str:
        """Return a stamp that changes with the decisions, made here or by another program."""
        return _stamp(self._workspace.journal)

    # --- passes -----------------------------------------------------------------------------

    def read(
        self, sources: Collection[str], notes: Collection[str], in_progress: InProgress
    ) -> PassResult:
        """Read the named sources and draft.

        `notes` are the notes that are known to have changed, if any. Cards from files `in_progress`
        are not accepted by policy yet.
        """
        with session(self._call, writes="drafting", patience=0.0) as now:
            found, lost = select_sources(now, ())
            chosen = [one for one in found if f"{one.entry.kind} {one.entry.name}" in sources]
            wanted, opened_ones = open_sources(now, chosen, now.call.out.say)
            known = {(one.entry.kind, one.entry.path): one.entry.name for one in wanted}
            for one in chosen:
                name = known[one.entry.kind, one.entry.path]
                self._names[f"{one.entry.kind} {one.entry.name}"] = name
            tally = Tally(problems=list(lost))
            model = model_for(now, "", spent=self._spent)
            job = self._limited(now, job_for(now, opened_ones, model), model, in_progress)
            if not notes:  # do not copy Anki's collection after each save; deliveries read it, too
                sync_first(now, tally)
            run = now.ledger.start_run("watch")

            def steps() -> Iterator[Progress]:
                yield from ingest(job, now.ledger, run)
                yield from draft_pending(_without_failed(now, job, run), now.ledger, run)

            error = follow(now, tally, steps(), model, job)
            now.ledger.finish_run(run)
            return self._result(now, tally, job, model, error)

    def draft(self, in_progress: InProgress) -> PassResult:
        """Draft a portion of the waiting highlights with a model; those that failed before come last."""
        with session(self._call, writes="drafting", patience=0.0) as now:
            model = model_for(now, "", spent=self._spent)
            job = self._limited(now, job_for(now, (), model), model, in_progress)
            untried = _without_failed(now, job, None)
            run, tally = now.ledger.start_run("draft"), Tally()
            job = job if untried.only == NO_HIGHLIGHT else untried
            steps = draft_pending(job, now.ledger, run, only_read=False)
            error = follow(now, tally, steps, model, job)
            now.ledger.finish_run(run)
            return self._result(now, tally, job, model, error)

    def _limited(self, now: Session, job: Job, model: Model | None, in_progress: InProgress) -> Job:
        """Limit the number of highlights that a model drafts at a time, while the ledger is locked.

        Also keep the cards of files `in_progress` from being accepted.
        """
        files = self._by_ledger_name(in_progress)
        job = replace(
            job, in_progress=lambda one: one.document.path in files.get(one.document.source, ())
        )
        if model is None or job.limit is not None:
            return job
        server = app.server_settings(now.workspace, now.call.jobs)
        return replace(job, limit=max(min(server.threads * server.batch, PORTION), FEWEST))

    def _result(
        self, now: Session, tally: Tally, job: Job, model: Model | None, error: ForgeError | None
    ) -> PassResult:
        waiting = 0
        if model is not None:
            self._spent += model.usage.cost_usd or 0.0
            tasks = unwritten(now.ledger, None, job.drafter_name, job.limit)
            waiting = sum(len(task.highlights) for task in tasks)
        found, counts = tally.ingested, tally.counts
        return PassResult(
            found.new, found.changed, found.gone, counts["drafted"], counts["revised"],
            tuple(tally.problems), now.ledger.ingest.has_missing, error,
            waiting,
        )  # fmt: skip

    # --- deliveries -------------------------------------------------------------------------

    def anki_listens(self) -> bool:
        """Return whether a program listens on AnkiConnect's port. This is cheap."""
        address = self._workspace.config.anki.connect
        at = urlsplit(address)
        if not is_loopback(address):
            return True  # do not connect to another machine just for this
        try:
            with socket.create_connection((at.hostname or "127.0.0.1", at.port or 80), 0.5):
                return True
        except OSError:
            return False

    def deliver(self, in_progress: InProgress) -> DeliveryResult:
        """Write or push cards that are ready, except those of files `in_progress`."""
        with session(self._call) as now:
            with ledger.lock(now.workspace.folder, "publishing", 0.0):
                pass  # fail at once if another program publishes: the watcher tries again later
            without = self._left_out = self._cards_in_progress(now, in_progress)
            if now.ledger.policy.deferred - without:
                run = now.ledger.start_run("watch")
                accepts = app.accept_policy(now.workspace.config)
                now.ledger.recorder.accept_deferred(
                    run, accepts, EditJudge(now.ledger, now.decks), without
                )
                now.ledger.finish_run(run)
            error: ForgeError | None = None
            pushed = None
            if self._push:
                push = Push(now, "", package_path(now, ""), without=without)
                tally = push.tally
                try:
                    push.run()
                    pushed = push.pushed
                except ServiceError as absent:  # still write the package
                    error = absent
                    push.fall_back()
            else:
                tally = Tally()
                sync_first(now, tally)
                run = now.ledger.start_run("build")
                write_packages(now, run, tally, now.decks, without=without)
                now.ledger.finish_run(run)
            shipped = [pushed] if pushed else tally.published
            return DeliveryResult(
                packages=tuple(one.path for one in tally.published if one.path.exists()),
                written=sum(one.notes for one in tally.published),
                added=sum(one.added for one in shipped),
                updated=sum(one.updated for one in shipped),
                pushed=bool(pushed and (pushed.added or pushed.updated)),
                waiting=bool(without),
                problems=tuple(tally.problems),
                error=error,
            )

    def can_deliver_more(self, in_progress: InProgress) -> bool:
        """Return whether a card that the last delivery left out is ready now. This is cheap."""
        with session(self._call) as now:
            return bool(self._left_out - self._cards_in_progress(now, in_progress))

    def _cards_in_progress(self, now: Session, changed: InProgress) -> frozenset[Guid]:
        moment = self._clock()
        since, until = (
            datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
            for at in (moment - DELIVER, moment + AHEAD)
        )
        return now.ledger.packages.cards_in_progress(self._by_ledger_name(changed), since, until)

    def _by_ledger_name(self, changed: InProgress) -> dict[str, frozenset[str]]:
        """Return the files by the names of their sources in the ledger."""
        return {
            self._names.get(name, name.partition(" ")[2]): paths for name, paths in changed.items()
        }


def _without_failed(now: Session, job: Job, scope: RunId | None) -> Job:
    """Return the job without highlights that failed before.

    They must not prevent others from being drafted, or be sent to a model again after each save.
    """
    failed = now.ledger.highlights.failed()
    if not failed:
        return job
    tasks = pending(now.ledger, scope, job.drafter_name)
    keys = frozenset(one.key for task in tasks for one in task.highlights)
    return replace(job, only=keys - failed or NO_HIGHLIGHT)


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "-"
    return f"{path} {found.st_mtime_ns} {found.st_size} {found.st_ino}"


class Narrator:
    """Prints the reports of a watcher (`watch.Reporter`) as lines, a status line, or JSON Lines."""

    def __init__(self, out: Output, clock: Callable[[], float]) -> None:
        """`clock` returns the time of the wall clock."""
        self._out, self._clock = out, clock
        self._printed: set[str] = set()
        self._forged = 0
        self._has_status = sys.stderr.isatty() and not (out.as_json or out.quiet)
        self._status = ""

    # --- what happens -----------------------------------------------------------------------

    def started(self, sources: Iterable[str]) -> None:
        """Print the sources that are watched."""
        names = list(sources)
        self._event("started", sources=names)
        self._print(f"watching {', '.join(names)}; press Ctrl-C to end", message=True)

    def passed(self, result: PassResult, notes: tuple[str, ...], seconds: float) -> None:
        """Print the result of a pass; `notes` are the changed ones, () if not known by name."""
        self._forged += result.drafted
        self._event(
            "pass",
            read="notes" if notes else "all",
            notes=notes,
            highlights={"new": result.new, "changed": result.changed, "gone": result.gone},
            cards={"drafted": result.drafted, "revised": result.revised},
            seconds=round(seconds, 3),
        )
        found = ((result.new, "new"), (result.changed, "changed"), (result.gone, "gone"))
        marks = ", ".join(f"{count} {word}" for count, word in found if count)
        made = ((result.drafted, "drafted"), (result.revised, "revised"))
        cards = ", ".join(f"{counted(count, 'card')} {word}" for count, word in made if count)
        if summary := "; ".join(filter(None, (f"highlights: {marks}" if marks else "", cards))):
            rest = len(notes) - NOTES_NAMED
            more = f" and {rest} more" if rest > 0 else ""
            where = f"{', '.join(notes[:NOTES_NAMED])}{more}" if notes else "all sources"
            self._print(f"{where}: {summary}")

    def delivered(self, result: DeliveryResult) -> None:
        """Print the result of a delivery."""
        notes = {"written": result.written, "added": result.added, "updated": result.updated}
        packages = [str(path) for path in result.packages]
        self._event("delivered", packages=packages, notes=notes, pushed=result.pushed)
        summary = f"{result.added} new, {result.updated} updated"
        where = "in Anki" if result.pushed else f"package: {', '.join(packages)}"
        self._print(f"{where} ({summary})")

    def problem(self, problem: Problem) -> None:
        """Print a new problem."""
        self._event("problem", where=problem.where, what=problem.what, hint=problem.hint,
                    notice=problem.notice)  # fmt: skip
        hint = f" ({problem.hint})" if problem.hint else ""
        words = f"{problem.where}: {problem.what}{hint}"
        if problem.notice:
            self._print(f"note: {words}", message=True)
        elif not self._out.as_json:
            self._clear()
            self._out.warn(f"{self._time()} failed: {words}")

    def solved(self, problem: Problem) -> None:
        """Print that a problem no longer exists."""
        self._event("mended", where=problem.where, what=problem.what)
        if not problem.notice:
            self._print(f"over: {problem.where}: {problem.what}", message=True)

    def once(self, words: str) -> None:
        """Print a message of a pass, unless it was printed before."""
        if words and words not in self._printed:
            self._printed.add(words)
            self._print(words, message=True)

    def stopped(self) -> None:
        """Print that the watcher has ended."""
        self._clear()
        self._event("stopped")

    # --- the status line --------------------------------------------------------------------

    def status(self, words: str) -> None:
        """Show what the watcher is doing; "" = waiting for a change."""
        if not self._has_status:
            return
        forged = f" · {counted(self._forged, 'card')} so far" if self._forged else ""
        shown, room = "", shutil.get_terminal_size().columns - 1
        for sign in filter(str.isprintable, f"{words or 'watching'}{forged}"):
            room -= 2 if east_asian_width(sign) in "WF" else 1  # wide characters take two columns
            if room < 0:
                break
            shown += sign
        if shown != self._status:
            self._status = shown
            self._write(f"\r\x1b[2K{shown}")

    def _clear(self) -> None:
        if self._status:
            self._status = ""
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    # --- lines ------------------------------------------------------------------------------

    def _event(self, event: str, **more: Any) -> None:
        at = datetime.fromtimestamp(self._clock()).astimezone().isoformat(timespec="seconds")
        if self._out.as_json and not self._out.data({"event": event, "at": at, **more}):
            raise click.Abort  # stdout is closed

    def _print(self, words: str, *, message: bool = False) -> None:
        if self._out.as_json:
            return
        self._clear()
        (self._out.say if message else self._out.print)(f"{self._time()} {words}")

    def _time(self) -> str:
        return f"{datetime.fromtimestamp(self._clock()):%H:%M:%S}"
