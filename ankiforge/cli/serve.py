"""The commands that run until Ctrl-C: review, watch."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from ankiforge.cli import output as cli
from ankiforge.errors import BusyError, ForgeError, UsageError
from ankiforge.hooks import collect_page_parts, find_page_scripts
from ankiforge.text import format_count, quote_path

if TYPE_CHECKING:
    import webbrowser

    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.ledger import HistoryEntry
    from ankiforge.model import Problem
    from ankiforge.pipeline.run_result import RunResult
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.web.session import ReviewSession


# --- review ---------------------------------------------------------------------------------


@cli.command("""
  ankiforge review                   open the page in your browser
  ankiforge review paper.pdf         read it first, as run does
  ankiforge review Baumann           what waits in the document of this title
  ankiforge review --terminal        decide here, with single keys
  ankiforge review --no-open         print the URL of the page instead
""")
@click.argument("paths", nargs=-1, type=cli.PATH_TYPE, metavar="[PATH|QUERY]...")
@cli.flag_option("--terminal", help="Decide in this terminal, with single keys.")
@cli.flag_option("--no-open", help="Print the address; do not open a browser.")
def review(
    call: cli.Call,
    paths: cli.Paths,
    terminal: bool,
    no_open: bool,
) -> None:
    """Decide on cards in the browser, with the source beside each card.

    With PATH, do first what run does. With QUERY, a word of a title or a query of list, begin
    there. The page is served to this computer only. Every decision is stored at once; Ctrl-C ends.
    """
    is_at_terminal = call.is_interactive and sys.stdout.isatty()
    if terminal and not is_at_terminal:
        hint = "ankiforge list -v   then: ankiforge accept ID"
        raise UsageError("--terminal needs an interactive terminal", hint=hint)
    query = _find_query(call, paths)
    first_path = None
    if paths and query is None:
        first_path = _read_before_review(call, paths)
    if terminal:
        from ankiforge.cli.terminal import TerminalReview

        with cli.open_workspace(call) as workspace:
            TerminalReview(call, workspace, query or "").run()
        return
    _serve_page(call, query or "", first_path, no_open=no_open)
    # only Ctrl-C stops the server
    call.say("\nthe page is closed; every decision is stored")
    cli.exit_with_code(130)


def _serve_page(
    call: cli.Call, query: str, first_path: Path | None, *, no_open: bool
) -> None:
    """Serve the page until the user presses Ctrl-C, and open it in a browser.

    Args:
        call: the command's options.
        query: what the page begins with, or "" for all that waits.
        first_path: the document without marks that the page opens first, if any.
        no_open: whether to leave opening the page to the user.
    """
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.web.documents import PageRenderer
    from ankiforge.web.server import serve
    from ankiforge.web.session import ReviewSession

    with cli.open_workspace(call) as workspace, ExitStack() as cleanup:
        pages = PageRenderer()
        folder = workspace.folder

        def open_session() -> ReviewSession:
            # on the thread that handles requests, which is the only one to use this ledger
            opened = Workspace(folder, offline=call.offline, jobs=call.jobs)
            return ReviewSession(opened, pages, query, first_path, collect_page_parts)

        on_start = partial(_show_page, call, cleanup, no_open)
        with suppress(KeyboardInterrupt):
            serve(open_session, on_start, find_page_scripts())


def _find_query(call: cli.Call, arguments: cli.Paths) -> str | None:
    """Return the query that the arguments are, or None if they are paths.

    They are a query if none of them is an existing path and something that waits matches.
    Otherwise, they are paths, of which a missing one is reported when it is read; but a single word
    such as `Baumann` was meant as a query.

    Raises:
        UsageError: the only argument is a word that is neither.
    """
    from ankiforge.pipeline.query import join_arguments

    if any(path.exists() for path in arguments):
        return None
    query = join_arguments(map(str, arguments))
    if query and _matches_anything(call, query):
        return query
    if len(arguments) == 1 and query.isalnum():
        nothing = f"nothing that waits contains “{query}”"
        hint = "a word of a title or passage, tag:NAME or another query of ankiforge list"
        raise UsageError(
            f"{nothing}, and there is no file of that name", hint=f"{hint}, or a PATH"
        )
    return None


def _matches_anything(call: cli.Call, query: str) -> bool:
    """Return whether anything that waits matches a query. A query may be invalid."""
    from ankiforge.review import batches

    with cli.open_workspace(call) as workspace:
        ledger = workspace.ledger
        try:
            if batches.list_pending_ids(ledger, query):
                return True
            return bool(batches.find_documents_with_suggestions(ledger, query))
        except UsageError:
            return False


def _read_before_review(call: cli.Call, paths: cli.Paths) -> Path | None:
    """Read and draft files before a review, as `run` does, and report what can't be read.

    If nothing was read, there is nothing to review, so that the command exits; but a document
    without marks can be marked on the page.

    Returns:
        The first of the paths that is a document without marks, if there is one.
    """
    from ankiforge.cli.run import read_and_draft
    from ankiforge.pipeline.run_result import CommandRunOptions
    from ankiforge.pipeline.stored_documents import find_unmarked_documents

    options = CommandRunOptions(limit=call.limit, unmarked=True)
    result = read_and_draft(call, paths, options, in_review=True)
    with cli.open_workspace(call) as workspace:
        unmarked = find_unmarked_documents(workspace.folder, workspace.ledger)
    full_paths = [path.resolve() for path in paths]
    is_anything_read = result.report is not None and result.report.passage_count > 0
    if not is_anything_read and not _contains_any(full_paths, unmarked):
        cli.exit_if_failed(result.problems, result.error)
        cli.exit_with_code(0)
    if result.error is not None:
        call.warn(result.error.full_message)
    return next((path for path in full_paths if path in unmarked), None)


def _contains_any(paths: Iterable[Path], files: Iterable[Path]) -> bool:
    """Return whether any of the files is one of the paths, or below one."""
    return any(file.is_relative_to(path) for file in files for path in paths)


def _show_page(call: cli.Call, cleanup: ExitStack, no_open: bool, url: str) -> None:
    from ankiforge.config import is_ssh_session

    if not no_open and not call.as_json:
        _open_page(call, cleanup, url)
    if is_ssh_session():
        port = urlsplit(url).port  # the server accepts only requests to this port
        host = socket.gethostname()
        call.say(f"first, on your own computer: ssh -L {port}:127.0.0.1:{port} {host}")
    call.say("press Ctrl-C to stop")
    if call.as_json:
        call.print_json({"address": url})
    else:
        call.print_raw(url)


def _open_page(call: cli.Call, cleanup: ExitStack, url: str) -> None:
    """Open the page in a browser, or say that there is none."""
    browser = _find_browser()
    if browser is None:
        in_terminal = "or decide in the terminal: ankiforge review --terminal"
        call.say(f"no browser was found: open the URL below in one, {in_terminal}")
        return
    file = cleanup.enter_context(_write_redirect_file(url))
    # use a thread, because the program in $BROWSER may return only when it is closed
    arguments = (file.as_uri(),)
    threading.Thread(target=browser.open, args=arguments, daemon=True).start()


@contextmanager
def _write_redirect_file(url: str) -> Iterator[Path]:
    """Context manager that writes a private HTML file that redirects to a URL.

    The URL contains the page's token, so it must not be passed to the browser directly, because
    every user of the computer can see the command lines of processes.
    """
    from tempfile import TemporaryDirectory

    # a browser from a snap can read neither the system's temporary directory nor hidden directories
    # in the home directory
    parent = None
    if Path("/snap/bin").is_dir() and Path.home().is_dir():
        parent = Path.home()
    with TemporaryDirectory(
        "", "ankiforge-", parent, ignore_cleanup_errors=True
    ) as folder:
        path = Path(folder) / "open.html"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(
                f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
                f'<meta http-equiv="refresh" content="0;url={url}"><title>ankiforge</title>'
                f'<a href="{url}">Open the page</a>'
            )
        yield path


# browsers that would occupy the terminal, and don't run scripts
_TEXT_BROWSERS = ("www-browser", "lynx", "links", "elinks", "w3m")


def _find_browser() -> webbrowser.BaseBrowser | None:
    """Return the browser of this computer, if it has one that shows the page."""
    import webbrowser

    from ankiforge.config import can_show_windows

    if not (os.environ.get("BROWSER") or can_show_windows()):
        return None
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    if getattr(browser, "basename", None) in _TEXT_BROWSERS:
        return None
    return browser


# --- watch ----------------------------------------------------------------------------------

LOCK_TIMEOUT = 10.0
"""How many seconds to wait for another program that is drafting in the same workspace."""


@cli.command("""
  ankiforge watch                  keep the package up to date while you write
  ankiforge watch --push           bring finished cards into a running Anki
""")
@cli.flag_option("--push", help="Send finished cards to a running Anki.")
@click.argument("paths", nargs=-1, type=cli.PATH_TYPE, metavar="")
def watch(call: cli.Call, push: bool, paths: cli.Paths) -> None:
    """Run whenever your sources were left alone for 20 seconds after a change.

    Cards go into the package, or with --push to Anki. Ctrl-C stops it at any time.
    """
    from ankiforge.pipeline.watch import iter_file_changes, run_after_changes

    if paths:
        hint = f"ankiforge run {quote_path(paths[0])}   then: ankiforge watch"
        raise UsageError("watch takes no PATH: it watches all sources", hint=hint)
    folder = cli.find_workspace(call)
    if not folder.config.sources and not folder.remembered_paths:
        hint = "ankiforge run PATH   or name a folder under sources: in ankiforge.yaml"
        raise UsageError("there is nothing to watch", hint=hint)
    folder.create_directories()
    directories = _find_directories_to_watch(folder)
    names = [str(directory) for directory in directories]
    watcher = Watcher(call, push=push)
    with (
        folder.acquire_lock("watching", timeout=0),
        _interrupt_on_signals() as interrupted,
    ):
        message = f"watching {', '.join(names) or 'the sources'}; Ctrl-C stops"
        watcher.print_event("started", message, sources=names)
        try:
            changes = iter_file_changes(directories, interrupted.is_set)
            run_after_changes(watcher.run, changes)
            # the changes end only after a signal, whose KeyboardInterrupt some code has swallowed
            raise KeyboardInterrupt
        finally:
            watcher.print_event("stopped")


def _find_directories_to_watch(folder: WorkspaceDirectory) -> list[Path]:
    """Return the directory of each source that has a path, each once."""
    from ankiforge.pipeline.selection import select_sources

    directories = []
    for source in select_sources(folder).sources:
        if source.entry.has_path:
            path = source.entry.path
            directories.append(path.parent if path.is_file() else path)
    return [*dict.fromkeys(directories)]


_ENDING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def _interrupt_on_signals() -> Iterator[threading.Event]:
    """Context manager in which SIGTERM and SIGHUP raise KeyboardInterrupt, like Ctrl-C.

    Yields an event that is set by any of these signals and by Ctrl-C, so that the caller can check
    whether to stop even if some code has swallowed the exception.
    """
    interrupted = threading.Event()

    def interrupt(*_: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    caught = [each for each in signal.Signals if each.name in _ENDING_SIGNALS]
    old_handlers = {each: signal.signal(each, interrupt) for each in caught}
    try:
        yield interrupted
    finally:
        for caught_signal, handler in old_handlers.items():
            signal.signal(caught_signal, handler)


class Watcher:
    """Reads the sources, drafts cards and delivers them on each call to `run`, printing events.

    The workspace is reopened on each call.
    """

    def __init__(self, call: cli.Call, *, push: bool) -> None:
        """Initialize the watcher.

        With `push`, cards are sent to a running Anki instead of written to a package.
        """
        self._call = replace(call, quiet=True)
        self._push = push
        # the options for printing events; the runs themselves are quiet
        self._event_call = call
        # the cost of the model so far in USD, because all runs share a budget
        self._model_cost = 0.0
        # the newest decision at the last delivery
        self._newest_decision: list[HistoryEntry] | None = None
        # a hash of the package that was last written
        self._package_hash: bytes | None = None
        # the (location, message) of the last run's problems, which aren't printed again
        self._reported_problems: set[tuple[str, str]] = set()

    def run(self, has_changed: bool) -> bool:
        """Read the sources, draft cards, and deliver the cards if anything has changed.

        Args:
            has_changed: whether any source has changed. If not, cards are delivered only if the
                user has made a decision since the last delivery.

        Returns:
            Whether everything succeeded.
        """
        from ankiforge.model import Problem
        from ankiforge.pipeline.run_result import RunResult

        result = RunResult(spent=self._model_cost)
        succeeded = True
        try:
            self._read_and_deliver(result, has_changed=has_changed)
        except ForgeError as error:
            succeeded = False
            is_busy = isinstance(error, BusyError)
            problem = Problem("watch", error.message, error.hint, is_notice=is_busy)
            result.problems.append(problem)
        self._print_new_problems(result.problems)
        return succeeded

    def _read_and_deliver(self, result: RunResult, *, has_changed: bool) -> None:
        """Read the sources and draft cards, and deliver the cards unless nothing has changed.

        What happens is added to `result`.
        """
        from ankiforge.pipeline.run_result import CommandRunOptions

        with cli.open_workspace(
            self._call, writes="drafting", lock_timeout=LOCK_TIMEOUT
        ) as workspace:
            started_at = time.monotonic()
            options = CommandRunOptions(limit=self._call.limit)
            workspace.read_and_draft(result, (), options)
            if result.usage is not None:
                self._model_cost += result.usage.cost_usd or 0.0
            self._report_run(result, round(time.monotonic() - started_at, 2))
            newest_decision = workspace.ledger.list_history()[:1]
            if has_changed or newest_decision != self._newest_decision:
                self._deliver_cards(workspace, result)
                self._newest_decision = newest_decision

    def _print_new_problems(self, problems: Iterable[Problem]) -> None:
        """Print the problems of a run, except those that the run before had as well."""
        from msgspec import to_builtins

        problems_by_key = {(each.location, each.message): each for each in problems}
        for key, problem in problems_by_key.items():
            if key not in self._reported_problems:
                self.print_event("problem", problem.summarize(), **to_builtins(problem))
        self._reported_problems = set(problems_by_key)

    def _report_run(self, result: RunResult, seconds: float) -> None:
        """Print an event with what was read and drafted, unless nothing was."""
        report = result.report
        if report is None:
            return
        if not (result.has_new_highlights or report.removed_keys or result.drafted):
            return
        highlights = {
            "new": len(report.new),
            "changed": len(report.changed),
            "gone": len(report.removed_keys),
        }
        changed_card_count = sum(not change.is_held for change in result.changes)
        text = (
            f"{highlights['new']} new, {highlights['changed']} changed:"
            f" {_format_new_cards(result)}"
        )
        self.print_event(
            "pass",
            text,
            highlights=highlights,
            cards={"drafted": result.drafted, "changed": changed_card_count},
            seconds=seconds,
        )

    def _deliver_cards(self, workspace: Workspace, run_result: RunResult) -> None:
        """Write the package or send the cards to Anki, and print a summary.

        Raises:
            ForgeError: the model or Anki failed. Raised only after the delivery.
        """
        from ankiforge.reports.summary import build_delivery_report

        result = workspace.push() if self._push else workspace.build()
        run_result.problems += result.problems
        delivery = build_delivery_report(result, workspace.ledger)
        has_written = self._remember_package(result.packages)
        has_sent = result.pushed is not None and any(result.pushed)
        if has_written or has_sent:
            destination = "in Anki"
            if result.pushed is None:
                destination = ", ".join(delivery.packages)
            notes = delivery.notes
            self.print_event(
                "delivered",
                f"{destination}: {notes['added']} new, {notes['updated']} updated",
                packages=delivery.packages,
                notes=notes,
                pushed=result.pushed is not None,
            )
        error = run_result.error or result.error
        if error is not None:
            raise error

    def _remember_package(self, packages: Sequence[Path]) -> bool:
        """Remember the package that was written. Return whether it differs from the last one."""
        if not packages:
            self._package_hash = None
            return False
        old_hash = self._package_hash
        self._package_hash = sha256(packages[0].read_bytes()).digest()
        return self._package_hash != old_hash

    def print_event(self, event: str, text: str = "", **values: Any) -> None:
        """Print an event as a line of JSON with `values` or, without `--json`, as `text`.

        An empty `text` isn't printed.
        """
        if self._event_call.as_json:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._event_call.print_json({"event": event, "at": now, **values})
        elif text:
            line = f"{datetime.now():%H:%M:%S} {text}"
            if event == "problem":
                self._event_call.warn(line)
            else:
                self._event_call.say(line)


def _format_new_cards(result: RunResult) -> str:
    """Format what a run drafted, such as "2 cards accepted, 1 new draft"."""
    counts = []
    if result.accepted:
        counts.append(f"{format_count(result.accepted, 'card')} accepted")
    waiting_count = result.drafted - result.accepted
    if waiting_count > 0:
        counts.append(format_count(waiting_count, "new draft"))
    return ", ".join(counts) or "no new card"
