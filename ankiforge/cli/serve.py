"""The commands that serve until Ctrl-C: review, watch."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import urlsplit

import click

from ankiforge.cli.output import (
    ACCEPT,
    DRAFTER,
    FILE,
    FORCE,
    NEW_DECK,
    OUTPUT,
    YES,
    Call,
    Paths,
    command,
    end_run,
    exit_with,
    flag,
    session,
    workspace_of,
)
from ankiforge.errors import BusyError, ForgeError, UsageError
from ankiforge.hooks import page_parts, scripts
from ankiforge.text import counted

if TYPE_CHECKING:
    import webbrowser

    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.ledger import HistoryEntry
    from ankiforge.pipeline.result import RunResult
    from ankiforge.pipeline.workspace import RunOptions
    from ankiforge.web.documents import Pages
    from ankiforge.web.session import ReviewSession


# --- review ---------------------------------------------------------------------------------


@command("""
  ankiforge review                   open the page in your browser
  ankiforge review paper.pdf         read it first, as run does
  ankiforge review Baumann           ask what waits in the document of this title
  ankiforge review --terminal        decide here, with single keys
  ankiforge review --no-open         print the address of the page instead
""")
@click.argument("paths", nargs=-1, type=FILE, metavar="[PATH|QUERY]...")
@flag("--terminal", help="Decide in this terminal, with single keys.")
@flag("--no-open", help="Print the address; do not open a browser.")
@NEW_DECK
@OUTPUT
@DRAFTER
@ACCEPT
@FORCE
@YES
def review(
    call: Call,
    paths: Paths,
    terminal: bool,
    no_open: bool,
    yes: bool,
    **options: Unpack[RunOptions],
) -> None:
    """Decide on cards in the browser, with the source beside each card.

    With PATH, do first what run does. With QUERY, a word of a title or a query of list, begin
    there. The page is served to this machine only. Every decision is stored at once; Ctrl-C ends.
    """
    trusting = replace(call, trusts=yes, goes_on=bool(paths))
    if terminal and not (call.interactive and sys.stdout.isatty()):
        message = "--terminal needs an interactive terminal"
        raise UsageError(
            message, hint="ankiforge list --view new -v, then: ankiforge accept ID"
        )
    query = "" if any(path.exists() for path in paths) else _query_of(trusting, paths)
    if query:
        paths = ()
    elif len(paths) == 1 and not paths[0].exists() and str(paths[0]).isalnum():
        message = f"nothing that waits has “{paths[0]}”, and no file is called so"
        raise UsageError(
            message,
            hint="a word of a title or passage, tag:NAME or another query of"
            " ankiforge list, or a PATH",
        )
    begins = None
    if paths:
        # files that cannot be read are reported, and the review goes on
        from ankiforge.cli.run import read_and_draft

        result = read_and_draft(trusting, paths, in_review=True, **options)
        begins = _unmarked_among(trusting, paths)
        if not begins and (result.report is None or not result.report.seen):
            end_run(result)
            exit_with(0)
        if result.error is not None:
            call.warn(result.error.told)
    elif any(options.values()):
        message = "run's options need a PATH to read"
        raise UsageError(message, hint="ankiforge run, then: ankiforge review")
    if terminal:
        from ankiforge.cli.terminal import TerminalReview

        with session(trusting) as workspace:
            TerminalReview(trusting, workspace, query).run()
        return
    from ankiforge.web.documents import Pages
    from ankiforge.web.server import serve

    with session(trusting) as workspace, ExitStack() as ended:
        pages = Pages()
        pages.start(workspace.ledger)
        open_session = partial(
            _review_session, trusting, workspace.folder, pages, query, begins
        )
        started = partial(_started, trusting, ended, no_open)
        with suppress(KeyboardInterrupt):
            serve(open_session, started, scripts())
    # only Ctrl-C ends the server
    call.say("\nthe page is closed; every decision is stored")
    exit_with(130)


def _unmarked_among(call: Call, paths: Paths) -> Path | None:
    """Return the first of some files in which nothing is marked."""
    from ankiforge.pipeline.sources import unmarked_paths

    with session(call) as workspace:
        unmarked = unmarked_paths(workspace.folder, workspace.ledger)
    named = (str(path.resolve()) for path in paths)
    return next((Path(name) for name in named if name in unmarked), None)


def _query_of(call: Call, words: Sequence[Path]) -> str:
    """Return the words of a call as a query; "" if nothing that waits or is proposed matches."""
    from ankiforge.pipeline.query import joined
    from ankiforge.review import shelf

    query = joined(map(str, words))
    if not query:
        return ""
    with session(call) as workspace:
        ledger = workspace.ledger
        with suppress(UsageError):  # it is a path that is not there
            if shelf.queue(ledger, query) or shelf.documents_named(ledger, query):
                return query
    return ""


def _review_session(
    call: Call, folder: WorkspaceFolder, pages: Pages, query: str, begins: Path | None
) -> ReviewSession:
    """Open a review session with a ledger of its own, in the thread that answers."""
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.web.session import ReviewSession

    workspace = Workspace(folder, offline=call.offline, jobs=call.jobs)
    return ReviewSession(workspace, pages, query, begins, page_parts)


def _started(call: Call, ended: ExitStack, no_open: bool, address: str) -> None:
    """Open the page, or print how to open it. `ended` removes its files when the page ends."""
    from ankiforge.config import is_remote

    if not (no_open or call.as_json):
        browser = _browser()
        if browser is None:
            call.say(
                "no browser can be opened here: open the whole address below in yours, or run"
                " ankiforge review --terminal"
            )
        else:
            file = ended.enter_context(_redirect(address))
            # in a thread, because a browser named in $BROWSER may return only when it is closed
            threading.Thread(
                target=browser.open,
                args=(file.as_uri(),),
                daemon=True,
            ).start()
    if is_remote():
        port = urlsplit(address).port  # the page accepts requests for this port only
        host = socket.gethostname()
        call.say(f"first, on your own computer: ssh -L {port}:127.0.0.1:{port} {host}")
    call.say("press Ctrl-C to stop")
    if call.as_json:
        call.data({"address": address})
    else:
        call.write(address)


@contextmanager
def _redirect(address: str) -> Iterator[Path]:
    """Write a private file that leads a browser to an address; remove it in the end.

    The address holds the token of the page, and every user of a machine can read command lines.
    """
    from tempfile import TemporaryDirectory

    # browsers from a snap see no folder of temporary files but their own, and nothing
    # hidden at home
    home = Path.home() if Path("/snap/bin").is_dir() and Path.home().is_dir() else None
    with TemporaryDirectory(
        prefix="ankiforge-",
        dir=home,
        ignore_cleanup_errors=True,
    ) as folder:
        path = Path(folder) / "open.html"
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(
                f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
                f'<meta http-equiv="refresh" content="0;url={address}"><title>ankiforge</title>'
                f'<a href="{address}">Open the page</a>'
            )
        yield path


def _browser() -> webbrowser.BaseBrowser | None:
    """Return the browser of this machine; None if there is none."""
    import webbrowser

    from ankiforge.config import has_screen

    if not (os.environ.get("BROWSER") or has_screen()):
        return None
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    # text browsers would occupy the terminal, and run no scripts
    if getattr(browser, "basename", "") in (
        "www-browser",
        "lynx",
        "links",
        "elinks",
        "w3m",
    ):
        return None
    return browser


# --- watch ----------------------------------------------------------------------------------


@command("""
  ankiforge watch                  keep the package up to date while you write
  ankiforge watch --push           bring finished cards into a running Anki
""")
@flag("--push", help="Send finished cards to a running Anki.")
@flag("--poll", help="Compare file times: for network folders and WSL.")
def watch(call: Call, push: bool, poll: bool) -> None:
    """Follow all sources and draft cards as you write.

    Cards go into the package, or with --push to Anki, once their note is left alone for two
    minutes. Ctrl-C stops it at any time.
    """
    from ankiforge.config.lock import lock
    from ankiforge.pipeline.watch import file_events, follow

    folder = workspace_of(call)
    if not folder.config.sources and not folder.remembered:
        hint = "ankiforge run PATH, or name a folder under sources: in ankiforge.yaml"
        raise UsageError("there is nothing to watch", hint=hint)
    folder.prepare()
    passes = Passes(call, push=push)
    with lock(folder, "watching", seconds=0), _end_by_signal() as ended:
        watched = [str(path) for path in passes.folders()]
        text = f"watching {', '.join(watched) or 'the sources'}; Ctrl-C stops"
        passes.tell("started", text, sources=watched)
        try:
            follow(passes, file_events(ended.is_set, poll=poll))
            raise KeyboardInterrupt  # the interrupt was lost
        finally:
            passes.tell("stopped")


@contextmanager
def _end_by_signal() -> Iterator[threading.Event]:
    """Treat SIGTERM and SIGHUP as Ctrl-C. The event is set, wherever the interrupt is lost."""
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()
        raise KeyboardInterrupt

    wanted = {"SIGINT", "SIGTERM", "SIGHUP"}
    before = {
        caught: signal.signal(caught, end)
        for caught in signal.Signals
        if caught.name in wanted
    }
    try:
        yield ended
    finally:
        for caught, handler in before.items():
            signal.signal(caught, handler)


class Passes:
    """The passes and deliveries in one workspace (`watch.Actions`), each with its own session."""

    def __init__(self, call: Call, *, push: bool) -> None:
        """Prepare passes; nothing is read yet."""
        self._call = replace(call, quiet=True)
        self._push = push
        # The call that prints the events.
        self._aloud = call
        # What the model has cost, of the budget of all passes.
        self._spent = 0.0
        # The newest decision that was delivered or is about to be.
        self._newest_decision: list[HistoryEntry] | None = None
        # A hash of the package that was announced last.
        self._package_hash = b""
        # The problems of the last pass and of the last delivery, which are not reported again.
        self._told_problems: dict[str, set[tuple[str, str]]] = {
            "read": set(),
            "deliver": set(),
        }

    def folders(self) -> list[Path]:
        """Return the folders of all sources."""
        from ankiforge.pipeline.sources import select_sources

        selected = select_sources(workspace_of(self._call)).sources
        paths = [source.entry.path for source in selected if source.entry.has_folder]
        folders = [path.parent if path.is_file() else path for path in paths]
        return list(dict.fromkeys(folders))

    def read(self, in_progress: Callable[[str], bool]) -> bool:
        """Read and draft. Return whether cards changed, here or by another program."""
        from ankiforge.pipeline.result import RunResult
        from ankiforge.pipeline.watch import BUSY_SECONDS

        begun = time.monotonic()
        result = RunResult(spent=self._spent)
        with self._telling_problems("read", result):
            with session(
                self._call, writes="drafting", patience=BUSY_SECONDS
            ) as workspace:
                workspace.propose(
                    result,
                    in_progress=in_progress,
                    limit=self._call.limit,
                )
                newest_decision = workspace.ledger.history()[:1]
            if result.usage is not None:
                self._spent += result.usage.cost_usd or 0.0
            self._tell_of(result, round(time.monotonic() - begun, 2))
            decided = newest_decision != self._newest_decision
            self._newest_decision = newest_decision
            if result.error:
                raise result.error
        if result.report is not None and result.report.moved:
            return True
        return bool(decided or result.accepted or result.changes)

    def _tell_of(self, result: RunResult, seconds: float) -> None:
        """Print the news of a pass, if there are any."""
        report = result.report
        if report is None or not (result.is_news or report.gone or result.drafted):
            return
        new, changed = len(report.new), len(report.changed)
        parts = []
        if result.accepted:
            parts.append(f"{counted(result.accepted, 'card')} accepted")
        if result.drafted > result.accepted:
            parts.append(counted(result.drafted - result.accepted, "new draft"))
        made = ", ".join(parts) or "no new card"
        revised = sum(not change.why for change in result.changes)
        self.tell(
            "pass",
            f"{new} new, {changed} changed: {made}",
            highlights={"new": new, "changed": changed, "gone": len(report.gone)},
            cards={"drafted": result.drafted, "revised": revised},
            seconds=seconds,
        )

    def deliver(self) -> None:
        """Write the package, or push."""
        from ankiforge.pipeline.result import RunResult
        from ankiforge.reports.summary import delivery_json

        problems = RunResult()
        with self._telling_problems("deliver", problems):
            with session(self._call) as workspace:
                result = workspace.push() if self._push else workspace.build()
                problems.problems += result.problems
                delivery = delivery_json(result, workspace.ledger)
            written = b""
            for path in result.packages[:1]:
                written = sha256(path.read_bytes()).digest()
            before, self._package_hash = self._package_hash, written
            if written not in (b"", before) or any(result.pushed or ()):
                packages = delivery["packages"]
                notes = delivery["notes"]
                pushed = result.pushed is not None
                where = "in Anki" if pushed else ", ".join(packages)
                text = f"{where}: {notes['added']} new, {notes['updated']} updated"
                self.tell(
                    "delivered", text, packages=packages, notes=notes, pushed=pushed
                )
            if result.error:
                raise result.error

    @contextmanager
    def _telling_problems(self, step: str, result: RunResult) -> Iterator[None]:
        """Report each problem of a step, except those that the last step reported."""
        from ankiforge.model import Problem
        from ankiforge.reports.summary import problem_json

        try:
            yield
        except ForgeError as error:
            is_busy = isinstance(error, BusyError)
            problem = Problem("watch", error.message, error.hint, notice=is_busy)
            result.problems.append(problem)
            raise
        finally:
            told = set().union(*self._told_problems.values())
            problems = {
                (problem.where, problem.what): problem for problem in result.problems
            }
            for key, problem in problems.items():
                if key not in told:
                    self.tell("problem", problem.told(), **problem_json(problem))
            self._told_problems[step] = set(problems)

    def tell(self, event: str, text: str = "", **values: Any) -> None:
        """Print an event as a line of JSON, or as a text."""
        if self._aloud.as_json:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._aloud.data({"event": event, "at": now, **values})
        elif text:
            line = f"{datetime.now():%H:%M:%S} {text}"
            if event == "problem":
                self._aloud.warn(line)
            else:
                self._aloud.say(line)
