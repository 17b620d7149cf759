"""The commands that serve until Ctrl-C: review, watch, mcp."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from ankiforge.cli.output import Call, Session, command, flag, session, workspace_of
from ankiforge.errors import ConfigError, ForgeError, UsageError
from ankiforge.text import counted

if TYPE_CHECKING:
    import webbrowser

    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.ledger import Ledger
    from ankiforge.pipeline.workspace import RunResult
    from ankiforge.web.session import ReviewSession


# --- review ---------------------------------------------------------------------------------


@command("""
  ankiforge review              open the page in your browser
  ankiforge review --no-open    print its address instead
""")
@flag("--no-open", help="Print the address; do not open a browser.")
def review(call: Call, no_open: bool) -> None:
    """Decide on cards in the browser, with the source beside each card.

    Everything stays on this machine. Every decision is stored at once; Ctrl-C stops the page.
    """
    from ankiforge.web.server import serve

    with session(call) as now, ExitStack() as ended:
        serve(partial(_review_session, now), partial(_started, now, ended, no_open))
    raise click.Abort  # only Ctrl-C ends the server


def _review_session(now: Session) -> ReviewSession:
    """Open a review session with a ledger of its own, in the thread that answers."""
    from ankiforge.pipeline import workspace as app
    from ankiforge.pipeline.workspace import draft_others
    from ankiforge.web.session import ReviewSession

    ledger, ask = app.open_ledger(now.workspace), partial(draft_others, now.workspace)
    return ReviewSession(
        ledger, now.workspace, now.decks, partial(_send, now), partial(ask, now.call.offline)
    )


def _started(now: Session, ended: ExitStack, no_open: bool, address: str) -> None:
    """Open the page, or print how to open it. `ended` removes what is left when the page ends."""
    call = now.call
    remote = bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))
    if not (no_open or call.as_json):
        browser = _browser(remote=remote)
        if browser is None:
            call.say("no browser can be opened here; open the whole address below in yours")
        else:
            file = ended.enter_context(_redirect(address))
            # in a thread, because a browser named in $BROWSER may return only when it is closed
            threading.Thread(target=browser.open, args=(file.as_uri(),), daemon=True).start()
    if remote:
        port = urlsplit(address).port  # the page accepts requests for this port only
        host = socket.gethostname()
        call.say(f"first, on your own computer: ssh -L {port}:127.0.0.1:{port} {host}")
    call.say("press Ctrl-C to end")
    if call.as_json:
        call.data({"address": address})
    else:
        call.write(address)


def _send(now: Session, ledger: Ledger) -> str:
    """Push the cards that Anki lacks, or write the package; return what became of it."""
    from ankiforge.cli.anki import package_path, running_anki
    from ankiforge.pipeline import deliver
    from ankiforge.pipeline import workspace as app
    from ankiforge.reports.summary import delivery_lines

    quiet = replace(now.call, as_json=True, quiet=True)
    here, tally = Session(quiet, now.workspace, ledger), app.RunResult()
    path = package_path(here)
    deliver.refuse_foreign(path, ledger, force=False)
    error = app.push(now.workspace, ledger, tally, path, partial(running_anki, here))
    told = [] if error is None else [error.message]
    told += list(delivery_lines(tally)) or ([] if told else ["Anki has every card"])
    told += [f"{one.where}: {one.what}" for one in tally.problems if not one.notice]
    return f"{'. '.join(told)}."


@contextmanager
def _redirect(address: str) -> Iterator[Path]:
    """Write a private file that leads a browser to an address; remove it in the end.

    The address holds the token of the page, and every user of a machine can read command lines.
    """
    from tempfile import TemporaryDirectory

    # browsers from a snap see no folder of temporary files but their own, and nothing hidden at home
    home = Path.home() if Path("/snap/bin").is_dir() and Path.home().is_dir() else None
    with TemporaryDirectory(prefix="ankiforge-", dir=home, ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "open.html"
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(
                f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
                f'<meta http-equiv="refresh" content="0;url={address}"><title>ankiforge</title>'
                f'<a href="{address}">Open the page</a>'
            )
        yield path


def _browser(*, remote: bool) -> webbrowser.BaseBrowser | None:
    """Return the browser of this machine; None if there is none."""
    import webbrowser

    screen = (
        sys.platform in ("darwin", "win32")
        or os.environ.get("DISPLAY")
        or os.environ.get("WAYLAND_DISPLAY")
    )
    if not os.environ.get("BROWSER") and (remote or not screen):
        return None
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    # text browsers would occupy the terminal, and run no scripts
    if getattr(browser, "basename", "") in ("www-browser", "lynx", "links", "elinks", "w3m"):
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

    Cards go into the package, or with --push to Anki, once you have not touched their note for two
    minutes. Ctrl-C stops it at any time.
    """
    from ankiforge.pipeline import workspace as app
    from ankiforge.pipeline.watch import file_events, follow

    workspace = workspace_of(call)
    if not workspace.config.sources and not workspace.remembered:
        hint = "ankiforge run PATH, or name a folder under sources: in ankiforge.yaml"
        raise UsageError("there is nothing to watch", hint=hint)
    workspace.prepare()
    passes = Passes(call, push=push)
    with app.lock(workspace, "watching", seconds=0), _end_by_signal() as ended:
        folders = [str(one) for one in passes.folders()]
        said = f"watching {', '.join(folders) or 'the sources'}; Ctrl-C stops"
        passes.tell("started", said, sources=folders)
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
    before = {one: signal.signal(one, end) for one in signal.Signals if one.name in wanted}
    try:
        yield ended
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


class Passes:
    """The passes and deliveries in one workspace (`watch.Actions`), each with its own session."""

    def __init__(self, call: Call, *, push: bool) -> None:
        """Prepare passes; nothing is read yet."""
        self._call, self._push = replace(call, quiet=True), push
        self._aloud = call
        # What the model has cost, of the budget of all passes.
        self._spent = 0.0
        # The newest decision that was delivered or is about to be.
        self._newest: Any = None
        # A hash of the package that was told last.
        self._package = b""
        # The problems of the last pass and of the last delivery, which are not told again.
        self._troubles: dict[str, set[tuple[str, str]]] = {"read": set(), "deliver": set()}

    def folders(self) -> list[Path]:
        """Return the folders of all sources."""
        from ankiforge.pipeline.sources import select_sources

        selected, _, _ = select_sources(workspace_of(self._call))
        found = [one.entry.path for one in selected if one.entry.has_folder]
        return [path.parent if path.is_file() else path for path in found]

    def read(self, in_progress: Callable[[str], bool]) -> bool:
        """Read and draft. Return whether cards changed, here or by another program."""
        from ankiforge.cli.run import propose
        from ankiforge.pipeline.workspace import RunResult

        begun, tally = time.monotonic(), RunResult()
        with self._telling("read", tally):
            with session(self._call, writes="drafting", patience=0.0) as now:
                error = propose(now, tally, spent=self._spent, in_progress=in_progress)
                newest = now.ledger.history()[:1]
            self._spent += (tally.usage.cost_usd or 0.0) if tally.usage else 0.0
            report = tally.report
            if report and (report.new or report.changed or report.gone or tally.drafted):
                new, changed = len(report.new), len(report.changed)
                self.tell(
                    "pass",
                    f"{new} new, {changed} changed; {counted(tally.drafted, 'draft')}",
                    highlights={"new": new, "changed": changed, "gone": len(report.gone)},
                    cards={"drafted": tally.drafted, "revised": sum(not one.why for one in tally.changes)},
                    seconds=round(time.monotonic() - begun, 2),
                )  # fmt: skip
            decided, self._newest = newest != self._newest, newest
            if error:
                raise error
        return bool(decided or tally.accepted or tally.changes or (report and report.moved))

    def deliver(self) -> None:
        """Write the package, or push."""
        from ankiforge.cli.anki import package_path, read_anki, running_anki
        from ankiforge.pipeline import workspace as app
        from ankiforge.reports.summary import delivery_json

        tally, error = app.RunResult(), None
        with self._telling("deliver", tally):
            with session(self._call) as now:
                path = package_path(now)
                if self._push:
                    connect = partial(running_anki, now)
                    error = app.push(now.workspace, now.ledger, tally, path, connect)
                else:
                    read_anki(now, tally)
                    app.publish(now.workspace, now.ledger, tally, path)
                told = delivery_json(tally, now.ledger)
            written = sha256(path.read_bytes()).digest() if tally.packages else b""
            if any(tally.pushed or ()) or (written and written != self._package):
                packages, notes, pushed = told["packages"], told["notes"], tally.pushed is not None
                where = "in Anki" if pushed else ", ".join(packages)
                said = f"{where}: {notes['added']} new, {notes['updated']} updated"
                self.tell("delivered", said, packages=packages, notes=notes, pushed=pushed)
            self._package = written
            if error:
                raise error

    @contextmanager
    def _telling(self, step: str, tally: RunResult) -> Iterator[None]:
        """Tell each problem of a step, but not again what the last step told."""
        from ankiforge.model import Problem
        from ankiforge.reports.summary import problem_json

        try:
            yield
        except ForgeError as error:
            tally.problems.append(Problem("watch", error.message, error.hint))
            raise
        finally:
            told = set().union(*self._troubles.values())
            found = {(one.where, one.what): one for one in tally.problems}
            for key, one in found.items():
                if key not in told:
                    hint = f" ({one.hint})" if one.hint else ""
                    said = f"failed: {one.where}: {one.what}{hint}"
                    self.tell("problem", said, **problem_json(one))
            self._troubles[step] = set(found)

    def tell(self, event: str, said: str = "", **values: Any) -> None:
        """Print an event as a line of JSON, or what is said of it."""
        if self._aloud.as_json:
            at = datetime.now(UTC).isoformat(timespec="seconds")
            self._aloud.data({"event": event, "at": at, **values})
        elif said:
            tells = self._aloud.warn if event == "problem" else self._aloud.say
            tells(f"{datetime.now():%H:%M:%S} {said}")


# --- mcp ------------------------------------------------------------------------------------

_SENT = (
    "passages you highlighted, with the text around them, your comments on them, titles;\n"
    "  your cards, their sources, and how often you forgot them"
)


@command("""
  ankiforge mcp --trust ~/cards    let agents read this workspace, once
  ankiforge -C ~/cards mcp         what an agent starts
""")
@click.option(
    "--trust",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Let agents read the workspace DIR; serve nothing.",
)
def mcp(call: Call, trust: Path | None) -> None:
    """Serve an agent (MCP, stdio): it drafts, the checks judge, you decide.

    The agent's provider sees what the agent reads. What is tagged #no-llm is never shown.
    """
    from ankiforge.config.workspace import Concern, confirm, is_confirmed, user_folder
    from ankiforge.config.yamlfile import Location

    reads = Concern("agents would read passages and cards", Location("mcp"))
    if trust is not None:
        workspace = workspace_of(replace(call, workspace=str(trust)))
        confirm(workspace, [reads], user_folder())
        call.say(
            f"agents may read {workspace.root}; what their provider will see:\n  {_SENT}\n"
            "anything tagged #no-llm stays here"
        )
        return
    try:
        from ankiforge.mcp import PATIENCE_S, Agent, serve
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the MCP server needs the package {error.name}",
            hint="pip install 'ankiforge-cards[mcp]'",
        ) from error
    quiet = replace(call, quiet=True, as_json=True)

    @contextmanager
    def opened(writes: str) -> Iterator[tuple[WorkspaceFolder, Ledger]]:
        workspace = workspace_of(quiet)
        if not is_confirmed(workspace, reads, user_folder()):
            what = "nobody has allowed agents to read this workspace"
            hint = f"the person runs: ankiforge mcp --trust {workspace.root}"
            raise UsageError(what, hint=hint)
        with session(quiet, writes=writes, patience=PATIENCE_S) as now:
            yield now.workspace, now.ledger

    serve(Agent(opened, offline=quiet.offline))
