"""How `ankiforge watch` tells what happens: lines for people, a line that moves, or JSON Lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import click

from ankiforge.cli.common import Talk
from ankiforge.model import Problem
from ankiforge.reports.summary import counted
from ankiforge.watch import Came, Delivered

SHOWN = 3
"""Notes that are named of a pass."""


class Narrator:
    """Tells of a watcher; see `watch.Tell`."""

    def __init__(self, talk: Talk, clock: Callable[[], float]) -> None:
        """`clock` is that of the wall."""
        self._talk, self._clock = talk, clock
        self._said: set[str] = set()
        self._forged = 0
        self._moves = sys.stderr.isatty() and not (talk.as_json or talk.quiet)
        self._status = ""

    # --- what happens -----------------------------------------------------------------------

    def started(self, sources: Iterable[str]) -> None:
        """It listens."""
        names = list(sources)
        self._event("started", sources=names)
        self._print(f"watching {', '.join(names)}; Ctrl-C ends it", talk=True)

    def passed(self, came: Came, notes: tuple[str, ...], seconds: float) -> None:
        """A pass over these notes, () = over everything."""
        self._forged += came.drafted
        self._event(
            "pass",
            read="notes" if notes else "all",
            notes=notes,
            highlights={"new": came.new, "changed": came.changed, "gone": came.gone},
            cards={"drafted": came.drafted, "revised": came.revised},
            seconds=round(seconds, 3),
        )
        if told := _told(came):
            self._print(f"{_where(notes)}: {told}")

    def delivered(self, came: Delivered) -> None:
        """Something lies ready, or is in Anki."""
        notes = {"written": came.written, "added": came.added, "updated": came.updated}
        packages = [str(path) for path in came.packages]
        self._event("delivered", packages=packages, notes=notes, pushed=came.pushed)
        told = f"{came.added} new, {came.updated} updated"
        where = "in Anki" if came.pushed else f"package: {', '.join(packages)}"
        self._print(f"{where} ({told})")

    def problem(self, problem: Problem) -> None:
        """Something that was not said before."""
        self._event("problem", where=problem.where, what=problem.what, hint=problem.hint,
                    notice=problem.notice)  # fmt: skip
        hint = f" ({problem.hint})" if problem.hint else ""
        words = f"{problem.where}: {problem.what}{hint}"
        if problem.notice:
            self._print(f"note: {words}", talk=True)
        elif not self._talk.as_json:
            self._clear()
            self._talk.warn(f"{self._time()} failed: {words}")

    def mended(self, problem: Problem) -> None:
        """That is over."""
        self._event("mended", where=problem.where, what=problem.what)
        if not problem.notice:
            self._print(f"over: {problem.where}: {problem.what}", talk=True)

    def heard(self, words: str) -> None:
        """What a pass says of itself; once."""
        if words and words not in self._said:
            self._said.add(words)
            self._print(words, talk=True)

    def stopped(self) -> None:
        """It listens no more."""
        self._clear()
        self._event("stopped")

    # --- the line that moves ----------------------------------------------------------------

    def waiting(self, words: str) -> None:
        """What it does at this moment; "" = it waits."""
        if not self._moves:
            return
        forged = f" · {counted(self._forged, 'card')} so far" if self._forged else ""
        said = (sign for sign in f"{words or 'watching'}{forged}" if sign.isprintable())
        status = _fitting(said, _columns() - 1)
        if status != self._status:
            self._status = status
            self._raw(f"\r\x1b[2K{status}")

    def _clear(self) -> None:
        if self._status:
            self._status = ""
            self._raw("\r\x1b[2K")

    def _raw(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    # --- lines ------------------------------------------------------------------------------

    def _event(self, event: str, **more: Any) -> None:
        if self._talk.as_json and not self._talk.data({"event": event, "at": self._at(), **more}):
            raise click.Abort  # nobody reads any more

    def _print(self, words: str, *, talk: bool = False) -> None:
        if self._talk.as_json or self._talk.quiet:
            return
        self._clear()
        (self._talk.say if talk else self._talk.print)(f"{self._time()} {words}")

    def _time(self) -> str:
        return f"{datetime.fromtimestamp(self._clock()):%H:%M:%S}"

    def _at(self) -> str:
        return datetime.fromtimestamp(self._clock()).astimezone().isoformat(timespec="seconds")


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _fitting(signs: Iterable[str], columns: int) -> str:
    """As many as there is room for: those of Chinese and its neighbours take two columns each."""
    from unicodedata import east_asian_width

    kept, left = [], columns
    for sign in signs:
        left -= 2 if east_asian_width(sign) in "WF" else 1
        if left < 0:
            break
        kept.append(sign)
    return "".join(kept)


def _where(notes: tuple[str, ...]) -> str:
    if not notes:
        return "all sources"
    more = f" and {len(notes) - SHOWN} more" if len(notes) > SHOWN else ""
    return f"{', '.join(notes[:SHOWN])}{more}"


def _told(came: Came) -> str:
    """What a pass came to; "" if nothing is new."""
    found = ((came.new, "new"), (came.changed, "changed"), (came.gone, "gone"))
    marks = ", ".join(f"{count} {word}" for count, word in found if count)
    made = ((came.drafted, "drafted"), (came.revised, "revised"))
    cards = ", ".join(f"{counted(count, 'card')} {word}" for count, word in made if count)
    return "; ".join(part for part in (f"highlights: {marks}" if marks else "", cards) if part)
