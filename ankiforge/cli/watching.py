"""The passes and deliveries of `ankiforge watch`, each with a session and locks of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ankiforge import assembly, ledger
from ankiforge.cli.common import Call, Talk
from ankiforge.cli.push import Push
from ankiforge.cli.session import Session, glance, opened_of, session, wanted_of, workspace_of
from ankiforge.cli.working import (
    follow,
    job_for,
    look_first,
    model_for,
    target,
    waiting_for,
    write_packages,
)
from ankiforge.config import is_loopback
from ankiforge.config.remembered import FILE as REMEMBERED
from ankiforge.config.workspace import Workspace
from ankiforge.discovery import Wanted, followed_sources
from ankiforge.errors import ForgeError
from ankiforge.extract import AHEAD
from ankiforge.memory import MEMORY, Memories
from ankiforge.model import Guid
from ankiforge.opening import opened
from ankiforge.pending import unwritten
from ankiforge.pipeline import Job, forge, propose
from ankiforge.reports.summary import Tally
from ankiforge.resembling import KeptTwins
from ankiforge.watch import Came, Delivered, Followed
from ankiforge.watch.watcher import DELIVER

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model

FEWEST, SLICE = 2, 20
"""Highlights that a model drafts before one looks again for what has changed."""
OTHERS = "another program has read or decided something meanwhile"


@dataclass(frozen=True, slots=True)
class Aside(Talk):
    """What a pass says: each line once, to nobody who could be asked anything."""

    hear: Callable[[str], None] = print

    def say(self, text: str = "") -> None:
        """Talk: to whoever listens."""
        self.hear(text)

    @property
    def interactive(self) -> bool:
        """Nobody waits for a question."""
        return False


class Passes:
    """What a watcher does in one workspace; see `watch.Work`."""

    def __init__(
        self, call: Call, workspace: Workspace, clock: Callable[[], float], *, push: bool
    ) -> None:
        """`call` talks aside; `push`: deliver to a running Anki; `clock`: of the wall."""
        self._call, self._workspace, self._clock, self._push = call, workspace, clock, push
        self._names: dict[str, str] = {}
        self._known: tuple[int, int] | None = None
        self._spent = 0.0
        self._left_out = frozenset[Guid]()
        self._twins = KeptTwins()

    # --- the settings -----------------------------------------------------------------------

    def sources(self) -> list[Followed]:
        """The sources, by the settings as they are now."""
        workspace = self._workspace = workspace_of(self._call)
        memories = Memories(workspace.folder / MEMORY)
        self._known = None
        with glance(self._call) as now:
            wanted = followed_sources(workspace, now.ledger)
        return [
            Followed(one.entry, opened(
                workspace.config, one.entry, one.only,
                memory=memories.of(f"{one.entry.kind}:{one.entry.name}"),
                offline=self._call.offline,
            ))
            for one in wanted
        ]  # fmt: skip

    def settings(self) -> str:
        """Differs once the settings do."""
        root = self._workspace.root
        patterns = (*self._workspace.config.decks, "prompts/*.md", "prices.yaml")
        files = {path for pattern in patterns for path in root.glob(pattern)}
        remembered = self._workspace.folder / REMEMBERED
        own = (self._workspace.settings, remembered)
        return repr([_stamp(path) for path in (*own, *sorted(files))])

    def decided(self) -> str:
        """Differs once something was decided, here or by another program."""
        return _stamp(self._workspace.journal)

    # --- passes -----------------------------------------------------------------------------

    def whole(self, sources: Iterable[Followed]) -> Came:
        """Read all of these, draft."""
        names = {one.name for one in sources}
        self._twins.forget()  # it is made anew now and then
        with session(self._call, writes="drafting", patience=0.0) as now:
            partial = now.ledger.reading.partial
            before = partial.state()
            found, lost = wanted_of(now, ())
            chosen = [one for one in found if _name(one) in names]
            wanted, opened_ones = opened_of(now, chosen, now.call.talk.say)
            self._names |= {_name(old): new for old, new in _renamed(chosen, wanted)}
            tally = Tally(problems=list(lost))
            model = model_for(now, "", spent=self._spent)
            job = self._limited(now, job_for(now, opened_ones, model), model)
            look_first(now, tally)
            run = now.ledger.start_run("watch")
            error = follow(now, tally, propose(job, now.ledger, run), model, job)
            now.ledger.finish_run(run)
            self._twins.of(now.ledger)  # so that the next note need not wait for it
            self._known = None if partial.disturbed(before) else partial.state()
            return self._came(now, tally, job, model, error)

    def part(self, source: Followed, notes: Mapping[str, str]) -> Came:
        """Say that all sources must be read: a pass over all of them reads only what changed."""
        return Came(doubt=OTHERS)

    def draft(self) -> Came:
        """Draft some of what waits for a model."""
        with session(self._call, writes="drafting", patience=0.0) as now, self._alone(now):
            model = model_for(now, "", spent=self._spent)
            job = _untried(now, self._limited(now, job_for(now, (), model), model))
            run, tally = now.ledger.start_run("draft"), Tally()
            steps = forge(job, now.ledger, run, only_read=False)
            error = follow(now, tally, steps, model, job)
            now.ledger.finish_run(run)
            return self._came(now, tally, job, model, error)

    @contextmanager
    def _alone(self, now: Session) -> Iterator[bool]:
        """Whether nobody else has read or decided anything since; the one run here is known."""
        partial = now.ledger.reading.partial
        alone = self._known is not None and (
            partial.state()[0] == self._known[0] and not partial.decided_since(self._known[1])
        )
        self._known = None
        if not alone:
            self._twins.forget()
        before = partial.state()
        yield alone
        self._known = partial.state() if alone and not partial.disturbed(before) else None

    def _limited(self, now: Session, job: Job, model: Model | None) -> Job:
        """With a model not more than it is given at a time: meanwhile all others wait."""
        limit = job.limit
        if model:
            server = assembly.llm_settings(now.workspace, now.call.jobs)
            at_a_time = max(min(server.threads * server.batch, SLICE), FEWEST)
            limit = at_a_time if limit is None else limit
        return replace(job, limit=limit, twins=self._twins.of)

    def _came(
        self, now: Session, tally: Tally, job: Job, model: Model | None, error: ForgeError | None
    ) -> Came:
        if model is not None:
            self._spent += model.usage.cost_usd or 0.0
        read, counts = tally.settled, tally.counts
        return Came(
            read.new, read.changed, read.gone, counts["drafted"], counts["revised"],
            tuple(tally.problems), now.ledger.reading.waits, error,
            waiting_for(now, replace(job, only=frozenset())) if model else 0,
        )  # fmt: skip

    # --- deliveries -------------------------------------------------------------------------

    def anki(self) -> bool:
        """Whether something listens where Anki does; cheap."""
        address = self._workspace.config.anki.connect
        at = urlsplit(address)
        if not is_loopback(address):
            return True  # nobody is asked there
        try:
            with socket.create_connection((at.hostname or "127.0.0.1", at.port or 80), 0.5):
                return True
        except OSError:
            return False

    def deliver(self, stirred: Mapping[str, frozenset[str]]) -> Delivered:
        """Write, or push, what is ready but for the cards of these files, by source.

        And for those drawn a moment ago.
        """
        with session(self._call) as now, self._alone(now):
            with ledger.lock(now.workspace.folder, "publishing", 0.0):
                pass  # else one would wait for another's turn, and hear nothing meanwhile
            without = self._left_out = self._unquiet(now, stirred)
            if self._push:
                return replace(_pushed(now, without), waiting=bool(without))
            tally = Tally()
            look_first(now, tally)
            run = now.ledger.start_run("build")
            write_packages(now, run, tally, now.decks, without=without)
            now.ledger.finish_run(run)
            return replace(_written(tally), waiting=bool(without))

    def calmed(self, stirred: Mapping[str, frozenset[str]]) -> bool:
        """Whether some cards may go that the last delivery left out; cheap."""
        with session(self._call) as now:
            return bool(self._left_out - self._unquiet(now, stirred))

    def _unquiet(self, now: Session, stirred: Mapping[str, frozenset[str]]) -> frozenset[Guid]:
        moment = self._clock()
        since, until = _utc(moment - DELIVER), _utc(moment + AHEAD)
        files = {
            self._names.get(name, name.partition(" ")[2]): paths for name, paths in stirred.items()
        }
        return now.ledger.reading.partial.unquiet(files, since, until)


def _untried(now: Session, job: Job) -> Job:
    """What has failed comes last: it is not to keep the rest from being drafted."""
    failed = now.ledger.reading.partial.failed()
    if not failed:
        return job
    tasks = unwritten(now.ledger, None, job.drafter_name)
    keys = frozenset(one.key for task in tasks for one in task.highlights)
    return replace(job, only=keys - failed)


def _pushed(now: Session, without: frozenset[Guid]) -> Delivered:
    work = Push(now, "", target(now, "", None), without=without)
    if error := work.bring():
        work.fall_back(error)
        return replace(_written(work.tally), error=error)
    pushed = work.pushed
    came = replace(_written(work.tally), added=pushed.added, updated=pushed.updated)
    return replace(came, pushed=bool(pushed.added or pushed.updated))


def _written(tally: Tally) -> Delivered:
    published = tally.published
    return Delivered(
        tuple(one.path for one in published if one.path.exists()),
        sum(one.notes for one in published),
        sum(one.added for one in published),
        sum(one.updated for one in published),
        problems=tuple(tally.problems),
    )


def _name(want: Wanted) -> str:
    return f"{want.entry.kind} {want.entry.name}"


def _renamed(before: list[Wanted], after: list[Wanted]) -> Iterator[tuple[Wanted, str]]:
    """Each source as the settings call it, and as it is called for ever."""
    names = {(one.entry.kind, one.entry.path): one.entry.name for one in after}
    return ((one, names[one.entry.kind, one.entry.path]) for one in before)


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "-"
    return f"{path} {found.st_mtime_ns} {found.st_size} {found.st_ino}"
