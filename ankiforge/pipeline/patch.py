"""Turn edits that a person made in Anki into a patch of the notes that state those cards.

Nothing is written into a note. A card is patched in four steps: its fields in Anki are compared
with those that we shipped; `rewrite` carries the difference over to the text of the note; the
changed text is read as a run would read it; the patch is kept only if that gives the words that
are in Anki, and the same highlights otherwise. What cannot be patched so is listed with its reason.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rapidfuzz import fuzz

from ankiforge.anki.notes import content_html
from ankiforge.anki.notetypes import same_html
from ankiforge.anki.render import unrender
from ankiforge.errors import ItemError
from ankiforge.extract.files import LARGEST, read_file, text_of
from ankiforge.extract.markdown import NoteSource
from ankiforge.extract.markdown.rewrite import in_order, rewritings, without_escapes
from ankiforge.ledger import Ledger
from ankiforge.ledger.readings import sketch_of
from ankiforge.model import (
    Card,
    CardKind,
    Draft,
    Extracted,
    Family,
    Highlight,
    Source,
    Strings,
    Task,
    Texts,
    Value,
)
from ankiforge.pipeline.collection import changed_in_anki
from ankiforge.pipeline.ingest import with_stored_dialects
from ankiforge.pipeline.pictures import media_of_card
from ankiforge.text import on_one_line, shortened
from ankiforge.text.cloze import plain
from ankiforge.text.fold import for_finding
from ankiforge.text.sketches import sketch

if TYPE_CHECKING:
    from ankiforge.config.ownfiles import OwnPath
    from ankiforge.extract.folder import File

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
_OWN_SLOT = re.compile(r"\d{1,3}")


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


class _Edit(NamedTuple):
    """A card that a person edited in Anki."""

    card: Card
    html: Texts
    """The fields that were changed, as they are in Anki."""


def make_patch(
    ledger: Ledger, sources: Iterable[Source], guids: Iterable[str], pictures: OwnPath
) -> Patch:
    """Return the patch for some cards, those of them that were edited in Anki.

    Args:
        ledger: has the cards, and their notes as Anki was seen last.
        sources: those whose files may be patched.
        guids: the cards.
        pictures: the folder with pictures cut from pages.
    """
    readers = _Readers(ledger, sources)
    refused: list[RefusedEdit] = []
    places: dict[tuple[str, str], _Place] = {}
    edits: defaultdict[tuple[str, str], list[_Edit]] = defaultdict(list)
    for card in ledger.cards(*guids):
        changed = changed_in_anki(ledger, card)
        if not changed:
            continue
        edit = _Edit(card, changed)
        try:
            place = readers.place_of(card)
        except ItemError as error:
            refused.append(_refused(edit, error.message))
            continue
        where = str(place.root), place.path
        places[where] = place
        edits[where].append(edit)
    files: list[PatchedFile] = []
    for where in sorted(places):
        file = _File(ledger, places[where], pictures)
        refused += file.apply(edits[where])
        if file.patched:
            files.append(file.patch())
    return Patch(tuple(files), tuple(refused))


def _refused(edit: _Edit, reason: str) -> RefusedEdit:
    first_changed = next(iter(edit.html.values()))
    title = edit.card.highlight.document.title
    return RefusedEdit(edit.card.guid, _shown(first_changed), title, reason)


def _shown(html: str) -> str:
    """Return the first words of a field, without its markup."""
    return shortened(on_one_line(plain(unrender(html))), _MOST_SHOWN)


# --- where a card is written -----------------------------------------------------------


class _Place(NamedTuple):
    """A file in a source."""

    path: str
    source: NoteSource
    file: File

    @property
    def root(self) -> Path:
        """The folder of the source."""
        return self.source.folder.root


class _Readers:
    """The sources whose files are notes, by their namespace."""

    def __init__(self, ledger: Ledger, sources: Iterable[Source]) -> None:
        self._sources: dict[str, NoteSource] = {}
        for source in sources:
            reader = with_stored_dialects(source, ledger)
            if isinstance(reader, NoteSource):
                self._sources[reader.folder.namespace] = reader
        self._files: dict[str, dict[str, File]] = {}

    def place_of(self, card: Card) -> _Place:
        """Return the file that states a card.

        Raises:
            ItemError: no file states it, or none that can be patched.
        """
        from ankiforge.extract.folder import File

        if card.kind is CardKind.OCCLUSION:
            raise ItemError("the masks of a figure are no words of a note")
        if _OWN_SLOT.fullmatch(card.slot) is None:
            raise ItemError(
                "the card was drafted, so its words are not the note's: edit the note if it is"
                " wrong, too"
            )
        namespace = card.highlight.namespace
        if not namespace:  # its words are known from the journal alone
            raise ItemError("its source has not been read here: run first")
        source = self._sources.get(namespace)
        path = card.highlight.document.path
        if source is None:
            raise ItemError(
                "it does not come from a Markdown or text file, and stays as it is in Anki"
            )
        if not path.casefold().endswith((".md", ".markdown", ".txt")):
            raise ItemError(f"{path} is not a Markdown or text file")
        if namespace not in self._files:
            listed = [file for file in source.folder.files() if isinstance(file, File)]
            self._files[namespace] = {file.path: file for file in listed}
        file = self._files[namespace].get(path)
        if file is None:
            raise ItemError(f"{path} is not there any more: run first")
        return _Place(path, source, file)


# --- one file ---------------------------------------------------------------------------


class _File:
    """A note on disk, and its text after each edit."""

    def __init__(self, ledger: Ledger, place: _Place, pictures: OwnPath) -> None:
        self._ledger = ledger
        self._place = place
        self._pictures = pictures
        self._original = b""
        self._text = ""
        self._read_last: tuple[Highlight, ...] = ()
        """The highlights of the file as it is on disk. No edit changes their number and order."""
        self.patched: list[str] = []
        """The guids of the cards whose edits are in the text."""

    def apply(self, edits: Sequence[_Edit]) -> Iterator[RefusedEdit]:
        """Carry edits over to the text, one after the other; yield those that cannot be."""
        try:
            self._read()
        except ItemError as error:
            for edit in edits:
                yield _refused(edit, error.message)
            return
        for edit in edits:
            try:
                text = self._with(edit)
            except ItemError as error:
                yield _refused(edit, error.message)
                continue
            if text != self._text:
                self._text = text
                self.patched.append(edit.card.guid)

    def patch(self) -> PatchedFile:
        """Return the patch of the edits that were carried over."""
        diff = diff_of(self._place.path, self._original, self._bytes(self._text))
        return PatchedFile(self._place.root, self._place.path, diff, tuple(self.patched))

    def _read(self) -> None:
        """Read the file.

        Raises:
            ItemError: it cannot be read, or is another one than at the last run.
        """
        self._original, _ = read_file(self._place.file.place, LARGEST)
        text_of(self._original)  # raises if it is not text
        self._text = self._original.decode("utf-8")
        container = self._place.source.folder.container
        stored = sketch_of(self._ledger, container, self._place.path)
        now = sketch(text_of(self._original), self._place.path)
        if stored and stored != now:
            raise ItemError(RUN_FIRST)
        self._read_last = self._highlights(self._text)

    def _bytes(self, text: str) -> bytes:
        return text.encode("utf-8")

    def _with(self, edit: _Edit) -> str:
        """Return the text with an edit; the same text if it says so already.

        Raises:
            ItemError: it cannot be said in this note, with the reason.
        """
        index = _index_of(edit.card.highlight, self._read_last)
        before = self._highlights(self._text)
        wanted = _Wanted(self._ledger, edit, before[index], self._pictures)
        if wanted.is_said_by(before[index]):
            return self._text
        if wanted.is_turned:
            raise ItemError(REVERSED)
        reasons: list[str] = []
        tried: set[str] = set()
        for old, new in wanted.ways():
            if len(old) != len(new):
                raise ItemError(FIELD_EMPTIED)
            try:
                for text in rewritings(self._text, old, new):
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
        self, text: str, wanted: _Wanted, before: Sequence[Highlight], index: int
    ) -> str:
        """Return why a text does not state the card as wanted and all else as before.

        Returns:
            "" if it does.
        """
        after = self._highlights(text)
        if len(after) != len(before):
            return OTHER_CARDS
        for number, highlight in enumerate(before):
            is_other = number != index
            if is_other and _words_of(highlight) != _words_of(after[number]):
                return OTHER_CARDS
        return wanted.fault(after[index])

    def _highlights(self, text: str) -> tuple[Highlight, ...]:
        """Return the highlights of the note if it had this text."""
        source = self._place.source
        read = text_of(self._bytes(text))
        for sighting in source.document(self._place.file, read, self._picture):
            if isinstance(sighting, Extracted):
                return sighting.highlights
        return ()

    def _picture(self, target: str) -> str:
        from ankiforge.extract.folder import picture_path

        return picture_path(target, self._place.path, self._place.source.folder)


def _index_of(highlight: Highlight, read: Sequence[Highlight]) -> int:
    """Return which of the highlights of a note is the one that was read last.

    Raises:
        ItemError: none is.
    """
    for number, other in enumerate(read):
        if _anchor_of(other) == _anchor_of(highlight):
            return number
    raise ItemError(RUN_FIRST)


def _anchor_of(highlight: Highlight) -> tuple[object, ...]:
    return (*_words_of(highlight), highlight.prefix, highlight.suffix, highlight.nth)


def _words_of(highlight: Highlight) -> tuple[object, ...]:
    """Return the words of a highlight, without its surroundings."""
    return (
        highlight.form,
        highlight.exact,
        highlight.markdown,
        highlight.gaps,
        highlight.own,
    )


class _Wanted:
    """The wanted words of a card: its fields as they are in Anki."""

    def __init__(
        self, ledger: Ledger, edit: _Edit, highlight: Highlight, pictures: OwnPath
    ) -> None:
        self._card = edit.card
        self._highlight = highlight
        self._media = media_of_card(ledger, edit.card, pictures)
        names = edit.card.family.content_fields
        ours = self._html(_draft_of(highlight, edit.card))
        self._html_wanted = {**dict(zip(names, ours, strict=True)), **edit.html}
        self._old = {name: unrender(html) for name, html in zip(names, ours, strict=True)}
        self._changed = [name for name in names if name in edit.html]

    @property
    def is_turned(self) -> bool:
        """Whether the person switched the reverse side on or off."""
        return "Reverse" in self._changed

    def ways(self) -> Iterator[tuple[Strings, Strings]]:
        """Yield the (old, new) fields by which the card may be found in the note.

        First all of them, then those alone that were changed. Fields that are empty are left out.
        """
        new = dict(self._old)
        for name in self._changed:
            new[name] = unrender(self._html_wanted[name])
        is_cloze = self._card.family is Family.CLOZE
        stated = [name for name in self._old if self._old[name] or new[name]]
        for names in (stated, self._changed):
            old_fields = {name: self._old[name] for name in names}
            new_fields = {name: new[name] for name in names}
            yield (
                tuple(filter(None, in_order(is_cloze, old_fields))),
                tuple(filter(None, in_order(is_cloze, new_fields))),
            )

    def is_said_by(self, highlight: Highlight) -> bool:
        """Return whether a highlight states the card so."""
        try:
            html = self._html(_draft_of(highlight, self._card))
        except ItemError:
            return False
        return all(map(same_html, html, self._html_wanted.values()))

    def fault(self, highlight: Highlight) -> str:
        """Return why a highlight does not state the card so, or will be known as another one.

        Returns:
            "" if it states the card, and will be known as the same one.
        """
        try:
            read = self._html(_draft_of(highlight, self._card))
        except ItemError:
            return OTHER_CARDS
        for html, wanted in zip(read, self._html_wanted.values(), strict=True):
            if not same_html(html, wanted):
                shown = _where_it_differs(unrender(html), unrender(wanted))
                return (
                    f"written in the note, it would be read as “{shown}”:"
                    " edit the note yourself"
                )
        if highlight.own and highlight.own == self._highlight.own:
            return ""
        before = for_finding(self._highlight.exact)
        after = for_finding(highlight.exact)
        if fuzz.ratio(before, after) < 100 * STILL_THE_SAME:
            return TOO_DIFFERENT
        return ""

    def _html(self, draft: Draft) -> Strings:
        return content_html(draft.kind, draft.fields, self._media)


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
    """Return the card that a highlight states.

    Raises:
        ItemError: it states none.
    """
    from ankiforge.draft.rules import drafted

    drafts = drafted(Task(highlight.document, (highlight,))).drafts
    own = [draft for draft in drafts if draft.own and draft.kind.family is card.family]
    if len(own) <= int(card.slot):
        raise ItemError("the note does not state it as a card any more: run first")
    return own[int(card.slot)]


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
    if any(sign in _QUOTED for sign in path):
        return '"' + "".join(_QUOTED.get(sign, sign) for sign in path) + '"'
    return (
        f"{path}\t" if " " in path else path
    )  # as git does, so that a name may have blanks


def common_root(files: Iterable[PatchedFile]) -> Path | None:
    """Return the folder in which all patches are applied; None if there are several."""
    roots = {os.path.realpath(file.root) for file in files}
    return Path(roots.pop()) if len(roots) == 1 else None
