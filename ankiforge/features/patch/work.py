"""Turn edits that a person made in Anki into a patch of the notes that state those cards.

Nothing is written into a note. A card is patched in four steps: its fields in Anki are compared
with those that we shipped; `rewrite` carries the difference over to the text of the note; the
changed text is read as a run would read it; the patch is kept only if that gives the words that
are in Anki, and the same highlights otherwise. What cannot be patched so is listed with its reason.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import unified_diff
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rapidfuzz import fuzz

from ankiforge.anki.notes import content_html
from ankiforge.anki.notetypes import same_html
from ankiforge.anki.render import unrender
from ankiforge.errors import ItemError
from ankiforge.extract.files import LARGEST, read_file
from ankiforge.extract.markdown import NoteSource
from ankiforge.extract.markdown.rewrite import rewritings, without_escapes
from ankiforge.ledger import Ledger, lists
from ankiforge.ledger.cards import card_of
from ankiforge.ledger.readings import sketch_of
from ankiforge.model import (
    Card,
    CardHere,
    CardKind,
    Draft,
    Extracted,
    Highlight,
    Media,
    Source,
    Strings,
    Task,
    Texts,
    Value,
)
from ankiforge.pipeline.collection import changed_in_anki
from ankiforge.pipeline.pictures import media_of_card
from ankiforge.pipeline.query import matching
from ankiforge.pipeline.sources import open_sources, select_sources, with_stored_dialects
from ankiforge.text import on_one_line, shortened
from ankiforge.text.cloze import plain
from ankiforge.text.decoding import text_of
from ankiforge.text.fold import for_finding
from ankiforge.text.identifiers import sketch

if TYPE_CHECKING:
    from ankiforge.config.ownfiles import OwnPath
    from ankiforge.extract.folder import File
    from ankiforge.pipeline.workspace import Workspace

RUN_FIRST = "the note has changed since the last run: run first"
NO_SYNTAX = "the syntax of the note cannot say it: edit the note yourself"
OTHER_CARDS = (
    "written in the note, it would make or change other cards: edit the note yourself"
)
REVERSED = "the reverse side was switched on or off: do the same in the note"
FIELD_EMPTIED = "a field was emptied or filled: do the same in the note"
TOO_DIFFERENT = (
    "too few words stay, the next run would take the passage for a new one:"
    " end it with a block id (^name) in the note, run, and patch again"
)
_MOST_SHOWN = 60
"""The number of characters of a card that a reason or a list shows."""
STILL_THE_SAME = 0.6
"""The similarity of the old and the new words of a passage from which it stays the same card.

A run matches a passage by its place from half on (docs/internals/core.md); this leaves room.
"""


class RefusedEdit(Value):
    """An edit in Anki of which no patch can be made."""

    guid: str
    words: str
    """The first words of what the person changed, as they are in Anki."""
    where: str
    """The title of the document."""
    reason: str


class PatchedFile(Value):
    """The patch of one file."""

    root: Path
    """The folder in which the patch is applied."""
    path: str
    """Relative to it, with `/`."""
    diff: bytes
    """A unified diff, for `git apply` and `patch -p1`."""
    guids: Strings
    """The cards whose edits it holds."""


class Patch(Value):
    """The patches of all files with edited cards, and the edits without one."""

    files: tuple[PatchedFile, ...] = ()
    refused: tuple[RefusedEdit, ...] = ()

    @property
    def diff(self) -> bytes:
        """All patches as one."""
        return b"".join(file.diff for file in self.files)

    @property
    def edits(self) -> int:
        """The number of cards whose edits it holds."""
        return sum(len(file.guids) for file in self.files)

    @property
    def roots(self) -> list[str]:
        """The folders in which it is applied; one, unless files of several sources changed."""
        return sorted({os.path.realpath(file.root) for file in self.files})


class _Edit(NamedTuple):
    """A card that a person edited in Anki."""

    card: CardHere
    html: Texts
    """The fields that were changed, as they are in Anki."""


def patch_of(workspace: Workspace, query: str = "") -> Patch:
    """Return the edits that were made in Anki as a patch of the notes that state the cards.

    Anki is read first. Nothing is written into a note.

    Args:
        workspace: an open workspace.
        query: which cards, as for `find`; "" = all.

    Raises:
        UsageError: the query cannot be read.
    """
    workspace.read_collection()
    selected = select_sources(workspace.folder).sources
    sources = open_sources(workspace.folder, workspace.ledger, selected, offline=True)
    line_ids = matching(workspace.ledger, query)
    guids = []
    for line in lists.lines(workspace.ledger, line_ids):
        if isinstance(line, CardHere):
            guids.append(line.guid)
    return make_patch(workspace.ledger, sources, guids, workspace.folder.pictures)


def make_patch(
    ledger: Ledger, sources: Iterable[Source], guids: Iterable[str], pictures: OwnPath
) -> Patch:
    """Return the patch for some cards, those of them that were edited in Anki or here.

    Args:
        ledger: has the cards, and their notes as Anki was seen last.
        sources: those whose files may be patched.
        guids: the cards.
        pictures: the folder with pictures cut from pages.
    """
    readers: dict[str, NoteSource] = {}
    for source in sources:
        reader = with_stored_dialects(source, ledger)
        if isinstance(reader, NoteSource):
            readers[reader.folder.namespace] = reader
    listed: dict[str, dict[str, File]] = {}
    refused: list[RefusedEdit] = []
    places: dict[tuple[str, str], _SourceFile] = {}
    edits: defaultdict[tuple[str, str], list[_Edit]] = defaultdict(list)
    for guid in guids:
        card = card_of(ledger, guid)
        changed = {**_reworded_here(card), **changed_in_anki(ledger, card)}
        if not changed:
            continue
        edit = _Edit(card, changed)
        try:
            place = _place_of(card, readers, listed)
        except ItemError as error:
            refused.append(_refused(edit, error.message))
            continue
        where = str(place.root), place.path
        places[where] = place
        edits[where].append(edit)

    # carry the edits over to the text of each file, one after the other
    files: list[PatchedFile] = []
    for where in sorted(places):
        place = places[where]
        try:
            file = _EditedFile(ledger, place, pictures)
        except ItemError as error:
            refused += [_refused(edit, error.message) for edit in edits[where]]
            continue
        patched = []
        for edit in edits[where]:
            try:
                text = file.text_with(edit)
            except ItemError as error:
                refused.append(_refused(edit, error.message))
                continue
            if text != file.text:
                file.text = text
                patched.append(edit.card.guid)
        if patched:
            diff = diff_of(place.path, file.original, file.text.encode("utf-8"))
            files.append(PatchedFile(place.root, place.path, diff, tuple(patched)))
    return Patch(tuple(files), tuple(refused))


def _reworded_here(card: CardHere) -> Texts:
    """Return the fields that the person reworded here, by a repair or an edit, as HTML."""
    html = dict(
        zip(
            card.family.content_fields,
            content_html(card.kind, card.fields),
            strict=True,
        )
    )
    reworded = {}
    for name in card.edits.pinned:
        text = card.field(name)
        if text and text != card.edits.given.get(name, "") and "![" not in text:
            reworded[name] = html.get(name, "")
    return reworded


def _refused(edit: _Edit, reason: str) -> RefusedEdit:
    first_changed = unrender(next(iter(edit.html.values())))
    words = shortened(on_one_line(plain(first_changed)), _MOST_SHOWN)
    title = edit.card.highlight.document.title
    return RefusedEdit(edit.card.guid, words, title, reason)


# --- where a card is written -----------------------------------------------------------


class _SourceFile(NamedTuple):
    """A file in a source."""

    path: str
    source: NoteSource
    file: File

    @property
    def root(self) -> Path:
        """The folder of the source."""
        return self.source.folder.root


def _place_of(
    card: CardHere,
    readers: Mapping[str, NoteSource],
    listed: dict[str, dict[str, File]],
) -> _SourceFile:
    """Return the file that states a card.

    Args:
        card: the card.
        readers: the sources whose files are notes, by their namespace.
        listed: the files of a source by their paths, once it was looked at.

    Raises:
        ItemError: no file states it, or none that can be patched.
    """
    from ankiforge.extract.folder import File

    if card.kind is CardKind.OCCLUSION:
        raise ItemError("the masks of a figure are not words of a note")
    if not card.in_slot:
        raise ItemError(
            "the card was drafted, so its words are not the note's: edit the note if it is"
            " wrong, too"
        )
    namespace = card.highlight.namespace
    if not namespace:  # its words are known from the journal alone
        raise ItemError("its source has not been read here yet: run first")
    source = readers.get(namespace)
    path = card.highlight.document.path
    if source is None:
        raise ItemError(
            "it does not come from a Markdown or text file, and stays as it is in Anki"
        )
    if not path.casefold().endswith((".md", ".markdown", ".txt")):
        raise ItemError(f"{path} is not a Markdown or text file")
    if namespace not in listed:
        files = [file for file in source.folder.files() if isinstance(file, File)]
        listed[namespace] = {file.path: file for file in files}
    if path not in listed[namespace]:
        raise ItemError(f"{path} is not there any more: run first")
    return _SourceFile(path, source, listed[namespace][path])


# --- one file ---------------------------------------------------------------------------


class _EditedFile:
    """A note on disk, and its text after each edit."""

    def __init__(self, ledger: Ledger, place: _SourceFile, pictures: OwnPath) -> None:
        """Read the file.

        Raises:
            ItemError: it cannot be read, or is another one than at the last run.
        """
        self._ledger = ledger
        self._place = place
        self._pictures = pictures
        self.original, _ = read_file(place.file.place, LARGEST)
        now = sketch(text_of(self.original), place.path)  # raises if it is not text
        self.text = self.original.decode("utf-8")
        stored = sketch_of(ledger, place.source.folder.container, place.path)
        if stored and stored != now:
            raise ItemError(RUN_FIRST)
        # no edit changes the number and the order of the highlights
        self._read_last = self._highlights(self.text)

    def text_with(self, edit: _Edit) -> str:
        """Return the text with an edit; the same text if it says so already.

        Raises:
            ItemError: it cannot be said in this note, with the reason.
        """
        card = edit.card
        anchors = list(map(_anchor_of, self._read_last))
        if _anchor_of(card.highlight) not in anchors:
            raise ItemError(RUN_FIRST)
        index = anchors.index(_anchor_of(card.highlight))
        before = self._highlights(self.text)

        # the words of the card in the note, and those that are wanted
        media = media_of_card(self._ledger, card, self._pictures)
        names = card.family.content_fields
        draft = _draft_of(before[index], card)
        ours = content_html(draft.kind, draft.fields, media)
        html = {**dict(zip(names, ours, strict=True)), **edit.html}
        if all(map(same_html, ours, html.values())):
            return self.text
        changed = [name for name in names if name in edit.html]
        if "Reverse" in changed:
            raise ItemError(REVERSED)
        old = {name: unrender(text) for name, text in zip(names, ours, strict=True)}
        new = {**old, **{name: unrender(html[name]) for name in changed}}
        stated = [name for name in old if old[name] or new[name]]

        # look for all fields of the card in the note, then for those alone that were changed
        wanted = _WantedWords(card, before[index], media, tuple(html.values()))
        reasons: list[str] = []
        tried: set[str] = set()
        for searched in (stated, changed):
            sought = [name for name in card.family.word_fields if name in searched]
            old_parts = tuple(filter(None, map(old.__getitem__, sought)))
            new_parts = tuple(filter(None, map(new.__getitem__, sought)))
            if len(old_parts) != len(new_parts):
                raise ItemError(FIELD_EMPTIED)
            try:
                for text in rewritings(self.text, old_parts, new_parts):
                    if text in tried:
                        continue
                    tried.add(text)
                    fault = self._fault(text, wanted, before, index)
                    if not fault:
                        return text
                    reasons.append(fault)
            except ItemError as error:
                reasons.append(error.message)
        # the likeliest text was tried first
        raise ItemError(reasons[0] if reasons else NO_SYNTAX)

    def _fault(
        self, text: str, wanted: _WantedWords, before: Sequence[Highlight], index: int
    ) -> str:
        """Return why a text does not state the card as wanted and all else as before.

        Returns:
            "" if it does, and the card will be known as the same one.
        """
        after = self._highlights(text)
        if len(after) != len(before):
            return OTHER_CARDS
        for number, highlight in enumerate(before):
            if number != index and _content_of(highlight) != _content_of(after[number]):
                return OTHER_CARDS
        try:
            draft = _draft_of(after[index], wanted.card)
        except ItemError:
            return OTHER_CARDS
        read = content_html(draft.kind, draft.fields, wanted.media)
        for html, wanted_html in zip(read, wanted.html, strict=True):
            if not same_html(html, wanted_html):
                shown = _where_it_differs(unrender(html), unrender(wanted_html))
                return (
                    f"written in the note, it would be read as “{shown}”:"
                    " edit the note yourself"
                )
        own = wanted.highlight.own
        if own and after[index].own == own:
            return ""
        likeness = fuzz.ratio(
            for_finding(wanted.highlight.exact), for_finding(after[index].exact)
        )
        return TOO_DIFFERENT if likeness < 100 * STILL_THE_SAME else ""

    def _highlights(self, text: str) -> tuple[Highlight, ...]:
        """Return the highlights of the note if it had this text."""
        from ankiforge.extract.folder import picture_path

        place = self._place

        def picture(target: str) -> str:
            return picture_path(target, place.path, place.source.folder)

        read = text_of(text.encode("utf-8"))
        for sighting in place.source.document(place.file, read, picture):
            if isinstance(sighting, Extracted):
                return sighting.highlights
        return ()


class _WantedWords(NamedTuple):
    """The wanted words of a card: its fields as they are in Anki."""

    card: CardHere
    highlight: Highlight
    """Its passage as the note states it now."""
    media: Mapping[str, Media]
    html: Strings


def _anchor_of(highlight: Highlight) -> tuple[object, ...]:
    return (*_content_of(highlight), highlight.prefix, highlight.suffix, highlight.nth)


def _content_of(highlight: Highlight) -> tuple[object, ...]:
    """Return the words of a highlight, without its surroundings."""
    return (
        highlight.form,
        highlight.exact,
        highlight.markdown,
        highlight.gaps,
        highlight.own,
    )


def _where_it_differs(text: str, other: str) -> str:
    """Return the part of a text around the first difference from another one."""
    shown = on_one_line(without_escapes(text))
    shown_other = on_one_line(without_escapes(other))
    pairs = zip(shown, shown_other, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = same - _MOST_SHOWN // 2
    if start <= 0 or len(shown) <= _MOST_SHOWN:
        return shortened(shown, _MOST_SHOWN)
    return f"…{shortened(shown[start:], _MOST_SHOWN - 1)}"


def _draft_of(highlight: Highlight, card: Card) -> Draft:
    """Return the draft that a highlight states.

    Raises:
        ItemError: it states none.
    """
    from ankiforge.draft import rules

    [result] = rules.draft(Task(highlight.document, (highlight,)))
    own = []
    for draft in result.drafts:
        if draft.own and draft.kind.family is card.family:
            own.append(draft)
    if card.number is None or len(own) <= card.number:
        raise ItemError("the note does not state it as a card any more: run first")
    return own[card.number]


# --- the patch itself -------------------------------------------------------------------

_NO_LINE_END = b"\n\\ No newline at end of file\n"
_QUOTED = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def diff_of(path: str, before: bytes, after: bytes) -> bytes:
    """Return a unified diff of a file that `git apply` and `patch -p1` take, byte by byte."""
    # every byte is one character, and lines end in LF alone
    old_lines = before.decode("latin-1").split("\n")
    new_lines = after.decode("latin-1").split("\n")
    old = _with_ends(old_lines)
    new = _with_ends(new_lines)
    parts = [f"--- {_name('a/' + path)}\n+++ {_name('b/' + path)}\n".encode()]
    # the first two lines are the names
    for line in list(unified_diff(old, new, lineterm="\n"))[2:]:
        raw = line.encode("latin-1")
        parts.append(raw if raw.endswith(b"\n") else raw + _NO_LINE_END)
    return b"".join(parts)


def _with_ends(lines: Sequence[str]) -> list[str]:
    """Return lines with their ends; the last one has none, and is left out if it is empty."""
    *whole, last = lines
    ended = [f"{line}\n" for line in whole]
    return [*ended, last] if last else ended


def _name(path: str) -> str:
    """Return the name of a file as git writes it in a patch."""
    if any(char in _QUOTED for char in path):
        return '"' + "".join(_QUOTED.get(char, char) for char in path) + '"'
    # git ends a name with blanks by a tab
    return f"{path}\t" if " " in path else path
