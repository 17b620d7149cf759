"""The passes and deliveries of `ankiforge watch`, each with a session and locks of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.cli.common import Call, Talk
from ankiforge.cli.push import Push
from ankiforge.cli.session import Session, opened_of, session, wanted_of, workspace_of
from ankiforge.cli.working import (
    follow,
    job_for,
    look_first,
    model_for,
    target,
    waiting_for,
    write_packages,
)
from ankiforge.config.workspace import Workspace
from ankiforge.discovery import Wanted
from ankiforge.domain import Guid
from ankiforge.errors import ForgeError, ServiceError
from ankiforge.looking.pushing import Running
from ankiforge.memory import MEMORY, Memories
from ankiforge.opening import opened
from ankiforge.partly import propose_part
from ankiforge.pipeline import Job, Progress, forge, propose
from ankiforge.reports.summary import Tally
from ankiforge.resembling import KeptTwins
from ankiforge.watch import Came, Delivered, Followed
from ankiforge.watch.watcher import DELIVER

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model

SLICE = 20
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
        self._twins = KeptTwins()

    # --- the settings -----------------------------------------------------------------------

    def sources(self) -> list[Followed]:
        """The sources, by the settings as they are now."""
        workspace = self._workspace = workspace_of(self._call)
        memories = Memories(workspace.folder / MEMORY)
        self._known = None
        return [
            Followed(entry, opened(
                workspace.config, entry, memory=memories.of(f"{entry.kind}:{entry.name}"),
                offline=self._call.offline,
            ))
            for entry in workspace.config.sources
        ]  # fmt: skip

    def settings(self) -> str:
        """Differs once the settings do."""
        root = self._workspace.root
        patterns = (*self._workspace.config.decks, "prompts/*.md", "prices.yaml")
        files = {path for pattern in patterns for path in root.glob(pattern)}
        return repr([_stamp(path) for path in (self._workspace.settings, *sorted(files))])

    def decided(self) -> str:
        """Differs once something was decided, here or by another program."""
        return _stamp(self._workspace.journal)

    # --- passes -----------------------------------------------------------------------------

    def whole(self, sources: Iterable[Followed]) -> Came:
        """Read all of these, draft."""
        names = {one.name for one in sources}
        self._twins.forget()  # it is made anew now and then
        with session(self._call, writes="drafting") as now:
            found, lost = wanted_of(now, ())
            chosen = [one for one in found if _name(one) in names]
            wanted, opened_ones = opened_of(now, chosen, now.call.talk.say)
            self._names |= {_name(old): new for old, new in _renamed(chosen, wanted)}
            tally = Tally(problems=list(lost))
            model = model_for(now, "", spent=self._spent)
            job = self._limited(job_for(now, opened_ones, model), model)
            look_first(now, tally)
            run = now.ledger.start_run("watch")
            error = follow(now, tally, propose(job, now.ledger, run), model, job)
            now.ledger.finish_run(run)
            self._twins.of(now.ledger)  # so that the next note need not wait for it
            self._known = now.ledger.reading.partial.state()
            return self._came(now, tally, job, model, error)

    def part(self, source: Followed, notes: Mapping[str, str]) -> Came:
        """Read these notes of a vault, draft; or say why that is not enough."""
        with session(self._call, writes="drafting") as now, self._alone(now) as alone:
            if not alone:
                return Came(doubt=OTHERS)
            want = Wanted(source.entry, tuple(map(Path, notes.values())))
            [wanted], sources = opened_of(now, [want], now.call.talk.say)
            name = wanted.entry.name
            looked = source.part(notes, name)
            sources = (looked,) if looked else sources
            model = model_for(now, "", spent=self._spent)
            job = self._limited(job_for(now, sources if notes else (), model), model)
            run, tally = now.ledger.start_run("watch"), Tally()
            steps = propose_part(job, now.ledger, run, name, f"vault:{name}", tuple(notes))
            doubts: list[str] = []
            error = follow(now, tally, _doubting(steps, doubts), model, job)
            now.ledger.finish_run(run)
            return replace(self._came(now, tally, job, model, error), doubt="".join(doubts))

    def draft(self) -> Came:
        """Draft some of what waits for a model."""
        with session(self._call, writes="drafting") as now, self._alone(now):
            model = model_for(now, "", spent=self._spent)
            job = self._limited(job_for(now, (), model), model)
            run, tally = now.ledger.start_run("draft"), Tally()
            steps = forge(job, now.ledger, run, only_read=False)
            error = follow(now, tally, steps, model, job)
            now.ledger.finish_run(run)
            return self._came(now, tally, job, model, error)

    @contextmanager
    def _alone(self, now: Session) -> Iterator[bool]:
        """Whether nobody else has read or decided anything since; what is done here is known."""
        partial = now.ledger.reading.partial
        alone = self._known is not None and (
            partial.state()[0] == self._known[0] and not partial.decided_since(self._known[1])
        )
        self._known = None
        if not alone:
            self._twins.forget()
        yield alone
        self._known = partial.state() if alone else None

    def _limited(self, job: Job, model: Model | None) -> Job:
        limit = job.limit or SLICE if model else job.limit
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
            waiting_for(now, job) if model else 0,
        )  # fmt: skip

    # --- deliveries -------------------------------------------------------------------------

    def deliver(
        self, stirred: Mapping[str, frozenset[str]], *, quiet: float = DELIVER
    ) -> Delivered:
        """Write, or push, what is ready but for the cards of these files, by source.

        And for those drawn less than `quiet` seconds ago.
        """
        since = datetime.fromtimestamp(self._clock() - quiet, UTC).isoformat(timespec="seconds")
        files = {self._names.get(name, name): paths for name, paths in stirred.items()}
        with session(self._call) as now, self._alone(now):
            without = now.ledger.reading.partial.unquiet(files, since)
            if self._push:
                return replace(_pushed(now, without), waiting=bool(without))
            tally = Tally()
            look_first(now, tally)
            run = now.ledger.start_run("build")
            write_packages(now, run, tally, now.decks, without=without)
            now.ledger.finish_run(run)
            return replace(_written(tally), waiting=bool(without))


def _pushed(now: Session, without: frozenset[Guid]) -> Delivered:
    work = Push(now, "", target(now, "", None), without=without)
    try:
        work.reachable()
        anki = Running.of(now.workspace.config.anki)
        work.run(anki, sync=False)
        work.suspensions(anki, wanted=False, yes=False)
    except ServiceError as error:
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


def _doubting(steps: Iterable[Progress], doubts: list[str]) -> Iterator[Progress]:
    for one in steps:
        if one.doubt:
            doubts.append(one.doubt)
        yield one


def _name(want: Wanted) -> str:
    return f"{want.entry.kind} {want.entry.name}"


def _renamed(before: list[Wanted], after: list[Wanted]) -> Iterator[tuple[Wanted, str]]:
    """Each source as the settings call it, and as it is called for ever."""
    names = {(one.entry.kind, one.entry.path): one.entry.name for one in after}
    return ((one, names[one.entry.kind, one.entry.path]) for one in before)


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "-"
    return f"{path} {found.st_mtime_ns} {found.st_size} {found.st_ino}"
