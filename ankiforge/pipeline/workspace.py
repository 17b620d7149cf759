"""Wiring: open the ledger, the sources, the model and the job of a run from a workspace.

Checks, drafters and `run` are imported inside functions, because not every command needs them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge.config import (
    Config,
    is_loopback,
)
from ankiforge.config.workspace import user_folder
from ankiforge.errors import BusyError, ItemError, ServiceError, UsageError
from ankiforge.model import (
    VERIFIED,
    Change,
    Problem,
    Source,
    Waiting,
    h16,
)

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.anki.plan import Planned
    from ankiforge.config.deckfiles import DeckRule
    from ankiforge.config.ownfiles import OwnPath
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.draft.server import Usage
    from ankiforge.ledger import Ledger, Replies, Report
    from ankiforge.pipeline.deliver import CollectionScan, Published
    from ankiforge.pipeline.run import Job, Progress

# --- the files of a workspace ---------------------------------------------------------------

LOCK_SECONDS = 60.0
HOLDER_BYTES = 100
"""The length of a file with the number of a process."""


def open_ledger(workspace: WorkspaceFolder, *, read_only: bool = False) -> Ledger:
    """Open the ledger of a workspace and read what is new in its journal.

    With `read_only`, everything happens in a copy in memory.

    Raises:
        LedgerError: database or journal cannot be used.
        UsageError: a folder cannot be written.
    """
    from ankiforge.ledger import Ledger

    if not read_only:
        workspace.prepare()
    machine = workspace.machine(user_folder(), make=not read_only)
    return Ledger(workspace.ledger, workspace.journal, machine, read_only=read_only)


def open_replies(workspace: WorkspaceFolder) -> Replies:
    """Open the replies of models, which were paid for."""
    workspace.prepare()
    from ankiforge.ledger import REPLIES_FILE, Replies

    return Replies(workspace.folder / REPLIES_FILE)


def lock(
    workspace: WorkspaceFolder, what: str, seconds: float = LOCK_SECONDS
) -> AbstractContextManager[object]:
    """Hold the lock `what` ("drafting", "publishing"); wait if another program holds it.

    Raises:
        BusyError: another program still holds it after `seconds`.
        UsageError: the file of the lock cannot be written.
    """
    from filelock import FileLock, Timeout

    path = workspace.folder / f"{what}.lock"
    path.is_there()  # refuses what is no file
    held = FileLock(path.path, timeout=seconds, mode=0o600)
    try:
        acquired = held.acquire()
    except Timeout as error:
        what = f"another ankiforge{_holder(path)} is {what} here"
        raise BusyError(what, hint="wait for it, or stop it: nothing is lost") from error
    except OSError as error:
        what = f"{path}: cannot be written: {error.strerror or error}"
        raise UsageError(what, hint="allow writing there") from error
    # for the message to programs that wait; the lock is the system's
    with suppress(OSError), path.open(os.O_WRONLY | os.O_TRUNC) as file:
        file.write(str(os.getpid()).encode())
    return acquired


def _holder(path: OwnPath) -> str:
    with suppress(OSError, UnicodeDecodeError):
        holder = path.read(HOLDER_BYTES).decode().strip()
        return f" (process {holder})" if holder.isdigit() else ""
    return ""


# --- policy and job -------------------------------------------------------------------------


def accept_policy(config: Config, override: str = "") -> Callable[[Waiting], bool]:
    """Return a function that decides whether to accept a draft without findings and remarks.

    `override` is the policy of `--accept` for the rules. A model's draft ships only if a second look
    found it right, an agent's never.
    """
    rules = override or config.accept.rules
    verified = config.accept.llm == "verified" and override != "review"

    def accepts(one: Waiting) -> bool:
        drafter = one.draft.origin.drafter
        if drafter == "llm":
            return verified and any(found.check == VERIFIED for found in one.proposal.findings)
        return rules == "clean" and drafter.startswith("rules")

    return accepts


def load_rules(workspace: WorkspaceFolder) -> tuple[DeckRule, ...]:
    """Return the rules of the deck files."""
    from ankiforge.config.deckfiles import load_decks

    return load_decks(workspace.root)


def draft_others(workspace: WorkspaceFolder, offline: bool, ledger: Ledger, key: str) -> None:
    """Let the model draft other cards of a highlight, beside those that wait.

    Raises:
        ForgeError: it does not answer, or may not be asked.
    """
    from ankiforge.pipeline.models import language_model
    from ankiforge.pipeline.run import draft

    replies = open_replies(workspace)
    model = language_model(workspace, replies, lambda _: None, offline=offline, fresh=True)
    only = frozenset([ledger.highlight(key).key])
    try:
        steps = draft(make_job(workspace, (), model=model, only=only), ledger)
        problems = [problem for step in steps for problem in step.problems]
    finally:
        model.leave()
        replies.close()
    if problems:
        raise ItemError(problems[0].what, hint=problems[0].hint)


def make_job(
    workspace: WorkspaceFolder, sources: tuple[Source, ...], *, accept: str = "", **options: Any
) -> Job:
    """Return the job of a run with the workspace's settings.

    Args:
        workspace: provides the settings.
        sources: the sources to read.
        accept: the policy of `--accept`; "" = as in the settings.
        options: other fields of `Job`.
    """
    from ankiforge.pipeline.run import Job

    policy = accept_policy(workspace.config, accept)
    options["verify"] = workspace.config.llm.verify
    return Job(sources, policy, load_rules(workspace), workspace.pictures, **options)


# --- what a run comes to --------------------------------------------------------------------


class RunResult(msgspec.Struct):
    """The totals of a run, collected step by step."""

    report: Report | None = None
    drafted: int = 0
    accepted: int = 0
    changes: list[Change] = []
    problems: list[Problem] = []
    scan: CollectionScan | None = None
    planned: list[Planned] = []
    published: list[Published] = []
    pushed: tuple[int, int] | None = None
    """(new, updated) notes that Anki had after a push."""
    usage: Usage | None = None
    remembered: list[str] = []
    """The PATHs that are remembered from now on."""

    def add(self, step: Progress) -> None:
        """Add one step of a run."""
        self.report = step.report or self.report
        self.drafted += step.drafted
        self.accepted += step.accepted
        self.changes += step.changes
        self.problems += [one for one in step.problems if one not in self.problems]

    def take(self, scan: CollectionScan) -> None:
        """Add what was seen in Anki."""
        self.scan = scan
        self.problems += [scan.problem] if scan.problem else []

    def take_again(self, scan: CollectionScan) -> None:
        """Add what was seen in Anki since the first look; one that failed tells nothing new."""
        if self.scan is None or scan.state != "taken":
            return
        before, now = self.scan.viewed, scan.viewed
        self.take(scan)
        for name in ("first", "deleted", "returned", "retired", "revived"):
            setattr(now, name, [*getattr(before, name), *getattr(now, name)])
        now.reviews += before.reviews

    def plan(self, planned: Iterable[Planned], published: Published | None) -> None:
        """Add what was planned, and the package that was written."""
        self.planned += planned
        if published:
            self.published.append(published)
            known = {one.where for one in self.problems}
            self.problems += [one for one in published.problems if one.where not in known]

    @property
    def failed(self) -> bool:
        """Whether there are problems other than notices."""
        return any(not problem.notice for problem in self.problems)

    @property
    def packages(self) -> list[Path]:
        """The packages to import."""
        return [one.path for one in self.published if one.notes and self.pushed is None]


# --- to Anki --------------------------------------------------------------------------------


def publish(
    workspace: WorkspaceFolder,
    ledger: Ledger,
    tally: RunResult,
    path: Path,
    *,
    deck: str = "",
    full: bool = False,
    push: bool = False,
) -> None:
    """Plan all cards and write the package, unless Anki is there and could not be read."""
    from ankiforge.pipeline import deliver

    if tally.scan and tally.scan.state in ("same", "taken") and not push:
        # what was deleted in Anki while the sources were read does not come back
        again = deliver.read_collection(workspace.config.anki, ledger, Path.home())
        tally.take_again(again)
    if tally.scan and tally.scan.blind and not full:
        return
    decks = load_rules(workspace)
    pictures = workspace.pictures
    settings = "" if push or full else h16(deck, repr(decks))
    with lock(workspace, "publishing"):
        kept = deliver.kept(ledger, path, settings)
        planned = []
        if not kept:
            planned = deliver.plan_cards(ledger, decks, pictures, deck=deck, push=push, full=full)
        try:
            tally.plan(planned, kept or deliver.publish(ledger, planned, path, settings))
        except ItemError as error:
            tally.plan(planned, None)
            what = error.message.removeprefix(f"{path}: ")
            tally.problems.append(Problem(str(path), what, error.hint))


def push(
    workspace: WorkspaceFolder,
    ledger: Ledger,
    tally: RunResult,
    path: Path,
    connect: Callable[[], AnkiConnect],
    *,
    deck: str = "",
    sync: bool = False,
) -> ServiceError | None:
    """Look at a running Anki, import our package there, and look again.

    If Anki does not answer, the package is written, and the error is returned.
    """
    from ankiforge.pipeline import deliver

    try:
        anki = connect()
        synced = sync and anki.sync()
        if sync and not synced:
            what, hint = "is not logged in to a sync account", "press Sync in Anki and log in"
            tally.problems.append(Problem("Anki", what, hint))
        tally.take(found := deliver.read_running_anki(anki, ledger))
        if found.blind:
            told = found.problem or Problem("Anki", "was not read")
            raise ServiceError(told.what, hint=told.hint)
    except ServiceError as error:
        if tally.scan is None:
            tally.take(deliver.read_collection(workspace.config.anki, ledger, Path.home()))
        publish(workspace, ledger, tally, path, deck=deck)
        return error
    if is_loopback(anki.address):
        profile = anki.active_profile()
        viewed = deliver.look_at_graves(workspace.config.anki, ledger, Path.home(), profile)
        found.viewed.deleted.extend(viewed.deleted)
    publish(workspace, ledger, tally, path, deck=deck, push=True)
    if not tally.packages:
        tally.pushed = (0, 0)
        return None
    known = {one.guid: next(ledger.notes(one.guid), None) for one in tally.planned}
    try:
        anki.import_package(path)
        live = [known[one.guid] for one in tally.planned if one.live]
        anki.unsuspend(deliver.suspended(ledger, [note for note in live if note]))
        deliver.read_running_anki(anki, ledger)
        if synced:
            anki.sync()
    except ServiceError as error:
        return error
    arrived = [(known[one.guid], came) for one, came in deliver.arrived(ledger, tally.planned)]
    added = sum(came and before is None for before, came in arrived)
    tally.pushed = (added, sum(came for _, came in arrived) - added)
    if refused := sum(not came for _, came in arrived):
        what = f"{refused:,} of the notes did not arrive"
        tally.problems.append(Problem("Anki", what, f"import {path} by hand"))
    else:
        path.unlink(missing_ok=True)
    return None
