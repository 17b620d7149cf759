"""Synchronise with Anki: record the contents of a collection, plan changes, and push them.

Reading: a view of Anki (its collection file, an export, or a running Anki) is recorded in the
ledger, and notes of ours for which the ledger has no card are taken over as cards. Planning:
`ankiforge.anki.sync` plans each card from the ledger's records. Pushing: a running Anki imports our
package, and a second view shows which notes arrived.
"""

from __future__ import annotations

import html
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ankiforge.anki.collection import changed_at, collections, connect_view, open_view, signature
from ankiforge.anki.identity import content_hash, parse_identity
from ankiforge.anki.merge import MINE, Conflict
from ankiforge.anki.notes import (
    RETIRED,
    UNREVIEWED,
    deck_name,
    passage_html,
    read_source,
    tag_names,
    text_of,
)
from ankiforge.anki.notetypes import arranged, changed_types, family_of, note_type
from ankiforge.anki.render import media_of
from ankiforge.anki.sync import CardPlan, PlanInput, PlanOptions, plan, plan_unchanged
from ankiforge.anki.unrender import unrender
from ankiforge.config import ANKI, AnkiSettings, key_for, key_variable
from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.errors import BugError, ItemError, ServiceError, one_item
from ankiforge.ledger import Ledger
from ankiforge.ledger.highlights import is_cut
from ankiforge.ledger.restore import Recovered
from ankiforge.model import (
    FRESH_SECONDS,
    AcceptedBy,
    AnkiState,
    Arranged,
    Card,
    CardKind,
    DocumentKey,
    Family,
    ForeignNote,
    Guid,
    Highlight,
    Identity,
    Media,
    Problem,
    Route,
    Seen,
    SeenNote,
    View,
    ViewSummary,
    guid_for,
)
from ankiforge.text.display import counted
from ankiforge.text.markdown import cloze_answers, image_paths, plain

if TYPE_CHECKING:
    from ankiforge.anki.connect import AnkiConnect

NEVER = "none"
"""The value of the setting `collection` that forbids reading Anki."""
AUTO = "auto"
BATCH = 500
"""The number of cards that are planned, or taken over from Anki, together."""


# --- reading Anki ---------------------------------------------------------------------------


class SyncStatus(StrEnum):
    """The outcome of reading Anki."""

    OFF = "off"
    """The settings forbid reading."""
    NO_COLLECTION = "nowhere"
    """There is no collection on this machine."""
    NO_NOTES = "nothing"
    """The collection contains none of our notes yet."""
    UNCHANGED = "same"
    """The collection has not changed since it was last read."""
    READ = "taken"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The outcome of reading Anki, and the changes to the ledger."""

    status: SyncStatus
    path: str = ""
    """The collection or export that was read, or the address of a running Anki."""
    summary: ViewSummary | None = None
    problem: Problem | None = None
    profile: str = ""
    """The profile that a running Anki has open; "" if unknown."""

    @property
    def blind(self) -> bool:
        """Whether reading Anki was attempted and failed."""
        return self.status is SyncStatus.FAILED


def read_anki(
    settings: AnkiSettings,
    ledger: Ledger,
    home: Path,
    environ: Mapping[str, str],
    *,
    bind: bool = False,
) -> SyncResult:
    """Read the collection that has our notes, if the settings allow it and it has changed.

    Args:
        settings: name the collection, or forbid reading.
        ledger: records the contents.
        home: the user's home folder.
        environ: environment variables, one of which may name Anki's folder.
        bind: use this collection from now on, even if the ledger is bound to another; of several,
            the one that changed last.
    """
    if settings.collection == NEVER:
        return SyncResult(SyncStatus.OFF)
    if settings.collection != AUTO:
        return _read_collection(Path(settings.collection).resolve(), ledger, bind)
    paths, bound = collections(home, environ), ledger.views.bound
    if bind and paths:
        return _read_collection(_collection_in_use(paths), ledger, bind)
    if bound and bound.path in map(str, paths):
        return _read_collection(Path(bound.path), ledger)
    result = SyncResult(SyncStatus.NO_COLLECTION)
    for path in paths:
        result = _read_collection(path, ledger)
        if result.status is not SyncStatus.NO_NOTES:
            return result
    return result


def _collection_in_use(paths: tuple[Path, ...]) -> Path:
    """Return the last changed collection that has notes of ours, else the last changed one."""
    latest = sorted(paths, key=changed_at, reverse=True)
    return next(filter(_has_ours, latest), latest[0])


def _has_ours(path: Path) -> bool:
    try:
        with open_view(path) as view:
            return next(view.notes(), None) is not None
    except ItemError:
        return False


def _read_collection(path: Path, ledger: Ledger, bind: bool = False) -> SyncResult:
    try:
        state = f"{path} {signature(path)}"
        if not bind and ledger.views.unchanged(state) and ledger.foreign.knows(str(path)):
            return SyncResult(SyncStatus.UNCHANGED, str(path))
        with open_view(path) as view:
            return record_view(view, ledger, state=state, bind=bind)
    except ItemError as error:
        what = error.message.removeprefix(f"{path}: ")
        return SyncResult(
            SyncStatus.FAILED, str(path), problem=Problem(str(path), what, error.hint)
        )


def read_file(file: Path, ledger: Ledger, *, bind: bool = False) -> SyncResult:
    """Read a collection or an export that the user names.

    Raises:
        ItemError: the file cannot be read.
    """
    with open_view(file.resolve()) as view:
        return record_view(view, ledger, bind=bind)


def record_view(view: View, ledger: Ledger, *, state: str = "", bind: bool = False) -> SyncResult:
    """Record a view in the ledger, and take over notes of ours for which the ledger has no card.

    Args:
        view: an open view.
        ledger: the ledger to record it in.
        state: identifies the path and the state of the collection, so that it is not read again
            while it is unchanged.
        bind: use this collection from now on, even if the ledger is bound to another.
    """
    types = {one.id: one for one in view.types}

    def arrange(note: SeenNote) -> Arranged | None:
        return arranged(note, types)

    summary = ledger.views.record(view, arrange, bind=bind)
    if summary.refused:
        what = summary.refused.removeprefix(f"{view.path}: ")
        problem = Problem(view.path, what, summary.hint)
        return SyncResult(SyncStatus.FAILED, view.path, summary, problem)
    numbers = view.note_ids()
    if numbers is not None:
        ledger.foreign.remember(view.path, numbers)
    _record_foreign_notes(view, ledger, state)
    if not summary.seen and not summary.bound and ledger.views.bound is None:
        return SyncResult(SyncStatus.NO_NOTES, view.path, summary)
    summary.recovered = recover_cards(ledger)
    for found in filter(None, map(recovered_card, ledger.recovery.newer())):
        ledger.recovery.catch_up_with(found)
    for guid in ledger.recovery.unshipped():
        seen = ledger.views.seen(guid)
        if seen and seen.type_id:
            ledger.recovery.use_as_base(guid, seen)
    summary.feedback = ledger.views.record_remarks()
    ledger.views.mark_recorded(state)
    return SyncResult(SyncStatus.READ, view.path, summary)


def _record_foreign_notes(view: View, ledger: Ledger, state: str) -> None:
    """Record the text of foreign notes, for the duplicate search."""
    if ledger.foreign.is_read(view.path, state):
        return
    found = view.foreign(ledger.foreign.mods(view.path))
    if found is None:
        return
    ids, changed = found

    def with_safe_mod(note: ForeignNote) -> ForeignNote:
        """Make the next read repeat a note that may still change within the second of its mod."""
        fresh = view.taken_at - note.mod < FRESH_SECONDS
        return replace(note, mod=0) if fresh else note

    ledger.foreign.read(view.path, state, ids, map(with_safe_mod, changed))


# --- taking over cards that are in Anki and not in the ledger -------------------------------


def recover_cards(ledger: Ledger, *, everything: bool = False) -> int:
    """Take over notes of ours for which the ledger has no card; return their number.

    Without this, a person who lost the ledger and the journal would get every card a second time.
    A note is taken over once the journal or a source contains its highlight: other notes may belong
    to another workspace. With `everything`, all notes are taken over. A note to which a person gave
    another note type only tells the key of its highlight.
    """
    unknown = (found for found in map(recovered_card, ledger.views.unknown()) if found)
    count = 0
    while batch := tuple(islice(unknown, BATCH)):
        with ledger.unit():
            for found in batch:
                is_ours = bool(found.seen.type_id)
                if is_ours and (everything or ledger.recovery.has_highlight(found)):
                    copied = found.identity.key in ledger.ingest.copied
                    ledger.recovery.create_card(found, copied=copied)
                    count += 1
                else:
                    ledger.recovery.expect(found)
    if count:
        ledger.recovery.mark_drafted()
    return count


def left_in_anki(ledger: Ledger, containers: Collection[str]) -> Iterator[Problem]:
    """Yield a notice about notes from these sources whose passage only Anki has.

    Neither a source nor the journal has their passage, as after both files were lost: it may be one that
    was edited since, and has another card.
    """
    found = (identity_of(seen) for seen in ledger.views.unknown() if RETIRED not in seen.tags)
    sources = Counter(one.key.rpartition("/")[0] for one in found if one)
    for name in sorted(sources.keys() & set(containers)):
        notes = counted(sources[name], "note")
        what = f"{notes} from {name} whose passage neither the source nor the journal has"
        hint = "perhaps duplicates: ankiforge recover takes them over"
        yield Problem("Anki", what, hint=hint, notice=True)


_VAULT_NOTE = re.compile(r'"(obsidian://open\?vault=[^"#]*)')
_WHERE = re.compile(r'<span class="af-where">(.*?)</span>', re.DOTALL)


def identity_of(seen: Seen) -> Identity | None:
    """Return what the field AnkiforgeId says; None if the note is not a valid one of ours, or a copy of one."""
    families = [family_of(seen.type_id)] if seen.type_id else list(Family)
    for family in filter(None, families):
        fields = dict(zip(note_type(family).fields, seen.fields, strict=False))
        identity = parse_identity(fields.get("AnkiforgeId", ""))
        if identity and identity.family is family:
            made = guid_for(identity.key, family, identity.slot)
            return identity if identity.guid == seen.guid == made else None
    return None


def recovered_card(seen: Seen) -> Recovered | None:
    """Reconstruct the card of a note; return None if the note is not a valid one of ours.

    The field AnkiforgeId contains key, family and slot. The field Source contains the sentence, in
    which the highlight is marked, and in the highlight the quote. A note type of the person's may have
    the same fields.
    """
    identity = identity_of(seen)
    if identity is None:
        return None
    family = identity.family
    fields = dict(zip(note_type(family).fields, seen.fields, strict=False))
    kind = CardKind.CLOZE
    if family is not Family.CLOZE:
        kind = CardKind.TWO_WAY if fields["Reverse"].strip() else CardKind.BASIC
    shown = ("Text", "Extra") if kind is CardKind.CLOZE else ("Front", "Back", "Extra")
    words = {name: unrender(fields[name]) for name in shown if fields[name].strip()}
    if kind is CardKind.TWO_WAY:
        words["Reverse"] = "y"
    is_cloze = kind is CardKind.CLOZE
    answer = cloze_answers(words.get("Text", "")) if is_cloze else plain(words.get("Back", ""))

    sentence, exact, quote = read_source(fields["Source"])
    where = _WHERE.search(fields["Citation"])
    linked = _VAULT_NOTE.search(fields["Links"])
    title = text_of(where[1]).partition(" › ")[0] if where else text_of(fields["Citation"])
    return Recovered(
        identity,
        seen,
        kind,
        tuple(words.items()),
        answer,
        exact,
        "" if sentence == exact else sentence,
        quote,
        title,
        html.unescape(linked[1]) if linked else "",
        content_hash(family, seen.fields) != identity.content,
        RETIRED in (tag.casefold() for tag in seen.tags),
    )


# --- planning what to ship ------------------------------------------------------------------


def plan_cards(
    ledger: Ledger,
    cards: Iterable[Card],
    decks: tuple[DeckRule, ...],
    *,
    push: bool = False,
    blind: bool = False,
    full: bool = False,
    unchanged: Collection[Guid] = frozenset(),
) -> list[CardPlan]:
    """Plan how to ship cards, given the newest view; record which are held back, and why.

    Args:
        ledger: the ledger of the cards.
        cards: the cards to plan.
        decks: the rules of the deck files.
        push: the cards go to a running Anki, not into a file.
        blind: Anki could not be read, so notes that are in it are not changed.
        full: also ship notes that Anki already has, with their own mod; deleted notes come back.
        unchanged: cards to ship exactly as in the last package.
    """
    options = PlanOptions(
        ledger.clock().timestamp(), changed_types(ledger.views.types()), push, blind, full
    )
    plans: list[CardPlan] = []
    remaining = iter(cards)
    while batch := list(islice(remaining, BATCH)):
        known = _plan_inputs(ledger, batch, decks, full=full, unchanged=unchanged)
        planned = [
            _planned(one, options, plan_unchanged if one.card.guid in unchanged else plan)
            for one in known
        ]
        adopted = [one.adopted for one in planned if one.adopted]
        held = [
            (one.card.guid, one.anki_why)
            for one in planned
            if one.anki_why is not None and one.anki_why != one.card.anki_why
        ]
        if adopted or held:
            with ledger.unit():
                for shipment in adopted:
                    ledger.packages.record_tags(shipment)
                for guid, why in held:
                    ledger.views.hold(guid, why)
        plans += planned
    return plans


def _planned(
    known: PlanInput, options: PlanOptions, how: Callable[[PlanInput, PlanOptions], CardPlan]
) -> CardPlan:
    """Plan how to ship a card; one on which this program fails is left out, with a problem."""
    try:
        with one_item():
            return how(known, options)
    except BugError as error:
        where = f"{known.card.highlight.document.title}: card {known.card.guid[:10]}"
        return CardPlan(known.card, problems=(Problem(where, error.message, error.hint),))


def conflicts_of(ledger: Ledger, card: Card, decks: tuple[DeckRule, ...]) -> tuple[Conflict, ...]:
    """Return the fields of a card that were changed both in the source and by a person in Anki."""
    [planned] = plan_cards(ledger, [card], decks)
    return planned.conflicts


def disputed_fields(ledger: Ledger, card: Card, decks: tuple[DeckRule, ...]) -> frozenset[str]:
    """Return the fields of a card that a person edited in Anki and that a revision must not replace.

    Nothing is recorded, so `card` may be a revision that is not stored yet.
    """
    [known] = _plan_inputs(ledger, [card], decks, full=False, unchanged=())
    types = changed_types(ledger.views.types())
    planned = plan(known, PlanOptions(ledger.clock().timestamp(), types))
    kept = (name for name, decision in card.resolved if decision == MINE)
    return frozenset((*(one.field for one in planned.conflicts), *kept))


def _plan_inputs(
    ledger: Ledger,
    cards: list[Card],
    decks: tuple[DeckRule, ...],
    *,
    full: bool,
    unchanged: Collection[Guid],
) -> Iterator[PlanInput]:
    """Read the inputs for planning at most `BATCH` cards, with one query per kind of input."""
    guids = [card.guid for card in cards]
    revisions = ledger.packages.revisions(guids)
    in_anki = [card.guid for card in cards if card.anki.there]
    seen = ledger.views.seen_of(in_anki)
    not_imported = ledger.packages.not_imported(in_anki)
    documents = {card.highlight.document.key for card in cards}
    slugs, unread = ledger.highlights.slugs(documents), ledger.highlights.unread(documents)
    new = {
        card.highlight.document.key for card in cards if card.ready and card.guid not in revisions
    }
    moved = ledger.views.decks_of(new) if new else {}
    for card in cards:
        key = card.highlight.document.key
        as_before = card.guid in unchanged
        deleted = card.anki in (AnkiState.MISSING, AnkiState.TOMBSTONE) and not full
        shippable = card.ready and not as_before
        pictures: Mapping[str, Media] = {}
        missing: list[Problem] = []
        if as_before or (shippable and not deleted):
            pictures, missing = pictures_of(ledger, card)
        yield PlanInput(
            card,
            seen.get(card.guid),
            revisions.get(card.guid, ()),
            not_imported.get(card.guid, frozenset()),
            _tags(card, decks, slugs[key]) if shippable else (),
            pictures,
            tuple(missing),
            _merged_sources(ledger, card) if shippable else (),
            _moved_to(moved, key),
            key in unread,
            card.guid in seen and ledger.decisions.recovered_retired(card.guid),
        )


def _moved_to(
    decks: Mapping[DocumentKey, tuple[str, frozenset[str]]], document: DocumentKey
) -> str:
    """Return the deck in Anki to which a person moved the cards of a document; "" if nobody did."""
    deck, made_for = decks.get(document, ("", frozenset()))
    if not deck or {deck_name(one).casefold() for one in made_for} == {deck.casefold()}:
        return ""
    return deck


def _merged_sources(ledger: Ledger, card: Card) -> tuple[str, ...]:
    """Return the passages whose cards a person merged into this one, as HTML."""
    joined = ledger.cards.pairs.merged_highlights(card.guid) if card.also else frozenset()
    return tuple(passage_html(one) for one in card.also if one.key in joined)


def tags_of(ledger: Ledger, card: Card, decks: tuple[DeckRule, ...]) -> tuple[str, ...]:
    """Return the tags of a card in a package: its own, its source's, the deck files' and the draft's."""
    return _tags(card, decks, ledger.highlights.slug(card.highlight.document.key))


def _tags(card: Card, decks: tuple[DeckRule, ...], slug: str) -> tuple[str, ...]:
    highlight = card.highlight
    from_decks = deck_of(decks, highlight.document, highlight).tags
    of_document = (f"ankiforge::doc::{slug}",) if slug else ()
    read = (*highlight.document.tags, *highlight.tags)
    draft = card.leading.draft
    unread = card.accepted_by is AcceptedBy.POLICY and draft.probed and not card.edited
    own = (UNREVIEWED,) if unread else ()
    return tag_names((*card.tags, *read, *from_decks, *draft.tags, *of_document, *own))


# --- pictures -------------------------------------------------------------------------------

_PICTURE_SOURCES = {Route.VAULT: "obsidian", Route.ZOTERO: "zotero"}
"""The kinds of sources that keep pictures in their folder."""
_PICTURE_NAMESPACES = ("markdown", "tiddlywiki")
"""More such kinds, identified by the first part of a highlight's namespace."""
_CUT_ROUTES = (Route.PDF, Route.ZOTERO)
"""Sources whose pictures are cut from pages. A note in a vault cannot refer to such a picture."""
CUT_AGAIN = "on the machine with its PDF, run: ankiforge run"


def pictures_of(ledger: Ledger, card: Card) -> tuple[dict[str, Media], list[Problem]]:
    """Return the pictures of a card by their paths in its text, and problems for those not found.

    If the folder of the source is missing, the problem is about that folder, whatever the picture.
    """
    found: dict[str, Media] = {}
    problems: list[Problem] = []
    for path in image_paths("\n".join(text for _, text in card.fields)):
        media = picture_at(ledger, card.highlight, path)
        if isinstance(media, Media):
            found[path] = media
            continue
        hint = ""
        root = _picture_folder(ledger, card.highlight, path)
        if is_cut(path) and card.highlight.route in _CUT_ROUTES:
            hint = CUT_AGAIN
        elif root and not root.exists():
            what = "is not there, so the pictures in its cards are missing too"
            problems.append(
                Problem(str(root), what, "check the path, and that the disk is mounted")
            )
            continue
        elif card.highlight.route is Route.ZOTERO:
            hint = "open the PDF in Zotero once: it keeps pictures of what it shows"
        where = f"{card.highlight.document.title}: {path}"
        problems.append(Problem(where, media.what, media.hint or hint))
    return found, problems


def picture_at(ledger: Ledger, highlight: Highlight, path: str) -> Media | Problem:
    """Return the picture at a path in a highlight's source; a file outside the source is a problem."""
    root, path = _picture_folder(ledger, highlight, path), unquote(path)
    if root is None:
        return Problem(path, "its source is not known on this machine")
    try:
        target = (root / path).resolve()
        inside = target.is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError) as error:
        return Problem(path, f"is not a path: {error}")
    return media_of(target) if inside else Problem(path, "is outside its source")


def _picture_folder(ledger: Ledger, highlight: Highlight, path: str) -> Path | None:
    """Return the folder from which the paths of pictures are read; None if this machine knows none."""
    if is_cut(path) and highlight.route in _CUT_ROUTES:
        return ledger.pictures.folder
    namespace = highlight.namespace.partition(":")[0]
    other = namespace if namespace in _PICTURE_NAMESPACES else ""
    kind = _PICTURE_SOURCES.get(highlight.route, other)
    root = ledger.roots.of(kind).get(highlight.document.source)
    return root.parent if root and root.is_file() else root


def picture_fault(ledger: Ledger, highlight: Highlight, path: str) -> str:
    """Return why a picture in the source of a highlight cannot be shown; "" if it can."""
    media = picture_at(ledger, highlight, path)
    return "" if isinstance(media, Media) else f"{path}: {media.what}"


# --- a running Anki -------------------------------------------------------------------------


class RunningAnki:
    """A running Anki, accessed through the AnkiConnect add-on."""

    def __init__(self, connect: AnkiConnect) -> None:
        self._connect = connect

    @staticmethod
    def connect(settings: AnkiSettings) -> RunningAnki:
        """Connect to the Anki that the settings name.

        Raises:
            ServiceError: Anki does not answer, or it must not be used.
        """
        from ankiforge.anki.connect import AnkiConnect

        key = key_for(ANKI, settings.connect, settings.key_env)
        name = key_variable(ANKI, settings.connect, settings.key_env)
        connect = AnkiConnect(settings.connect, key, key_env=name)
        connect.check()
        return RunningAnki(connect)

    def sync_account(self) -> bool | None:
        """Let Anki sync with its server.

        Returns:
            Whether Anki is logged in to an account; if not, no sync is started. None if unknown; in
            that case a second call may open a second dialog.
        """
        from ankiforge.anki.connect import has_account

        places = collections(Path.home(), os.environ)
        account = has_account(places, self._connect.active_profile())
        if account is False:
            return False
        try:
            self._connect.sync()
        except ServiceError as error:
            if "auth" not in error.message.casefold():
                raise
            return False
        return account

    def read(self, ledger: Ledger, *, bind: bool = False) -> SyncResult:
        """Export every deck that has notes of ours, and record the notes in the ledger.

        Raises:
            ServiceError: Anki does not answer.
        """
        from ankiforge.anki.connect import export_all

        with tempfile.TemporaryDirectory(prefix="ankiforge-") as folder:
            exported = export_all(self._connect, Path(folder))
            profile = self._connect.active_profile()
            view = connect_view(
                exported.paths,
                address=self._connect.address,
                profile=profile,
                notes=exported.notes,
            )
            with view as opened:
                result = record_view(opened, ledger, bind=bind)
            return replace(result, profile=profile)

    def import_package(self, package: Path) -> None:
        """Import a package.

        Raises:
            ServiceError: Anki did not import it.
        """
        self._connect.import_package(package)

    def retired_cards(self) -> tuple[int, ...]:
        """Return the ids of cards of retired notes that are not suspended."""
        found = self._connect.find_cards(f"tag:{RETIRED} AnkiforgeId:af1* -is:suspended")
        return tuple(sorted(found))

    def suspend(self, cards: Iterable[int]) -> None:
        """Suspend cards."""
        self._connect.suspend(tuple(cards))

    def unsuspend(self, cards: Iterable[int]) -> None:
        """Unsuspend those of these cards that exist and are suspended."""
        self._connect.unsuspend(cards)


@dataclass(frozen=True, slots=True)
class PushResult:
    """The changes that a push made in Anki, according to the view taken after it."""

    added: int = 0
    updated: int = 0
    refused: tuple[Guid, ...] = ()
    """Notes that are not in Anki, or not in the revision that was shipped."""


def push_result(
    ledger: Ledger, plans: Iterable[CardPlan], in_anki_before: Collection[Guid]
) -> PushResult:
    """Compare the shipped notes with the newest view.

    Args:
        ledger: contains the view that was taken after the push.
        plans: the plans of the cards in the package.
        in_anki_before: the notes that were in Anki before the push.
    """
    shipped = [(one.card.guid, one.note) for one in plans if one.note]
    added = updated = 0
    refused = []
    for guid, note in shipped:
        seen = ledger.views.seen(guid)
        if seen is None or seen.mod < note.mod:
            refused.append(guid)
        elif guid in in_anki_before:
            updated += 1
        else:
            added += 1
    return PushResult(added, updated, tuple(refused))


def wrong_profile(result: SyncResult, ledger: Ledger) -> ServiceError | None:
    """Return the error if the collection that is open in Anki is not the one with our notes."""
    if not (result.blind and result.problem):
        return None
    bound = ledger.views.bound
    if bound and bound.profile and result.profile in ("", bound.profile):
        what = "Anki shows none of your notes: another profile is open, or they were removed there"
    else:
        there = f"the profile “{result.profile}”" if result.profile else "a profile"
        ours = f"in the profile “{bound.profile}”" if bound and bound.profile else "in another one"
        what = f"Anki has {there} open, and your cards are {ours}"
    theirs = f"“{bound.profile}”" if bound and bound.profile else "the profile with your cards"
    hint = (
        f"open {theirs} in Anki (File › Switch Profile); or, to study them in the one that is"
        " open from now on: ankiforge pull --connect --bind"
    )
    return ServiceError(f"{what}; nothing was imported", hint=hint)
