"""Read the sources into the ledger: every document that has changed since the last run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from posixpath import commonpath
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from ankiforge.config.deckfiles import deck_of
from ankiforge.draft import skip_reason
from ankiforge.errors import BUG
from ankiforge.extract.base import scanned
from ankiforge.extract.files import program
from ankiforge.extract.left_out import UnreadFiles, left_out
from ankiforge.ledger import Ledger, dialects, readings
from ankiforge.ledger.ingest import ingest as ingest_all
from ankiforge.model import (
    WENT_AWAY,
    Extracted,
    Known,
    Problem,
    Scan,
    Sighting,
    Source,
    Unmarked,
    h16,
)
from ankiforge.pipeline.job import Job
from ankiforge.pipeline.result import Progress

if TYPE_CHECKING:
    from ankiforge.extract.markdown.obsidian import Vault


def ingest(job: Job, ledger: Ledger) -> Progress:
    """Read the changed documents of all sources.

    Nothing is matched before all sources have listed everything: a passage that is missing in one
    place may have moved to another.

    Args:
        job: names the sources.
        ledger: stores what is read.
    """
    sources = [with_stored_dialects(source, ledger) for source in job.sources]
    reading = _Reading(job, ledger)
    ledger.read_journal()
    report = ingest_all(
        ledger,
        reading.sightings(sources),
        selections=reading.selections,
        in_use=job.in_use,
        in_progress=lambda container, place: job.in_progress(place),
    )
    listed = Counter[str]()
    unread = Counter[str]()
    for source in sources:
        folder = getattr(source, "folder", None)
        listed.update(getattr(folder, "read", {}))
        unread.update(getattr(folder, "unread", {}))
    report.files = dict(listed - unread)
    report.unread_files = dict(unread)
    problems = [*reading.problems, *_told_once(sources, ledger)]
    for source in sources:
        if getattr(source, "by_plugins", False):
            _ask_about_dialects(cast("Vault", source), ledger)
    return Progress(report, problems=tuple(problems))


class _Reading:
    """One pass over all sources, with the problems that it met."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self._job = job
        # another program, or other deck files, read every document again
        skip_rules = []
        for rule in job.decks:
            if rule.skipped:
                skip_rules.append(repr(rule.select))
        self._salt = h16(program(), *skip_rules)
        self._known = readings.Known(ledger, self._salt)
        self.problems: list[Problem] = []
        self.selections: dict[str, str] = {}
        """By container, the settings that select highlights in it."""

    def sightings(self, sources: Iterable[Source]) -> Iterator[Sighting]:
        """Yield the documents of the sources in the form that the ledger takes.

        Problems are set aside. A scan in which this program failed is not complete. Files that
        went away are reported as one problem.
        """
        for source in sources:
            vanished: list[Problem] = []
            has_failed = False
            for sighting in scanned(source, self._known):
                if isinstance(sighting, Problem):
                    has_failed = has_failed or sighting.what.startswith(BUG)
                    if sighting.what == WENT_AWAY:
                        vanished.append(sighting)
                    else:
                        self.problems.append(sighting)
                if isinstance(sighting, Extracted):
                    sighting = self._prepared(sighting)
                if isinstance(sighting, Scan):
                    complete = sighting.complete and not has_failed
                    sighting = replace(sighting, complete=complete)
                    self.selections[sighting.container] = getattr(source, "selection", "")
                elif isinstance(sighting, (Extracted, Unmarked)) and sighting.fingerprint:
                    fingerprint = f"{self._salt} {sighting.fingerprint}"
                    sighting = replace(sighting, fingerprint=fingerprint)
                yield sighting
            # files vanish together when a folder is renamed
            if len(vanished) > 1:
                where = vanished[0].where
                with suppress(ValueError):  # no common folder
                    where = commonpath([problem.where for problem in vanished]) or where
                message = f"{len(vanished):,} files disappeared while they were read"
                vanished = [Problem(where, message, vanished[0].hint)]
            self.problems += vanished

    def _prepared(self, document: Extracted) -> Extracted:
        """Store the pictures of a document, and mark the highlights that make no card."""
        # pictures that were cut from pages
        for picture in document.pictures:
            path = self._job.pictures / picture.name.removeprefix("cut/")
            if path.is_there():
                continue
            try:
                self._job.pictures.make_folder()
                path.write(picture.data)
            except OSError as error:
                message = f"cannot be written: {error.strerror}"
                self.problems.append(Problem(str(path), message, "free space there"))

        highlights = []
        for highlight in document.highlights:
            # a comment or its colour may exclude it
            skip = skip_reason(highlight) if highlight.instructs else highlight.skip
            if skip.startswith("skip"):
                highlight = replace(highlight, skip=skip)
            elif deck_of(self._job.decks, highlight).action == "skip":
                colour = f"skip: its colour ({highlight.colour})"
                highlight = replace(highlight, skip=colour)
            highlights.append(highlight)
        return replace(document, highlights=tuple(highlights))


# --- what no source reads -------------------------------------------------------------------

NOT_READ = "not read"
"""The setting of the ledger that stores it, for each folder (`UnreadFiles`)."""


def not_read(ledger: Ledger) -> dict[str, UnreadFiles]:
    """Return the files that no source reads, by folder."""
    return ledger.get_value(NOT_READ, dict[str, UnreadFiles]) or {}


def _told_once(sources: Iterable[Source], ledger: Ledger) -> Iterator[Problem]:
    """Yield the unread files of a folder: again only if there are files of another kind."""
    known = not_read(ledger)
    now = {}
    for place, not_read_there in known.items():
        if Path(place).exists():
            now[place] = not_read_there
    for unread_folder in left_out(sources):
        before = now.pop(unread_folder.place, None)
        if not unread_folder.text:
            continue
        now[unread_folder.place] = unread_folder
        known_kinds = {*before.kinds, *before.hidden} if before else set()
        if not known_kinds.issuperset((*unread_folder.kinds, *unread_folder.hidden)):
            message = f"{NOT_READ}: {unread_folder.text}"
            name = Path(unread_folder.place).name
            yield Problem(name, message, notice=True, once=True)
    if now != known:
        ledger.set_value(NOT_READ, now)


# --- the plugins of a vault -----------------------------------------------------------------


def with_stored_dialects(source: Source, ledger: Ledger) -> Source:
    """Return a source; a vault reads the dialects by which it was read before, if it was."""
    if not getattr(source, "by_plugins", False):
        return source
    vault = cast("Vault", source)
    names = dialects.dialects_of(ledger, vault.folder.container, vault.switched_on)
    if names == vault.switched_on:
        return vault
    return vault.read_by(names)


def _ask_about_dialects(vault: Vault, ledger: Ledger) -> None:
    """Ask about a vault that would be read differently by the plugins that are switched on now."""
    switched_on = vault.switched_on
    if switched_on is None or vault.folder.only or switched_on == vault.dialects.names:
        return
    other_vault = vault.read_by(switched_on)

    def read_otherwise() -> Iterator[Extracted]:
        everything: Known | None = None
        for sighting in scanned(other_vault, everything):
            if isinstance(sighting, Extracted):
                yield sighting

    dialects.ask_about_dialects(
        ledger,
        vault.folder.container,
        switched_on,
        other_vault.folder.stamp(),
        read_otherwise,
    )
