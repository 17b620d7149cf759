"""When something is due: a look, a pass, a delivery. It knows of no terminal and no ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ankiforge.errors import ForgeError
from ankiforge.model import Problem
from ankiforge.watch.followed import Followed, News, State
from ankiforge.watch.hints import Hints
from ankiforge.watch.trying import Trying
from ankiforge.watch.work import Came, Tell, Work

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
RECHECK = 20.0
"""Seconds between looks whether a note whose cards were left out has been left alone since."""
ASLEEP = 30.0
"""Seconds that nobody knows of: the computer slept, or its clock was set."""
COURTESY = 0.2
"""Seconds between two drafts: so that another program that waits has its turn."""
BREATH = 3.0
"""A pass over everything comes after a pause of so many times what the last one took."""


NEVER = float("inf")


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
    calm: float = NEVER
    """When to look whether some of what was left out may go."""


class Watcher:
    """Follows the sources of a workspace until it is stopped."""

    def __init__(self, work: Work, hints: Hints, tell: Tell, clock: Callable[[], float]) -> None:
        """`clock` is that of the wall, in seconds."""
        self._work, self._hints, self._tell, self._clock = work, hints, tell, clock
        self._sources: list[Followed] = []
        self._states: dict[str, State] = {}
        self._roots: dict[Path, tuple[int, int]] = {}
        self._last = self._listened = clock()
        self._settings = self._decided = ""
        self._due = _Due(draft=NEVER)
        self._hinted = self._unsettled = 0.0
        self._again = 0.0
        """Before that nothing is read: it failed."""
        self._missing = NEVER
        self._must: set[str] = set()
        self._asked = 0.0
        self._trying = Trying(tell, clock)
        self._anki = True
        """Whether something listens where Anki does."""

    def run(self) -> NoReturn:
        """Go on until a signal ends it."""
        while True:
            self.turn()
            self.rest()

    def rest(self) -> None:
        """Wait until something stirs, or is due."""
        self._tell.waiting(self._trying.held)
        began = self._clock()
        wait = min(max(self._next() - began, 0.0), CHECK)
        stirred = self._hints.wait(wait)
        now = self._clock()
        if now - began > wait + ASLEEP or min(now, began) < self._last - 1.0:
            self._awake(now)
        self._last = now
        if stirred:
            self._stir(now)

    def _awake(self, now: float) -> None:
        """The computer slept, or its clock was set: nothing that was planned holds.

        And no event came meanwhile.
        """
        settings = NEVER if self._due.settings == NEVER else now
        draft = NEVER if self._due.draft == NEVER else now
        self._due = _Due(settings, draft=draft, deliver=now + LATER)
        self._missing = NEVER if self._missing == NEVER else now + CONFIRM
        self._hinted = self._unsettled = self._asked = self._again = 0.0
        self._roots = {}

    def _stir(self, now: float) -> None:
        self._hinted = self._hinted or now
        self._due.look = min(now + GATHER, self._hinted + GATHER_MOST)

    def _next(self) -> float:
        due = self._due
        return min(due.settings, due.check, due.look, due.draft, due.deliver, due.calm)

    def _doing(self, words: str) -> None:
        self._tell.waiting(self._trying.held or words)

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
        if now >= self._due.calm:
            self._recheck(now)
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
        if any(self._moved(one, now) for one in self._sources):
            self._due.look = min(self._due.look, now)
        if not self._anki and self._work.anki():
            self._anki, self._due.deliver = True, now

    def _moved(self, source: Followed, now: float) -> bool:
        """Whether a source has changed that gives no events, or may have and gave one too early."""
        if source.is_asked and now >= self._asked + ASK:
            return True
        told = source.root is not None and not source.is_asked
        return not told and bool(source.news(source.now(), now))

    def _reload(self, now: float) -> None:
        """Read the settings, and follow what they name."""
        self._settings = self._work.settings()
        sources = self._trying.attempt("settings", self._work.sources)
        if sources is None:
            self._due.settings = now + self._trying.pause("settings")
            return
        self._due.settings = NEVER
        self._sources = sources
        self._listen()
        self._tell.started(one.name for one in sources)
        self._must = {one.name for one in sources}
        self._due.look = self._due.whole = self._due.deliver = 0.0
        self._trying.begin_anew()  # what failed by the old ones may do by these

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
        self._listened = self._clock()
        self._tell_if_deaf()

    def _tell_if_deaf(self) -> None:
        deaf = self._hints.deaf
        what = f"no events from the file system ({deaf}): looked at every {DEAF:g} seconds"
        self._trying.say("events", [Problem("watch", what, "--poll", notice=True)] if deaf else [])

    # --- looking and reading ------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """See what has changed, and read it."""
        self._hinted = 0.0
        if self._hints.deaf and now >= self._listened + RESCAN:
            self._listen()
        self._tell_if_deaf()
        self._due.look = now + (DEAF if self._hints.deaf else RESCAN)
        states = {one.name: one.now() for one in self._sources}
        self._trying.say("sources", [
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
        self._due.look = max(self._due.look, self._again)

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
        self._doing(f"reading {', '.join(list(notes)[:3]) or 'once more'}")
        came = self._trying.attempt("reading", lambda: self._work.part(source, notes))
        if came is None:
            self._again = self._due.look = self._clock() + self._trying.pause("reading")
        elif not came.doubt:
            source.note_taken(state, notes)
            self._confirm(came)
            self._after(came, tuple(notes), began)
        return came

    def _confirm(self, came: Came) -> None:
        """What is missing is looked for once more, after a while; in vain, later and later."""
        if not came.missing:
            self._missing = NEVER
            self._trying.over("missing")
        elif self._missing == NEVER:
            self._missing = self._clock() + max(CONFIRM, self._trying.pause("missing"))

    def _whole(self, here: list[Followed], states: Mapping[str, State]) -> None:
        began = self._clock()
        self._doing("reading everything")
        came = self._trying.attempt("reading", lambda: self._work.whole(here))
        now = self._clock()
        if came is None:
            self._again = self._due.look = self._due.whole = now + self._trying.pause("reading")
            return
        self._due.whole = now + BREATH * max(now - began, 0.0)
        for one in here:
            one.taken(states[one.name], began)
        self._asked = now
        self._must = set()
        self._missing = NEVER
        self._trying.say("reading", came.problems)
        self._confirm(came)
        self._after(came, (), began)

    def _after(self, came: Came, notes: tuple[str, ...], began: float) -> None:
        now = self._clock()
        self._tell.passed(came, notes, now - began)
        if notes:
            self._trying.say("reading", came.problems, notes)
        self._drafting(came)
        news = came.new or came.changed or came.gone or came.drafted or came.revised
        if news:
            self._due.deliver = min(self._due.deliver, now + LATER)
        self._decided = self._work.decided()

    # --- a model ----------------------------------------------------------------------------

    def _draft(self) -> None:
        self._due.draft = NEVER
        began = self._clock()
        self._doing("drafting")
        came = self._trying.attempt("drafting", self._work.draft)
        if came is None:
            self._due.draft = self._clock() + self._trying.pause("drafting")
            return
        self._after(came, (), began)

    def _drafting(self, came: Came) -> None:
        """Go on at once with what waits for a model; after a failure, later and later."""
        error = came.error
        self._trying.say("model", [Problem("model", error.message, error.hint)] if error else [])
        done = came.drafted or came.revised
        if not came.left:
            self._trying.over("model")
            self._due.draft = NEVER
        elif error or not done:
            self._due.draft = self._clock() + self._trying.pause("model")
        else:
            self._trying.over("model")
            self._due.draft = self._clock() + COURTESY

    # --- delivering -------------------------------------------------------------------------

    def _deliver(self) -> None:
        """Bring out what is quiet; the rest when it will be."""
        self._due.deliver = self._due.calm = NEVER
        stirred = self._stirred(self._clock())
        self._doing("delivering")
        came = self._trying.attempt("delivering", lambda: self._work.deliver(stirred))
        if came is None:
            self._due.deliver = self._clock() + self._trying.pause("delivering")
            return
        self._decided = self._work.decided()
        error = came.error
        said = [Problem("Anki", error.message, error.hint)] if error else []
        self._trying.say("delivering", [*came.problems, *said])
        if came.added or came.updated or came.pushed:
            self._tell.delivered(came)
        if error:
            self._anki = self._work.anki()
            self._due.deliver = self._clock() + self._trying.pause("Anki")
        else:
            self._trying.over("Anki")
        if came.waiting and error:
            self._due.deliver = min(self._due.deliver, self._clock() + LATER)
        elif came.waiting:
            self._due.calm = self._clock() + RECHECK

    def _recheck(self, now: float) -> None:
        """Deliver once more as soon as something that was left out is quiet."""
        self._due.calm = now + RECHECK
        stirred = self._stirred(now)
        try:
            calmed = self._work.calmed(stirred)
        except (ForgeError, OSError):
            return  # what is wrong is told by what is done next; looked at again soon
        if calmed:
            self._due.deliver = now

    def _stirred(self, now: float) -> dict[str, frozenset[str]]:
        """The files of each source that were changed a moment ago."""
        return {one.name: one.stirred_since(now - DELIVER, now) for one in self._sources}
