"""Bring cards to Anki: plan every card, then write the package or push it to a running Anki.

read ─▶ views.record_view ─▶ plan every card ─▶ package ─▶ ledger ─▶ replace the file

A package is written completely or not at all. The ledger records what is shipped before the
new package is in the old one's place: so a kill between the two costs a second shipment,
never a lost one (`tests/ledger/test_killed.py`).

The note types of the user's that the settings name (`note_types`) are those of the newest
view of Anki, with their ids, fields, templates and CSS: a package that has one otherwise
would make a second one beside it.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ankiforge.config import (
    BasicType,
    ClozeType,
    Config,
    NoteTypes,
    has_screen,
    is_loopback,
)
from ankiforge.config.deckfiles import DeckRule, load_decks
from ankiforge.config.lock import lock
from ankiforge.config.ownfiles import own_file
from ankiforge.config.workspace import WorkspaceFolder
from ankiforge.config.yamlfile import Location, suggestion
from ankiforge.errors import (
    BugError,
    ConfigError,
    ItemError,
    ServiceError,
    UsageError,
    one_item,
)
from ankiforge.ledger import Ledger, QueryTerm, lists, questions, views
from ankiforge.ledger.tables.anki import seen_note
from ankiforge.model import (
    CardId,
    Conflict,
    Family,
    Guid,
    MappedType,
    Media,
    Note,
    NoteInAnki,
    NoteTypeId,
    Problem,
    SeenType,
    Shipped,
    Value,
    h16,
)
from ankiforge.pipeline.collection import (
    read_collection,
    read_file_of_running,
    read_running_anki,
    seen_types,
)
from ankiforge.pipeline.decks import Decks, tags_of
from ankiforge.pipeline.pictures import paper_addresses, pictures_of, roots
from ankiforge.pipeline.result import Published, RunResult

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.anki.plan import Planned
    from ankiforge.pipeline.opened import Opened


# --- the user's own note types -------------------------------------------------------------

# The name of a setting in the ledger: the ids of note types by the names they had.
_IDS_BY_NAME = "mapped types"


def mapped_types(config: Config, ledger: Ledger) -> dict[Family, MappedType]:
    """Return the note types in which new cards are shipped, other than ours.

    Args:
        config: the settings.
        ledger: has the newest view of Anki.

    Raises:
        ConfigError: Anki has no such type, or it does not fit, or Anki was never read.
    """
    if config.note_types == NoteTypes():
        return {}
    types = seen_types(ledger)
    stored = ledger.get_value(_IDS_BY_NAME, dict[str, int]) or {}
    ids_by_name = dict(stored)
    where = config.where.at("note_types")
    mapped: dict[Family, MappedType] = {}
    named = (
        (Family.BASIC, config.note_types.basic),
        (Family.CLOZE, config.note_types.cloze),
    )
    for family, wanted in named:
        if wanted is None:
            continue
        place = where.at(family.value)
        note_type = _named(wanted.name, types, ids_by_name, place.at("name"))
        _check_fit(note_type, family, wanted, place)
        ids_by_name[note_type.name] = note_type.id
        names = wanted.fields.names
        id_of = dict(note_type.fields)
        ids = {}
        for ours, name in names.items():
            id = id_of[name]
            if id is not None:
                ids[ours] = id
        mapped[family] = MappedType(note_type.id, note_type.name, names, ids)
    if ids_by_name != stored:
        ledger.set_value(_IDS_BY_NAME, ids_by_name)
    return mapped


def _named(
    name: str,
    types: Mapping[NoteTypeId, SeenType],
    ids_by_name: Mapping[str, int],
    where: Location,
) -> SeenType:
    """Return the note type with a name.

    Raises:
        ConfigError: Anki has none, or was never read.
    """
    from ankiforge.anki.notetypes import family_of

    if not types:
        message = f"Anki was not read yet, so the note type {name!r} is not known"
        hint = (
            "start Anki once on this computer, or set anki.collection; or export a deck that has"
            " such a note: ankiforge pull --apkg FILE"
        )
        raise where.error(message, hint)
    for note_type in types.values():
        if note_type.name == name:
            if family_of(note_type.id):
                raise where.error(
                    f"{name!r} is ankiforge's own",
                    "leave it out of note_types",
                )
            return note_type
    renamed = types.get(ids_by_name.get(name, 0))
    if renamed:
        message = f"the note type {name!r} is called {renamed.name!r} in Anki now"
        raise where.error(message, f"name: {renamed.name}")
    names = [
        note_type.name for note_type in types.values() if not family_of(note_type.id)
    ]
    raise where.error(f"Anki has no note type {name!r}", suggestion(name, names))


def _check_fit(
    note_type: SeenType,
    family: Family,
    wanted: BasicType | ClozeType,
    where: Location,
) -> None:
    """Check that cards of a family can be notes of a type.

    Raises:
        ConfigError: they cannot.
    """
    from ankiforge.anki.notetypes import ordinals_in, shows_cloze

    # it makes cards of this kind
    if note_type.family is not family:
        actual = "is a cloze note type" if note_type.cloze else "is not a cloze note type"
        hint = f"name another one here, or move it to note_types.{note_type.family.value}"
        raise where.at("name").error(f"{note_type.name!r} {actual}", hint)

    # it has all fields that the settings name
    names = wanted.fields.names
    for ours, name in names.items():
        if name not in note_type.names:
            message = f"{note_type.name!r} has no field {name!r}"
            hint = suggestion(name, note_type.names)
            raise where.at("fields", ours).error(message, hint)

    # its first field is filled: Anki refuses notes without it
    needed = [names[ours] for ours in family.needed_fields]
    first = note_type.names[0]
    if first not in needed:
        message = (
            f"Anki needs {first!r}, the first field of {note_type.name!r},"
            " and nothing goes there"
        )
        always_there = " or ".join(family.needed_fields)
        raise where.at("fields").error(message, f"put {always_there} into {first!r}")

    # a template asks for what is to be asked
    if family is Family.CLOZE:
        placeholder = f"cloze:{names['Text']}"
        makes_cards = shows_cloze(note_type, names["Text"])
    else:  # of the fields that are always filled
        placeholder = names["Front"]
        filled = {name: "x" if name in needed else "" for name in note_type.names}
        makes_cards = bool(ordinals_in(note_type, filled))
    if not makes_cards:
        message = f"no card template of {note_type.name!r} asks {{{{{placeholder}}}}}"
        hint = "choose another field, or change the template in Anki"
        raise where.at("fields").error(message, hint)


# --- the package ---------------------------------------------------------------------------

_PATIENCE_SECONDS = 4.0
"""A program that opens files, and has not ended by then, is Anki itself."""
# The name under which the ledger keeps it until something changes.
_LAST_PACKAGE = "package"


class LastPackage(Value):
    """The last package. The ledger forgets it as soon as a card, passage or note changes."""

    settings: str
    """A hash of all that the plan depends on besides the ledger."""
    path: str
    size: int
    mtime: int
    """In nanoseconds since 1970."""
    notes: int
    updated: int


def package_path(output: Path, deck: str = "") -> Path:
    """Return the path of a package in the output folder, named after a deck if there is one."""
    name = "ankiforge"
    if deck:
        from ankiforge.anki.notes import deck_name

        name = deck_name(deck).replace("::", "-")
    chars = []
    for char in name:
        chars.append("_" if (char in '/\\:*?"<>|' or char < " ") else char)
    safe = "".join(chars)
    return output / f"{safe}.apkg"


def refuse_foreign(path: Path, ledger: Ledger, *, force: bool) -> None:
    """Check that a package may be written to a path.

    Raises:
        UsageError: the path has a file that is not ours (unless `force`), or cannot have a package.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", hint="name a file: -o deck.apkg")
    if not path.parent.is_dir():
        raise UsageError(
            f"{path.parent}: there is no such folder",
            hint=f"mkdir {path.parent}",
        )
    if path.suffix.lower() != ".apkg":
        message = f"{path}: Anki imports only packages whose names end in .apkg"
        raise UsageError(message, hint=f"-o {path.with_suffix('.apkg')}")
    if own_file(path).is_there() and not force and _last_package(ledger, path) is None:
        from ankiforge.anki.package import is_ours

        if not is_ours(path):
            message = f"{path}: is not a package of ankiforge; it was left unchanged"
            raise UsageError(
                message, hint="use another name, -o FILE.apkg, or --force to replace it"
            )


def unchanged(ledger: Ledger, path: Path, settings: str) -> Published | None:
    """Return the contents of a package that would be written unchanged; None if it may differ.

    Raises:
        OwnFileError: a link or no regular file is in the place of the package.
    """
    last = _last_package(ledger, path)
    if last is None or not settings or last.settings != settings:
        return None
    return Published(path, last.notes, updated=last.updated)


def _last_package(ledger: Ledger, path: Path) -> LastPackage | None:
    """Return the last package if the file at a path is still it."""
    stored = ledger.kept(_LAST_PACKAGE)
    last = msgspec.json.decode(stored, type=LastPackage) if stored else None
    state = own_file(path).state() if own_file(path).is_there() else None
    if last is None or last.path != str(path) or state is None:
        return None
    if (state.st_size, state.st_mtime_ns) != (last.size, last.mtime):
        return None
    return last


def write(
    ledger: Ledger,
    planned: Iterable[Planned],
    path: Path,
    settings: str = "",
) -> Published:
    """Write the package of the planned notes, and record its contents.

    The ledger records it before the file replaces the old one, so that a power cut never gives one
    `mod` to two texts. If nothing is left to ship, an old package of ours is set aside.

    Args:
        ledger: records what is shipped.
        planned: what to do with each card.
        path: where the package is written.
        settings: a hash of all that the plan depends on besides the ledger; "" if it is not all
            that is to be shipped.

    Raises:
        ItemError: the folder cannot be written.
        OwnFileError: a link or no regular file is in the place of the package.
    """
    previous = path.with_name(f"{path.stem}.previous.apkg")
    has_package = own_file(path).is_there()  # raises before anything is written
    planned = list(planned)
    problems = tuple(problem for plan in planned for problem in plan.problems)
    notes: dict[Guid, Note] = {}
    sent: list[tuple[Guid, Shipped]] = []
    for plan in planned:
        if plan.note and plan.sent:
            notes[plan.guid] = plan.note
            sent.append((plan.guid, plan.sent))
    if not (notes or has_package):
        return Published(path, problems=problems)
    from ankiforge.anki.package import is_ours, write_package

    if not notes:
        aside = None
        if is_ours(path):
            with suppress(OSError):
                aside = path.replace(previous)
        return Published(path, aside=aside, problems=problems)

    # the notes in the order in which Anki shows those that are new
    guids = views.in_learning_order(ledger, list(notes))
    beside = path.with_name(f".{path.name}.part")
    try:
        write_package(beside, [notes[guid] for guid in guids])
        added = views.record_shipped(ledger, sent)
        beside.replace(path)
    except OSError as error:
        message = f"{path}: cannot be replaced: {error.strerror or error}"
        hint = "close the program that has it open, then: ankiforge build"
        raise ItemError(message, hint=hint) from error
    finally:
        beside.unlink(missing_ok=True)

    # the same plan would write the same package again, unless something waits, or has a picture
    updated = sum(plan.changed for plan in planned)
    some_wait = any(plan.waits for plan in planned)
    if settings and not (some_wait or any(note.media for note in notes.values())):
        state = path.stat()
        last = LastPackage(
            settings=settings,
            path=str(path),
            size=state.st_size,
            mtime=state.st_mtime_ns,
            notes=len(notes),
            updated=updated,
        )
        ledger.keep_until_change(_LAST_PACKAGE, msgspec.json.encode(last).decode())
    updated += sum(plan.rewritten for plan in planned)
    terms = [QueryTerm("verdict", "taken back"), QueryTerm("anki", "written")]
    taken_back = len(lists.find(ledger, terms))
    return Published(path, len(notes), added, updated, taken_back, problems=problems)


def why_none(ledger: Ledger, planned: Iterable[Planned], deck: str = "") -> str:
    """Return why nothing is sent to Anki of the cards of a deck; "" = of all."""
    from ankiforge.anki.notes import deck_name

    terms = [QueryTerm("verdict", "accepted")]
    where = ""
    if deck:
        terms.append(QueryTerm("deck", deck_name(deck)))
        where = f" in the deck {deck_name(deck)}"
    if not lists.find(ledger, terms):
        return f"no card{where} is accepted yet"
    some_wait = any(plan.held or plan.conflicts for plan in planned)
    but = ", but those that wait" if some_wait else ""
    return f"Anki has every accepted card{where}{but}"


def open_file(path: Path) -> bool:
    """Open a package as a double-click would. Return whether the system took it.

    It does not where nobody could see the program: over SSH, or without a screen. No shell is
    involved.
    """
    import shutil
    import subprocess

    if not has_screen():
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
        process = subprocess.Popen(  # it lives on without us
            [opener, str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        return process.wait(_PATIENCE_SECONDS) == 0
    except subprocess.TimeoutExpired:
        return True


# Where the ids of the cards are stored that `push --suspend-retired` suspended.
_SUSPENDED = "suspended"


# --- the plan -------------------------------------------------------------------------------


class Scope(Value):
    """The cards to ship, and their destination."""

    deck: str = ""
    """Only cards of this deck and its subdecks; "" = all."""
    full: bool = False
    """Every accepted card, even if Anki has its note already."""
    push: bool = False
    """The notes go to a running Anki instead of into a file."""


ALL = Scope()
"""All cards that Anki lacks, into a file."""


def plan_cards(
    folder: WorkspaceFolder,
    ledger: Ledger,
    decks: tuple[DeckRule, ...],
    mapped: Mapping[Family, MappedType],
    scope: Scope = ALL,
) -> list[Planned]:
    """Plan every card that may have something to write, and record which ones are up_to_date.

    Args:
        folder: provides settings, and the pictures cut from pages.
        ledger: the ledger of the cards.
        decks: the rules of the deck files.
        mapped: the note types of the user's for new notes; the others get ours.
        scope: which cards are planned.
    """
    from ankiforge.extract.files import program

    # another program may render otherwise: all is planned again
    settings = h16(program(), repr(decks), repr(mapped))
    if scope.full:
        settings = "full"  # with these no note was ever up_to_date, so each is planned
    chosen = views.to_plan(ledger, settings)
    first = next(chosen, None)
    if first is None:
        return []
    from ankiforge.anki import notetypes
    from ankiforge.anki.notes import in_deck
    from ankiforge.anki.plan import (
        CardFiles,
        Planned,
        ShippingOptions,
        layout_of,
        our_fields,
    )
    from ankiforge.anki.plan import plan as plan_card
    from ankiforge.check import safe_context

    types_in_anki = notetypes.with_ours(seen_types(ledger))
    options = ShippingOptions(
        push=scope.push,
        full=scope.full,
        types=types_in_anki,
        mapped={
            **mapped,
            Family.OCCLUSION: notetypes.chosen(seen_types(ledger)),
        },
    )
    pictures = folder.pictures
    papers_of = paper_addresses(roots(ledger), file_links=folder.config.file_links)
    new_decks = Decks(ledger, decks)
    planned: list[Planned] = []
    up_to_date: list[
        Guid
    ] = []  # those that need no plan until they, or their notes, change
    for card, note in chain((first,), chosen):
        if note is None and not card.note.adopted:
            card = replace(card, deck=new_decks.of_new(card))
        if not in_deck(card.deck, scope.deck):
            continue
        media: dict[str, Media | Problem] = {}
        try:
            with one_item():
                media = pictures_of(ledger, card, pictures)
                layout = layout_of(card, note, options.types, options.mapped)
                tags = tags_of(card, decks)
                files = CardFiles(media, papers_of(card))
                ours = our_fields(card, tags, files, layout, safe_context)
                plan = plan_card(card, layout, ours, options)
        except BugError as error:  # a problem of this card alone
            title = card.highlight.document.title
            where = f"{title}: card {card.guid[:10]}"
            problem = Problem(where, error.message, error.hint)
            plan = Planned(card.guid, card.live, problems=(problem,))
        planned.append(plan)
        # a picture may change without the card
        if plan.is_up_to_date and note is not None and not media and not options.push:
            up_to_date.append(card.guid)
    conflicts: list[Conflict] = []
    for plan in planned:
        conflicts.extend(plan.conflicts)
    taken_mods = {plan.guid: plan.taken for plan in planned if plan.taken}
    views.record_plan(ledger, up_to_date, settings, conflicts, taken_mods)
    waiting = questions.waiting_beside(ledger)
    for place, plan in enumerate(planned):
        if plan.note and plan.guid in waiting:
            held = "of a repair about which a question is open"
            planned[place] = Planned(plan.guid, plan.live, held=held)
    return planned


# --- delivery ------------------------------------------------------------------------------


def publish(
    folder: WorkspaceFolder,
    ledger: Ledger,
    result: RunResult,
    path: Path,
    scope: Scope = ALL,
) -> None:
    """Plan all cards and write the package, unless Anki is there and could not be read.

    Args:
        folder: provides settings, deck files and pictures.
        ledger: has the cards.
        result: what was seen in Anki. What is planned and written is added.
        path: where the package is written.
        scope: which cards are shipped.

    Raises:
        BusyError: another program publishes here.
        OwnFileError: a link or no regular file is in the place of the package.
    """
    if result.scan and result.scan.state in ("same", "taken") and not scope.push:
        # what was deleted in Anki while the sources were read does not come back
        again = read_collection(folder.config.anki, ledger, Path.home())
        result.add_second_scan(again)
    if result.scan and result.scan.blind and not scope.full:
        return

    decks = load_decks(folder.root, folder.config.decks)
    try:
        mapped = mapped_types(folder.config, ledger)
    except ConfigError as error:  # nothing is shipped before it is mended
        message = f"{error.message}; no package was written"
        result.error = result.error or ConfigError(message, hint=error.hint)
        return

    settings = ""
    if not (scope.push or scope.full):
        settings = h16(scope.deck, repr(decks), repr(mapped))
    with lock(folder, "publishing"):
        published = unchanged(ledger, path, settings)
        if published is not None:
            result.add_plan([], published)
            return
        planned = plan_cards(folder, ledger, decks, mapped, scope)
        try:
            written = write(ledger, planned, path, settings)
        except ItemError as error:
            result.add_plan(planned)
            message = error.message.removeprefix(f"{path}: ")
            result.problems.append(Problem(str(path), message, error.hint))
        else:
            result.add_plan(planned, written)


def push(
    workspace: Opened,
    result: RunResult,
    path: Path,
    *,
    deck: str = "",
    sync: bool = False,
) -> ServiceError | None:
    """Look at a running Anki, import our package there, and look again.

    The package is deleted when all of it has arrived. If Anki does not answer, it is
    written, and the error is returned.

    Args:
        workspace: has the cards, and reaches the running Anki.
        result: what is seen, planned, written and sent is added.
        path: where the package is written.
        deck: only cards of this deck and its subdecks; "" = all.
        sync: let Anki sync before and after.
    """
    folder, ledger = workspace.folder, workspace.ledger
    settings = folder.config.anki

    # look at Anki; without it, write the package
    try:
        anki = workspace.running_anki()
        was_synced = sync and anki.sync()
        if sync and not was_synced:
            message = "is not logged in to a sync account"
            hint = "press Sync in Anki and log in"
            result.problems.append(Problem("Anki", message, hint))
        scan = read_running_anki(anki, ledger)
        result.add_scan(scan)
        if scan.blind:
            problem = scan.problem or Problem("Anki", "was not read")
            raise ServiceError(problem.what, hint=problem.hint)
    except ServiceError as error:
        if result.scan is None:
            result.add_scan(read_collection(settings, ledger, Path.home()))
        publish(folder, ledger, result, path, Scope(deck=deck))
        return error
    if is_loopback(anki.address):
        profile = anki.active_profile()
        in_file = read_file_of_running(settings, ledger, Path.home(), profile)
        scan.viewed.deleted.extend(in_file.deleted)

    # write the package, and remember what Anki had before
    publish(folder, ledger, result, path, Scope(deck=deck, push=True))
    if not result.packages:
        result.pushed = (0, 0)
        return None
    before: dict[Guid, NoteInAnki | None] = {}
    live_cards: set[CardId] = set()
    for plan in result.planned:
        note = seen_note(ledger, plan.guid)
        before[plan.guid] = note
        if plan.live and note:
            live_cards.update(note.cards)

    # import it, and see what has arrived; what `suspend_retired` suspended may be live again
    try:
        anki.import_package(path)
        suspended = set(ledger.get_value(_SUSPENDED, list[CardId]) or [])
        ledger.set_value(_SUSPENDED, sorted(suspended - live_cards))
        anki.unsuspend(sorted(suspended & live_cards))
        read_running_anki(anki, ledger)
        if was_synced:
            anki.sync()
    except ServiceError as error:
        return error

    # count the notes that the running Anki has as they were sent
    arrived = Counter[str]()
    for plan in result.planned:
        if plan.note is None:
            continue
        in_anki = seen_note(ledger, plan.guid)
        if in_anki is None or in_anki.mod < plan.note.mod:
            arrived["refused"] += 1
        else:
            arrived["updated" if before[plan.guid] else "added"] += 1
    result.pushed = (arrived["added"], arrived["updated"])
    if arrived["refused"]:
        message = f"{arrived['refused']:,} of the notes did not arrive"
        result.problems.append(Problem("Anki", message, f"import {path} by hand"))
    else:
        path.unlink(missing_ok=True)
    return None


# --- a running Anki -------------------------------------------------------------------------


def suspend_retired(
    ledger: Ledger,
    anki: AnkiConnect,
    cards: Collection[CardId],
) -> None:
    """Suspend cards, and remember that we did."""
    anki.suspend(cards)
    suspended = ledger.get_value(_SUSPENDED, list[CardId]) or []
    ledger.set_value(_SUSPENDED, sorted({*suspended, *cards}))
