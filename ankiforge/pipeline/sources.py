"""Open and read the selected sources of a run.

Only documents that have changed since the last run are read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from msgspec.structs import replace

from ankiforge.config import SourceEntry, is_loopback
from ankiforge.config.deckfiles import DeckRule, find_rule
from ankiforge.config.files import make_directory, write_file
from ankiforge.config.log import anonymize_key, log_lines
from ankiforge.config.yamlfile import convert_to_type
from ankiforge.errors import BUG_MESSAGE, PLUG_IN_PREFIX, ConfigError
from ankiforge.extract.base import SourceOpenParameters, scan_source
from ankiforge.extract.files import (
    fingerprint_program,
)
from ankiforge.extract.registry import load_source_type
from ankiforge.extract.unread_files import UnreadFiles, count_unread_files
from ankiforge.model import (
    DocumentLookup,
    EmptySourceCache,
    ExtractedDocument,
    Highlight,
    Problem,
    ScanEnd,
    Sighting,
    Source,
    SourceCache,
    Texts,
    UnmarkedDocument,
    hash16,
)
from ankiforge.pipeline.reading_list import (
    SelectedSource,
)
from ankiforge.pipeline.run_result import (
    RunParameters,
    RunStep,
)

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.extract.markdown.obsidian import Vault
    from ankiforge.ledger import IngestReport, Ledger


_Document = TypeVar("_Document", ExtractedDocument, UnmarkedDocument)


# --- opening ----------------------------------------------------------------------------


def open_sources(
    workspace: WorkspaceDirectory,
    ledger: Ledger,
    selected: Iterable[SelectedSource],
    *,
    offline: bool = False,
    jobs: int = 0,
) -> tuple[Source, ...]:
    """Open the selected sources, and store their directories, from which pictures are loaded later.

    Raises:
        ConfigError: A source kind is unknown or its settings are invalid. The message names
            the file, line and key.
    """
    from ankiforge.config.caches import Cache

    folders: dict[str, str] = {}
    opened: list[Source] = []
    for source in selected:
        source_id = f"{source.entry.kind}:{source.entry.name}"
        if source.entry.has_path:
            folders[source_id] = str(source.entry.path)
        cache = Cache(workspace.state_directory, source_id)
        jobs = jobs or os.cpu_count() or 1
        opened.append(
            open_source(workspace, source, cache=cache, offline=offline, jobs=jobs)
        )
    store_source_directories(ledger, folders)
    return tuple(opened)


def open_source(
    workspace: WorkspaceDirectory,
    selected: SelectedSource,
    *,
    cache: SourceCache | None = None,
    offline: bool = False,
    jobs: int = 1,
) -> Source:
    """Validate the settings of a selected source and open it.

    Raises:
        ConfigError: The source kind is unknown or its settings are invalid. The message names
            the file, line and key.
    """
    config = workspace.config
    entry = selected.entry
    executor = config.executor
    if offline and not is_loopback(executor):
        executor = ""
    try:
        source = load_source_type(entry.kind)
    except ConfigError as error:
        raise entry.location.make_error(error.message, error.hint) from error
    opening = SourceOpenParameters(
        name=entry.name,
        root=entry.path,
        settings=convert_to_type(source.Settings, entry.options, entry.location),
        only=selected.paths,
        me=config.me,
        cache=cache or EmptySourceCache(),
        offline=offline,
        jobs=jobs,
        executor=executor,
        workspace=None if workspace.is_default else workspace.root,
    )
    try:
        return source.open(opening)
    except ConfigError as error:
        raise _locate_error(entry, error) from error


def _locate_error(entry: SourceEntry, error: ConfigError) -> ConfigError:
    """Return an error with the place of the source in the settings, or that of the key to blame."""
    key, colon, message = error.message.partition(": ")
    if colon and key in entry.options:
        return entry.location.locate_nested(key).make_error(message, error.hint)
    return entry.location.make_error(error.message, error.hint)


# --- directories of sources -------------------------------------------------------------


def load_source_directories(ledger: Ledger) -> Texts:
    """Load the directory from which each source was last opened on this device.

    The keys have the form `kind:name`. Directories that another device stored are ignored,
    because the user hasn't confirmed them on this device.
    """
    return ledger.get_value(_make_setting_name(ledger), dict[str, str]) or {}


def store_source_directories(ledger: Ledger, roots_by_source: Texts) -> None:
    """Store the directories of sources that were opened, so that pictures can be loaded later.

    The keys have the form `kind:name`.
    """
    stored_roots = load_source_directories(ledger)
    if roots_by_source.items() <= stored_roots.items():
        return
    ledger.set_value(_make_setting_name(ledger), {**stored_roots, **roots_by_source})


def _make_setting_name(ledger: Ledger) -> str:
    return f"roots of {ledger.device_id}"


# --- reading -------------------------------------------------------------------------------


def ingest_sources(job: RunParameters, ledger: Ledger) -> RunStep:
    """Read the changed documents of all sources, and match their passages with the stored ones.

    Matching only starts once all sources have been listed completely, because a passage that is
    missing from one source may have moved to another.
    """
    # the ledger is imported in functions because it is slow to import and `extract` needs none
    from ankiforge.ledger.ingest import ingest_scan_results
    from ankiforge.ledger.readings import StoredDocumentLookup

    sources = [apply_stored_plugin_syntaxes(source, ledger) for source in job.sources]
    salt = _compute_salt(job.decks)
    directories = load_source_directories(ledger)
    known = StoredDocumentLookup(ledger, salt, job.in_use, directories)
    reading = _Reading(job, salt, known)
    ledger.read_journal()
    report = ingest_scan_results(
        ledger,
        reading.iter_sightings(sources),
        selections=reading.selections,
        configured_sources=job.in_use,
        missing_sources=job.missing,
        removed_sources=job.removed,
        missing_documents=job.missing_documents,
    )
    counts = _count_files(sources)
    report.files = counts.read
    report.unread_files = counts.unread
    log_lines(_describe_report(report))
    problems = [*reading.problems, *_report_new_unread_kinds(sources, ledger)]
    return RunStep(report, problems=tuple(problems))


def _compute_salt(decks: Iterable[DeckRule]) -> str:
    """Return a hash that begins all fingerprints, so that after a change all documents are read.

    It changes with the program and with the rules that skip colours.
    """
    skip_rules = [repr(rule.select) for rule in decks if rule.has_skipped_colours]
    return hash16(fingerprint_program(), *skip_rules)


class _FileCounts(NamedTuple):
    """The numbers of files in all sources of a run, by suffix."""

    read: dict[str, int]
    """The files that were read completely."""
    unread: dict[str, int]


def _count_files(sources: Iterable[Source]) -> _FileCounts:
    """Count the files that a scan read, once it has ended."""
    from ankiforge.extract.file_source import DirectorySource

    tried = Counter[str]()
    unread = Counter[str]()
    for source in sources:
        if isinstance(source, DirectorySource):
            tried += source.listing.read_counts
            unread += source.listing.unread_counts
    return _FileCounts(dict(tried - unread), dict(unread))


class _Reading:
    """The scan of all sources in a run."""

    def __init__(self, job: RunParameters, salt: str, known: DocumentLookup) -> None:
        """Set up the scan.

        Args:
            job: The parameters of the run.
            salt: Text for the fingerprints, so that documents are read again when it changes.
            known: Looks up the documents that were read in earlier runs.
        """
        self._job = job
        self._salt = salt
        self._known = known
        self.problems: list[Problem] = []
        self.selections: dict[str, str] = {}
        """By container, the settings that decide which of its highlights are read."""

    def iter_sightings(self, sources: Iterable[Source]) -> Iterator[Sighting]:
        """Yield what the scans of all sources find."""
        for source in sources:
            yield from self._iter_sightings_of(source)

    def _iter_sightings_of(self, source: Source) -> Iterator[Sighting]:
        has_failed = False
        for sighting in scan_source(source, self._known):
            if isinstance(sighting, Problem):
                # a scan that hit a bug in our code or in a plug-in is incomplete
                bug_messages = (BUG_MESSAGE, PLUG_IN_PREFIX)
                has_failed |= sighting.message.startswith(bug_messages)
                self.problems.append(sighting)
                yield sighting
            elif isinstance(sighting, ExtractedDocument):
                self.problems += _save_pictures(sighting, self._job.pictures)
                yield self._add_salt(_flag_highlights(sighting, self._job.decks))
            elif isinstance(sighting, UnmarkedDocument):
                yield self._add_salt(sighting)
            elif isinstance(sighting, ScanEnd):
                selection = getattr(source, "selection_settings_text", "")
                self.selections[sighting.container] = selection
                complete = sighting.complete and not has_failed
                yield replace(sighting, complete=complete)
            else:
                yield sighting

    def _add_salt(self, document: _Document) -> _Document:
        if not document.fingerprint:
            return document
        return replace(document, fingerprint=f"{self._salt} {document.fingerprint}")


def _describe_report(report: IngestReport) -> Iterator[str]:
    """Yield lines for the log: the numbers of files and passages, and each passage that changed."""
    files, unreadable = report.files.values(), report.unread_files.values()
    counts = f"files: {sum(files)}, unreadable: {sum(unreadable)}"
    yield f"passages read: {report.passage_count}, {counts}"
    keys_by_change: list[tuple[str, list[str]]] = [
        ("new", report.new),
        ("changed", [key for key, *_ in report.changed]),
        ("moved", [key for key, _ in report.moved]),
        ("gone", [*report.removed_keys, *report.removed_unread_keys]),
        ("back", report.restored_keys),
    ]
    for change, keys in keys_by_change:
        for key in keys:
            yield f"{change}: passage {anonymize_key(key)}"


def _save_pictures(document: ExtractedDocument, directory: Path) -> Iterator[Problem]:
    """Save the pictures cropped from the pages of a document, and yield what went wrong."""
    for picture in document.pictures:
        path = directory / picture.name.removeprefix("cut/")
        if path.exists():
            continue
        try:
            make_directory(directory)
            write_file(path, picture.data)
        except OSError as error:
            message = f"cannot be written: {error.strerror}"
            yield Problem(str(path), message, "free space there")


def _flag_highlights(
    document: ExtractedDocument, decks: tuple[DeckRule, ...]
) -> ExtractedDocument:
    """Flag the highlights to skip, and words that are highlighted together with a translation."""
    from ankiforge.language.vocabulary import mark_translated_words

    highlights = [_flag_skipped(highlight, decks) for highlight in document.highlights]
    return replace(document, highlights=mark_translated_words(highlights))


def _flag_skipped(highlight: Highlight, decks: tuple[DeckRule, ...]) -> Highlight:
    """Flag a highlight to skip if its comment says so, or a deck file excludes its colour."""
    from ankiforge.draft import find_user_skip_reason

    reason = find_user_skip_reason(highlight)
    if reason is None:
        colour_action = find_rule(decks, highlight).get_colour_action(highlight.colour)
        if colour_action == "skip":
            reason = f"its colour ({highlight.colour})"
    if reason is None:
        return highlight
    return replace(highlight, skip_reason=reason)


# --- what no source reads -------------------------------------------------------------------

UNREAD_FILES_SETTING = "not read"
"""The name of the ledger setting that stores the unread files of each directory."""


def load_unread_files(ledger: Ledger) -> dict[str, UnreadFiles]:
    """Load the files that no source could read in the last run, keyed by directory."""
    return ledger.get_value(UNREAD_FILES_SETTING, dict[str, UnreadFiles]) or {}


def _report_new_unread_kinds(sources: Iterable[Source], ledger: Ledger) -> list[Problem]:
    """Store the unread files of each directory, and return a notice about each with new kinds."""
    stored = load_unread_files(ledger)
    current = {
        directory: files
        for directory, files in stored.items()
        if Path(directory).exists()
    }
    notices = []
    for unread_folder in count_unread_files(sources):
        directory = unread_folder.directory
        current.pop(directory, None)  # the directories of this run come last
        if not unread_folder.summary:
            continue
        current[directory] = unread_folder
        known_kinds = stored[directory].count_by_kind if directory in stored else {}
        if unread_folder.count_by_kind.keys() - known_kinds.keys():
            message = f"{UNREAD_FILES_SETTING}: {unread_folder.summary}"
            name = Path(directory).name
            notices.append(Problem(name, message, is_notice=True, is_reported_once=True))
    if current != stored:
        ledger.set_value(UNREAD_FILES_SETTING, current)
    return notices


# --- the plug-ins of a vault ------------------------------------------------------------


def apply_stored_plugin_syntaxes(source: Source, ledger: Ledger) -> Source:
    """Return a copy of a vault that reads the card syntaxes of all plug-ins ever enabled in it.

    Other sources are returned unchanged, and so are vaults whose settings list the syntaxes.
    """
    if not getattr(source, "plugins_choose_dialects", False):
        return source
    from ankiforge.ledger import plugin_syntaxes

    vault = cast("Vault", source)
    dialect_names = plugin_syntaxes.record_and_load_plugin_syntaxes(
        ledger, vault.listing.container, vault.enabled_dialects
    )
    if dialect_names == vault.enabled_dialects:
        return vault
    return vault.replace_dialects(dialect_names)
