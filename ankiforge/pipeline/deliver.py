"""Export cards to Anki: plan every card, then write a package or push it to a running Anki.

read Anki ─▶ record the view ─▶ plan every card ─▶ package ─▶ ledger ─▶ replace the file

A package is written completely or not at all. The ledger records what is exported before the new
package replaces the old one, so if the program is killed in between, a note is exported twice
but never lost (`tests/ledger/test_killed.py`). The user's own note types are copied from the
newest view of Anki, because a package with a different definition would add a second note type.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from errno import ENOSPC
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ankiforge.config import BasicType, ClozeType, Config, NoteTypes, can_show_windows
from ankiforge.config.deckfiles import DeckRule
from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.config.yamlfile import Location, suggest_word
from ankiforge.errors import (
    BugError,
    ConfigError,
    ItemError,
    UsageError,
    wrap_unexpected_errors,
)
from ankiforge.ledger import (
    Ledger,
    QueryTerm,
    anki_views,
    cards,
    item_lists,
)
from ankiforge.model import (
    AnkiNote,
    AnkiNoteType,
    Conflict,
    ExportedNote,
    Guid,
    LocalCard,
    Media,
    Note,
    NoteType,
    NoteTypeId,
    Problem,
    Strings,
    Texts,
    UserNoteType,
    Value,
    hash16,
)
from ankiforge.pipeline.collection import load_note_types, read_collection
from ankiforge.pipeline.decks import DeckChooser, collect_tags
from ankiforge.pipeline.run_result import PlannedNote, RunResult, WrittenPackage

if TYPE_CHECKING:
    from ankiforge.anki.content import CardFiles
    from ankiforge.anki.plan import CardPlan, ExportOptions


# --- the user's own note types -------------------------------------------------------------


def load_configured_note_types(
    config: Config, ledger: Ledger
) -> dict[NoteType, UserNoteType]:
    """Load the user's own note types that the settings choose for new cards.

    Args:
        config: The settings, with the names of the note types in `note_types`.
        ledger: The ledger, with the note types as of the last read of Anki.

    Returns:
        The user's note types, keyed by the note type of ours that each replaces.

    Raises:
        ConfigError: If Anki has no such note type, it does not fit, or Anki was never read.
    """
    if config.note_types == NoteTypes():
        return {}
    types = load_note_types(ledger)
    location = config.location.locate_nested("note_types")
    mapped: dict[NoteType, UserNoteType] = {}
    wanted_by_family = (
        (NoteType.BASIC, config.note_types.basic),
        (NoteType.CLOZE, config.note_types.cloze),
    )
    for our_type, setting in wanted_by_family:
        if setting is None:
            continue
        type_location = location.locate_nested(our_type.value)
        name_location = type_location.locate_nested("name")
        note_type = _find_note_type(setting.name, types, name_location)
        _check_note_type(note_type, our_type, setting, type_location)
        names = setting.fields.names
        id_by_name = dict(note_type.fields)
        ids: dict[str, int] = {}
        for our_field, name in names.items():
            field_id = id_by_name[name]
            if field_id is not None:
                ids[our_field] = field_id
        mapped[our_type] = UserNoteType(note_type.id, note_type.name, names, ids)
    return mapped


def _find_note_type(
    name: str, types: Mapping[NoteTypeId, AnkiNoteType], location: Location
) -> AnkiNoteType:
    """Return the user's note type with this name.

    Args:
        name: The name in the settings.
        types: Anki's note types, keyed by id.
        location: The location of the name in the settings, for error messages.

    Raises:
        ConfigError: If Anki has no such note type, the type is ours, or Anki was never read.
    """
    from ankiforge.anki.notetypes import find_our_note_type

    if not types:
        message = f"Anki was not read yet, so the note type {name!r} is not known"
        hint = (
            "start Anki once on this computer, or set anki.collection; or export a deck that has"
            " such a note: ankiforge pull FILE"
        )
        raise location.make_error(message, hint)
    for note_type in types.values():
        if note_type.name == name:
            if find_our_note_type(note_type.id):
                raise location.make_error(
                    f"{name!r} is ankiforge's own", "leave it out of note_types"
                )
            return note_type
    foreign_types = [each for each in types.values() if not find_our_note_type(each.id)]
    hint = suggest_word(name, [note_type.name for note_type in foreign_types])
    raise location.make_error(f"Anki has no note type {name!r}", hint)


def _check_note_type(
    note_type: AnkiNoteType,
    our_type: NoteType,
    setting: BasicType | ClozeType,
    location: Location,
) -> None:
    """Check that the user's note type can take the place of ours.

    Raises:
        ConfigError: If it is no cloze note type although ours is one, or the reverse; if it lacks
            a field; or if Anki would make no card.
    """
    if note_type.our_type is not our_type:
        actual = "is a cloze note type" if note_type.cloze else "is not a cloze note type"
        hint = (
            f"name another one here, or move it to note_types.{note_type.our_type.value}"
        )
        raise location.locate_nested("name").make_error(
            f"{note_type.name!r} {actual}", hint
        )
    names = setting.fields.names
    for our_field, their_field in names.items():
        if their_field not in note_type.field_names:
            message = f"{note_type.name!r} has no field {their_field!r}"
            hint = suggest_word(their_field, note_type.field_names)
            raise location.locate_nested("fields", our_field).make_error(message, hint)

    # Anki rejects notes whose first field is empty
    required = [names[our_field] for our_field in our_type.required_fields]
    first_field = note_type.field_names[0]
    if first_field not in required:
        message = (
            f"Anki needs {first_field!r}, the first field of {note_type.name!r},"
            " and nothing goes there"
        )
        required_names = " or ".join(our_type.required_fields)
        raise location.locate_nested("fields").make_error(
            message, f"put {required_names} into {first_field!r}"
        )
    question = names["Front"] if our_type is NoteType.BASIC else f"cloze:{names['Text']}"
    if not _has_template_with_question(note_type, our_type, names, required):
        message = f"no card template of {note_type.name!r} asks {{{{{question}}}}}"
        hint = "choose another field, or change the template in Anki"
        raise location.locate_nested("fields").make_error(message, hint)


def _has_template_with_question(
    note_type: AnkiNoteType, our_type: NoteType, names: Texts, required: Iterable[str]
) -> bool:
    """Return whether one of the templates shows the question.

    A note is tried in which only the `required` fields of the user's note type are filled, because
    only these always are. `names` are the names of its fields, keyed by our names.
    """
    from ankiforge.anki.notetypes import compute_card_ordinals, is_cloze_field

    if our_type is NoteType.CLOZE:
        return is_cloze_field(note_type, names["Text"])
    fields = dict.fromkeys(note_type.field_names, "")
    fields |= dict.fromkeys(required, "x")
    return bool(compute_card_ordinals(note_type, fields))


# --- the package ---------------------------------------------------------------------------

_LAUNCH_TIMEOUT = 4.0
"""In seconds. A program that is still running after this time is Anki itself, not a launcher."""
# The ledger's key for the last package, which is deleted when a card, passage or note changes.
_LAST_PACKAGE_KEY = "last package"
_WRITTEN_FILE_KEY = "written package"
"""The ledger's key for the fingerprint of the package that this workspace wrote last."""


class LastPackage(Value):
    """The last package that was written, stored to avoid writing the same package again.

    The ledger deletes this value when a card, passage or note changes.
    """

    settings: str
    """The hash of everything outside the ledger that the plan depends on."""
    path: str
    fingerprint: str
    """The size, modification time and inode of the file."""
    notes: int
    updated: int
    undone: int = 0
    retired: int = 0


def make_package_path(output: Path, deck: str | None = None) -> Path:
    """Return the path of a package in the output directory.

    The file is named after `deck` or, for a package with all decks, `ankiforge.apkg`.
    """
    name = "ankiforge"
    if deck is not None:
        from ankiforge.anki.notes import normalize_deck_name

        name = normalize_deck_name(deck).replace("::", "-")
    safe_name = re.sub(r'[/\\:*?"<>|\x00-\x1f]', "_", name)
    return output / f"{safe_name}.apkg"


def check_output_path(path: Path, ledger: Ledger, *, force: bool) -> None:
    """Check that a package may be written to `path`.

    Raises:
        UsageError: If the path cannot be used, or it holds a file that ankiforge didn't
            write and `force` is not set.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", hint="name a file: -o deck.apkg")
    if not path.parent.is_dir():
        raise UsageError(
            f"{path.parent}: there is no such folder", hint=f"mkdir {path.parent}"
        )
    if path.suffix.lower() != ".apkg":
        message = f"{path}: Anki imports only packages whose names end in .apkg"
        raise UsageError(message, hint=f"-o {path.with_suffix('.apkg')}")
    if force or not path.exists():
        return
    last_package = _load_last_package(ledger)
    if last_package is not None and last_package.path == str(path):
        return
    from ankiforge.anki.package import is_our_package

    if not is_our_package(path):
        message = f"{path}: is not a package of ankiforge; it was left unchanged"
        raise UsageError(
            message, hint="use another name, -o FILE.apkg, or --force to replace it"
        )


def _load_last_package(ledger: Ledger) -> LastPackage | None:
    """Return the last package, or None if its file is missing or was modified."""
    stored = ledger.get_cached_value(_LAST_PACKAGE_KEY)
    if not stored:
        return None
    last_package = msgspec.json.decode(stored, type=LastPackage)
    if last_package.fingerprint != _fingerprint_file(Path(last_package.path)):
        return None
    return last_package


def _fingerprint_file(path: Path) -> str:
    with suppress(OSError):
        state = path.stat()
        return f"{state.st_size} {state.st_mtime_ns} {state.st_ino}"
    return ""


def _copy_last_package(last_package: LastPackage, path: Path) -> WrittenPackage:
    """Deliver the last package again: copy it to `path`, unless it is already there.

    This is only correct if no note in the package has changed.

    Raises:
        ItemError: If the directory is not writable.
    """
    import shutil

    if last_package.path != str(path):
        with _replace_package(path) as part_path:
            shutil.copyfile(last_package.path, part_path)
    return WrittenPackage(
        path,
        last_package.notes,
        updated=last_package.updated,
        undone=last_package.undone,
        retired=last_package.retired,
    )


@contextmanager
def _replace_package(path: Path) -> Iterator[Path]:
    """Context manager that yields a path to write a package to, and then moves it to `path`.

    Raises:
        ItemError: If the directory is not writable.
    """
    part_path = path.with_name(f".{path.name}.part")
    try:
        yield part_path
        part_path.replace(path)
    except OSError as error:
        message = f"{path}: cannot be replaced: {error.strerror or error}"
        hint = "close the program that has it open"
        if error.errno == ENOSPC:
            hint = "free space there"
        raise ItemError(message, hint=f"{hint}, then: ankiforge build") from error
    finally:
        part_path.unlink(missing_ok=True)


def write_planned_package(
    ledger: Ledger,
    planned: Iterable[CardPlan],
    path: Path,
    settings: str | None = None,
) -> WrittenPackage:
    """Write a package with the planned notes, and record these notes in the ledger.

    The notes are recorded before the new file replaces the old one. Thus, even after a power
    failure, no two versions of a note have the same `mod`, by which Anki tells which version is
    newer. If there is nothing to export, the previous package is renamed.

    Args:
        ledger: The ledger in which to record the exported notes.
        planned: The plan of each card.
        path: Where to write the package.
        settings: A hash of everything except the ledger that the plan depends on, or None if a
            later call must not reuse the package.

    Raises:
        ItemError: If the directory is not writable.
        OwnFileError: If the path is not a regular file.
    """
    planned = list(planned)
    problems: list[Problem] = []
    notes: dict[Guid, Note] = {}
    shipped: list[tuple[Guid, ExportedNote]] = []
    updated_count = retired_count = replaced_count = 0
    for plan in planned:
        problems += plan.problems
        if plan.note and plan.exported:
            notes[plan.guid] = plan.note
            shipped.append((plan.guid, plan.exported))
        if plan.is_update:
            updated_count += 1
            if not plan.is_live:
                retired_count += 1
        if plan.replaces_unseen_note:
            replaced_count += 1
    if not notes:
        previous_path = _put_previous_package_aside(ledger, path)
        return WrittenPackage(path, previous_path=previous_path, problems=tuple(problems))

    from ankiforge.anki.package import write_package

    # sort the notes, because Anki shows new cards in the order of the package
    guids = anki_views.sort_for_learning(ledger, list(notes))
    with _replace_package(path) as part_path:
        write_package(part_path, [notes[guid] for guid in guids])
        added_count = anki_views.record_exported_notes(ledger, shipped)

    fingerprint = _fingerprint_file(path)
    ledger.set_meta(_WRITTEN_FILE_KEY, fingerprint)
    package = LastPackage(
        settings or "",
        str(path),
        fingerprint,
        notes=len(notes),
        updated=updated_count,
        undone=anki_views.count_undone_in_packages(ledger),
        retired=retired_count,
    )
    if settings is not None and _can_be_reused(planned, notes.values()):
        ledger.set_cached_value(_LAST_PACKAGE_KEY, msgspec.json.encode(package).decode())
    return WrittenPackage(
        path,
        package.notes,
        added_count,
        package.updated + replaced_count,
        package.undone,
        package.retired,
        problems=tuple(problems),
    )


def _put_previous_package_aside(ledger: Ledger, path: Path) -> Path | None:
    """Rename the previous package, because there is nothing to export any more.

    Returns:
        The new path, or None if there is no package or another workspace may have written it.
    """
    if not path.exists():
        return None
    from ankiforge.anki.package import is_our_package

    written_file = ledger.get_meta(_WRITTEN_FILE_KEY)
    if written_file:
        is_own = written_file == _fingerprint_file(path)
    else:  # a rebuilt ledger doesn't know
        is_own = cards.has_cards(ledger) and is_our_package(path)
    if is_own:
        with suppress(OSError):
            return path.replace(path.with_name(f"{path.stem}.previous.apkg"))
    return None


def _can_be_reused(planned: Iterable[CardPlan], notes: Iterable[Note]) -> bool:
    """Return whether a package stays right as long as no card, passage or note changes.

    No card may be held, and no media may change.
    """
    if any(plan.has_unexportable_parts for plan in planned):
        return False
    return not any(note.media for note in notes)


def explain_nothing_exported(
    ledger: Ledger, planned: Iterable[PlannedNote], deck: str | None = None
) -> str:
    """Explain in a phrase why no cards were exported.

    If `deck` is given, only this deck is considered.
    """
    from ankiforge.anki.notes import normalize_deck_name

    terms = [QueryTerm("verdict", "accepted")]
    in_deck_text = ""
    if deck is not None:
        terms.append(QueryTerm("deck", normalize_deck_name(deck)))
        in_deck_text = f" in the deck {normalize_deck_name(deck)}"
    if not item_lists.find_items(ledger, terms):
        return f"no card{in_deck_text} is accepted yet"
    has_held = any(plan.hold_reason is not None or plan.has_conflict for plan in planned)
    text = f"Anki has every accepted card{in_deck_text}"
    return f"{text}, but those that wait" if has_held else text


def open_package(path: Path) -> bool:
    """Open a package with the system's default program, like a double click, without a shell.

    Returns:
        Whether the system accepted the request. False if the system has no screen, e.g. over SSH.
    """
    import shutil
    import subprocess

    if not can_show_windows():
        return False
    if sys.platform == "win32":
        try:
            os.startfile(path)
        except OSError:
            return False
        return True
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        return False
    try:
        process = subprocess.Popen(  # it keeps running when we exit
            [opener, str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        return process.wait(_LAUNCH_TIMEOUT) == 0
    except subprocess.TimeoutExpired:
        return True


# --- the plan -------------------------------------------------------------------------------


class ExportScope(Value):
    """Which cards to export, and whether to push them to a running Anki."""

    deck: str | None = None
    """Export only this deck and its subdecks; None exports all decks."""
    full: bool = False
    """Whether to export every accepted card, even if Anki already has the note."""
    push: bool = False
    """Whether the package is imported into a running Anki at once instead of being left for the
    user.
    """


DEFAULT_SCOPE = ExportScope()
"""All cards that Anki lacks, written to a file."""


def plan_cards(
    folder: WorkspaceDirectory,
    ledger: Ledger,
    decks: tuple[DeckRule, ...],
    mapped_types: Mapping[NoteType, UserNoteType],
    scope: ExportScope = DEFAULT_SCOPE,
) -> list[CardPlan]:
    """Plan the export of all cards that may need one, and record which cards are up to date.

    Args:
        folder: The workspace with the settings and the pictures cropped from pages.
        ledger: The ledger with the cards, and with our notes as of the last read of Anki.
        decks: The rules of the deck files.
        mapped_types: The user's own note types for new notes, keyed by the note type of ours that
            each replaces.
        scope: Which cards to plan.
    """
    from ankiforge.pipeline.sources import load_source_directories

    roots = load_source_directories(ledger)
    settings = _hash_plan_settings(folder, roots, decks, mapped_types)
    if scope.full:
        settings = "full"  # no card is ever recorded as up to date with this value
    to_plan = anki_views.iter_export_candidates(ledger, settings)
    first_row = next(to_plan, None)
    if first_row is None:
        return []
    from ankiforge.anki import content, notetypes, plan
    from ankiforge.anki.notes import is_in_deck
    from ankiforge.pipeline import media

    anki_types = load_note_types(ledger)
    occlusion_type = notetypes.choose_occlusion_type(anki_types)
    options = plan.ExportOptions(
        is_push=scope.push,
        export_unchanged=scope.full,
        note_types=notetypes.add_our_occlusion_type(anki_types),
        mapped_types={**mapped_types, NoteType.OCCLUSION: occlusion_type},
    )
    pdf_urls = media.make_pdf_url_finder(roots, file_links=folder.config.file_links)
    new_decks = DeckChooser(ledger, decks)
    planned: list[CardPlan] = []
    # skipped from now on, until the card or its note changes
    up_to_date: list[tuple[Guid, AnkiNote]] = []
    new_notes: list[tuple[Guid, Note]] = []
    for card, note in chain((first_row,), to_plan):
        if note is None and not card.note.adopted:
            card = replace(card, deck=new_decks.choose_deck(card))
        if scope.deck is not None and not is_in_deck(card.deck, scope.deck):
            continue
        pictures: dict[str, Media | Problem] = {}
        try:
            with wrap_unexpected_errors():
                pictures = media.load_card_media(ledger, card, folder.pictures_directory)
                files = content.CardFiles(pictures, pdf_urls(card))
                planned_card = _plan_card(card, note, files, decks, options)
        except BugError as error:  # it affects only this card
            planned_card = _make_failed_plan(card, error)
        planned.append(planned_card)
        # a card with pictures is always planned again, because a picture may change by itself
        if pictures or scope.push:
            continue
        if note is not None:
            if planned_card.is_up_to_date:
                up_to_date.append((card.guid, note))
        elif planned_card.note is not None and not scope.full:
            # for a note of another type, only a plan finds out which package Anki imported
            if notetypes.find_our_note_type(planned_card.note.type.id):
                new_notes.append((card.guid, planned_card.note))
    _record_plans(ledger, planned, up_to_date, new_notes, settings)
    return planned


def _hash_plan_settings(
    folder: WorkspaceDirectory,
    roots: Texts,
    decks: tuple[DeckRule, ...],
    mapped_types: Mapping[NoteType, UserNoteType],
) -> str:
    """Hash everything except the ledger that the plan of a card depends on.

    This includes the program, which may render cards differently after a change, and what the
    links to PDFs depend on. `roots` are the directories of the sources.
    """
    from ankiforge.extract.files import fingerprint_program

    pdf_roots = []
    for source, directory in sorted(roots.items()):
        if source.startswith("pdf:"):
            pdf_roots.append((source, directory))
    links = (folder.config.file_links, pdf_roots)
    return hash16(fingerprint_program(), repr((decks, mapped_types, links)))


def _plan_card(
    card: LocalCard,
    note: AnkiNote | None,
    files: CardFiles,
    decks: tuple[DeckRule, ...],
    options: ExportOptions,
) -> CardPlan:
    """Plan the export of a card. `note` is its note as last seen in Anki, if it was seen."""
    from ankiforge.anki import content, layout, plan
    from ankiforge.check import remove_revealing_context

    fields = layout.find_field_layout(
        card, note, options.note_types, options.mapped_types
    )
    tags = collect_tags(card, decks)
    ours = content.build_note_content(card, tags, files, fields, remove_revealing_context)
    return plan.plan_card(card, fields, ours, options)


def _make_failed_plan(card: LocalCard, error: BugError) -> CardPlan:
    from ankiforge.anki.plan import CardPlan

    where = f"{card.highlight.document.title}: card {card.guid[:10]}"
    problem = Problem(where, error.message, error.hint)
    return CardPlan(card.guid, card.is_live, problems=(problem,))


def _record_plans(
    ledger: Ledger,
    planned: Iterable[CardPlan],
    up_to_date: Sequence[tuple[Guid, AnkiNote]],
    new_notes: Sequence[tuple[Guid, Note]],
    settings: str,
) -> None:
    """Record what plans have found out; see `anki_views.record_export_plan`."""
    conflicts: list[Conflict] = []
    imported_mods: dict[Guid, int] = {}
    links_hashes: dict[Guid, Strings] = {}
    for card_plan in planned:
        conflicts += card_plan.conflicts
        if card_plan.newly_imported_mod:
            imported_mods[card_plan.guid] = card_plan.newly_imported_mod
        links_hashes[card_plan.guid] = card_plan.local_links_hashes
    anki_views.record_export_plan(
        ledger, up_to_date, new_notes, settings, conflicts, imported_mods, links_hashes
    )


# --- delivery ------------------------------------------------------------------------------


def read_anki_and_write_package(
    folder: WorkspaceDirectory,
    ledger: Ledger,
    result: RunResult,
    path: Path,
    scope: ExportScope = DEFAULT_SCOPE,
) -> None:
    """Read Anki, plan all cards and write the package, unless Anki can't be read.

    Args:
        folder: The workspace with the settings, deck files and pictures.
        ledger: The ledger with the cards.
        result: The result of the run, to which the scan, plan and package are added.
        path: Where to write the package.
        scope: Which cards to export. For a push, the caller reads Anki.

    Raises:
        BusyError: If another program is publishing from this workspace.
        OwnFileError: If the path is not a regular file.
    """
    if not scope.push and not result.has_unreadable_anki:
        # read just before planning, so that notes deleted in Anki meanwhile don't come back
        result.add_scan(read_collection(folder.config.anki, ledger))
    if result.has_unreadable_anki and not scope.full:
        return

    decks = folder.load_decks()
    try:
        mapped = load_configured_note_types(folder.config, ledger)
    except ConfigError as error:  # ship nothing until the settings are fixed
        message = f"{error.message}; no package was written"
        result.error = result.error or ConfigError(message, hint=error.hint)
        return

    # a package for a push, or with unchanged cards too, is always written anew
    settings_hash: str | None = None
    if not scope.push and not scope.full:
        settings_hash = hash16(scope.deck or "", repr(decks), repr(mapped))
    planned: list[CardPlan] = []
    with folder.acquire_lock("publishing"):
        last = _load_reusable_package(ledger, settings_hash)
        if last is None:
            planned = plan_cards(folder, ledger, decks, mapped, scope)
        try:
            if last is None:
                written = write_planned_package(ledger, planned, path, settings_hash)
            else:
                written = _copy_last_package(last, path)
                ledger.set_meta(_WRITTEN_FILE_KEY, _fingerprint_file(path))
        except ItemError as error:
            result.add_plan(planned)
            message = error.message.removeprefix(f"{path}: ")
            result.problems.append(Problem(str(path), message, error.hint))
            return
        result.add_plan(planned, written)


def _load_reusable_package(ledger: Ledger, settings: str | None) -> LastPackage | None:
    """Return the last package if it is what would be written again, otherwise None.

    `settings` is a hash of everything except the ledger that the plan depends on, or None if no
    package may be reused.
    """
    if settings is None:
        return None
    last_package = _load_last_package(ledger)
    if last_package is None or last_package.settings != settings:
        return None
    return last_package
