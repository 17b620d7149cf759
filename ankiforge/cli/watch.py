"""`ankiforge watch`: follow the sources, draft and deliver while a person writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import Call, command
from ankiforge.cli.review import end_by_signal
from ankiforge.cli.session import workspace_of
from ankiforge.errors import BusyError, RefusedError, UsageError

if TYPE_CHECKING:
    from ankiforge.config.workspace import Workspace


@command("""
  ankiforge watch                  keep the package up to date
  ankiforge watch --push           send finished cards to a running Anki
  ankiforge watch --poll           for network folders and WSL, which send no events
""", shows="limit jobs", lines=True)  # fmt: skip
@click.option("--push", is_flag=True, help="Send finished cards to a running Anki.")
@click.option("--poll", is_flag=True, help="Compare file times instead of waiting for events.")
def watch(call: Call, push: bool, poll: bool) -> None:
    """Follow all sources and draft cards as you write.

    Cards go into the package, or with --push to Anki, once you have not touched their note for two
    minutes. Ctrl-C stops it at any time.
    """
    from ankiforge.cli.passes import Narrator, Passes
    from ankiforge.watch import FileEvents, Watcher

    workspace = workspace_of(call)
    if not workspace.config.sources and not workspace.remembered:
        hint = f"name a folder under `sources:` in {workspace.settings}, or: ankiforge init"
        if workspace.is_default:
            hint = f"first: {call.program} run PATH"
        raise UsageError("there is nothing to watch", hint=hint)
    with end_by_signal() as ended:
        workspace.prepare()
        narrator = Narrator(call.out, time.time)
        events = FileEvents(poll=poll)
        try:
            with _only_watcher(workspace):
                passes = Passes(call, workspace, narrator.once, time.time, push=push)
                Watcher(passes, events, narrator, time.time).run(ended.is_set)
        finally:
            events.close()
            narrator.stopped()


@contextmanager
def _only_watcher(workspace: Workspace) -> Iterator[None]:
    """Refuse to start if another watcher runs here, which would do all work twice."""
    from ankiforge import ledger

    try:
        lock = ledger.lock(workspace.folder, "watching", seconds=0)
    except BusyError as error:
        what = error.message.partition(" is watching")[0]
        what = f"{what} already watches this workspace"
        raise RefusedError(what, hint="one is enough") from error
    with lock:
        yield
