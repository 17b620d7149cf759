"""`ankiforge watch`: follow the sources, and draft as you write."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.output import Call, command
from ankiforge.cli.session import session, workspace_of
from ankiforge.errors import BusyError, ForgeError, RefusedError, UsageError
from ankiforge.text.display import counted

if TYPE_CHECKING:
    from ankiforge.reports.summary import Tally


@command("""
  ankiforge watch                  keep the package up to date while you write
  ankiforge watch --push           bring finished cards into a running Anki
  ankiforge watch --poll           for network folders and WSL, which send no events
""", shows="limit jobs", lines=True)  # fmt: skip
@click.option("--push", is_flag=True, help="Send finished cards to a running Anki.")
@click.option("--poll", is_flag=True, help="Compare file times instead of waiting for events.")
def watch(call: Call, push: bool, poll: bool) -> None:
    """Follow all sources and draft cards as you write.

    Cards go into the package, or with --push to Anki, once you have not touched their note for two
    minutes. Ctrl-C stops it at any time.
    """
    from ankiforge import app
    from ankiforge.watch import follow

    workspace = workspace_of(call)
    if not workspace.config.sources and not workspace.remembered:
        hint = f"name a folder under `sources:` in {workspace.settings}, or: ankiforge init"
        raise UsageError("there is nothing to watch", hint=hint)
    workspace.prepare()
    passes = Passes(call, push=push)
    try:
        held = app.lock(workspace, "watching", seconds=0)
    except BusyError as error:
        what = error.message.partition(" is watching")[0]
        raise RefusedError(
            f"{what} already watches this workspace", hint="one is enough"
        ) from error
    with held, _end_by_signal() as ended:
        passes.tell("started", sources=[str(one) for one in passes.folders()])
        try:
            follow(passes, ended.is_set, poll=poll)
        finally:
            passes.tell("stopped")


@contextmanager
def _end_by_signal() -> Iterator[threading.Event]:
    """Set an event at SIGINT, SIGTERM and SIGHUP, so that a pass is finished first."""
    ended = threading.Event()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), lambda *_: ended.set()) for name in names}
    try:
        yield ended
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


class Passes:
    """The passes and deliveries in one workspace (`watch.Actions`), each with its own session."""

    def __init__(self, call: Call, *, push: bool) -> None:
        """Prepare passes; nothing is read yet."""
        self._call, self._push = call, push
        self._troubles: dict[tuple[str, str], Any] = {}
        """The problems that were told and are not mended yet."""

    def folders(self) -> list[Path]:
        """Return the folders of all sources."""
        from ankiforge import app

        selected, _, _ = app.select_sources(workspace_of(self._call))
        found = [one.entry.path for one in selected if one.entry.has_folder]
        return [path.parent if path.is_file() else path for path in found]

    def read(self, in_progress: Callable[[str], bool]) -> bool:
        """Read and draft. Return whether cards changed."""
        from ankiforge import app
        from ankiforge.cli.run import model_for, read_and_draft
        from ankiforge.reports.summary import Tally

        begun, tally = time.monotonic(), Tally()
        quiet = replace(self._call, out=replace(self._call.out, quiet=True))
        with session(quiet, writes="drafting", patience=0.0) as now:
            selected, lost, remembered = app.select_sources(now.workspace)
            tally.problems += lost
            sources = app.open_sources(now.workspace, now.ledger, selected, offline=quiet.offline)
            model, replies = model_for(now, "")
            job = app.make_job(
                now.workspace, sources, model=model, limit=quiet.limit, in_progress=in_progress,
                in_use=app.names_in_use(now.workspace.config, remembered),
            )  # fmt: skip
            error = read_and_draft(now, job, tally, model)
            if replies:
                replies.close()
        self._tell_problems(tally)
        report = tally.report
        if report and (report.new or report.changed or report.gone or tally.drafted):
            self.tell(
                "pass",
                highlights={"new": len(report.new), "changed": len(report.changed), "gone": len(report.gone)},
                cards={"drafted": tally.drafted, "revised": len(tally.changes)},
                seconds=round(time.monotonic() - begun, 2),
            )  # fmt: skip
        if error:
            raise error
        return bool(tally.accepted or tally.changes or (report and (report.moved or report.new)))

    def deliver(self) -> None:
        """Write the package, or push."""
        from ankiforge.cli.anki import look, package_path, push_cards, write_package
        from ankiforge.reports.summary import Tally, notes_json

        tally, error = Tally(), None
        quiet = replace(self._call, out=replace(self._call.out, quiet=True))
        with session(quiet) as now:
            path = package_path(now)
            if self._push:
                error = push_cards(now, tally, path)
            else:
                look(now, tally)
                write_package(now, tally, path)
            notes = notes_json(tally, now.ledger)
        self._tell_problems(tally)
        if notes["written"]:
            packages = [str(one) for one in tally.packages]
            self.tell("delivered", packages=packages, notes=notes, pushed=tally.pushed is not None)
        if error:
            raise error

    def failed(self, error: ForgeError) -> None:
        """Tell about a failure once, until it is mended."""
        from ankiforge.model import Problem

        self._tell(Problem("watch", error.message, error.hint))

    def _tell_problems(self, tally: Tally) -> None:
        """Tell each problem once, and once more when it is over."""
        now = {(one.where, one.what) for one in tally.problems}
        for one in tally.problems:
            self._tell(one)
        for key in [key for key in self._troubles if key not in now]:
            one = self._troubles.pop(key)
            self.tell("mended", where=one.where, what=one.what)

    def _tell(self, problem: Any) -> None:
        if (problem.where, problem.what) not in self._troubles:
            self._troubles[problem.where, problem.what] = problem
            said = {"where": problem.where, "what": problem.what, "hint": problem.hint}
            self.tell("problem", **said, notice=problem.notice)

    def tell(self, event: str, **values: Any) -> None:
        """Print an event as a line of JSON, or in words."""
        out = self._call.out
        at = datetime.now(UTC).isoformat(timespec="seconds")
        if out.as_json:
            out.data({"event": event, "at": at, **values})
            return
        clock = datetime.now().strftime("%H:%M:%S")
        match event:
            case "started":
                out.say(
                    f"{clock} watching {', '.join(values['sources']) or 'the sources'}; Ctrl-C stops"
                )
            case "pass":
                new, changed = values["highlights"]["new"], values["highlights"]["changed"]
                out.say(
                    f"{clock} {new} new, {changed} changed; {counted(values['cards']['drafted'], 'draft')}"
                )
            case "delivered":
                notes = values["notes"]
                where = "in Anki" if values["pushed"] else ", ".join(values["packages"])
                out.say(f"{clock} {where}: {notes['added']} new, {notes['updated']} updated")
            case "problem" | "mended":
                word = "failed" if event == "problem" else "mended"
                hint = f" ({values['hint']})" if values.get("hint") else ""
                out.warn(f"{clock} {word}: {values['where']}: {values['what']}{hint}")
