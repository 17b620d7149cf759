"""Turn the user's edits in Anki into a patch of the notes that contain those cards.

This module doesn't write to any note. The fields of each card in Anki are compared with the
exported ones, and `rewrite` applies the differences to the text of the note. The changed text is
then parsed as in a run. An edit becomes part of the patch only if the parsed card has Anki's text
and all other highlights are unchanged. All other edits are listed with the reason.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rapidfuzz import fuzz

from ankiforge.anki.notes import render_content_fields
from ankiforge.anki.notetypes import is_same_html
from ankiforge.anki.render import field_to_markdown
from ankiforge.errors import ItemError
from ankiforge.extract.files import MAX_TEXT_BYTES, NOTE_SUFFIXES, read_file
from ankiforge.extract.markdown import NoteSource
from ankiforge.features.patch.rewrite import remove_escapes, rewrite_note
from ankiforge.ledger import Ledger, item_lists
from ankiforge.ledger.cards import load_card
from ankiforge.ledger.questions import find_open_questions
from ankiforge.ledger.readings import load_text_hash
from ankiforge.model import (
    Card,
    CardContent,
    CardKind,
    Draft,
    DraftingTask,
    ExtractedDocument,
    Guid,
    Highlight,
    LocalCard,
    Media,
    Source,
    Strings,
    Texts,
    UserQuestionKind,
    Value,
    hash16,
)
from ankiforge.pipeline.collection import find_anki_edits
from ankiforge.pipeline.media import load_available_card_media
from ankiforge.pipeline.query import find_matching_ids
from ankiforge.pipeline.selection import select_sources
from ankiforge.pipeline.sources import apply_stored_plugin_syntaxes, open_sources
from ankiforge.text import to_one_line, truncate
from ankiforge.text.cloze import to_plain_text
from ankiforge.text.decoding import decode_text
from ankiforge.text.normalize import normalize_for_lookup

if TYPE_CHECKING:
    from ankiforge.extract.file_source import File
    from ankiforge.pipeline.workspace import Workspace

NOTE_CHANGED = "the note has changed since the last run: run first"
NOT_UTF_8 = "the note is not in UTF-8: save it as UTF-8, run, and patch again"
IN_CONFLICT = "the note changed, too: decide first whose words stay (ankiforge review)"
NO_SYNTAX = "the syntax of the note cannot express it: edit the note yourself"
OTHER_CARDS_TEXT = (
    "written in the note, it would make or change other cards: edit the note yourself"
)
REVERSE_CHANGED = "the reverse side was switched on or off: do the same in the note"
FIELD_EMPTIED = "a field was emptied or filled: do the same in the note"
TOO_DIFFERENT = (
    "too few words stay, the next run would take the passage for a new one:"
    " end it with a block id (^name) in the note, run, and patch again"
)
_MAX_EXCERPT_CHARS = 60
"""The maximum length of an excerpt of a card in a reason or in a list, in characters."""
MIN_SIMILARITY = 0.6
"""The minimum similarity of the old and the new text of a passage.

A run matches a changed passage by its position down to a similarity of 0.5
(`ledger/match.py`), so this value leaves a margin."""


class UnpatchableEdit(Value):
    """An edit that can't be part of the patch, and the reason why."""

    guid: str
    excerpt: str
    """The beginning of the changed text in Anki."""
    title: str
    """The title of the document."""
    reason: str


class PatchedFile(Value):
    """The patch for one file."""

    root: Path
    """The directory in which to apply the patch."""
    path: str
    """The path of the file relative to `root`, with `/`."""
    disk_path: Path
    contents: tuple[bytes, bytes]
    """The content of the file before and after the edits."""
    guids: Strings
    """The GUIDs of the cards whose edits the patch contains."""

    @property
    def diff(self) -> bytes:
        """A unified diff for `git apply` and `patch -p1`."""
        return make_diff(self.path, *self.contents)


class Patch(Value):
    """The patches of all files with edited cards, and the edits that couldn't be included."""

    files: tuple[PatchedFile, ...] = ()
    refused: tuple[UnpatchableEdit, ...] = ()

    @property
    def diff(self) -> bytes:
        """The patches of all files, concatenated."""
        return b"".join(file.diff for file in self.files)

    @property
    def edit_count(self) -> int:
        """The number of cards whose edits are in the patch."""
        return sum(len(file.guids) for file in self.files)

    @property
    def roots(self) -> list[str]:
        """The directories in which to apply the patch, one for each source with changed files."""
        return sorted({os.path.realpath(file.root) for file in self.files})


class _Edit(NamedTuple):
    card: LocalCard
    html: Texts
    """The HTML of the edited fields, keyed by field name."""


def build_patch_from_anki(workspace: Workspace, query: str = "") -> Patch:
    """Read Anki's collection, and build a patch with the user's edits.

    Notes aren't changed. `query` selects cards as in `find_matching_ids`; "" selects all cards.

    Raises:
        UsageError: the query is invalid.
    """
    workspace.read_collection()
    selected = select_sources(workspace.folder).sources
    sources = open_sources(workspace.folder, workspace.ledger, selected, offline=True)
    line_ids = find_matching_ids(workspace.ledger, query)
    guids = []
    for line in item_lists.load_items(workspace.ledger, line_ids):
        if isinstance(line, LocalCard):
            guids.append(line.guid)
    return make_patch(
        workspace.ledger, sources, guids, workspace.folder.pictures_directory
    )


def make_patch(
    ledger: Ledger, sources: Iterable[Source], guids: Iterable[str], pictures: Path
) -> Patch:
    """Build a patch from the cards that the user edited in Anki or in the workspace.

    Args:
        ledger: source of the cards, and of their notes as last read from Anki.
        sources: the sources whose files may be patched.
        guids: the GUIDs of the cards to consider.
        pictures: the directory with the pictures extracted from PDF pages.
    """
    finder = _FileFinder(_select_note_sources(ledger, sources))
    edits_by_file, refusals = _group_edits_by_file(ledger, finder, guids)
    files: list[PatchedFile] = []
    for source_file in sorted(
        edits_by_file, key=lambda each: (str(each.root), each.path)
    ):
        file_edits = edits_by_file[source_file]
        patched, refused = _patch_file(ledger, source_file, file_edits, pictures)
        refusals += refused
        if patched is not None:
            files.append(patched)
    return Patch(tuple(files), tuple(refusals))


def _group_edits_by_file(
    ledger: Ledger, finder: _FileFinder, guids: Iterable[str]
) -> tuple[Mapping[_SourceFile, list[_Edit]], list[UnpatchableEdit]]:
    """Find the edits of cards, and the file that each belongs to.

    Returns the edits of each file, and those that belong to no file or are in conflict.
    """
    edits_by_file = defaultdict[_SourceFile, list[_Edit]](list)
    refused = []
    guids_in_conflict = _find_guids_in_conflict(ledger)
    for edit in _find_edits(ledger, guids):
        if edit.card.guid in guids_in_conflict:
            refused.append(_make_unpatchable_edit(edit, IN_CONFLICT))
            continue
        try:
            source_file = finder.find_file(edit.card)
        except ItemError as error:
            refused.append(_make_unpatchable_edit(edit, error.message))
        else:
            edits_by_file[source_file].append(edit)
    return edits_by_file, refused


def _patch_file(
    ledger: Ledger, source_file: _SourceFile, edits: Sequence[_Edit], pictures: Path
) -> tuple[PatchedFile | None, list[UnpatchableEdit]]:
    """Apply edits to a file, one by one.

    Returns the patch of the file, or None if no edit changes it; and the edits that can't be part
    of the patch.
    """
    try:
        note = _NoteToPatch(ledger, source_file, pictures)
    except ItemError as error:
        return None, [_make_unpatchable_edit(edit, error.message) for edit in edits]
    guids = []
    refused = []
    for edit in edits:
        try:
            text = note.apply_edit(edit)
        except ItemError as error:
            refused.append(_make_unpatchable_edit(edit, error.message))
            continue
        if text != note.text:
            note.text = text
            guids.append(edit.card.guid)
    if not guids:
        return None, refused
    contents = note.original, note.text.encode("utf-8")
    disk_path = Path(source_file.file.disk_path)
    patched = PatchedFile(
        source_file.root, source_file.path, disk_path, contents, tuple(guids)
    )
    return patched, refused


# --- the edits --------------------------------------------------------------------------


def _find_edits(ledger: Ledger, guids: Iterable[str]) -> list[_Edit]:
    """Return the cards that the user edited in Anki or in the workspace, and their new fields."""
    edits = []
    for guid in guids:
        card = load_card(ledger, guid)
        html = {**_find_local_edits(card), **find_anki_edits(ledger, card)}
        if html:
            edits.append(_Edit(card, html))
    return edits


def _find_guids_in_conflict(ledger: Ledger) -> set[Guid]:
    """Return the cards about which the user is asked whose words stay."""
    guids: set[Guid] = set()
    for question in find_open_questions(ledger):
        if question.kind is UserQuestionKind.CONFLICT:
            guids.update(question.guids)
    return guids


def _find_local_edits(card: LocalCard) -> Texts:
    """Return the HTML of the fields that the user changed in ankiforge, keyed by field name.

    Fields with pictures are left out.
    """
    html = _render_fields(card, {})
    changed_html = {}
    for name in card.edits.pinned:
        text = card.get_field(name)
        source_text = card.edits.source_texts_applied.get(name, "")
        if text and text != source_text and "![" not in text:
            changed_html[name] = html.get(name, "")
    return changed_html


def _render_fields(card: CardContent, media: Mapping[str, Media]) -> Texts:
    """Render the content fields of a card or draft as HTML, in note type order."""
    html_fields = render_content_fields(card.kind, card.fields, media)
    return dict(zip(card.kind.note_type.content_fields, html_fields, strict=True))


def _make_unpatchable_edit(edit: _Edit, reason: str) -> UnpatchableEdit:
    first_changed = field_to_markdown(next(iter(edit.html.values())))
    words = truncate(to_one_line(to_plain_text(first_changed)), _MAX_EXCERPT_CHARS)
    title = edit.card.highlight.document.title
    return UnpatchableEdit(edit.card.guid, words, title, reason)


# --- finding a card's file -------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _SourceFile:
    """A file of a source. There is one object for each file."""

    path: str
    source: NoteSource
    file: File

    @property
    def root(self) -> Path:
        return self.source.listing.root


def _select_note_sources(
    ledger: Ledger, sources: Iterable[Source]
) -> dict[str, NoteSource]:
    """Return the sources of Markdown and text files, keyed by namespace."""
    source_by_namespace = {}
    for source in sources:
        reader = apply_stored_plugin_syntaxes(source, ledger)
        if isinstance(reader, NoteSource):
            source_by_namespace[reader.listing.namespace] = reader
    return source_by_namespace


class _FileFinder:
    """Finds the Markdown and text files from which cards came."""

    def __init__(self, source_by_namespace: Mapping[str, NoteSource]) -> None:
        self._source_by_namespace = source_by_namespace
        self._listed_files: dict[str, dict[str, _SourceFile]] = {}
        """The files of each source by path, keyed by namespace. Listed when first needed."""

    def find_file(self, card: LocalCard) -> _SourceFile:
        """Return the file that a card came from.

        Raises:
            ItemError: no file contains the card, or the file can't be patched.
        """
        if card.kind is CardKind.OCCLUSION:
            raise ItemError("the masks of a figure are not words of a note")
        namespace = card.highlight.namespace
        if not namespace:  # the card is only known from the journal
            raise ItemError("its source has not been read here yet: run first")
        source = self._source_by_namespace.get(namespace)
        path = card.highlight.document.path
        if source is None:
            raise ItemError(
                "it does not come from a Markdown or text file, and stays as it is in Anki"
            )
        if not path.casefold().endswith(NOTE_SUFFIXES):
            raise ItemError(f"{path} is not a Markdown or text file")
        if not card.is_hand_written:
            raise ItemError(
                "the card was drafted, so its words are not the note's: edit the note if it is"
                " wrong, too"
            )
        files = self._list_files(source)
        if path not in files:
            raise ItemError(f"{path} no longer exists: run first")
        return files[path]

    def _list_files(self, source: NoteSource) -> dict[str, _SourceFile]:
        from ankiforge.extract.file_source import File

        namespace = source.listing.namespace
        if namespace not in self._listed_files:
            self._listed_files[namespace] = {
                file.path: _SourceFile(file.path, source, file)
                for file in source.listing.list_files()
                if isinstance(file, File)
            }
        return self._listed_files[namespace]


# --- one file ---------------------------------------------------------------------------


class _NoteToPatch:
    """A note being patched, with the edits applied so far."""

    def __init__(self, ledger: Ledger, source_file: _SourceFile, pictures: Path) -> None:
        """Read the note from disk.

        Raises:
            ItemError: the file can't be read, or has changed since the last run.
        """
        self._ledger = ledger
        self._source_file = source_file
        self._pictures = pictures
        self.original, _ = read_file(source_file.file.disk_path, MAX_TEXT_BYTES)
        text_hash = hash16(decode_text(self.original))  # raises an error if it isn't text
        try:
            self.text = self.original.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ItemError(NOT_UTF_8) from error
        stored_hash = load_text_hash(
            ledger, source_file.source.listing.container, source_file.path
        )
        if stored_hash and stored_hash != text_hash:
            raise ItemError(NOTE_CHANGED)
        # edits never change the number or order of highlights
        self._original_highlights = self._parse_highlights(self.text)

    def apply_edit(self, edit: _Edit) -> str:
        """Return the text of the note with `edit` applied.

        The text is returned unchanged if it already contains the edit.

        Raises:
            ItemError: the edit can't be expressed in this note. The message gives the reason.
        """
        card = edit.card
        index = self._find_highlight(card)
        highlights = self._parse_highlights(self.text)
        media = load_available_card_media(self._ledger, card, self._pictures)
        draft = _find_draft(highlights[index], card)
        our_html = _render_fields(draft, media)
        wanted_html = {**our_html, **edit.html}
        if all(is_same_html(our_html[name], wanted_html[name]) for name in our_html):
            return self.text
        if "Reverse" in edit.html:
            raise ItemError(REVERSE_CHANGED)
        expected = _ExpectedNote(highlights, index, card, media, wanted_html)
        return self._find_rewriting(expected, _list_searches(card, our_html, edit.html))

    def _find_highlight(self, card: LocalCard) -> int:
        """Return the index of a card's highlight in the note.

        Raises:
            ItemError: the note doesn't have it any more.
        """
        anchors = [_make_anchor(highlight) for highlight in self._original_highlights]
        anchor = _make_anchor(card.highlight)
        if anchor not in anchors:
            raise ItemError(NOTE_CHANGED)
        return anchors.index(anchor)

    def _find_rewriting(
        self, expected: _ExpectedNote, searches: Iterable[_Search]
    ) -> str:
        """Return the first text of the note that is read as expected.

        `searches`, and the texts that `rewrite_note` makes of each, come with the likeliest first.

        Raises:
            ItemError: there is none. The message tells what is wrong with the likeliest text.
        """
        reasons: list[str] = []
        tried_texts: set[str] = set()
        for search in searches:
            try:
                for text in rewrite_note(self.text, search.old, search.new):
                    if text in tried_texts:
                        continue
                    tried_texts.add(text)
                    reason = self._check_rewriting(text, expected)
                    if reason is None:
                        return text
                    reasons.append(reason)
            except ItemError as error:
                reasons.append(error.message)
        raise ItemError(reasons[0] if reasons else NO_SYNTAX)

    def _check_rewriting(self, text: str, expected: _ExpectedNote) -> str | None:
        """Check that a changed note has the expected card, and that nothing else has changed.

        Returns:
            The reason why the text can't be used, e.g. that the next run wouldn't recognize the
            card, or None if it can.
        """
        highlights = self._parse_highlights(text)
        if not expected.has_same_others(highlights):
            return OTHER_CARDS_TEXT
        highlight = highlights[expected.card_index]
        try:
            draft = _find_draft(highlight, expected.card)
        except ItemError:
            return OTHER_CARDS_TEXT
        excerpt = expected.find_misread_text(_render_fields(draft, expected.media))
        if excerpt is not None:
            return (
                f"written in the note, it would be read as “{excerpt}”:"
                " edit the note yourself"
            )
        if not _is_recognizable(expected.highlight, highlight):
            return TOO_DIFFERENT
        return None

    def _parse_highlights(self, text: str) -> tuple[Highlight, ...]:
        """Read the highlights from a text of the note, as a run would do."""
        from ankiforge.extract.file_source import find_media_path

        source_file = self._source_file

        def find_picture(target: str) -> str:
            return find_media_path(target, source_file.path, source_file.source.listing)

        decoded = decode_text(text.encode("utf-8"))
        sightings = source_file.source.read_document(
            source_file.file, decoded, find_picture
        )
        # a note is one document, if it has any highlights; the rest are problems
        for sighting in sightings:
            if isinstance(sighting, ExtractedDocument):
                return sighting.highlights
        return ()


class _ExpectedNote(NamedTuple):
    """What the note should have after an edit of one of its cards."""

    before: Sequence[Highlight]
    """The highlights of the note before the edit."""
    card_index: int
    """The index of the card's highlight."""
    card: LocalCard
    media: Mapping[str, Media]
    """The card's pictures, keyed by their path in the Markdown."""
    html: Texts
    """The HTML that the card's fields should have after the edit, keyed by field name."""

    @property
    def highlight(self) -> Highlight:
        """The card's highlight before the edit."""
        return self.before[self.card_index]

    def has_same_others(self, after: Sequence[Highlight]) -> bool:
        """Return whether all highlights but that of the card are as before."""
        if len(after) != len(self.before):
            return False
        keys_before = [_make_content_key(highlight) for highlight in self.before]
        keys_after = [_make_content_key(highlight) for highlight in after]
        del keys_before[self.card_index]
        del keys_after[self.card_index]
        return keys_before == keys_after

    def find_misread_text(self, html_read: Texts) -> str | None:
        """Return an excerpt of the first field that isn't read as expected, or None.

        `html_read` has the HTML of the card's fields as read from a changed note.
        """
        for name, html in html_read.items():
            wanted_html = self.html[name]
            if not is_same_html(html, wanted_html):
                return _excerpt_difference(
                    field_to_markdown(html), field_to_markdown(wanted_html)
                )
        return None


def _is_recognizable(old: Highlight, new: Highlight) -> bool:
    """Return whether the next run matches a changed passage with the old one."""
    if old.source_id and new.source_id == old.source_id:
        return True
    old_text = normalize_for_lookup(old.exact)
    new_text = normalize_for_lookup(new.exact)
    return fuzz.ratio(old_text, new_text) >= 100 * MIN_SIMILARITY


class _Search(NamedTuple):
    """Text of a card to look for in the note, and what replaces it, as Markdown fields."""

    old: Strings
    new: Strings


def _list_searches(card: LocalCard, our_html: Texts, edited_html: Texts) -> list[_Search]:
    """Search for the text of all fields, then only for that of the edited fields.

    Raises:
        ItemError: the edit adds or removes a field.
    """
    all_fields: list[tuple[str, str]] = []
    edited_fields: list[tuple[str, str]] = []
    for name in card.note_type.text_fields:
        old = field_to_markdown(our_html[name])
        new = old
        if name in edited_html:
            new = field_to_markdown(edited_html[name])
            edited_fields.append((old, new))
        if bool(old) != bool(new):
            raise ItemError(FIELD_EMPTIED)
        all_fields.append((old, new))
    return [_make_search(all_fields), _make_search(edited_fields)]


def _make_search(fields: Iterable[tuple[str, str]]) -> _Search:
    """Search for the (old, new) texts of fields that aren't empty."""
    filled = [(old, new) for old, new in fields if old]
    return _Search(tuple(old for old, _ in filled), tuple(new for _, new in filled))


def _make_anchor(highlight: Highlight) -> tuple[object, ...]:
    return (
        *_make_content_key(highlight),
        highlight.prefix,
        highlight.suffix,
        highlight.occurrence,
    )


def _make_content_key(highlight: Highlight) -> tuple[object, ...]:
    return (
        highlight.form,
        highlight.exact,
        highlight.markdown,
        highlight.gaps,
        highlight.source_id,
    )


def _excerpt_difference(text: str, other: str) -> str:
    """Return at most 60 characters of `text`, around the place where it differs from `other`."""
    one_line = to_one_line(remove_escapes(text))
    other_line = to_one_line(remove_escapes(other))
    pairs = zip(one_line, other_line, strict=False)
    equal_count = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = equal_count - _MAX_EXCERPT_CHARS // 2
    if start <= 0 or len(one_line) <= _MAX_EXCERPT_CHARS:
        return truncate(one_line, _MAX_EXCERPT_CHARS)
    return f"…{truncate(one_line[start:], _MAX_EXCERPT_CHARS - 1)}"


def _find_draft(highlight: Highlight, card: Card) -> Draft:
    """Rerun the drafting rules on a highlight, and return the draft of the same card.

    Raises:
        ItemError: the rules no longer make this card from the highlight.
    """
    from ankiforge.draft import rules

    [result] = rules.draft_task(DraftingTask(highlight.document, (highlight,)))
    matching_drafts = []
    for draft in result.drafts:
        if draft.is_user_text and draft.kind.note_type is card.note_type:
            matching_drafts.append(draft)
    if card.user_text_number is None or len(matching_drafts) <= card.user_text_number:
        raise ItemError("the note does not state it as a card any more: run first")
    return matching_drafts[card.user_text_number]


# --- diffs ------------------------------------------------------------------------------

_NO_NEWLINE_MARK = b"\n\\ No newline at end of file\n"
_QUOTED_CHARS = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def make_diff(path: str, before: bytes, after: bytes) -> bytes:
    """Build a unified diff between two versions of a file, for `git apply` and `patch -p1`.

    The bytes are preserved, whatever the file's encoding and line endings.
    """
    # in Latin-1 every byte is one character, and only LF ends a line
    old_lines = before.decode("latin-1").split("\n")
    new_lines = after.decode("latin-1").split("\n")
    old = _add_line_ends(old_lines)
    new = _add_line_ends(new_lines)
    parts = [f"--- {_quote_name('a/' + path)}\n+++ {_quote_name('b/' + path)}\n".encode()]
    # skip the first two lines, which have the file names
    for line in list(unified_diff(old, new, lineterm="\n"))[2:]:
        raw = line.encode("latin-1")
        parts.append(raw if raw.endswith(b"\n") else raw + _NO_NEWLINE_MARK)
    return b"".join(parts)


def _add_line_ends(lines: Sequence[str]) -> list[str]:
    *complete_lines, last = lines
    result = [f"{line}\n" for line in complete_lines]
    return [*result, last] if last else result


def _quote_name(path: str) -> str:
    """Quote a path as git does in a diff, if it has quotes, backslashes or control characters."""
    quoted = "".join(_QUOTED_CHARS.get(char, char) for char in path)
    if quoted != path:
        return f'"{quoted}"'
    # git writes a tab after a path with spaces
    return f"{path}\t" if " " in path else path
