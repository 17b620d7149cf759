"""Bring cards to Anki: plan every card, then write the package or push it to a running Anki.

read ─▶ views.record_view ─▶ plan every card ─▶ package ─▶ ledger ─▶ replace the file

"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.config import AnkiSettings, is_loopback
from ankiforge.config.deckfiles import DeckRule, load_decks
from ankiforge.config.ownfiles import OwnPath
from ankiforge.config.workspace import WorkspaceFolder
from ankiforge.errors import BugError, ConfigError, ItemError, ServiceError, one_item
from ankiforge.ledger import Ledger, views
from ankiforge.model import (
    Conflict,
    Family,
    Guid,
    MappedType,
    Media,
    NoteInAnki,
    Problem,
    Value,
    h16,
)
from ankiforge.pipeline import publishing
from ankiforge.pipeline.collection import (
    read_collection,
    read_file_of_running,
    read_running_anki,
    seen_types,
)
from ankiforge.pipeline.decks import Decks, tags_of
from ankiforge.pipeline.locks import lock
from ankiforge.pipeline.mapped_types import mapped_types
from ankiforge.pipeline.pictures import paper_addresses, pictures_of, roots
from ankiforge.pipeline.result import RunResult

if TYPE_CHECKING:  # the formats of Anki are loaded only when there is something to write
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.anki.plan import Planned

# Where the ids of the cards are stored that `push --suspend-retired` suspended.
_SUSPENDED = "suspended"


# --- the plan -------------------------------------------------------------------------------


class Scope(Value):
    """Which cards are shipped, and where to."""

    deck: str = ""
    """Only cards of this deck and its subdecks; "" = all."""
    full: bool = False
    """Every accepted card, even if Anki has its note already."""
    push: bool = False
    """The notes go to a running Anki instead of into a file."""


ALL = Scope()
"""All cards that Anki lacks, into a file."""


def plan_cards(
    ledger: Ledger,
    decks: tuple[DeckRule, ...],
    pictures: OwnPath,
    mapped: Mapping[Family, MappedType] | None = None,
    scope: Scope = ALL,
    *,
    file_links: bool = False,
) -> list[Planned]:
    """Plan every card that may have something to write, and record which ones are settled.

    Args:
        ledger: the ledger of the cards.
        decks: the rules of the deck files.
        pictures: the folder with pictures cut from pages.
        mapped: the note types of the user's for new notes; the others get ours.
        scope: which cards are planned.
        file_links: whether cards link to PDFs outside vaults, too.
    """
    from ankiforge.extract.files import program

    # another program may render otherwise: all is planned again
    settings = h16(program(), repr(decks), repr(mapped))
    if scope.full:
        settings = "full"  # with these no note was ever settled, so each is planned
    chosen = views.to_plan(ledger, settings)
    first = next(chosen, None)
    if first is None:
        return []
    from ankiforge.anki import image_occlusion
    from ankiforge.anki.layouts import Files, layout_of, our_fields
    from ankiforge.anki.notes import in_deck
    from ankiforge.anki.plan import Options, Planned
    from ankiforge.anki.plan import plan as plan_card
    from ankiforge.check import safe_context

    types_in_anki = image_occlusion.with_ours(seen_types(ledger))
    options = Options(
        push=scope.push,
        full=scope.full,
        types=types_in_anki,
        mapped={
            **(mapped or {}),
            Family.OCCLUSION: image_occlusion.chosen(seen_types(ledger)),
        },
    )
    papers_of = paper_addresses(roots(ledger), file_links=file_links)
    new_decks = Decks(ledger, decks)
    planned: list[Planned] = []
    settled: list[Guid] = []  # those that need no plan until they, or their notes, change
    for card, note in chain((first,), chosen):
        if note is None and not card.adopted:
            card = replace(card, deck=new_decks.of_new(card))
        if not in_deck(card.deck, scope.deck):
            continue
        media: dict[str, Media | Problem] = {}
        try:
            with one_item():
                media = pictures_of(ledger, card, pictures)
                layout = layout_of(card, note, options.types, options.mapped)
                tags = tags_of(card, decks)
                files = Files(media, papers_of(card))
                ours = our_fields(card, tags, files, layout, safe_context)
                plan = plan_card(card, layout, ours, options)
        except BugError as error:  # a problem of this card alone
            title = card.highlight.document.title
            where = f"{title}: card {card.guid[:10]}"
            problem = Problem(where, error.message, error.hint)
            plan = Planned(card.guid, card.live, problems=(problem,))
        planned.append(plan)
        # a picture may change without the card
        is_final = plan.settled and not media and not options.push
        if is_final and note is not None:
            settled.append(card.guid)
    conflicts: list[Conflict] = []
    for plan in planned:
        conflicts.extend(plan.conflicts)
    taken_mods = {plan.guid: plan.taken for plan in planned if plan.taken}
    views.record_plan(ledger, settled, settings, conflicts, taken_mods)
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
    was_read = result.scan is not None and result.scan.state in ("same", "taken")
    if was_read and not scope.push:
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
        unchanged = publishing.unchanged(ledger, path, settings)
        if unchanged is not None:
            result.add_plan([], unchanged)
            return
        planned = plan_cards(
            ledger,
            decks,
            folder.pictures,
            mapped,
            scope,
            file_links=folder.config.file_links,
        )
        try:
            written = publishing.write(ledger, planned, path, settings)
        except ItemError as error:
            result.add_plan(planned)
            message = error.message.removeprefix(f"{path}: ")
            result.problems.append(Problem(str(path), message, error.hint))
        else:
            result.add_plan(planned, written)


def push(
    folder: WorkspaceFolder,
    ledger: Ledger,
    result: RunResult,
    path: Path,
    connect: Callable[[], AnkiConnect],
    *,
    deck: str = "",
    sync: bool = False,
) -> ServiceError | None:
    """Look at a running Anki, import our package there, and look again.

    The package is deleted when all of it has arrived. If Anki does not answer, it is
    written, and the error is returned.

    Args:
        folder: as for `publish`, like `ledger`, `result` and `path`.
        ledger: has the cards.
        result: what is seen, planned, written and sent is added.
        path: where the package is written.
        connect: connects to the running Anki.
        deck: only cards of this deck and its subdecks; "" = all.
        sync: let Anki sync before and after.
    """
    settings = folder.config.anki

    # look at Anki; without it, write the package
    try:
        anki = connect()
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
    live_cards: set[int] = set()
    for plan in result.planned:
        note = next(views.notes(ledger, plan.guid), None)
        before[plan.guid] = note
        if plan.live and note:
            live_cards.update(note.cards)

    # import it, and see what has arrived; what `suspend_retired` suspended may be live again
    try:
        anki.import_package(path)
        suspended = set(ledger.get_value(_SUSPENDED, list[int]) or [])
        ledger.set_value(_SUSPENDED, sorted(suspended - live_cards))
        anki.unsuspend(sorted(suspended & live_cards))
        read_running_anki(anki, ledger)
        if was_synced:
            anki.sync()
    except ServiceError as error:
        return error

    # count the notes that the running Anki has as they were sent
    added = updated = refused = 0
    for plan in result.planned:
        if plan.note is None:
            continue
        in_anki = next(views.notes(ledger, plan.guid), None)
        if in_anki is None or in_anki.mod < plan.note.mod:
            refused += 1
        elif before[plan.guid] is None:
            added += 1
        else:
            updated += 1
    result.pushed = (added, updated)
    if refused:
        message = f"{refused:,} of the notes did not arrive"
        result.problems.append(Problem("Anki", message, f"import {path} by hand"))
    else:
        path.unlink(missing_ok=True)
    return None


# --- a running Anki -------------------------------------------------------------------------


def running_anki(settings: AnkiSettings) -> AnkiConnect:
    """Connect to the Anki that the settings name, through the add-on AnkiConnect.

    Raises:
        ServiceError: Anki does not answer, or it must not be used.
    """
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.config import ANKI, key_for, key_variable

    key = key_for(ANKI, settings.connect, settings.key_env)
    key_name = key_variable(ANKI, settings.connect, settings.key_env)
    anki = AnkiConnect(settings.connect, key, key_env=key_name)
    anki.check()
    return anki


def suspend_retired(
    ledger: Ledger,
    anki: AnkiConnect,
    cards: Collection[int],
) -> None:
    """Suspend cards, and remember that we did."""
    anki.suspend(cards)
    suspended = ledger.get_value(_SUSPENDED, list[int]) or []
    ledger.set_value(_SUSPENDED, sorted({*suspended, *cards}))
