"""The way to Anki: look at what is there, plan, write the package or push it.

    look ─▶ ledger.record_view ─▶ plan every card ─▶ package ─▶ ledger.shipped ─▶ the file is replaced

A view is a consistent copy of the collection, or comes from a running Anki (AnkiConnect). It is bound
to one collection: another one concludes nothing until `pull --bind`.

What must stay true: `shipped` is recorded before the new package stands in the old one's place, so a
kill between the two costs a second shipment, never a lost one (`tests/e2e/test_killed.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec
from msgspec.structs import astuple, replace

from ankiforge.config import AnkiSettings
from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.config.ownfiles import OwnPath, own_file
from ankiforge.errors import BugError, ItemError, OwnFileError, UsageError, one_item
from ankiforge.ledger import Ledger, Line, QueryTerm, Viewed, Wording
from ankiforge.model import (
    Adopted,
    Card,
    Family,
    Guid,
    Highlight,
    Media,
    Problem,
    Seen,
    SeenNote,
    SeenType,
    SourceKind,
    Strings,
    Texts,
    Value,
    ViewKind,
    h16,
)
from ankiforge.text import on_one_line, shortened
from ankiforge.text.cloze import image_paths, plain
from ankiforge.text.fold import document_tag

if TYPE_CHECKING:  # the formats of Anki are loaded only when there is something to read or to write
    from ankiforge.anki.collection import View
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.anki.plan import Planned

TOLD = 3
"""The number of notes that are told by name."""
AUTO, NEVER = "auto", "none"
"""Values of `anki.collection`."""


# --- looking at Anki ------------------------------------------------------------------------------


class Bound(Value):
    """The collection that has our notes."""

    path: str
    profile: str
    created: int


class CollectionScan(Value):
    """The outcome of looking at Anki."""

    state: str
    """off, nowhere, same, taken or failed."""
    path: str = ""
    viewed: Viewed = msgspec.field(default_factory=Viewed)
    problem: Problem | None = None
    """Why it could not be read, or what a person has to know of it."""

    @property
    def blind(self) -> bool:
        """Whether Anki is there and could not be read."""
        return self.state == "failed"


def read_collection(
    settings: AnkiSettings,
    ledger: Ledger,
    home: Path,
    environ: Texts = os.environ,
    *,
    bind: bool = False,
) -> CollectionScan:
    """Look at the collection that has our notes, if the settings allow it and it has changed.

    Args:
        settings: name the collection, or forbid reading.
        ledger: records what is seen.
        home: the user's home folder.
        environ: environment variables, one of which may name Anki's folder.
        bind: use this collection from now on.
    """
    from ankiforge.anki.profiles import changed_at, collections

    if settings.collection == NEVER:
        return CollectionScan("off")
    if settings.collection != AUTO:
        return _read_collection_at(
            Path(settings.collection).expanduser().resolve(), ledger, bind=bind
        )
    paths = collections(home, environ)
    if not paths:
        return CollectionScan("nowhere")
    bound = bound_to(ledger)
    if bound and not bind and bound.path in map(str, paths):
        return _read_collection_at(Path(bound.path), ledger)
    latest = sorted(paths, key=changed_at, reverse=True)
    return _read_collection_at(next(filter(_has_ours, latest), latest[0]), ledger, bind=bind)


def read_collection_file(file: Path, ledger: Ledger, *, bind: bool = False) -> CollectionScan:
    """Look at a collection or an export that the user names.

    Raises:
        ItemError: the file cannot be read.
    """
    from ankiforge.anki.collection import open_view

    with open_view(file.resolve(), _adopted(ledger)) as view:
        return _record(view, ledger, bind=bind)


def bound_to(ledger: Ledger) -> Bound | None:
    """Return the collection that has our notes; None if none was seen."""
    stored = ledger.get_setting("bound")
    return msgspec.json.decode(stored, type=Bound) if stored else None


def _read_collection_at(path: Path, ledger: Ledger, *, bind: bool = False) -> CollectionScan:
    from ankiforge.anki.profiles import signature

    try:
        state = f"{path} {signature(path)}"
        if not bind and ledger.get_setting("anki state") == state:
            return CollectionScan("same", str(path))
        from ankiforge.anki.collection import open_view

        with open_view(path, _adopted(ledger)) as view:
            found = _record(view, ledger, bind=bind)
            if found.state == "taken":
                ledger.set_setting("anki state", state)
            return found
    except ItemError as error:
        what = error.message.removeprefix(f"{path}: ")
        return CollectionScan("failed", str(path), problem=Problem(str(path), what, error.hint))


def _has_ours(path: Path) -> bool:
    from ankiforge.anki.collection import open_view

    try:
        with open_view(path) as view:
            return next(view.notes(), None) is not None
    except ItemError:
        return False


def _record(view: View, ledger: Ledger, *, bind: bool = False) -> CollectionScan:
    """Record a view, unless it is of another collection than ours."""
    bound = bound_to(ledger)
    other = bound and (
        (view.created and bound.created and view.created != bound.created)
        or (view.profile and bound.profile and view.profile != bound.profile)
    )
    if other and not bind:
        what = "it is another collection than the one that has your notes; nothing was concluded"
        hint = "to study them in this one from now on: ankiforge pull --bind"
        return CollectionScan("failed", view.path, problem=Problem(view.path, what, hint))
    types = {one.id: one for one in view.types}
    adopted = ledger.adopted()
    notes = [_seen(note, types, adopted.get(note.guid)) for note in view.notes()]
    if not notes and not bind and view.complete and _elsewhere(view, bound, ledger):
        what = "Anki shows none of your notes; nothing was concluded"
        hint = (
            "is another profile open? if they were removed there, or to study them in this"
            " collection from now on: ankiforge pull --bind"
        )
        return CollectionScan("failed", view.path, problem=Problem(view.path, what, hint))
    reviews = view.reviews()  # all, because a phone may bring old ones late
    viewed = ledger.record_view(
        notes, complete=view.complete, graves=view.graves(), reviews=reviews
    )
    if view.complete and (notes or bind):
        now = Bound(view.path, view.profile, view.created)
        if bound is None or bind or view.kind is ViewKind.COLLECTION:
            ledger.set_setting("bound", msgspec.json.encode(now).decode())
    kept = {} if view.complete else seen_types(ledger)
    ledger.set_setting("types", msgspec.json.encode(tuple({**kept, **types}.values())).decode())
    foreign = view.foreign(ledger.duplicates.mods())
    if foreign is not None:
        ledger.duplicates.keep_foreign(*foreign)
    return CollectionScan(
        "taken", view.path, viewed, problem=_told_of_revived(ledger, viewed.revived)
    )


def _told_of_revived(ledger: Ledger, revived: list[Guid]) -> Problem | None:
    """Return what to do about notes that a package brought back after a person had deleted them."""
    if not revived:
        return None
    shown = revived[:TOLD]
    words = [f"“{shortened(_first_words(ledger, guid), 40)}”" for guid in shown]
    words += ["…"] if len(revived) > TOLD else []
    ids = " ".join(guid[:10] for guid in shown)
    count, one = "a note that you had deleted is", "it"
    if len(revived) > 1:
        count, one = f"{len(revived):,} notes that you had deleted are", "them"
    what = f"{count} back, by an import: {', '.join(words)}"
    return Problem("Anki", what, f"to drop {one}: ankiforge reject {ids}", notice=True)


def _first_words(ledger: Ledger, guid: str) -> str:
    """Return what a card asks, as plain text."""
    card = next(ledger.cards(guid))
    return on_one_line(plain(next((text for _, text in card.fields if text), "")))


def _elsewhere(view: View, bound: Bound | None, ledger: Ledger) -> bool:
    """Return whether a view without notes of ours may be of another collection than theirs."""
    same = bound and view.created and view.created == bound.created
    return bound is not None and not same and bool(ledger.counts("anki")["anki"]["seen"])


def _adopted(ledger: Ledger) -> Texts:
    """Return the guids in Anki of the notes that other tools made of our cards, and ours."""
    return {one.guid: guid for guid, one in ledger.adopted().items()}


def _seen(note: SeenNote, types: Mapping[int, SeenType], adopted: Adopted | None) -> Seen:
    """Return a note of a view as the ledger keeps it."""
    from ankiforge.anki.notes import text_of
    from ankiforge.anki.notetypes import arranged, family_of, note_type

    kind = types.get(note.type_id)
    if adopted:
        from ankiforge.pipeline import adopt as adoption

        found = adoption.arranged(note, adopted, kind)
    else:
        found = arranged(note, types)
    fields, exact = found or (note.fields, True)
    family = family_of(note.type_id) if found else None
    at = note_type(family).names.index("Feedback") if family else None
    return Seen(
        note.guid, note.id, note.mod, found is not None, fields, note.tags,
        note.deck, note.identity,
        sum(card.reps for card in note.cards), sum(card.lapses for card in note.cards),
        bool(note.cards) and all(card.suspended for card in note.cards),
        tuple(card.ordinal for card in note.cards), () if exact or not kind else note.fields,
        "" if at is None else text_of(fields[at]), tuple(card.id for card in note.cards),
    )  # fmt: skip


def as_in_anki(ledger: Ledger, card: Card) -> Card:
    """Return a card with the words that it has in Anki, as of the last look.

    They differ from the ledger's where a person changed a field there. A list that shows a card shows
    these words: they are what the person reviews.
    """
    from ankiforge.anki.notetypes import field_hash
    from ankiforge.anki.render import unrender

    note = next(ledger.notes(card.guid), None) if card.live else None
    if note is None or note.identity is None or not note.type_known:
        return card
    # the person chose the source's words, which the next package brings
    given_up = {(name, theirs) for name, choice, theirs, _ in card.resolved if choice == "source"}
    fields = dict(card.fields)
    written = zip(card.family.content_fields, note.fields, note.identity.fields, strict=False)
    for name, html, ours in written:
        if field_hash(html) != ours and (name, h16(html)) not in given_up:
            fields[name] = unrender(html)
    shown = tuple((name, text) for name, text in fields.items() if text)
    return replace(card, fields=shown)


def lines_as_in_anki(ledger: Ledger, lines: Iterable[Line]) -> Iterator[Line]:
    """Yield lines for a list: the cards with the words that they have in Anki."""
    for line in lines:
        if line.card is not None and line.anki == "seen":
            line = replace(line, one=as_in_anki(ledger, line.card))
        yield line


def seen_types(ledger: Ledger) -> dict[int, SeenType]:
    """Return the note types of the newest view by id."""
    stored = ledger.get_setting("types")
    found = msgspec.json.decode(stored, type=tuple[SeenType, ...]) if stored else ()
    return {one.id: one for one in found}


def adopt(ledger: Ledger, notes: Iterable[Seen]) -> list[Problem]:
    """Take over notes of ours that no event knows, where their passage is found; list the others."""
    from ankiforge.anki.notes import read_source
    from ankiforge.anki.notetypes import field_hash
    from ankiforge.anki.render import unrender

    known = []
    for note in notes:
        if note.identity is None or not note.type_known:
            continue
        family = note.identity.family
        fields = {
            name: text
            for name, html in zip(family.content_fields, note.fields, strict=False)
            if (text := unrender(html))
        }
        passage, exact, quote = read_source(_field(note, family, "Source"))
        kind = family.value if not fields.get("Reverse") else "two-way"
        own = note.identity.slot.isdigit() and len(note.identity.slot) < 4
        wording = Wording(kind, fields, quote or exact, own, note.identity.slot if own else "0")
        bases = zip(family.content_fields, note.fields, note.identity.fields, strict=False)
        typed = tuple(name for name, html, base in bases if field_hash(html) != base)
        known.append((note, wording, exact or passage, typed))
    left = ledger.adopt(known)
    if not left:
        return []
    what = (
        f"{len(left)} notes of ankiforge in Anki whose passage was not found; they stay as they are"
    )
    return [Problem("Anki", what, "ankiforge list --view unknown", notice=True)]


def _field(note: Seen, family: Family, name: str) -> str:
    from ankiforge.anki.notetypes import note_type

    at = note_type(family).names.index(name)
    return note.fields[at] if at < len(note.fields) else ""


# --- planning -------------------------------------------------------------------------------------


def plan_cards(
    ledger: Ledger,
    decks: tuple[DeckRule, ...],
    pictures: OwnPath,
    *,
    deck: str = "",
    push: bool = False,
    full: bool = False,
) -> list[Planned]:
    """Plan every card that may have something to write, and record which ones are settled.

    Args:
        ledger: the ledger of the cards.
        decks: the rules of the deck files.
        pictures: the folder with pictures cut from pages.
        deck: plan only cards of this deck and its subdecks; "" = all.
        push: the notes go to a running Anki instead of into a file.
        full: also ship notes that Anki has already.
    """
    from ankiforge.extract.files import (
        program,
    )  # another one may render otherwise: all is planned again

    settings = "full" if full else h16(program(), repr(decks))
    chosen = ledger.to_plan(settings)
    first = next(chosen, None)
    if first is None:
        return []
    from ankiforge.anki.notes import in_deck
    from ankiforge.anki.notetypes import changed_types
    from ankiforge.anki.plan import Options, Planned, plan

    types = seen_types(ledger)
    options = Options(push, full, changed_types(types))
    planned = []
    settled = []
    for card, seen in chain((first,), chosen):
        if not in_deck(card.deck, deck):
            continue
        shown = {}
        try:
            with one_item():
                shown = pictures_of(ledger, card, pictures)
                one = plan(card, seen, tags_of(card, decks), shown, options)
                if card.adopted or card.schedule:
                    from ankiforge.pipeline import adopt as adoption

                    one = adoption.taken_over(card, seen, one, shown, types, options)
        except BugError as error:
            where = f"{card.highlight.document.title}: card {card.guid[:10]}"
            one = Planned(
                card.guid, card.live, problems=(Problem(where, error.message, error.hint),)
            )
        if one.settled and seen is not None and not push and not shown:  # a picture may change
            settled.append(card.guid)
        planned.append(one)
    conflicts = [conflict for one in planned for conflict in one.conflicts]
    ledger.planned(settled=settled, settings=settings, conflicts=conflicts)
    return planned


def tags_of(card: Card, decks: tuple[DeckRule, ...]) -> Strings:
    """Return our tags of a card: its own, its source's, the deck files' and its document's.

    Of a card whose passage went before this database was made, they are as shipped last.
    """
    highlight = card.highlight
    if not highlight.namespace and card.tags_sent:
        return card.tags_sent[-1]
    from_decks = deck_of(decks, highlight.document, highlight).tags
    tag = document_tag(highlight.document.title)
    of_document = (tag,) if tag else ()
    return (*card.tags, *highlight.document.tags, *highlight.tags, *from_decks, *of_document)


# --- pictures -------------------------------------------------------------------------------------

# The kinds of sources that keep pictures in their folder.
_SOURCES = {SourceKind.VAULT: "obsidian", SourceKind.ZOTERO: "zotero"}
# How the names of pictures begin that were cut from a page.
_CUT = "cut/"


def pictures_of(ledger: Ledger, card: Card, folder: OwnPath) -> dict[str, Media | Problem]:
    """Return the pictures of a card by their paths in its text, or why they are missing."""
    found = {}
    for path in image_paths("\n".join(text for _, text in card.fields)):
        media = picture_at(ledger, card.highlight, path, folder)
        if isinstance(media, Problem):
            media = replace(media, where=f"{card.highlight.document.title}: {path}")
        found[path] = media
    return found


def picture_at(ledger: Ledger, highlight: Highlight, path: str, folder: OwnPath) -> Media | Problem:
    """Return the picture at a path in a highlight's source; a file outside the source is a problem."""
    from ankiforge.anki.render import media_of

    if "://" in path:
        return Problem(path, "pictures are not fetched from the web: save it in the vault")
    if path.startswith(_CUT) and highlight.source_kind in (SourceKind.PDF, SourceKind.ZOTERO):
        try:
            cut = folder / path.removeprefix(_CUT)
            cut.is_there()
        except OwnFileError as error:
            return Problem(path, error.message, error.hint)
        return media_of(cut.path)
    kind = _SOURCES.get(highlight.source_kind, highlight.namespace.partition(":")[0])
    known, kinds = roots(ledger), (kind, "yanki", "ankiops") if kind == "obsidian" else (kind,)
    named = (known.get(f"{one}:{highlight.document.source}") for one in kinds)
    root = next(filter(None, named), None)
    if root is None:
        return Problem(path, "its source is not known on this machine", notice=True)
    base = Path(root).parent if Path(root).is_file() else Path(root)
    if not base.exists():
        what = "is not there, so pictures are missing"
        return Problem(str(base), what, "check that the disk is mounted", notice=True)
    try:
        target = (base / unquote(path)).resolve()
        inside = target.is_relative_to(base.resolve())
    except (OSError, ValueError, RuntimeError) as error:
        return Problem(path, f"is not a path: {error}")
    return media_of(target) if inside else Problem(path, "is outside its source")


def picture_fault(ledger: Ledger, highlight: Highlight, path: str, folder: OwnPath) -> str:
    """Return why a picture in the source of a highlight cannot be shown; "" if it can."""
    media = picture_at(ledger, highlight, path, folder)
    return "" if isinstance(media, Media) else f"{path}: {media.what}"


def roots(ledger: Ledger) -> Texts:
    """Return the folder of each source, by `kind:name`, as this machine opened it last.

    What another machine has stored is not used: nobody here has confirmed its folders.
    """
    stored = ledger.get_setting(_roots_of(ledger))
    return msgspec.json.decode(stored, type=dict[str, str]) if stored else {}


def remember_roots(ledger: Ledger, folders: Texts) -> None:
    """Store the folders of sources that are opened, from which pictures are read."""
    known = roots(ledger)
    if not folders.items() <= known.items():
        ledger.set_setting(_roots_of(ledger), msgspec.json.encode({**known, **folders}).decode())


def _roots_of(ledger: Ledger) -> str:
    return f"roots of {ledger.machine}"


# --- packages -------------------------------------------------------------------------------------


class Published(Value):
    """The result of writing a package."""

    path: Path
    notes: int = 0
    added: int = 0
    """Notes that no package contained before."""
    updated: int = 0
    """Notes that are newer than those in Anki."""
    aside: Path | None = None
    """Where the old package was moved, because nothing is left to ship."""
    problems: tuple[Problem, ...] = ()

    @property
    def as_before(self) -> int:
        """Notes that Anki has, or that were in an earlier package."""
        return self.notes - self.added - self.updated


class Kept(Value):
    """The last package. The ledger forgets it as soon as a card, passage or note changes."""

    settings: str
    path: str
    size: int
    mtime: int
    notes: int
    updated: int


def kept(ledger: Ledger, path: Path, settings: str) -> Published | None:
    """Return what a package has that would be written again as it is; None if it may differ.

    Raises:
        OwnFileError: a link or no regular file is in the place of the package.
    """
    last = _last(ledger, path)
    if last is None or not settings or last.settings != settings:
        return None
    return Published(path, last.notes, updated=last.updated)


def _last(ledger: Ledger, path: Path) -> Kept | None:
    """Return the last package if the file at a path is still it."""
    stored = ledger.get_setting("package")
    last = msgspec.json.decode(stored, type=Kept) if stored else None
    now = own_file(path).state() if own_file(path).is_there() else None
    if last is None or last.path != str(path) or now is None:
        return None
    return last if (now.st_size, now.st_mtime_ns) == (last.size, last.mtime) else None


def publish(
    ledger: Ledger, planned: Iterable[Planned], path: Path, settings: str = ""
) -> Published:
    """Write the package of what is planned, completely or not at all, and record its contents.

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
    own_file(path).is_there()
    planned = list(planned)
    problems = tuple(problem for one in planned for problem in one.problems)
    packed = [one for one in planned if one.note and one.sent]
    if not packed:
        return Published(path, aside=_set_aside(path), problems=problems)
    from ankiforge.anki.notetypes import changed_types
    from ankiforge.anki.package import write_package

    beside = path.with_name(f".{path.name}.part")
    try:
        notes = [one.note for one in packed if one.note]
        write_package(beside, notes, changed_types(seen_types(ledger)))
        new = ledger.planned((one.guid, *astuple(one.sent)) for one in packed if one.sent)
        beside.replace(path)
    except OSError as error:
        what = f"{path}: cannot be replaced: {error.strerror or error}"
        hint = "close the program that has it open, then: ankiforge build"
        raise ItemError(what, hint=hint) from error
    finally:
        beside.unlink(missing_ok=True)
    changed = sum(one.changed for one in packed)
    doubtful = (one.held or one.conflicts or one.problems for one in planned)
    if settings and not any(doubtful) and not any(one.note and one.note.media for one in packed):
        now = path.stat()
        last = Kept(settings, str(path), now.st_size, now.st_mtime_ns, len(packed), changed)
        ledger.set_setting("package", msgspec.json.encode(last).decode())
    return Published(path, len(packed), new, changed, problems=problems)


def why_none(ledger: Ledger, planned: Iterable[Planned], deck: str = "") -> str:
    """Return why nothing is sent to Anki of the cards of a deck; "" = of all."""
    from ankiforge.anki.notes import deck_name

    terms = [QueryTerm("verdict", "accepted")]
    terms += [QueryTerm("deck", deck_name(deck))] if deck else []
    where = f" in the deck {deck_name(deck)}" if deck else ""
    if not ledger.find(terms):
        return f"no card{where} is accepted yet"
    left = any(one.held or one.conflicts for one in planned)
    return f"Anki has every accepted card{where}" + (", but those that wait" if left else "")


def previous(path: Path) -> Path:
    """Return the path to which a package is renamed when nothing of it is left to ship."""
    return path.with_name(f"{path.stem}.previous.apkg")


def _set_aside(path: Path) -> Path | None:
    if not own_file(path).is_there():
        return None
    from ankiforge.anki.package import is_ours

    if not is_ours(path):
        return None
    try:
        path.replace(previous(path))
    except OSError:
        return None
    return previous(path)


def refuse_foreign(path: Path, ledger: Ledger, *, force: bool) -> None:
    """Check that a package may be written to a path.

    Raises:
        UsageError: the path has a file that is not ours (unless `force`), or cannot have a package.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", hint="name a file: -o deck.apkg")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: there is no such folder", hint=f"mkdir {path.parent}")
    if path.suffix.lower() != ".apkg":
        what = f"{path}: Anki imports a package by its ending, .apkg"
        raise UsageError(what, hint=f"-o {path.with_suffix('.apkg')}")
    if own_file(path).is_there() and not force and _last(ledger, path) is None:
        from ankiforge.anki.package import is_ours

        if not is_ours(path):
            what = f"{path}: is not a package of ankiforge; it was left unchanged"
            raise UsageError(what, hint="use another name, -o FILE.apkg, or --force to replace it")


# --- a running Anki -------------------------------------------------------------------------------


def running_anki(settings: AnkiSettings) -> AnkiConnect:
    """Connect to the Anki that the settings name, through the add-on AnkiConnect.

    Raises:
        ServiceError: Anki does not answer, or it must not be used.
    """
    from ankiforge.anki.connect import AnkiConnect
    from ankiforge.config import ANKI, key_for, key_variable

    key = key_for(ANKI, settings.connect, settings.key_env)
    name = key_variable(ANKI, settings.connect, settings.key_env)
    anki = AnkiConnect(settings.connect, key, key_env=name)
    anki.check()
    return anki


def look_at_graves(settings: AnkiSettings, ledger: Ledger, home: Path, profile: str) -> Viewed:
    """See in the file of a running Anki which notes were deleted there, and conclude nothing else.

    AnkiConnect does not tell: a note that was imported and deleted before the first look would come back.

    Args:
        settings: name the collection, or forbid reading.
        ledger: records what was deleted.
        home: the user's home folder.
        profile: the profile that is open; "" = unknown, then nothing is concluded from one of several.
    """
    from ankiforge.anki.collection import open_view
    from ankiforge.anki.profiles import collections

    if settings.collection == NEVER:
        return Viewed()
    paths: Iterable[Path] = collections(home, os.environ)
    if settings.collection != AUTO:
        paths = [Path(settings.collection).expanduser().resolve()]
    single = len([*paths]) == 1
    for path in paths:
        try:
            with open_view(path) as view:
                if view.profile == profile or (single and not profile):
                    return ledger.record_view([], complete=False, graves=view.graves())
        except ItemError:
            continue  # a look that could not be taken tells nothing
    return Viewed()


def read_running_anki(anki: AnkiConnect, ledger: Ledger, *, bind: bool = False) -> CollectionScan:
    """Export every deck that has notes of ours, and record the notes.

    Raises:
        ServiceError: Anki does not answer.
    """
    from tempfile import TemporaryDirectory

    from ankiforge.anki.collection import connect_view

    with TemporaryDirectory(prefix="ankiforge-") as folder:
        paths, notes = anki.export(Path(folder), [one.id for one in ledger.adopted().values()])
        who = {"address": anki.address, "profile": anki.active_profile()}
        with connect_view(paths, _adopted(ledger), **who, notes=notes) as opened:
            return _record(opened, ledger, bind=bind)


def arrived(ledger: Ledger, planned: Iterable[Planned]) -> Iterator[tuple[Planned, bool]]:
    """Yield each note that was pushed, and whether the newest view has it as it was shipped."""
    for one in planned:
        if one.note:
            seen = next(ledger.notes(one.guid), None)
            yield one, seen is not None and seen.mod >= one.note.mod


# Where the ids of the cards are stored that `push --suspend-retired` suspended.
_SUSPENDED = "suspended"


def suspend_retired(ledger: Ledger, anki: AnkiConnect, cards: Iterable[int]) -> None:
    """Suspend cards, and remember that we did."""
    anki.suspend(cards)
    stored = msgspec.json.decode(ledger.get_setting(_SUSPENDED) or "[]")
    ledger.set_setting(_SUSPENDED, msgspec.json.encode(sorted({*stored, *cards})).decode())


def suspended(ledger: Ledger, live: Iterable[Seen]) -> tuple[int, ...]:
    """Return the cards of live notes that `suspend_retired` suspended; they are forgotten."""
    stored = set(msgspec.json.decode(ledger.get_setting(_SUSPENDED) or "[]"))
    ids = {id for note in live for id in note.cards}
    ledger.set_setting(_SUSPENDED, msgspec.json.encode(sorted(stored - ids)).decode())
    return tuple(sorted(stored & ids))
