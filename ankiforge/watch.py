"""Follow the sources of a workspace: read them soon after a change, deliver cards two minutes later.

    file event ─▶ debounce ─▶ list the sources ─▶ one pass over all of them ─▶ two quiet minutes ─▶ delivery

A file event is only a hint. The files to read are found by listing all files and comparing their
stamps with those of the last pass, so lost events, renamed folders and a sleeping computer need no
code of their own. A pass is an ordinary run over all sources; the ledger determines what is new.
`Actions` performs passes and deliveries, and `Reporter` prints: this module uses neither the ledger
nor a terminal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

from ankiforge.config import EXPORTS, SourceEntry
from ankiforge.errors import BusyError, ForgeError
from ankiforge.extract import Look, Stamp, changed_at, proves, relative, stamp_of, walk
from ankiforge.model import Problem, Source, h16

# All times are in seconds.
QUIET = 0.3
"""How long a file must be unchanged before it is read. A program that truncates and rewrites a file
leaves half of it in between: 74 of 100 such halves cannot be distinguished from a whole file."""
EMPTY = 2.0
"""The same for an empty file, which is most likely about to be filled."""
LONGEST_DEBOUNCE = 5.0
"""How long a file that is written continuously may delay reading the others."""
CHECK = 3.0
"""The interval of checking what gives no file events: single files, settings, decisions, Anki."""
RELIST = 300.0
"""The interval of listing all files without any event, because events may be lost."""
RELIST_WITHOUT_EVENTS = 10.0
"""The same where the system gives no events at all."""
ASK = 600.0
"""The interval of reading a service that can only be read to find out whether it has changed."""
CONFIRM = 8.0
"""The time until missing highlights are looked for again; to be gone, they must be missing in two
passes 5 s apart."""
REST = 1.0
"""The pause after a pass, as a multiple of its duration, because other programs need the ledger, too."""
DELIVER = 120.0
"""How long a note must be unchanged before its cards are delivered: nobody should learn half a sentence."""
DELIVER_AFTER_CHANGE = DELIVER + 2.0
"""The same after a change is noticed; some file systems store times in steps of 2 s."""
RECHECK = 20.0
"""The interval of checking whether cards that a delivery left out are ready."""
ASLEEP = 30.0
"""If a wait took this much longer than planned, the computer slept or its clock was set."""
COURTESY = 0.2
"""The pause between two portions for a model, in which other programs can lock the ledger."""
PAUSES = (5.0, 15.0, 60.0, 300.0, 900.0)
"""The pauses after the first failure, the second, and so on."""
BUSY_PAUSE = 1.0
"""The pause before the next try while another program has locked the ledger."""
BUSY_LONG = 60.0
"""How long another program may lock the ledger before that is reported as a problem."""
NEVER = float("inf")

NOT_DELETED = "nothing is counted as deleted"

InProgress = Mapping[str, frozenset[str]]
"""The paths of the files that were changed in the last two minutes, by source."""

Result = TypeVar("Result")


# --- what the front end provides --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassResult:
    """The outcome of a pass, or of a portion drafted by a model."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    drafted: int = 0
    revised: int = 0
    problems: tuple[Problem, ...] = ()
    missing: bool = False
    """Whether a highlight was not found; a second pass decides whether it is gone."""
    error: ForgeError | None = None
    """Why the model could not draft."""
    left: int = 0
    """The number of highlights that wait for a model."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The outcome of a delivery."""

    packages: tuple[Path, ...] = ()
    written: int = 0
    added: int = 0
    updated: int = 0
    pushed: bool = False
    """Whether the notes are in Anki."""
    waiting: bool = False
    """Whether cards were left out because their notes may still be edited."""
    problems: tuple[Problem, ...] = ()
    error: ForgeError | None = None
    """Why Anki could not be reached; the packages are still written."""


class Actions(Protocol):
    """The operations that the watcher calls. Each acquires the locks it needs and releases them.

    Each may raise `ForgeError`; the watcher then reports the error and tries again.
    """

    def sources(self) -> list[WatchedSource]:
        """Return the sources in the current settings."""

    def settings(self) -> str:
        """Return a stamp that changes with the settings files."""

    def decided(self) -> str:
        """Return a stamp that changes with the decisions, made here or by another program."""

    def read(
        self, sources: Collection[str], notes: Collection[str], in_progress: InProgress
    ) -> PassResult:
        """Read the named sources and draft.

        `notes` are the notes that are known to have changed, if any. Cards from files `in_progress`
        are not accepted by policy yet.
        """

    def draft(self, in_progress: InProgress) -> PassResult:
        """Draft a portion of the waiting highlights with a model; `in_progress` as in `read`."""

    def anki_listens(self) -> bool:
        """Return whether a program listens on AnkiConnect's port. This is cheap."""

    def deliver(self, in_progress: InProgress) -> DeliveryResult:
        """Accept cards by policy, and write or push those that are ready, except of these files."""

    def can_deliver_more(self, in_progress: InProgress) -> bool:
        """Return whether a card that the last delivery left out is ready now. This is cheap."""


class Reporter(Protocol):
    """Receives the reports of the watcher."""

    def started(self, sources: Iterable[str]) -> None:
        """Report the sources that are followed, at the start and when the settings have changed."""

    def status(self, words: str) -> None:
        """Show what the watcher is doing; "" = waiting for a change."""

    def passed(self, result: PassResult, notes: tuple[str, ...], seconds: float) -> None:
        """Report the result of a pass; `notes` are the changed ones, () if not known by name."""

    def delivered(self, result: DeliveryResult) -> None:
        """Report that cards were written to a package or pushed to Anki."""

    def problem(self, problem: Problem) -> None:
        """Report a new problem."""

    def solved(self, problem: Problem) -> None:
        """Report that a problem no longer exists."""


# --- file events ------------------------------------------------------------------------------


class FileEvents:
    """File events of `watchfiles`, received in a thread."""

    def __init__(self, *, poll: bool = False) -> None:
        """With `poll`, compare file times every two seconds, for systems that give no events."""
        self.silent = ""
        """Why there are no events; "" if there are."""
        self._poll = poll
        self._event = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, folders: Iterable[Path]) -> None:
        """Listen to these folders instead of the previous ones."""
        self.close()
        self.silent = ""
        if paths := tuple(folders):
            self._stop = threading.Event()
            ready = threading.Event()
            self._thread = threading.Thread(
                target=self._listen, args=(paths, self._stop, ready), daemon=True
            )
            self._thread.start()
            ready.wait(5.0)  # so that any change after this call gives an event

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for an event; return whether one came since the last call."""
        came = self._event.wait(max(seconds, 0.0))
        self._event.clear()
        return came

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5.0)
            self._thread = None

    def _listen(
        self, folders: tuple[Path, ...], stop: threading.Event, ready: threading.Event
    ) -> None:
        from watchfiles import watch

        began = True
        while began and not stop.is_set():
            began = False
            try:
                for changes in watch(
                    *folders, watch_filter=lambda _, path: is_relevant(path, folders),
                    debounce=200, step=50, stop_event=stop, rust_timeout=200,
                    yield_on_timeout=True, raise_interrupt=False,
                    force_polling=self._poll or None, poll_delay_ms=2_000,
                    ignore_permission_denied=True,
                ):  # fmt: skip
                    ready.set()  # even an empty first result shows that it listens
                    if changes or not began:
                        self._event.set()
                    began = True
            except Exception as error:  # noqa: BLE001 - such as a name that is not UTF-8
                if not began:
                    self.silent = str(error) or type(error).__name__
            ready.set()
            self._event.set()  # list the files: changes until the restart give no event
            stop.wait(0.5)


def is_relevant(path: str, folders: Iterable[Path]) -> bool:
    """Return whether a path may belong to a note or document: it is not hidden or in a hidden folder.

    `.name.icloud` replaces a note that iCloud has evicted from the disk, which the reader reports.
    """
    for folder in map(str, folders):
        if path == folder:
            return True
        if path.startswith((f"{folder}/", f"{folder}\\")):
            *above, name = path[len(folder) + 1 :].replace("\\", "/").split("/")
            hidden = name.startswith(".") and not name.endswith(".icloud")
            return not hidden and not any(part.startswith(".") for part in above)
    return True


# --- sources ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listing:
    """The state of a source at one moment."""

    missing: str = ""
    """Why the source cannot be read; "" if it can."""
    stamp: str = ""
    """Changes when a pass may find something new; "" = unknown without reading the source."""
    files: Mapping[str, Stamp] = field(default_factory=dict)
    """The stamps of the files, by path below the root."""
    named: bool = False
    """Whether the files are the notes of a vault, whose names can be reported when they change."""

    def settled_at(self, now: float) -> float:
        """Return when all files will have been unchanged for long enough; 0 = they have been.

        File times in the future are ignored: the clock was wrong.
        """
        latest = 0.0
        for modified, _, size, _ in self.files.values():
            wait = QUIET if size else EMPTY
            until = modified / 1e9 + wait
            if now < until <= now + wait:
                latest = max(latest, until)
        return latest

    def changed_since(self, at: float, now: float) -> frozenset[str]:
        """Return the paths of the files that were written or moved to their place after `at`."""
        files = self.files.items()
        return frozenset(path for path, stamp in files if changed_at(stamp, now) > at)


class WatchedSource:
    """A source, and its state when it was last read."""

    def __init__(self, entry: SourceEntry, source: Source, only: tuple[Path, ...] = ()) -> None:
        """With `only`, watch only these files and folders below the root; () = all."""
        self.entry = entry
        self.name = f"{entry.kind} {entry.name}"
        self._source = source
        self._only = only
        self._was: Listing | None = None
        """The state when the source was last read; None = not yet."""

    @property
    def folder(self) -> Path | None:
        """The folder that gives file events; None for a single file or a service."""
        try:
            return self.entry.path if self._in_folder and self.entry.path.is_dir() else None
        except OSError:
            return None

    @property
    def _in_folder(self) -> bool:
        return self.entry.has_folder and self.entry.kind not in ("zotero", *EXPORTS)

    @property
    def must_be_asked(self) -> bool:
        """Whether only reading the source shows if it has changed, as far as that is known."""
        return self._was is not None and not (self._was.stamp or self._was.named)

    def listing(self) -> Listing:
        """Return the current state. This is cheap and never fails: a vanished folder is `missing`."""
        try:
            found = self._list()
        except OSError as error:  # for example, a disk that no longer responds
            return Listing(missing=f"cannot be read: {error.strerror or error}; {NOT_DELETED}")
        had_files = self._was is not None and self._was.files
        if self._in_folder and had_files and not (found.files or found.missing):
            return Listing(missing=f"is suddenly empty; {NOT_DELETED}")
        return found

    def _list(self) -> Listing:
        if self.entry.has_folder and not self.entry.path.exists():
            return Listing(missing=f"is not there; {NOT_DELETED}")
        if look := getattr(self._source, "look", None) if self.entry.kind == "obsidian" else None:
            vault: Look = look()
            files = {path: stamp for path, (_, stamp) in vault.notes.items()}
            stamp = h16(vault.rest, repr(vault.complete), repr(sorted(files.items())))
            return Listing(stamp=stamp, files=files, named=True)
        stamp_now: Callable[[], str] | None = getattr(self._source, "stamp", None)
        return Listing(stamp=stamp_now() if stamp_now else "", files=dict(self._walk()))

    def _walk(self) -> Iterator[tuple[str, Stamp]]:
        if not self.entry.has_folder or self.entry.kind == "zotero":
            return
        for start in self._only or (self.entry.path,):
            for path in walk(start, lambda error: None):  # the reader reports what it cannot list
                try:
                    yield relative(path, self.entry.path), stamp_of(path.stat())
                except FileNotFoundError:
                    continue

    def changed(self, now: Listing) -> bool:
        """Return whether the source has changed since it was read, as far as a listing shows."""
        return not now.missing and (self._was is None or now.stamp != self._was.stamp)

    def changed_notes(self, now: Listing) -> list[str]:
        """Return the paths of new and changed notes; [] for sources other than vaults."""
        if self._was is None or not now.named:
            return []
        was = self._was.files
        return [path for path, stamp in now.files.items() if was.get(path) != stamp]

    def was_read(self, listing: Listing, at: float) -> None:
        """Store that the source was read in the listed state, at this time.

        A file written twice within one tick of its file system's clock has the same stamp for two
        texts. Therefore a file whose stamp is that fresh counts as unread, and is read once more.
        """
        proven = {p: stamp for p, stamp in listing.files.items() if proves(stamp, int(at * 1e9))}
        fresh = listing.named and len(proven) < len(listing.files)
        self._was = Listing("", "" if fresh else listing.stamp, proven, listing.named)


# --- retries and problems ---------------------------------------------------------------------


class Attempts:
    """Runs actions that may fail, and reports each problem once when it occurs and when it is over."""

    def __init__(self, report: Reporter, clock: Callable[[], float]) -> None:
        self._report, self._clock = report, clock
        self._reported: dict[tuple[str, str], Problem] = {}
        """By subject and text."""
        self._failures: dict[str, int] = {}
        self._busy_since: dict[str, float] = {}
        self.busy = ""
        """The message about another program that has locked the ledger; "" if none has."""

    def attempt(self, what: str, action: Callable[[], Result]) -> Result | None:
        """Return the result of an action; report a failure and return None."""
        result, failed = None, []
        try:
            result = action()
        except BusyError as error:
            # Another program has locked the ledger: this is a failure only if it takes long.
            now = self._clock()
            self.busy = f"waiting: {error.message}"
            if now - self._busy_since.setdefault(what, now) >= BUSY_LONG:
                self.say(f"{what} failed", [Problem(what, error.message, error.hint)])
            return None
        except ForgeError as error:
            failed = [Problem(what, error.message, error.hint)]
        except OSError as error:
            hint = "check that the disk has space and that you may write there"
            failed = [Problem(what, str(error), hint)]
        self._busy_since.pop(what, None)
        self.busy = self.busy if self._busy_since else ""
        self.say(f"{what} failed", failed)
        if not failed:
            self.succeeded(what)
        return result

    def pause(self, what: str) -> float:
        """Return the seconds to wait after a failure, more after each further one."""
        if what in self._busy_since:
            return BUSY_PAUSE
        count = self._failures.get(what, 0)
        self._failures[what] = count + 1
        return PAUSES[min(count, len(PAUSES) - 1)]

    def succeeded(self, what: str) -> None:
        """Reset the pause of an action."""
        self._failures.pop(what, None)

    def forget_failures(self) -> None:
        """Reset the pauses of all actions."""
        self._failures.clear()

    def say(
        self, subject: str, problems: Iterable[Problem], places: Collection[str] | None = None
    ) -> None:
        """Given all current problems of a subject, report those that are new and those that are over.

        Only problems in `places` can be over; None = anywhere.
        """
        now = {(subject, f"{one.where}: {one.what}"): one for one in problems}
        for key, problem in list(self._reported.items()):
            if key[0] != subject or key in now:
                continue
            if places is None or problem.where in places:
                del self._reported[key]
                if not problem.once:
                    self._report.solved(problem)
        for key, problem in now.items():
            if key not in self._reported:
                self._reported[key] = problem
                self._report.problem(problem)


# --- the loop ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Due:
    """When each task is due, by the wall clock; 0 = now, NEVER = only after an event."""

    check: float = 0.0
    settings: float = 0.0
    listing: float = 0.0
    draft: float = NEVER
    deliver: float = 0.0
    recheck: float = NEVER


class Watcher:
    """Follows the sources of a workspace until it is stopped."""

    def __init__(
        self, actions: Actions, events: FileEvents, report: Reporter, clock: Callable[[], float]
    ) -> None:
        """`clock` returns the time of the wall clock, in seconds."""
        self._actions, self._events, self._report, self._clock = actions, events, report, clock
        self._attempts = Attempts(report, clock)
        self._due = _Due()
        self._sources: list[WatchedSource] = []
        self._folders: dict[Path, tuple[int, int]] = {}
        """Device and inode of each followed folder: a new folder at its path gives no events."""
        self._settings = self._decided = ""
        self._last = self._listened = clock()
        self._first_event = 0.0
        """The time of the first event since the last listing; 0 = none."""
        self._unsettled = 0.0
        """The time since which files have been written continuously; 0 = they are not."""
        self._not_before = 0.0
        """The earliest time of the next pass, if the last one failed or took long."""
        self._confirm = NEVER
        """When to look for missing highlights again."""
        self._asked = 0.0
        """When sources that can only be read to detect changes were last read."""
        self._anki = True
        """Whether a program listened on AnkiConnect's port at the last attempt."""

    def run(self, is_ended: Callable[[], bool]) -> NoReturn:
        """Run until a signal arrives.

        Raises:
            KeyboardInterrupt: always.
        """
        while not is_ended():
            self.turn()
            self.rest()
        raise KeyboardInterrupt

    def rest(self) -> None:
        """Wait for an event, or until a task is due."""
        self._report.status(self._attempts.busy)
        began = self._clock()
        due = self._due
        upcoming = min(due.check, due.settings, due.listing, due.draft, due.deliver, due.recheck)
        wait = min(max(upcoming - began, 0.0), CHECK)
        event = self._events.wait(wait)
        now = self._clock()
        if now - began > wait + ASLEEP or min(now, began) < self._last - 1.0:
            self._wake_up(now)
        self._last = now
        if event:  # debounce: wait until no more events come, but at most LONGEST_DEBOUNCE
            self._first_event = self._first_event or now
            self._due.listing = min(now + QUIET, self._first_event + LONGEST_DEBOUNCE)

    def turn(self) -> None:
        """Run each task that is due."""
        now = self._clock()
        if now >= self._due.check:
            self._due.check = now + CHECK
            self._check(now)
        if now >= self._due.settings:
            self._load_settings(now)
        if self._sources and now >= self._due.listing:
            self._list_sources(now)
        if now >= self._due.draft:
            self._draft()
        if now >= self._due.recheck:
            self._recheck(now)
        if now >= self._due.deliver:
            self._deliver()

    def _wake_up(self, now: float) -> None:
        """Reset the schedule after the computer slept or its clock was set: events may be missing."""
        self._due = _Due(
            settings=NEVER if self._due.settings == NEVER else now,
            draft=NEVER if self._due.draft == NEVER else now,
            deliver=now + DELIVER_AFTER_CHANGE,
        )
        self._confirm = NEVER if self._confirm == NEVER else now + CONFIRM
        self._first_event = self._unsettled = self._not_before = self._asked = 0.0
        self._folders = {}  # so that the next check listens again

    def _check(self, now: float) -> None:
        """Check everything that gives no file events."""
        if self._sources and self._actions.settings() != self._settings:
            self._due.settings = now
        if self._sources and self._folders != self._places():
            self._listen()
            self._due.listing = now
        decided = self._actions.decided()
        if decided != self._decided:
            self._decided = decided
            self._due.deliver = min(self._due.deliver, now + DELIVER_AFTER_CHANGE)
        for source in self._sources:
            asked = source.must_be_asked
            is_due = asked and now >= self._asked + ASK
            no_events = asked or source.folder is None
            if is_due or (no_events and source.changed(source.listing())):
                self._due.listing = min(self._due.listing, now)
        if not self._anki and self._actions.anki_listens():
            self._anki, self._due.deliver = True, now

    def _load_settings(self, now: float) -> None:
        """Read the settings, and follow the sources in them."""
        self._settings = self._actions.settings()
        sources = self._attempts.attempt("settings", self._actions.sources)
        if sources is None:
            self._due.settings = now + self._attempts.pause("settings")
            return
        self._due.settings = NEVER
        self._sources = sources
        self._listen()
        self._report.started(one.name for one in sources)
        self._attempts.forget_failures()  # the new settings may remove the cause
        self._due.listing = self._due.deliver = self._not_before = 0.0

    def _places(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for folder in filter(None, (one.folder for one in self._sources)):
            try:
                at = folder.stat()
            except OSError:
                continue
            found[folder] = (at.st_dev, at.st_ino)
        return found

    def _listen(self) -> None:
        self._folders = self._places()
        self._events.follow(self._folders)
        self._listened = self._clock()
        self._report_silence()

    def _report_silence(self) -> None:
        why = self._events.silent
        each = f"looked at every {RELIST_WITHOUT_EVENTS:g} seconds"
        what = f"no events from the file system ({why}): {each}"
        self._attempts.say("events", [Problem("watch", what, "--poll", notice=True)] if why else [])

    # --- reading ------------------------------------------------------------------------------

    def _list_sources(self, now: float) -> None:
        """List the sources; if one has changed and no file is being written, read all of them."""
        first_event, self._first_event = self._first_event, 0.0
        silent = bool(self._events.silent)
        if silent and now >= self._listened + RELIST:
            self._listen()
        self._report_silence()
        self._due.listing = now + (RELIST_WITHOUT_EVENTS if silent else RELIST)

        listings = {one.name: one.listing() for one in self._sources}
        self._attempts.say("sources", [
            Problem(one.name, f"{one.entry.path} {listings[one.name].missing}", "is its disk mounted?")
            for one in self._sources if listings[one.name].missing
        ])  # fmt: skip
        here = [one for one in self._sources if not listings[one.name].missing]
        now = self._clock()  # listing takes time
        changed = [one for one in here if one.changed(listings[one.name])]
        confirming = now >= self._confirm
        asking = now >= self._asked + ASK and any(one.must_be_asked for one in here)
        if not here or not (changed or asking or confirming):
            self._unsettled = 0.0
            self._due.listing = min(self._due.listing, self._confirm)
            return
        settled = max((listings[one.name].settled_at(now) for one in changed), default=0.0)
        if settled:
            self._unsettled = self._unsettled or first_event or now
            if now < self._unsettled + LONGEST_DEBOUNCE:
                self._due.listing = settled + 0.01
                return
        if now < self._not_before:
            self._due.listing = self._not_before
            return
        self._unsettled = 0.0
        if not (asking or confirming):  # do not read a service after each change elsewhere
            here = [one for one in here if one in changed or not one.must_be_asked]
        notes = tuple(path for one in changed for path in one.changed_notes(listings[one.name]))

        began = now
        names = {one.name for one in here}
        changing = _changed(listings, now)
        doing = f"reading {', '.join(notes[:3]) or 'everything'}"
        self._report.status(self._attempts.busy or doing)
        result = self._attempts.attempt(
            "reading", lambda: self._actions.read(names, notes, changing)
        )
        now = self._clock()
        if result is None:
            self._due.listing = self._not_before = now + self._attempts.pause("reading")
            return
        self._not_before = now + REST * max(now - began, 0.0)
        for one in here:
            one.was_read(listings[one.name], began)
        if any(one.must_be_asked for one in here):
            self._asked = now
        if not result.missing:
            self._confirm = NEVER
            self._attempts.succeeded("missing")
        elif confirming or self._confirm == NEVER:  # wait longer after each attempt
            self._confirm = now + max(CONFIRM, self._attempts.pause("missing"))
        self._due.listing = min(self._due.listing, self._confirm)
        self._attempts.say("reading", result.problems)
        self._after_pass(result, notes, now - began)

    def _after_pass(self, result: PassResult, notes: tuple[str, ...], seconds: float) -> None:
        now = self._clock()
        self._report.passed(result, notes, seconds)
        error = result.error
        problems = [Problem("model", error.message, error.hint)] if error else []
        self._attempts.say("model", problems)
        made = result.drafted or result.revised
        found = result.new or result.changed
        if not result.left:
            self._attempts.succeeded("model")
            self._due.draft = NEVER
        elif error or not (made or found):
            self._due.draft = now + self._attempts.pause("model")
        else:
            self._attempts.succeeded("model")
            self._due.draft = now + COURTESY
        if made or found or result.gone:
            self._due.deliver = min(self._due.deliver, now + DELIVER_AFTER_CHANGE)
        self._decided = self._actions.decided()

    def _draft(self) -> None:
        """Draft a portion with a model; between two portions, files are checked."""
        self._due.draft = NEVER
        began = self._clock()
        self._report.status(self._attempts.busy or "drafting")
        changing = self._just_changed(began)
        result = self._attempts.attempt("drafting", lambda: self._actions.draft(changing))
        if result is None:
            self._due.draft = self._clock() + self._attempts.pause("drafting")
        else:
            self._after_pass(result, (), self._clock() - began)

    # --- delivering ---------------------------------------------------------------------------

    def _deliver(self) -> None:
        """Deliver the cards of all files but those just changed; these follow later."""
        self._due.deliver = self._due.recheck = NEVER
        changed = self._just_changed(self._clock())
        self._report.status(self._attempts.busy or "delivering")
        result = self._attempts.attempt("delivering", lambda: self._actions.deliver(changed))
        now = self._clock()
        if result is None:
            self._due.deliver = now + self._attempts.pause("delivering")
            return
        self._decided = self._actions.decided()
        error = result.error
        problems = [Problem("Anki", error.message, error.hint)] if error else []
        self._attempts.say("delivering", [*result.problems, *problems])
        if result.added or result.updated or result.pushed:
            self._report.delivered(result)
        if error:
            self._anki = self._actions.anki_listens()
            self._due.deliver = now + self._attempts.pause("Anki")
            if result.waiting:
                self._due.deliver = min(self._due.deliver, now + DELIVER_AFTER_CHANGE)
            return
        self._attempts.succeeded("Anki")
        if result.waiting:
            self._due.recheck = now + RECHECK

    def _recheck(self, now: float) -> None:
        """Schedule a delivery, which is costly, only if a card that was left out is now ready."""
        self._due.recheck = now + RECHECK
        try:
            if self._actions.can_deliver_more(self._just_changed(now)):
                self._due.deliver = now
        except (ForgeError, OSError):
            return  # the next pass or delivery reports the error

    def _just_changed(self, now: float) -> dict[str, frozenset[str]]:
        """Return the files of each source that were changed in the last two minutes."""
        return _changed({one.name: one.listing() for one in self._sources}, now)


def _changed(listings: Mapping[str, Listing], now: float) -> dict[str, frozenset[str]]:
    return {name: one.changed_since(now - DELIVER, now) for name, one in listings.items()}
