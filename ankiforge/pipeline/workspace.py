"""The pipeline from highlights to Anki; `Workspace.run` runs all of it.

    ingest ─▶ draft ─▶ check ─▶ pending drafts ║ user or settings accept ║ cards ─▶ deliver

The ledger holds everything between the two halves. Each step stores its results, so the next
run resumes an interrupted one. No transaction is open while a source or a model works.
Sources, drafters and Anki's formats are imported in functions because few commands need them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from ankiforge.config import is_loopback, parse_origin
from ankiforge.config import workspace as folders
from ankiforge.config.deckfiles import DeckRule
from ankiforge.config.log import describe_problem, log_lines, open_log
from ankiforge.config.trust import require_trust
from ankiforge.config.workspace import (
    Activity,
    RememberedPath,
    WorkspaceDirectory,
    find_user_directory,
)
from ankiforge.errors import (
    ConfigError,
    ItemError,
    RefusedError,
    ServiceError,
    UsageError,
    describe_error,
)
from ankiforge.extract import registry
from ankiforge.ledger import (
    Ledger,
    QueryTerm,
    cards,
    item_lists,
    pending_items,
    questions,
    wrap_database_errors,
)
from ankiforge.ledger import decide as decisions
from ankiforge.ledger.cards import has_cards
from ankiforge.ledger.ingest import unselect_documents
from ankiforge.ledger.item_lists import load_facets
from ankiforge.ledger.readings import IngestReport, load_unlocated_documents
from ankiforge.ledger.tables.anki_notes import load_note_in_anki
from ankiforge.model import (
    DocumentId,
    Finding,
    Guid,
    HighlightKey,
    LocalCard,
    Pair,
    PendingDraft,
    Problem,
    Strings,
    Texts,
    UserQuestion,
    is_highlight_key,
)
from ankiforge.pipeline import outside_changes
from ankiforge.pipeline.collection import (
    read_collection,
    recreate_cards_of_unknown_notes,
)
from ankiforge.pipeline.decks import DeckChooser, apply_deck_and_tags, check_deck_has_note
from ankiforge.pipeline.outside_changes import (
    OutsideCommand,
    PatchedFiles,
    UndoneChange,
)
from ankiforge.pipeline.query import find_matching_ids, looks_like_key, resolve_id
from ankiforge.pipeline.replaced_files import ReplacedFile, hash_content, replace_file
from ankiforge.pipeline.run_result import (
    DEFAULT_OPTIONS,
    AnkiReadResult,
    CommandRunOptions,
    PlannedNote,
    PushedNotes,
    RunParameters,
    RunResult,
    RunStep,
    ShouldGoOn,
)
from ankiforge.text import format_count, quote_path, shorten_path

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.config.caches import ReplyStore
    from ankiforge.draft.llm import Estimate, ModelDrafter
    from ankiforge.ledger import HighlightOutcome
    from ankiforge.model import Source


_ANKI_TIMEOUT = 0.2
"""How long, in seconds, Anki may take to accept a connection from this computer."""

ShowProgress = Callable[
    [Sequence["Source"]], AbstractContextManager[Callable[[RunStep], None]]
]
"""Returns a context manager that displays the progress of reading the given sources.

The context manager yields a callback, which is called with each step of the run.
"""


def show_no_progress(
    sources: Sequence[Source],
) -> AbstractContextManager[Callable[[RunStep], None]]:
    """Return a context manager that displays nothing; the default for `ShowProgress`."""
    return nullcontext(lambda step: None)


_UNREADABLE_COLLECTION = Problem(
    "Anki",
    "push needs Anki's collection, which was not found or is not read",
    "set anki.collection in ankiforge.yaml to its path",
)


def _log_result(command: str, result: RunResult) -> RunResult:
    requests = result.usage.requests if result.usage else 0
    lines = [
        f"{command}: {result.drafted} drafted, {result.accepted} accepted,"
        f" {len(result.changes)} cards changed, {requests} requests to a model"
    ]
    for package in result.published:
        counts = f"{package.added} new, {package.updated} updated"
        lines.append(f"packed {package.notes} notes, {counts}")
    lines += map(describe_problem, result.problems)
    lines += [describe_error(result.error)] if result.error else []
    log_lines(lines)
    return result


def _sync_anki(anki: AnkiConnect, result: RunResult) -> bool:
    """Have Anki sync, and return whether it does. If it isn't logged in, that is a problem."""
    if anki.start_sync():
        return True
    message = "is not logged in to a sync account"
    hint = "press Sync in Anki and log in"
    result.problems.append(Problem("Anki", message, hint))
    return False


class Workspace:
    """A workspace: a directory with settings, plus its highlights, drafts and decisions.

    All commands, the web page and the watcher are built on this class, and it can be used
    as a library. Methods return values and print nothing. They raise the errors defined in
    `ankiforge.errors`, except that a failure affecting only part of the work is reported as
    a problem in the result.

    Use it in a `with` statement, so that the ledger gets closed:

        with Workspace("~/cards") as workspace:
            result = workspace.run(["paper.pdf"])
            for draft in workspace.drafts():
                workspace.accept(draft.id)
            workspace.build()
    """

    def __init__(
        self,
        folder: WorkspaceDirectory | Path | str | None = None,
        *,
        read_only: bool = False,
        offline: bool = False,
        jobs: int = 0,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Find the workspace and read its settings.

        Args:
            folder: The directory with `ankiforge.yaml`, or None for the workspace that a command
                would use in the current directory. When passing a `WorkspaceDirectory`, the
                caller must have checked that the user confirmed its settings.
            read_only: Do not write anything. Changes go to an in-memory copy.
            offline: Refuse to contact other devices.
            jobs: The number of concurrent requests and of files read at once. With 0, requests
                follow the settings, and one file per core is read.
            notice: Called with messages for the user while a model is working.

        Raises:
            UsageError: If the directory is not a workspace, or the user must confirm its
                settings first.
            ConfigError: If the settings contain an error. The message names the file, line and
                key.
        """
        if not isinstance(folder, WorkspaceDirectory):
            path = Path(folder).expanduser() if folder is not None else None
            folder = folders.find_workspace(path, Path.cwd(), registry)
            require_trust(folder, None, find_user_directory())
            folder.make_private()
        self.folder = folder
        self.read_only = read_only
        self.offline = offline
        self.jobs = jobs
        self.should_go_on: ShouldGoOn | None = None
        self.should_read: Callable[[str], bool] | None = None
        """Asks the user whether to read a whole drive or home folder, or None to refuse it."""
        self._notice = notice
        # The activities whose locks this object holds.
        self._held_locks: set[str] = set()

    # --- opening and closing ----------------------------------------------------------------

    def __enter__(self) -> Self:
        """Open the ledger. Database errors in the block are re-raised as `LedgerError`.

        Raises:
            LedgerError: If the ledger cannot be used.
        """
        with wrap_database_errors(self.folder.ledger_path):
            self.ledger  # noqa: B018
        self._error_context = wrap_database_errors(self.folder.ledger_path)
        self._error_context.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Close the ledger.

        After an error, the database of replies is left open, because threads of a model may
        still write to it.
        """
        if error is not None and not self.read_only:
            log_lines([describe_error(error)])
        if error is None:
            self.close()
        elif "ledger" in vars(self):
            self.ledger.__exit__(None, None, None)
            del self.ledger
        return self._error_context.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Close the ledger and the stored replies. Not needed when using `with`."""
        if "replies" in vars(self):
            self.replies.close()
            del self.replies
        if "ledger" in vars(self):
            self.ledger.__exit__(None, None, None)
            del self.ledger

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger with all highlights, decisions and cards.

        Raises:
            LedgerError: If the database or journal cannot be used.
            UsageError: If a directory is not writable.
        """
        folder, read_only = self.folder, self.read_only
        if not read_only:
            folder.create_directories()
        open_log(None if read_only else folder.state_directory)
        device_id = folder.get_device_id(find_user_directory(), create=not read_only)
        return Ledger(
            folder.ledger_path, folder.journal_directory, device_id, read_only=read_only
        )

    @cached_property
    def replies(self) -> ReplyStore:
        """The stored replies of models, so that a repeated request costs nothing."""
        from ankiforge.config.caches import REPLIES_FILE, ReplyStore

        self.folder.create_directories()
        return ReplyStore(self.folder.state_directory / REPLIES_FILE)

    @cached_property
    def decks(self) -> tuple[DeckRule, ...]:
        """The rules in the deck files, which determine the decks and tags of cards."""
        return self.folder.load_decks()

    @contextmanager
    def hold_lock(
        self, activity: Activity, seconds: float | None = None
    ) -> Iterator[None]:
        """Context manager that holds the lock of the workspace. Reentrant.

        Args:
            activity: What the lock is for.
            seconds: The time to wait for another program to release the lock, or None for the
                default.

        Raises:
            BusyError: Another program still holds the lock after this time.
        """
        if self.read_only or activity in self._held_locks:
            yield
            return
        self.folder.create_directories()
        with self.folder.acquire_lock(activity, seconds):
            self._held_locks.add(activity)
            try:
                yield
            finally:
                self._held_locks.discard(activity)

    def iter_journal_problems(self) -> Iterator[Problem]:
        """Yield the problems with the journal, such as unreadable or missing lines."""
        state = self.ledger.journal_state
        where = str(self.folder.journal_directory)
        if state.unreadable:
            skipped = "was skipped" if state.unreadable == 1 else "were skipped"
            message = f"{format_count(state.unreadable, 'line')} could not be read, and {skipped}"
            hint = "restore it from a backup, if you have one"
            yield Problem(where, message, hint, is_notice=True)
        if state.unknown:
            message = (
                f"{state.unknown:,} lines are of a newer version of ankiforge, and have no"
                " effect here"
            )
            if state.unknown == 1:
                message = (
                    "1 line is of a newer version of ankiforge, and has no effect here"
                )
            hint = "install the newest ankiforge here: it reads them then"
            yield Problem(where, message, hint, is_notice=True)
        if state.missing:
            remedy = (
                "the next run writes them again" if self.read_only else "written again"
            )
            message = f"{format_count(state.missing, 'line')} missing: {remedy}"
            yield Problem(where, message, is_notice=True)

    def iter_rebuilt_database_notices(self) -> Iterator[Problem]:
        """Yield a notice if the sources haven't been read since the database was created.

        Such a database only has what the journal contains: cards, but no drafts and no titles.
        """
        if self.ledger.get_meta("run") or not has_cards(self.ledger):
            return
        if not (self.folder.config.sources or self.folder.remembered_paths):
            yield from self.iter_lost_path_notices()
        else:
            message = "it was rebuilt, and contains only your cards"
            hint = "ankiforge run adds what waits"
            yield Problem(str(self.folder.ledger_path), message, hint, is_notice=True)

    def iter_lost_path_notices(self) -> Iterator[Problem]:
        """Yield a notice if sources aren't read because their PATHs were lost with the database."""
        counts = Counter[str]()
        for container, places in load_unlocated_documents(self.ledger).items():
            kind, _, name = container.partition(":")
            # Zotero's containers are its libraries, such as `zotero:user`
            counts["Zotero" if kind == "zotero" else name] += len(places)
        if counts:
            names = [
                f"{name} ({format_count(n, 'document')})" for name, n in counts.items()
            ]
            message = (
                "was lost with the PATHs of your sources, so these are not read, and"
                f" their cards stay: {', '.join(names)}"
            )
            hint = "ankiforge run PATH for each, with its --deck and --marks"
            yield Problem(".ankiforge", message, hint, is_notice=True)

    def build_model(
        self, drafter: str | None = None, *, fresh: bool = False, spent: float = 0.0
    ) -> ModelDrafter | None:
        """Create the drafter that uses a language model, or return None to use only the rules.

        Args:
            drafter: "rules" or "llm", or None to use the settings.
            fresh: Send requests even if replies are stored.
            spent: How much of the budget has already been spent, in dollars.

        Raises:
            UsageError: If the user has not chosen a model.
        """
        if (drafter or self.folder.config.drafter) == "rules":
            return None
        from ankiforge.draft.client import ModelClient
        from ankiforge.pipeline.models import (
            load_server_settings,
            make_model_drafter,
            require_model,
        )

        require_model(self.folder)
        client = ModelClient(
            load_server_settings(self.folder, jobs=self.jobs, spent=spent),
            self.replies,
            notice=self._notice,
            offline=self.offline,
            fresh=fresh,
        )
        return make_model_drafter(self.folder, client)

    def connect_to_anki(self) -> AnkiConnect:
        """Connect to a running Anki through the AnkiConnect add-on.

        Raises:
            ServiceError: If Anki does not answer or denies access.
            UsageError: If Anki is on another device and the workspace is offline.
        """
        from ankiforge.anki.connect import AnkiConnect
        from ankiforge.config import ANKI_KEY, find_api_key, find_api_key_variable

        settings = self.folder.config.anki
        if self.offline and not is_loopback(settings.connect):
            message = f"--offline forbids a connection to Anki at {settings.connect}"
            raise UsageError(message, hint="run it without --offline")
        key = find_api_key(ANKI_KEY, settings.connect, settings.key_env)
        key_name = find_api_key_variable(ANKI_KEY, settings.connect, settings.key_env)
        anki = AnkiConnect(settings.connect, key, key_env=key_name)
        anki.check_access()
        return anki

    def can_show_in_anki(self, guid: str) -> bool:
        """Return whether Anki has this card, and something answers at AnkiConnect's URL.

        Only a URL on this computer is tried, by opening a connection without sending anything.
        """
        import socket

        url = self.folder.config.anki.connect
        if not is_loopback(url) or load_note_in_anki(self.ledger, guid) is None:
            return False
        _, host, port = parse_origin(url)
        try:
            socket.create_connection((host, port), _ANKI_TIMEOUT).close()
        except OSError:
            return False
        return True

    def show_in_anki(self, guid: str) -> None:
        """Show a card in the browser of a running Anki.

        Raises:
            RefusedError: Anki does not have the card yet.
            ServiceError: Anki does not answer, or the open profile does not have the card.
        """
        note = load_note_in_anki(self.ledger, guid)
        if note is None:
            raise RefusedError("Anki does not have this card yet", hint="ankiforge push")
        self.connect_to_anki().open_browser(note.id)

    # --- a run --------------------------------------------------------------------------------

    def run(
        self,
        paths: Iterable[Path | str] = (),
        options: CommandRunOptions = DEFAULT_OPTIONS,
        *,
        show: ShowProgress = show_no_progress,
        **values: Any,
    ) -> RunResult:
        """Turn highlights into cards, and accepted cards into a package for Anki.

        Args:
            paths: Files and directories to read, now and in later runs, or () for the configured
                sources and all remembered PATHs.
            options: The options of the command `run`.
            show: Displays progress.
            values: Single options by name, e.g. `deck="Biology"`, which override `options`.

        Raises:
            UsageError: There is nothing to read, or the package cannot be written to that
                path.
        """
        from ankiforge.pipeline import deliver

        options = replace(options, **values)
        result = RunResult()
        with self.hold_lock("drafting"):
            path = self._find_package_path(
                None, options.output or "", force=options.force
            )
            result.add_scan(self.read_collection())
            self.read_and_draft(result, paths, options, show=show)
            if self.read_only:
                self.plan_cards(result)
            else:
                deliver.read_anki_and_write_package(
                    self.folder, self.ledger, result, path
                )
        return _log_result("run", result)

    def read_and_draft(
        self,
        result: RunResult,
        paths: Iterable[Path | str] = (),
        options: CommandRunOptions = DEFAULT_OPTIONS,
        *,
        show: ShowProgress = show_no_progress,
    ) -> None:
        """Read the sources, draft cards, and accept drafts where the settings allow it.

        Cards are also recreated for our notes in Anki that aren't in the journal. If a service
        fails, the error is stored in the result, so that the finished cards can still be exported.

        Args:
            result: The run result, to which each step is added.
            paths: Files and directories to read, or () for all known sources.
            options: The options of the command `run`.
            show: Displays progress.

        Raises:
            UsageError: There is nothing to read.
        """
        from ankiforge.pipeline import sources as reading
        from ankiforge.pipeline.draft import draft_pending_highlights
        from ankiforge.pipeline.selection import select_sources

        named_paths = tuple(Path(path) for path in paths)
        self.confirm_broad_paths(named_paths)
        with show(()):
            selection = select_sources(
                self.folder, named_paths, options, other_exports=True
            )
        result.problems += [*self.iter_journal_problems(), *selection.problems]
        if not selection.sources and not selection.problems:
            if has_cards(
                self.ledger
            ):  # a run still keeps the notes of these cards in sync
                result.problems += self.iter_lost_path_notices()
                return
            hint = "ankiforge run PATH   or: ankiforge init"
            raise UsageError("there is nothing to read", hint=hint)
        sources = reading.open_sources(
            self.folder,
            self.ledger,
            selection.sources,
            offline=self.offline,
            jobs=self.jobs,
        )
        model = self.build_model(options.drafter, spent=result.spent)
        decks = self.folder.load_decks(selection.remembered_paths)
        missing: dict[DocumentId, Path] = {}
        if named_paths:
            from ankiforge.pipeline.stored_documents import find_missing_documents

            missing = find_missing_documents(
                self.folder.config, self.ledger, selection.remembered_paths
            )
        DeckChooser(self.ledger, decks).apply_rules()
        job = replace(
            self.build_run_parameters(options.accept),
            sources=sources,
            model=None if self.read_only else model,
            in_use=selection.in_use,
            missing=selection.missing,
            removed=selection.removed,
            missing_documents=frozenset(missing),
            decks=decks,
            limit=options.limit,
        )

        def iter_steps() -> Iterator[RunStep]:
            ingested = reading.ingest_sources(job, self.ledger)
            yield ingested
            if not named_paths:
                result.problems += self.iter_lost_path_notices()
            report = ingested.report or IngestReport()
            # remember PATHs only now, because some may not have been read
            self._remember_read_paths(result, selection.remembered_paths, report, missing)
            if result.scan and result.scan.changes.notes_without_event:
                unknown = result.scan.changes.notes_without_event
                result.problems += recreate_cards_of_unknown_notes(self.ledger, unknown)
            # if there are PATHs, the model drafts only highlights of their documents
            documents = report.documents if named_paths else None
            yield from draft_pending_highlights(
                replace(job, documents=documents), self.ledger
            )

        self.run_steps(result, iter_steps(), model, partial(show, sources))

    def _remember_read_paths(
        self,
        result: RunResult,
        selected: Iterable[RememberedPath],
        report: IngestReport,
        missing: Mapping[DocumentId, Path],
    ) -> None:
        """Remember the PATHs of a run, and store the new ones in `result`.

        A new PATH whose files couldn't be read isn't remembered.

        Args:
            result: The result of the run, with the problems of the files so far.
            selected: The places that were selected for the run.
            report: What was read.
            missing: The paths of the missing documents.
        """
        stored_paths = {place.path for place in self.folder.remembered_paths}
        unread_names = result.failed_names
        places = []
        for place in selected:
            if place.path in stored_paths or Path(place.path).name not in unread_names:
                places.append(place)
        new_paths: dict[Path, Path] = {}
        for id, path in report.moved_documents.items():
            new_paths[missing[id]] = path
        places = self._replace_moved_paths(
            result, places, report.moved_sources, new_paths
        )
        moved_paths = {str(path) for path in new_paths.values()}
        added_paths = self.remember_paths(places)
        result.remembered_paths = [
            path for path in added_paths if path not in moved_paths
        ]

    def confirm_broad_paths(self, paths: Iterable[Path]) -> None:
        """Ask the user before a home folder or a drive becomes a source.

        Raises:
            UsageError: The user says no, or cannot be asked.
        """
        from ankiforge.pipeline.selection import explain_broad_path

        remembered = {place.path for place in self.folder.remembered_paths}
        remembered |= {place.given for place in self.folder.remembered_paths}
        for path in paths:
            reason = explain_broad_path(path)
            if reason is None or os.path.realpath(path) in remembered:
                continue
            question = f"{path} {reason}. Read all of it, now and in later runs?"
            if self.should_read is None or not self.should_read(question):
                command = f"ankiforge run {quote_path(path)} --yes"
                hint = f"name a folder in it: ankiforge run FOLDER   to read all of it: {command}"
                raise UsageError(f"{path} {reason}, so it was not read", hint=hint)

    def remember_paths(self, places: Sequence[RememberedPath]) -> list[str]:
        """Store the places to read in later runs, and return the PATHs that are new."""
        stored = self.folder.remembered_paths
        if self.read_only or tuple(places) == stored:
            return []
        folders.store_remembered_paths(self.folder.state_directory, places)
        stored_paths = {place.path for place in stored}
        new_paths = [place.path for place in places if place.path not in stored_paths]
        return list(dict.fromkeys(new_paths))

    def _replace_moved_paths(
        self,
        result: RunResult,
        places: Sequence[RememberedPath],
        moved_sources: Strings,
        new_paths: Mapping[Path, Path],
    ) -> list[RememberedPath]:
        """Return the places to remember after missing files or directories were found elsewhere.

        If all passages of a PATH have moved to other sources, the PATH is left out. If a file has
        moved, its new PATH gets the deck and the marks of the old one. In both cases, a notice
        replaces the problem of the PATH in `result`.

        Args:
            result: The result of the run.
            places: The places that were selected for the run.
            moved_sources: The names of the sources from which all passages have moved.
            new_paths: The new path of each file that was found elsewhere.
        """
        kept: dict[tuple[Pair, str], RememberedPath] = {}
        notices: dict[str, Problem] = {}
        for place in places:
            old_path = Path(place.path)
            new_path = new_paths.get(old_path, old_path)
            if new_path != old_path:
                message = f"its cards follow to {shorten_path(new_path)}"
                notices[place.path] = _make_move_notice(place, message)
            elif place.name in moved_sources and not old_path.exists():
                message = (
                    "what was read of it is in another source now, and its cards too"
                )
                notices[place.path] = _make_move_notice(place, message)
                continue
            if not new_path.is_relative_to(place.directory):
                continue
            # the new path may be remembered already, with a deck or marks of its own
            key = place.source_key, str(new_path)
            other = kept.get(key, place)
            deck, marks = place.deck or other.deck, place.marks or other.marks
            kept[key] = replace(place, path=str(new_path), deck=deck, marks=marks)
        problems = [each for each in result.problems if each.location not in notices]
        result.problems = [*problems, *notices.values()]
        return [*kept.values()]

    def forget(self, path: Path) -> tuple[list[str], int]:
        """Stop reading a remembered PATH and the sources that were discovered below it.

        A PATH below it stays if the user gave it separately. The highlights are ignored from now
        on, but existing cards stay. If the highlights are read again later, they get the same keys.

        Returns:
            The forgotten PATHs, and the number of highlights in them.

        Raises:
            UsageError: `path` is not remembered.
        """
        from ankiforge.pipeline.selection import select_paths_to_forget
        from ankiforge.pipeline.stored_documents import find_documents_to_forget

        with self.hold_lock("drafting"):
            forgetting = select_paths_to_forget(self.folder, path)
            documents = find_documents_to_forget(self.folder, self.ledger, forgetting)
            forgotten = forgetting.to_forget
            with self.ledger.transaction():
                outside_changes.record_forgotten_paths(self.ledger, forgotten)
                count = unselect_documents(self.ledger, documents)
                folders.store_remembered_paths(
                    self.folder.state_directory, forgetting.to_keep
                )
            return list(dict.fromkeys(place.path for place in forgotten)), count

    def replace_files(
        self, contents: Mapping[Path, tuple[bytes, bytes]]
    ) -> list[Problem]:
        """Replace the user's files, keeping backups until `delete_backups` is called.

        Args:
            contents: The old and the new content of each file.

        Returns:
            A problem for each file that could not be replaced.
        """
        files = [
            ReplacedFile(str(path), hash_content(new))
            for path, (_, new) in contents.items()
        ]
        problems = []
        with self.hold_lock("drafting"):
            # store them first, so that undo knows the files even if the program is killed
            outside_changes.record_patched_files(self.ledger, files)
            for path, (old, new) in contents.items():
                try:
                    replace_file(path, old, new)
                except ItemError as error:
                    problems.append(Problem(str(path), error.message, error.hint))
        return problems

    def delete_backups(self) -> None:
        """Delete the backups made by `replace_files`."""
        if not self.read_only:
            outside_changes.delete_backups(self.ledger)

    def is_last_change_permanent(self) -> bool:
        """Return whether the last change is a `patch --apply` that can't be undone any more."""
        return outside_changes.is_last_change_permanent(self.ledger)

    def undo_outside_change(self) -> UndoneChange | None:
        """Undo the last `forget` or `patch --apply`, unless a later action can be undone first.

        Returns:
            What was undone, or None if there was nothing to undo.

        Raises:
            RefusedError: Another source has the name of a forgotten one by now.
        """
        change = outside_changes.find_last_change(self.ledger)
        if change is None:
            return None
        with self.hold_lock("drafting"):
            outside_changes.remove_last_change(self.ledger)
            if isinstance(change, PatchedFiles):
                undone = outside_changes.restore_files(change)
                return undone if undone.names or undone.problems else None
            stored = self.folder.remembered_paths
            restored = outside_changes.find_paths_to_restore(change, stored)
            if not restored:
                return None
            # a PATH that was given again with other options gets back those it had
            places = {(place.source_key, place.path): place for place in stored}
            places |= {(place.source_key, place.path): place for place in restored}
            self.remember_paths([*places.values()])
            self.read_sources()
            names = dict.fromkeys(place.path for place in restored)
            return UndoneChange(OutsideCommand.FORGET, tuple(names))

    def read_sources(self) -> RunStep:
        """Read the changed documents of all sources, without drafting."""
        from ankiforge.pipeline import sources as reading
        from ankiforge.pipeline.selection import select_sources

        with self.hold_lock("drafting"):
            selection = select_sources(self.folder)
            sources = reading.open_sources(
                self.folder, self.ledger, selection.sources, offline=self.offline
            )
            job = replace(self.build_run_parameters(), sources=sources)
            ingested = reading.ingest_sources(job, self.ledger)
            return replace(ingested, problems=(*selection.problems, *ingested.problems))

    def draft(
        self,
        options: CommandRunOptions = DEFAULT_OPTIONS,
        *,
        again: Iterable[HighlightKey] = (),
        remark: str | None = None,
        show: ShowProgress = show_no_progress,
        **values: Any,
    ) -> RunResult:
        """Draft cards for highlights that have been read but don't have a card yet.

        Args:
            options: The drafter, the limit, and which drafts to accept.
            again: Highlights to draft again, keeping their pending drafts, or () for all that
                still need a card.
            remark: The user's instructions for improving the drafts for `again`.
            show: Displays progress.
            values: Single options by name, e.g. `limit=20`, which override `options`.

        Raises:
            UsageError: There is a remark but no model, and the rules cannot follow a
                remark.
        """
        from ankiforge.pipeline.draft import draft_pending_highlights

        options = replace(options, **values)
        if remark is not None:
            remark = remark.strip() or None
        highlight_keys = frozenset(again)
        result = RunResult()
        with self.hold_lock("drafting"):
            model = self.build_model(options.drafter, fresh=bool(highlight_keys))
            if remark is not None and model is None:
                hint = "--drafter llm, or write the card yourself: ankiforge edit"
                raise UsageError("the rules cannot follow a remark", hint=hint)
            job = replace(
                self.build_run_parameters(options.accept),
                model=model,
                redrafted=highlight_keys,
                remark=remark,
                limit=options.limit,
            )
            steps = draft_pending_highlights(job, self.ledger)
            self.run_steps(result, steps, model, partial(show, ()))
        return _log_result("draft", result)

    def draft_alternatives(self, key: str) -> None:
        """Have the model draft alternatives to the pending drafts of a highlight.

        Raises:
            ForgeError: No model is configured, or it failed to draft any.
        """
        from ankiforge.pipeline.draft import draft_pending_highlights

        result = RunResult()
        model = self.build_model("llm", fresh=True)
        self.read_sources()  # so that text tagged `#no-llm` since the last run isn't sent
        highlight_keys = frozenset([cards.load_highlight(self.ledger, key).key])
        job = replace(self.build_run_parameters(), model=model, redrafted=highlight_keys)
        try:
            for step in draft_pending_highlights(job, self.ledger):
                result.add_step(step)
        finally:
            if model is not None:
                model.stop()
        if result.problems:
            first_problem = result.problems[0]
            raise ItemError(first_problem.message, hint=first_problem.hint)

    def estimate(self, drafter: str | None = None, limit: int | None = None) -> Estimate:
        """Estimate the size and cost of the next run's requests to a model.

        The sources are read first, to include new highlights. If the workspace was opened
        with `read_only`, nothing is stored.

        Raises:
            UsageError: The drafter is the rules, which cost nothing, or no model is
                configured.
        """
        from ankiforge.pipeline.draft import draft_pending_highlights, iter_model_tasks

        model = self.build_model(drafter)
        self.read_sources()
        job = replace(self.build_run_parameters(), limit=limit)
        for _ in draft_pending_highlights(job, self.ledger):
            pass
        if model is None:
            hint = "ankiforge draft --drafter llm --estimate"
            raise UsageError("the rules cost nothing; only a model does", hint=hint)
        return model.estimate_tasks(iter_model_tasks(job, self.ledger))

    def build_run_parameters(self, accept: str | None = None) -> RunParameters:
        """Build the parameters of a run from the workspace settings.

        `accept` is the value of `--accept`, or None for the value in the settings.

        Raises:
            ConfigError: A deck file contains an error.
        """
        config = self.folder.config
        accepts = (accept or config.accept.rules) == "clean"
        return RunParameters(
            # only cards that the user wrote, in a note or as a question or gap in a comment
            should_accept=lambda draft: accepts and draft.is_user_card,
            decks=self.decks,
            pictures=self.folder.pictures_directory,
            proposals=config.proposals,
            figures=config.figures,
            should_go_on=self.should_go_on,
        )

    def run_steps(
        self,
        result: RunResult,
        steps: Iterable[RunStep],
        model: ModelDrafter | None,
        show: Callable[[], AbstractContextManager[Callable[[RunStep], None]]],
    ) -> None:
        """Run steps, adding their results to `result` and displaying their progress.

        A `ServiceError` or `UsageError` ends the steps and is stored in `result`.

        Args:
            result: The result of the run, which also gets the usage of the model.
            steps: An iterator that performs the steps, and yields the result of each.
            model: The model that the steps use, or None. It is stopped at the end.
            show: Returns a context manager that displays progress.
        """
        with show() as show_step:
            try:
                for step in steps:
                    result.add_step(step)
                    show_step(step)
            except (ServiceError, UsageError) as error:
                result.error = error
            finally:  # stop the model's threads before closing the ledger
                if model is not None:
                    result.usage = model.usage
                    model.stop()

    # --- what is there ------------------------------------------------------------------------

    def highlights(self) -> list[HighlightOutcome]:
        """Return all highlights with their status and, for those without a card, the reason."""
        return list(pending_items.iter_highlight_outcomes(self.ledger))

    def drafts(self, query: str = "") -> list[PendingDraft]:
        """Return the pending drafts that match a query.

        `query` has the syntax of `ankiforge list`, e.g. `deck:Biology membrane`; "" matches all
        drafts.

        Raises:
            UsageError: The query cannot be parsed.
        """
        ids = self._find_ids(f"verdict:waiting {query}")
        return list(item_lists.load_pending_drafts(self.ledger, ids))

    def cards(self, query: str = "") -> list[LocalCard]:
        """Return the accepted cards that match a query.

        Raises:
            UsageError: The query cannot be parsed.
        """
        guids = self._find_ids(f"verdict:accepted {query}")
        return [cards.load_card(self.ledger, guid) for guid in guids]

    def questions(self) -> list[UserQuestion]:
        """Return the open questions to the user.

        Call `accept` to answer yes to a question, or `reject` to answer no.
        """
        return questions.find_open_questions(self.ledger)

    def _find_ids(self, query: str) -> list[str]:
        return find_matching_ids(self.ledger, query.strip())

    # --- decisions ----------------------------------------------------------------------------

    def accept(self, *ids: str, gap: int = 1, force: bool = False) -> list[Guid]:
        """Accept drafts and proposals, or answer questions with yes.

        Args:
            ids: Ids of drafts or questions, or unique prefixes of them. The key of a highlight
                accepts its proposal.
            gap: Which gap of the draft or proposal to use; 1 is the best.
            force: Whether to accept a draft even if a check blocks it.

        Returns:
            The GUIDs of the resulting cards.

        Raises:
            UsageError: An id is unknown or ambiguous.
            RefusedError: A draft cannot be accepted or has no such gap. Nothing is accepted
                then.
        """
        from ankiforge.pipeline import proposals

        guids: list[Guid] = []
        with self.ledger.action():
            for draft_id in self._resolve_ids(ids):
                if looks_like_key(draft_id):
                    proposal = proposals.load_proposal(self.ledger, draft_id)
                    proposal_guid = proposals.accept_proposal(
                        self.ledger, proposal, self.decks, gap=gap
                    )
                    guids.append(proposal_guid)
                    continue
                guid = self.ledger.accept(draft_id, gap=gap, forced=force)
                if guid is not None:
                    guids.append(guid)
        return guids

    def reject(self, *ids: str, reason: str | None = None) -> None:
        """Permanently reject drafts and cards, or answer questions with no.

        Args:
            ids: Ids of drafts, cards or questions, or unique prefixes of them. Passing the key of
                a highlight means that it needs no cards.
            reason: The user's reason, stored with the decision.

        Raises:
            UsageError: An id is unknown or ambiguous.
            RefusedError: An item is not pending any more.
        """
        with self.ledger.action():
            for full_id in self._resolve_ids(ids):
                self.ledger.reject(full_id, reason)

    def edit(
        self, id: str, fields: Texts, *, force: bool = False
    ) -> tuple[Guid, tuple[Finding, ...]]:
        """Edit a card or draft, or write a new card for a highlight.

        Args:
            id: The id of a card or draft, or the key of a highlight. Editing a draft accepts it.
            fields: The new Markdown texts, keyed by field name: Front, Back and Extra, or Text
                and Extra. `Deck` and `Tags` set the note's deck and tags.
            force: Whether to store the text even if a check blocks it.

        Returns:
            The GUID of the card, and the findings of the checks.

        Raises:
            BlockedError: A check blocks the text.
            UsageError: A field or id is invalid.
        """
        from ankiforge.pipeline import decide

        ledger = self.ledger
        with ledger.action():
            if is_highlight_key(id):
                highlight = cards.load_highlight(ledger, id)
                new_fields = decide.parse_new_fields(fields)
                edited = decide.make_card(
                    ledger, highlight, new_fields, self.decks, forced=force
                )
            else:
                [full_id] = self._resolve_ids([id])
                edited = decide.edit_card_or_draft(ledger, full_id, fields, forced=force)
            apply_deck_and_tags(ledger, edited[0], fields, self.decks)
        return edited

    def undo(self, id: str = "") -> str:
        """Undo a decision and return its id.

        If a `forget` or a `patch --apply` was undone instead, its command is returned.

        `id` may be the id of a decision or card, the key of a highlight, or "" for the last
        decision made on this device.

        Raises:
            RefusedError: No such decision exists, or a later one depends on it, or the name of
                a forgotten PATH is taken.
        """
        if not id:
            undone = self.undo_outside_change()
            if undone is not None:
                return undone.command
        return decisions.undo_decision(self.ledger, id).id

    def _resolve_ids(self, ids: Iterable[str]) -> list[str]:
        return [resolve_id(self.ledger, id) for id in ids]

    # --- Anki -----------------------------------------------------------------------------------

    def read_collection(self) -> AnkiReadResult:
        """Read Anki's collection if the settings allow it and the collection has changed."""
        return read_collection(self.folder.config.anki, self.ledger)

    def plan_cards(self, result: RunResult) -> None:
        """Plan the export of all cards that may need one, and detect conflicts with Anki.

        The plans are added to `result`. If the settings are invalid, their error is stored in
        `result` instead.
        """
        from ankiforge.pipeline import deliver

        try:
            mapped = deliver.load_configured_note_types(self.folder.config, self.ledger)
        except ConfigError as error:
            result.error = result.error or error
            return
        result.add_plan(deliver.plan_cards(self.folder, self.ledger, self.decks, mapped))

    def build(
        self,
        *,
        deck: str | None = None,
        output: Path | str = "",
        full: bool = False,
        force: bool = False,
    ) -> RunResult:
        """Write a package with all accepted cards that Anki doesn't have yet.

        Args:
            deck: Export only this deck and its subdecks, or None for all decks.
            output: The path of the package, or "" for a file in the workspace's output directory.
            full: Whether to export every accepted card, even if Anki already has it.
            force: Whether to overwrite an existing file that ankiforge didn't write.

        Raises:
            UsageError: The package cannot be written to that path, or the deck has no
                cards.
        """
        from ankiforge.pipeline import deliver

        result = RunResult()
        path = self._find_package_path(deck, output, force=force)
        scope = deliver.ExportScope(deck=deck, full=full)
        deliver.read_anki_and_write_package(self.folder, self.ledger, result, path, scope)
        return _log_result("build", result)

    def push(
        self,
        *,
        deck: str | None = None,
        output: Path | str = "",
        force: bool = False,
        sync: bool = False,
    ) -> RunResult:
        """Import new and changed cards into a running Anki; read its collection before and after.

        If Anki doesn't respond, or its collection can't be read, fall back to writing the package,
        with the error stored in the result. Otherwise, the package is deleted once all its notes
        have arrived.

        Args:
            deck: As for `build`.
            output: As for `build`.
            force: As for `build`.
            sync: Whether to have Anki sync before and after.

        Raises:
            UsageError: The package cannot be written to that path, or the deck has no
                cards.
        """
        result = RunResult()
        path = self._find_package_path(deck, output, force=force)
        self._push(result, path, deck, sync=sync)
        return _log_result("push", result)

    def _push(
        self, result: RunResult, path: Path, deck: str | None, *, sync: bool
    ) -> None:
        """Push to Anki as described in `push`, storing the outcome in `result`."""
        from ankiforge.pipeline import deliver

        # read Anki; if that fails, write the package
        folder, ledger = self.folder, self.ledger
        try:
            anki = self.connect_to_anki()
            is_synced = sync and _sync_anki(anki, result)
            self._read_open_collection(result, anki)
        except ServiceError as error:
            scope = deliver.ExportScope(deck)
            deliver.read_anki_and_write_package(folder, ledger, result, path, scope)
            result.error = result.error or error
            return

        # write the package, import it, and read which notes have arrived
        scope = deliver.ExportScope(deck, push=True)
        deliver.read_anki_and_write_package(folder, ledger, result, path, scope)
        result.pushed = PushedNotes(0, 0)
        if not any(package.notes for package in result.published):
            return
        known_guids = set[Guid]()
        for plan in result.planned:
            if load_note_in_anki(ledger, plan.guid) is not None:
                known_guids.add(plan.guid)
        try:
            anki.import_package(path)
            read_collection(folder.config.anki, ledger)
            if is_synced:
                anki.start_sync()
        except ServiceError as error:
            result.pushed = None
            result.error = result.error or error
            return
        result.pushed, refused_count = self._count_arrived(result.planned, known_guids)
        if refused_count:
            message = f"{refused_count:,} of the notes did not arrive"
            result.problems.append(Problem("Anki", message, f"import {path} by hand"))
        else:
            path.unlink(missing_ok=True)

    def _read_open_collection(self, result: RunResult, anki: AnkiConnect) -> None:
        """Read the collection that a running Anki has open, and add the scan to `result`.

        Raises:
            ServiceError: The collection can't be read, or it isn't the one with the user's cards.
        """
        profile = anki.get_active_profile()
        scan = read_collection(self.folder.config.anki, self.ledger, profile=profile)
        result.add_scan(scan)
        if scan.readable_path is None:
            problem = scan.problem or _UNREADABLE_COLLECTION
            raise ServiceError(problem.message, hint=problem.hint)
        if scan.readable_path.parent.name != profile:
            message = (
                f"Anki has the profile {profile} open; your cards are in {scan.path}"
            )
            raise ServiceError(message, hint="open the profile with your cards in Anki")

    def _count_arrived(
        self, planned: Iterable[PlannedNote], known_guids: Collection[Guid]
    ) -> tuple[PushedNotes, int]:
        """Count the notes that Anki has imported, and those that it hasn't.

        `known_guids` are those of the notes that Anki had before.
        """
        added, updated, refused = 0, 0, 0
        for plan in planned:
            if plan.mod is None:
                continue
            note = load_note_in_anki(self.ledger, plan.guid)
            if note is None or note.mod < plan.mod:
                refused += 1
            elif plan.guid in known_guids:
                updated += 1
            else:
                added += 1
        return PushedNotes(added, updated), refused

    def _find_package_path(
        self, deck: str | None, output: Path | str, *, force: bool
    ) -> Path:
        """Return the path of the package for a deck or all decks, if it can be written.

        Raises:
            UsageError: The path cannot be used, it is an existing file that ankiforge
                didn't write and `force` is False, or there is no note in the deck.
        """
        from ankiforge.pipeline import deliver

        if deck is not None:
            if not item_lists.find_items(self.ledger, [QueryTerm("deck", deck)]):
                check_deck_has_note(deck, load_facets(self.ledger)["deck"])
        if output:
            path = Path(output).expanduser().absolute()
        else:
            path = deliver.make_package_path(self.folder.output, deck)
        if not self.read_only:
            deliver.check_output_path(path, self.ledger, force=force)
        return path


def _make_move_notice(place: RememberedPath, message: str) -> Problem:
    return Problem(place.path, f"it moved: {message}", is_notice=True)
