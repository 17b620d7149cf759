"""Tables of patches: how a difference is written, and what is shown of it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.extract.file_source import File
from ankiforge.features.patch import work as patch
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
    LocalCard,
    Problem,
)
from tests.cards import made

LONG = "The heart pumps blood through the vessels of the body, and the lungs take in the air."


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (b"a\nb\nc\n", b"a\nB\nc\n", b"@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"),
        (b"a\nb", b"a\nB", b"@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+B\n\\ No newline at end of file\n"),
        (b"a\r\n\xe9\x0c\n", b"a\r\n\xe8\x0c\n", b"@@ -1,2 +1,2 @@\n a\r\n-\xe9\x0c\n+\xe8\x0c\n"),
    ],
)  # fmt: skip
def test_a_difference_is_told_byte_by_byte(before, after, lines):
    names = b"--- a/n.md\n+++ b/n.md\n"
    assert patch.make_diff("n.md", before, after) == names + lines


@pytest.mark.parametrize(
    ("text", "other", "shown"),
    [
        ("a b", "a c", "a b"),
        (LONG, LONG.replace("The heart", "A heart"), LONG[:1]),
        (LONG, LONG.replace("air.", "gas."), "…"),
    ],
)
def test_what_is_shown_of_a_text_begins_before_the_first_difference(text, other, shown):
    told = patch._excerpt_difference(text, other)
    assert told.startswith(shown)
    assert len(told) <= patch._MAX_EXCERPT_CHARS


def test_the_difference_itself_is_shown():
    told = patch._excerpt_difference(LONG, LONG.replace("air.", "gas."))
    assert told.endswith("air.")
    assert not patch._excerpt_difference(LONG, f"X{LONG}").startswith("…")


# --- which cards, of which file -------------------------------------------------------------

BOTH = (("Front", "What **helps**?"), ("Back", "Tests"))
NOTE = Highlight(
    Document(DocumentKey("d"), "notes", "Memory", path="a/Memory.md"),
    "vault:notes", HighlightKind.CARD, "What helps?::Tests",
)  # fmt: skip
CARD = made(
    LocalCard, kind=CardKind.BASIC, fields=BOTH, passages=(NOTE,), user_text_number=0
)
FILE = File("a/Memory.md", "/v/a/Memory.md", is_named_by_user=False)


def of(**changed: object) -> LocalCard:
    return replace(CARD, passages=(replace(NOTE, **changed),))


def at(path: str) -> LocalCard:
    return of(document=replace(NOTE.document, path=path))


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (CARD, ""),
        (replace(CARD, kind=CardKind.OCCLUSION), "the masks of a figure are not words of a note"),
        (replace(CARD, user_text_number=None), "the card was drafted, so its words are not the note's: edit the note if it is wrong, too"),
        (of(namespace=""), "its source has not been read here yet: run first"),
        (replace(of(namespace="zotero:user"), user_text_number=None), "it does not come from a Markdown or text file, and stays as it is in Anki"),
        (of(namespace="pdf:papers"), "it does not come from a Markdown or text file, and stays as it is in Anki"),
        (at("a/Memory.pdf"), "a/Memory.pdf is not a Markdown or text file"),
        (at("a/Gone.TXT"), "a/Gone.TXT no longer exists: run first"),
        (at("a/Broken.md"), "a/Broken.md no longer exists: run first"),
    ],
)  # fmt: skip
def test_a_card_has_a_file_or_a_reason_why_it_is_not_in_the_patch(card, reason):
    files = [FILE, Problem("a/Broken.md", "it is broken")]
    listing = SimpleNamespace(
        list_files=lambda: iter(files), root=Path("/v"), namespace="vault:notes"
    )
    source = SimpleNamespace(listing=listing)
    finder = patch._FileFinder({"vault:notes": source})
    if reason:
        with pytest.raises(ItemError) as raised:
            finder.find_file(card)
        assert raised.value.message == reason
        return
    found = finder.find_file(card)
    assert (found.path, found.source, found.file) == ("a/Memory.md", source, FILE)
    assert found.root == Path("/v")
    # a folder is listed once
    files.clear()
    assert finder.find_file(card) is found


FRONT = "What <strong>helps</strong>?"


@pytest.mark.parametrize(
    ("pinned", "applied", "fields", "html"),
    [
        ((), {}, BOTH, {}),
        (("Back",), {}, BOTH, {"Back": "Tests"}),
        # what the source says, too, is no edit
        (("Back",), {"Back": "Tests"}, BOTH, {}),
        (("Front", "Back"), {"Back": "x"}, BOTH, {"Front": FRONT, "Back": "Tests"}),
        (("Back",), {}, (("Front", "a"), ("Back", "b ![](x.png)")), {}),
        (("Extra",), {}, BOTH, {}),
    ],
)
def test_what_a_person_typed_here_goes_into_the_patch(pinned, applied, fields, html):
    edits = replace(CARD.edits, pinned=pinned, source_texts_applied=applied)
    assert patch._find_local_edits(replace(CARD, fields=fields, edits=edits)) == html


def test_an_edit_that_is_not_in_the_patch_is_named_by_its_first_words():
    edit = patch._Edit(CARD, {"Back": f"<b>Tests</b><br>{'x' * 99}", "Front": "a"})
    told = patch._make_unpatchable_edit(edit, "why")
    assert told == patch.UnpatchableEdit("af1", f"Tests {'x' * 53}…", "Memory", "why")


def test_a_patch_has_the_differences_of_its_files_and_their_folders(tmp_path):
    before, after = b"a\n", b"b\n"
    one = patch.PatchedFile(
        tmp_path, "a b.md", tmp_path / "a b.md", (before, after), ("af1", "af2")
    )
    other = replace(one, path='"c".md', guids=("af3",))
    both = patch.Patch((one, other))
    hunk = b"@@ -1 +1 @@\n-a\n+b\n"
    # git writes a tab after a name with spaces, and quotes one with quotes
    assert one.diff == b"--- a/a b.md\t\n+++ b/a b.md\t\n" + hunk
    assert other.diff == b'--- "a/\\"c\\".md"\n+++ "b/\\"c\\".md"\n' + hunk
    assert (both.diff, both.edit_count) == (one.diff + other.diff, 3)
    assert both.roots == [str(tmp_path.resolve())]
    assert (patch.Patch().diff, patch.Patch().edit_count, patch.Patch().roots) == (
        b"",
        0,
        [],
    )
