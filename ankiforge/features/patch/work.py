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
    readers: dict[str, NoteSource] = {}
    for source in sources:
        reader = apply_stored_plugin_syntaxes(source, ledger)
        if isinstance(reader, NoteSource):
            readers[reader.listing.namespace] = reader
    file_cache: dict[str, dict[str, File]] = {}
    refusals: list[UnpatchableEdit] = []
    file_by_key: dict[tuple[str, str], _SourceFile] = {}
    edits: defaultdict[tuple[str, str], list[_Edit]] = defaultdict(list)
    guids_in_conflict = _find_guids_in_conflict(ledger)
    for guid in guids:
        card = load_card(ledger, guid)
        changed_fields = {**_find_local_edits(card), **find_anki_edits(ledger, card)}
        if not changed_fields:
            continue
        edit = _Edit(card, changed_fields)
        if guid in guids_in_conflict:
            refusals.append(_make_unpatchable_edit(edit, IN_CONFLICT))
            continue
        try:
            source_file = _find_file(card, readers, file_cache)
        except ItemError as error:
            refusals.append(_make_unpatchable_edit(edit, error.message))
            continue
        file_key = str(source_file.root), source_file.path
        file_by_key[file_key] = source_file
        edits[file_key].append(edit)

    # apply the edits to the text of each file, one by one
    files: list[PatchedFile] = []
    for file_key in sorted(file_by_key):
        source_file = file_by_key[file_key]
        try:
            file = _NoteToPatch(ledger, source_file, pictures)
        except ItemError as error:
            refusals += [
                _make_unpatchable_edit(edit, error.message) for edit in edits[file_key]
            ]
            continue
        patched_guids = []
        for edit in edits[file_key]:
            try:
                text = file.apply_edit(edit)
            except ItemError as error:
                refusals.append(_make_unpatchable_edit(edit, error.message))
                continue
            if text != file.text:
                file.text = text
                patched_guids.append(edit.card.guid)
        if patched_guids:
            files.append(
                PatchedFile(
                    source_file.root,
                    source_file.path,
                    Path(source_file.file.disk_path),
                    (file.original, file.text.encode("utf-8")),
                    tuple(patched_guids),
                )
            )
    return Patch(tuple(files), tuple(refusals))


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
    html = dict(
        zip(
            card.note_type.content_fields,
            render_content_fields(card.kind, card.fields),
            strict=True,
        )
    )
    changed_html = {}
    for name in card.edits.pinned:
        text = card.get_field(name)
        if (
            text
            and text != card.edits.source_texts_applied.get(name, "")
            and "![" not in text
        ):
            changed_html[name] = html.get(name, "")
    return changed_html


def _make_unpatchable_edit(edit: _Edit, reason: str) -> UnpatchableEdit:
    first_changed = field_to_markdown(next(iter(edit.html.values())))
    words = truncate(to_one_line(to_plain_text(first_changed)), _MAX_EXCERPT_CHARS)
    title = edit.card.highlight.document.title
    return UnpatchableEdit(edit.card.guid, words, title, reason)


# --- finding a card's file -------------------------------------------------------------


class _SourceFile(NamedTuple):
    path: str
    source: NoteSource
    file: File

    @property
    def root(self) -> Path:
        return self.source.listing.root


def _find_file(
    card: LocalCard,
    readers: Mapping[str, NoteSource],
    listed: dict[str, dict[str, File]],
) -> _SourceFile:
    """Find the Markdown or text file that a card came from.

    Args:
        card: the card.
        readers: the sources of Markdown and text files, keyed by namespace.
        listed: a cache of each source's files by path, keyed by namespace. Updated in place.

    Raises:
        ItemError: no file contains the card, or the file can't be patched.
    """
    from ankiforge.extract.file_source import File

    if card.kind is CardKind.OCCLUSION:
        raise ItemError("the masks of a figure are not words of a note")
    namespace = card.highlight.namespace
    if not namespace:  # the card is only known from the journal
        raise ItemError("its source has not been read here yet: run first")
    source = readers.get(namespace)
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
    if namespace not in listed:
        files = [file for file in source.listing.list_files() if isinstance(file, File)]
        listed[namespace] = {file.path: file for file in files}
    if path not in listed[namespace]:
        raise ItemError(f"{path} no longer exists: run first")
    return _SourceFile(path, source, listed[namespace][path])


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
        anchors = [_make_anchor(highlight) for highlight in self._original_highlights]
        anchor = _make_anchor(card.highlight)
        if anchor not in anchors:
            raise ItemError(NOTE_CHANGED)
        index = anchors.index(anchor)
        highlights = self._parse_highlights(self.text)

        # compare the text of the card in the note with the wanted text
        media = load_available_card_media(self._ledger, card, self._pictures)
        names = card.note_type.content_fields
        draft = _find_draft(highlights[index], card)
        html_fields = render_content_fields(draft.kind, draft.fields, media)
        our_html = dict(zip(names, html_fields, strict=True))
        wanted_html = {**our_html, **edit.html}
        if all(is_same_html(our_html[name], wanted_html[name]) for name in names):
            return self.text
        changed_names = [name for name in names if name in edit.html]
        if "Reverse" in changed_names:
            raise ItemError(REVERSE_CHANGED)
        old_markdown: dict[str, str] = {}
        for name in names:
            old_markdown[name] = field_to_markdown(our_html[name])
        new_markdown = dict(old_markdown)
        for name in changed_names:
            new_markdown[name] = field_to_markdown(wanted_html[name])

        # search the note for the text of all fields, then only for the text of the changed fields
        expected_card = _ExpectedCard(
            card, highlights[index], media, tuple(wanted_html[name] for name in names)
        )
        reasons: list[str] = []
        tried_texts: set[str] = set()
        for searched_names in (names, changed_names):
            text_names = [
                name for name in card.note_type.text_fields if name in searched_names
            ]
            old_parts = _select_filled(old_markdown, text_names)
            new_parts = _select_filled(new_markdown, text_names)
            if len(old_parts) != len(new_parts):
                raise ItemError(FIELD_EMPTIED)
            try:
                for text in rewrite_note(self.text, old_parts, new_parts):
                    if text in tried_texts:
                        continue
                    tried_texts.add(text)
                    reason = self._check_rewriting(text, expected_card, highlights, index)
                    if reason is None:
                        return text
                    reasons.append(reason)
            except ItemError as error:
                reasons.append(error.message)
        if not reasons:
            raise ItemError(NO_SYNTAX)
        raise ItemError(reasons[0])  # that of the likeliest rewriting

    def _check_rewriting(
        self,
        text: str,
        expected_card: _ExpectedCard,
        before: Sequence[Highlight],
        index: int,
    ) -> str | None:
        """Check that a changed note has the expected card, and that nothing else has changed.

        Args:
            text: the new text of the note.
            expected_card: the card, with the fields that it should have.
            before: the highlights of the note before the edit.
            index: the index of the card's highlight in `before`.

        Returns:
            The reason why the text can't be used, e.g. that the next run wouldn't recognize the
            card, or None if it can.
        """
        after = self._parse_highlights(text)
        if len(after) != len(before):
            return OTHER_CARDS_TEXT
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            if number == index:
                continue
            if _make_content_key(old) != _make_content_key(new):
                return OTHER_CARDS_TEXT
        try:
            draft = _find_draft(after[index], expected_card.card)
        except ItemError:
            return OTHER_CARDS_TEXT
        html_read = render_content_fields(draft.kind, draft.fields, expected_card.media)
        for html, wanted_html in zip(html_read, expected_card.html, strict=True):
            if not is_same_html(html, wanted_html):
                excerpt = _excerpt_difference(
                    field_to_markdown(html), field_to_markdown(wanted_html)
                )
                return (
                    f"written in the note, it would be read as “{excerpt}”:"
                    " edit the note yourself"
                )
        own_id = expected_card.highlight.source_id
        if own_id and after[index].source_id == own_id:
            return None
        similarity = fuzz.ratio(
            normalize_for_lookup(expected_card.highlight.exact),
            normalize_for_lookup(after[index].exact),
        )
        return TOO_DIFFERENT if similarity < 100 * MIN_SIMILARITY else None

    def _parse_highlights(self, text: str) -> tuple[Highlight, ...]:
        from ankiforge.extract.file_source import find_media_path

        source_file = self._source_file

        def find_picture(target: str) -> str:
            return find_media_path(target, source_file.path, source_file.source.listing)

        decoded = decode_text(text.encode("utf-8"))
        for sighting in source_file.source.read_document(
            source_file.file, decoded, find_picture
        ):
            if isinstance(sighting, ExtractedDocument):
                return sighting.highlights
        return ()


class _ExpectedCard(NamedTuple):
    card: LocalCard
    highlight: Highlight
    """The card's highlight as parsed from the note before the edit."""
    media: Mapping[str, Media]
    """The card's pictures, keyed by their path in the Markdown."""
    html: Strings
    """The HTML that the card's fields should have after the edit."""


def _select_filled(markdown: Mapping[str, str], names: Sequence[str]) -> Strings:
    """Return the text of each of the named fields that isn't empty."""
    return tuple(markdown[name] for name in names if markdown[name])


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
