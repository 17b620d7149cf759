"""Follow the sources: read what changed at once, deliver once a note has been left alone.

    a file changes ─▶ pass (read, draft; notes in progress wait) ─▶ 2 quiet minutes ─▶ pass, deliver

A pass is the same as in `run`. A note in progress is read at each save, so its drafts can be looked
at; nothing of it is accepted, or written into the journal, before its writer has paused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from ankiforge.errors import ForgeError

QUIET_SECONDS = 120.0
"""A note that was not saved for so long is finished for now."""
EVERYTHING_SECONDS = 600.0
"""How often sources are read that report no changes: Zotero's API, network folders."""
RETRY_SECONDS = 30.0
"""How long to wait after a pass that failed."""
STEP_MS = 500
"""How long to wait for file events before the clock is looked at."""


class Actions(Protocol):
    """What the front end does for the watcher."""

    def folders(self) -> list[Path]:
        """Return the folders to follow."""
        ...

    def read(self, in_progress: Callable[[str], bool]) -> bool:
        """Read and draft. Return whether there is something to deliver."""
        ...

    def deliver(self) -> None:
        """Write the package, or push."""
        ...

    def failed(self, error: ForgeError) -> None:
        """Tell the person about a pass or delivery that failed; it is tried again."""
        ...


def follow(
    actions: Actions,
    is_ended: Callable[[], bool],
    *,
    poll: bool = False,
    clock: Callable[[], float] = time.time,
    events: Callable[[list[Path]], Iterator[set[str]]] | None = None,
) -> None:
    """Follow the sources until `is_ended`.

    Args:
        actions: what the front end does.
        is_ended: returns whether to stop.
        poll: compare file times, where the file system sends no events.
        clock: returns the time in seconds.
        events: yields the paths of changed files, or an empty set after a pause.
    """
    changed: dict[str, float] = {}
    """When each file was saved last, by its path."""
    full, retry, undelivered = 0.0, 0.0, False

    def attempt(action: Callable[[], Any]) -> Any:
        nonlocal retry
        try:
            result = action()
            retry = 0.0
            return result
        except ForgeError as error:
            actions.failed(error)
            retry = clock() + RETRY_SECONDS
            return None

    def in_progress(path: str) -> bool:
        """Return whether a path in a source is that of a file saved just now."""
        return any(name == path or name.endswith(f"/{path}") for name in changed)

    folders = actions.folders()
    for files in (events or _file_events(poll, is_ended))(folders):
        if is_ended():
            return
        now = clock()
        changed.update(dict.fromkeys(files, now))
        quiet = [name for name, at in changed.items() if now - at >= QUIET_SECONDS]
        for name in quiet:
            del changed[name]
        due = now - full >= EVERYTHING_SECONDS or (retry and now >= retry)
        if retry and now < retry:
            continue
        if files or quiet or due:
            full = now if due or not full else full
            undelivered |= bool(attempt(lambda: actions.read(in_progress)))
        if undelivered and not changed and not retry:
            attempt(actions.deliver)
            undelivered = bool(retry)


def _file_events(
    poll: bool, is_ended: Callable[[], bool]
) -> Callable[[list[Path]], Iterator[set[str]]]:
    """Return a function that yields the paths of changed files in folders."""

    def events(folders: Iterable[Path]) -> Iterator[set[str]]:
        from watchfiles import DefaultFilter, watch

        yield set()  # the first pass does not wait for a change
        existing = [folder for folder in folders if folder.exists()]
        while not existing and not is_ended():
            time.sleep(STEP_MS / 1000)
            yield set()
        for found in watch(
            *existing, watch_filter=DefaultFilter(), debounce=200, step=50, rust_timeout=STEP_MS,
            yield_on_timeout=True, force_polling=poll, raise_interrupt=False,
        ):  # fmt: skip
            yield {path for _, path in found}

    return events
