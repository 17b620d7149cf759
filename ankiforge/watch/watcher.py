"""When something is due: a look, a pass, a delivery. It knows of no terminal and no ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from ankiforge.domain import Problem
from ankiforge.errors import ForgeError
from ankiforge.watch.followed import Followed, News, State
from ankiforge.watch.hints import Hints
from ankiforge.watch.work import Came, Tell, Work

Found = TypeVar("Found")

GATHER = 0.1
"""Seconds without a hint after which one looks."""
SOON = 0.15
"""For so few seconds the reading itself waits until a note was left alone."""
GATHER_MOST = 5.0
"""While hints keep coming one looks after so long all the same."""
CHECK = 3.0
"""Seconds between looks at what gives no events: single files, settings, where the folders are."""
RESCAN = 300.0
"""Seconds between looks without any hint: events may be lost."""
DEAF = 10.0
"""The same where there are no events."""
ASK = 600.0
"""Seconds between questions to a service that alone knows if something has changed."""
CONFIRM = 8.0
"""Seconds after which what was missing is looked for once more."""
DELIVER = 120.0
"""Seconds for which a note must have been left alone before its cards go out."""
LATER = DELIVER + 2.0
"""When a delivery is due after a change: clocks of files are coarse."""
ASLEEP = 30.0
"""Seconds that nobody knows of: the computer slept, or its clock was set."""
BREATH = 3.0
"""A pass over everything comes after a pause of so many times what the last one took."""
PAUSES = (5.0, 15.0, 60.0, 300.0, 900.0)
"""Seconds until what failed is tried again, the first time, the second, and so on."""


@dataclass(slots=True)
class _Due:
    """Moments of the wall clock; 0 = now, NEVER = when something happens."""

    settings: float = 0.0
    check: float = 0.0
    look: float = 0.0
    whole: float = 0.0
    """Not before."""
    draft: float = 0.0
    deliver: float = 0.0


NEVER = float("inf")


class Watcher:
    """Follows the sources of a workspace until it is stopped."""

    def __init__(self, work: Work, hints: Hints, tell: Tell, clock: Callable[[], float]) -> None:
        """`clock` is that of the wall, in seconds."""
        self._work, self._hints, self._tell, self._clock = work, hints, tell, clock
        self._sources: list[Followed] = []
        self._states: dict[str, State] = {}
        self._roots: dict[Path, tuple[int, int]] = {}
        self._settings = self._decided = ""
        self._due = _Due(draft=NEVER)
        self._hinted = self._unsettled = 0.0
        self._missing = NEVER
        self._must: set[str] = set()
        self._asked = 0.0
        self._told: dict[tuple[str, str], Problem] = {}
        self._failures: dict[str, int] = {}

    def run(self) -> NoReturn:
        """Go on until a signal ends it."""
        while True:
            self.turn()
            self.rest()

    def rest(self) -> None:
        """Wait until something stirs, or is due."""
        self._tell.waiting("")
        began = self._clock()
        wait = min(max(self._next() - began, 0.0), CHECK)
        stirred = self._hints.wait(wait)
        now = self._clock()
        if not -1.0 <= now - began <= wait + ASLEEP:
            self._awake(now)
        if stirred:
            self._stir(now)

    def _awake(self, now: float) -> None:
        """The computer slept: nothing that was planned holds, and no event came meanwhile."""
        settings = NEVER if self._sources else 0.0
        self._due = _Due(settings, draft=self._due.draft, deliver=now + LATER)
        self._roots = {}

    def _stir(self, now: float) -> None:
        self._hinted = self._hinted or now
        self._due.look = min(now + GATHER, self._hinted + GATHER_MOST)

    def _next(self) -> float:
        due = self._due
        return min(due.settings, due.check, due.look, due.draft, due.deliver)

    # --- one turn ---------------------------------------------------------------------------

    def turn(self) -> None:
        """Do what is due."""
        now = self._clock()
        if now >= self._due.check:
            self._due.check = now + CHECK
            self._check(now)
        if now >= self._due.settings:
            self._reload(now)
        if self._sources and now >= self._due.look:
            self._look(now)
        if now >= self._due.draft:
            self._draft()
        if now >= self._due.deliver:
            self._deliver()

    def _check(self, now: float) -> None:
        """What gives no events: the settings, where the folders are, decisions, single files."""
        if self._sources and self._work.settings() != self._settings:
            self._due.settings = now
        if self._sources and self._roots != self._places():
            self._listen()
            self._due.look = now
        decided = self._work.decided()
        if decided != self._decided:
            self._decided = decided
            self._due.deliver = min(self._due.deliver, now + LATER)
        if any(one.root is None and self._moved(one, now) for one in self._sources):
            self._due.look = min(self._due.look, now)

    def _moved(self, source: Followed, now: float) -> bool:
        if source.is_asked:
            return now >= self._asked + ASK
        return bool(source.news(source.now(), now))

    def _reload(self, now: float) -> None:
        """Read the settings, and follow what they name."""
        self._settings = self._work.settings()
        sources = self._try("settings", self._work.sources)
        if sources is None:
            self._due.settings = now + self._pause("settings")
            return
        self._due.settings = NEVER
        self._sources = sources
        self._listen()
        self._tell.started(one.name for one in sources)
        self._must = {one.name for one in sources}
        self._due.look = self._due.whole = self._due.deliver = 0.0
        self._failures.clear()  # what failed by the old ones may do by these

    def _places(self) -> dict[Path, tuple[int, int]]:
        """Where the folders are: another one at the same path gives no events."""
        found = {}
        for root in filter(None, (one.root for one in self._sources)):
            try:
                at = root.stat()
            except OSError:
                continue
            found[root] = (at.st_dev, at.st_ino)
        return found

    def _listen(self) -> None:
        self._roots = self._places()
        self._hints.follow(self._roots)
        deaf = self._hints.deaf
        what = f"no events from the file system ({deaf}): looked at every {DEAF:g} seconds"
        self._say("events", [Problem("watch", what, "--poll", notice=True)] if deaf else [])

    # --- looking and reading ------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """See what has changed, and read it."""
        self._hinted = 0.0
        self._due.look = now + (DEAF if self._hints.deaf else RESCAN)
        states = {one.name: one.now() for one in self._sources}
        self._say("sources", [
            Problem(one.name, f"{one.entry.path} {states[one.name].missing}", "is its disk mounted?")
            for one in self._sources if states[one.name].missing
        ])  # fmt: skip
        here = [one for one in self._sources if not states[one.name].missing]
        now = self._clock()  # to look takes a while, too
        news = {one.name: one.news(states[one.name], now) for one in here}
        settles = max((one.settles for one in news.values()), default=0.0)
        self._unsettled = (self._unsettled or now) if settles else 0.0
        if settles > now + SOON and now < self._unsettled + GATHER_MOST:
            self._due.look = max(settles, now) + 0.01
        elif here:
            self._unsettled = 0.0
            self._read(here, states, news)

    def _read(
        self, here: list[Followed], states: Mapping[str, State], news: Mapping[str, News]
    ) -> None:
        """The changed notes alone, where that is enough; else everything, though not too often."""
        now = self._clock()
        names = {one.name for one in here}
        self._must = {name for name in self._must if name in names}
        self._must |= {name for name, one in news.items() if one.whole}
        if now >= self._asked + ASK:
            self._must |= {one.name for one in here if one.is_asked}
        if not self._must:
            self._parts(here, states, news)
        if self._must and self._clock() >= self._due.whole:
            self._whole(here, states)
        if self._must:
            self._due.look = min(self._due.look, self._due.whole)
        self._due.look = min(self._due.look, self._missing)

    def _parts(
        self, here: list[Followed], states: Mapping[str, State], news: Mapping[str, News]
    ) -> None:
        """Vault by vault; also to find out that what was missing is gone."""
        confirms = self._clock() >= self._missing
        for one in here:
            by_note = states[one.name].look is not None
            if news[one.name].notes or (confirms and by_note):
                came = self._part(one, states[one.name], news[one.name].notes)
                if came and came.doubt:
                    self._must.add(one.name)
                if came is None or came.doubt:
                    return
        if confirms and self._missing <= self._clock():  # not a matter of these vaults
            self._must |= {one.name for one in here}

    def _part(self, source: Followed, state: State, notes: Mapping[str, str]) -> Came | None:
        """Read some notes; None if that failed."""
        began = self._clock()
        self._tell.waiting(f"reading {', '.join(list(notes)[:3]) or 'once more'}")
        came = self._try("reading", lambda: self._work.part(source, notes))
        if came is None:
            self._due.look = self._clock() + self._pause("reading")
        elif not came.doubt:
            source.note_taken(state, notes)
            self._confirm(came)
            self._after(came, tuple(notes), began)
        return came

    def _confirm(self, came: Came) -> None:
        """What is missing is looked for once more, after a while; in vain, later and later."""
        if not came.missing:
            self._missing = NEVER
            self._failures.pop("missing", None)
        elif self._missing == NEVER:
            self._missing = self._clock() + max(CONFIRM, self._pause("missing"))

    def _whole(self, here: list[Followed], states: Mapping[str, State]) -> None:
        began = self._clock()
        self._tell.waiting("reading everything")
        came = self._try("reading", lambda: self._work.whole(here))
        now = self._clock()
        if came is None:
            self._due.whole = now + self._pause("reading")
            self._due.look = self._due.whole
            return
        self._due.whole = now + BREATH * max(now - began, 0.0)
        for one in here:
            one.taken(states[one.name], began)
        self._asked = now
        self._must = set()
        self._missing = NEVER
        self._say("reading", came.problems)
        self._confirm(came)
        self._after(came, (), began)

    def _after(self, came: Came, notes: tuple[str, ...], began: float) -> None:
        now = self._clock()
        self._tell.passed(came, notes, now - began)
        if notes:
            self._say_more("reading", came.problems)
        self._drafting(came)
        news = came.new or came.changed or came.gone or came.drafted or came.revised
        if news:
            self._due.deliver = min(self._due.deliver, now + LATER)
        self._decided = self._work.decided()

    # --- a model ----------------------------------------------------------------------------

    def _draft(self) -> None:
        self._due.draft = NEVER
        began = self._clock()
        self._tell.waiting("drafting")
        came = self._try("drafting", self._work.draft)
        if came is None:
            self._due.draft = self._clock() + self._pause("drafting")
            return
        self._after(came, (), began)

    def _drafting(self, came: Came) -> None:
        """Go on at once with what waits for a model; after a failure, later and later."""
        error = came.error
        self._say("model", [Problem("model", error.message, error.hint)] if error else [])
        done = came.drafted or came.revised
        if not came.left:
            self._failures.pop("model", None)
            self._due.draft = NEVER
        elif error or not done:
            self._due.draft = self._clock() + self._pause("model")
        else:
            self._failures.pop("model", None)
            self._due.draft = self._clock()

    # --- delivering -------------------------------------------------------------------------

    def _deliver(self) -> None:
        """Bring out what is quiet; the rest when it will be."""
        now = self._clock()
        self._due.deliver = NEVER
        stirred = {one.name: one.stirred_since(now - DELIVER) for one in self._sources}
        self._tell.waiting("delivering")
        came = self._try("delivering", lambda: self._work.deliver(stirred))
        if came is None:
            self._due.deliver = self._clock() + self._pause("delivering")
            return
        self._decided = self._work.decided()
        error = came.error
        said = [Problem("Anki", error.message, error.hint)] if error else []
        self._say("delivering", [*came.problems, *said])
        if came.added or came.updated or came.pushed:
            self._tell.delivered(came)
        if error:
            self._due.deliver = self._clock() + self._pause("Anki")
        else:
            self._failures.pop("Anki", None)
        if came.waiting:
            self._due.deliver = min(self._due.deliver, now + LATER)

    # --- what goes wrong --------------------------------------------------------------------

    def _try(self, what: str, work: Callable[[], Found]) -> Found | None:
        """What comes of it; None if it failed, which is told, and is to be tried again."""
        try:
            found = work()
        except ForgeError as error:
            self._say(f"{what} failed", [Problem(what, error.message, error.hint)])
            return None
        self._failures.pop(what, None)
        self._say(f"{what} failed", [])
        return found

    def _pause(self, what: str) -> float:
        count = self._failures.get(what, 0)
        self._failures[what] = count + 1
        return PAUSES[min(count, len(PAUSES) - 1)]

    def _say(self, about: str, problems: Iterable[Problem]) -> None:
        """All there is to be said about something now: what is new, and what is over."""
        now = {(about, f"{one.where}: {one.what}"): one for one in problems}
        for key, problem in list(self._told.items()):
            if key[0] == about and key not in now:
                del self._told[key]
                self._tell.mended(problem)
        self._say_more(about, now.values())

    def _say_more(self, about: str, problems: Iterable[Problem]) -> None:
        for one in problems:
            key = (about, f"{one.where}: {one.what}")
            if key not in self._told:
                self._told[key] = one
                self._tell.problem(one)
