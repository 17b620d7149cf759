"""The files of a folder or vault: which are listed, which are named, and which are read again."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.extract.base import SourceOpenParameters, SourceSettings
from ankiforge.extract.file_source import File, FileListing, TextFileSource
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Problem,
    UnchangedDocument,
    UnmarkedDocument,
    UnreadDocument,
)


def write(root: Path, names: str) -> Path:
    for name in names.split("|"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def is_note(path: str) -> bool:
    return path.endswith(".md")


def list_folder(root: Path, *only: str, vault: bool = False) -> FileListing:
    paths = tuple(Path(os.path.normpath(root / path)) for path in only)
    other_files: dict[str, str] | None = {} if vault else None
    return FileListing("k", "n", root, paths, is_note, other_files=other_files)


def describe(entry: File | Problem | UnreadDocument) -> str:
    if isinstance(entry, Problem):
        return f"! {entry.location}: {entry.message}"
    if isinstance(entry, UnreadDocument):
        return f"? {entry.path}"
    return f"{entry.path} named" if entry.is_named_by_user else entry.path


CONFLICT = "a conflict copy was left out"
TWINS = (
    "left out: another file here has the same name, encoded differently (é as e and ´)"
)


@pytest.mark.parametrize(
    ("names", "only", "vault", "expected"),
    [
        ("b.md|a.md|d/c.md|x.txt|.h.md|.git/g.md", (), False, ["a.md", "b.md", "d/c.md"]),
        ("a.md|d/c.md|e/x.md", ("d", "a.md"), False, ["d/c.md", "a.md named"]),
        ("a.md|x.txt", ("x.txt", "x.txt"), False, ["x.txt named"]),
        ("d/a.md", ("d", "d/a.md"), False, ["d/a.md"]),
        ("../out.md|a.md", ("../out.md",), False, ["out.md named"]),
        ("../out.md|a.md", ("../out.md",), True, ["! out.md: it is outside the vault"]),
        # what iCloud has taken from this computer
        (".a.md.icloud|d/.b.md.icloud", (), False, ["? a.md", "? d/b.md"]),
        (".a.txt.icloud|.noname.icloud", (), False, ["? noname"]),
        # conflict copies are left out of a vault alone
        ("a.sync-conflict-20240102-030405-ABC.md", (), True,
         [f"! a.sync-conflict-20240102-030405-ABC.md: {CONFLICT}"]),
        ("a (Ada's conflicted copy 2024).md", (), True, [f"! a (Ada's conflicted copy 2024).md: {CONFLICT}"]),
        ("a.Conflict (1).md", (), True, [f"! a.Conflict (1).md: {CONFLICT}"]),
        ("a.sync-conflict-20240102-030405-ABC.md", (), False, ["a.sync-conflict-20240102-030405-ABC.md"]),
        ("a conflict.md", (), True, ["a conflict.md"]),
        # two names that are one once they are composed
        ("e\u0301.md|\u00e9.md", (), False, ["\u00e9.md", f"! \u00e9.md: {TWINS}"]),
        ("gone/../a.md", ("gone",), False, ["! gone/: it is not there"]),
    ],
)  # fmt: skip
def test_the_files_of_a_source(tmp_path, names, only, vault, expected):
    root = tmp_path / "root"
    root.mkdir()
    write(root, names.replace("gone/../", ""))
    listing = list_folder(root, *only, vault=vault)
    found = [describe(entry) for entry in listing.list_files()]
    assert found == expected


@pytest.mark.parametrize(
    ("link", "target", "vault", "reported"),
    [
        ("link.md", "../out.md", True, "a link is not followed"),
        ("link.md", "../gone.md", True, "a link is not followed"),
        ("link", "../more", True, "a link is not followed"),
        ("link.md", "a.md", True, ""),
        ("link", "d", True, ""),
        ("link.txt", "../out.md", True, ""),
        ("link.md", "../out.md", False, ""),
    ],
)
def test_links_of_a_vault_that_lead_out_of_it_are_named(
    tmp_path, link, target, vault, reported
):
    root = write(tmp_path / "root", "a.md|d/b.md|../out.md|../more/c.md")
    (root / link).symlink_to(root / target)
    listing = list_folder(root, vault=vault)
    assert [entry.path for entry in listing.list_files()] == ["a.md", "d/b.md"]
    hint = "it points nowhere: repair or delete it"
    if "gone" not in target:
        hint = f"to read its target: ankiforge run {(root / target).resolve()}"
    notice = Problem(link, reported, hint, is_notice=True, is_reported_once=True)
    assert listing.unfollowed_links == ([notice] if reported else [])


# --- what is read again ------------------------------------------------------------------------------


class Notes(TextFileSource):
    """Reads a line of text as a highlight, and `!` as a problem."""

    kind = "k"
    suffixes = (".md",)

    def read_document(self, file, text, picture):
        for line in text.splitlines():
            if line.startswith("picture "):
                picture(line.removeprefix("picture "))
        if "!" in text:
            yield Problem(file.path, "odd", is_notice="notice" in text)
        if "raise" in text:
            raise ItemError("it cannot be read", hint="write it again")
        if "mark" in text:
            document = Document(DocumentKey(f"k:n/{file.path}"), "n", file.path)
            highlight = Highlight(document, "k:n", HighlightKind.HIGHLIGHT, text)
            yield ExtractedDocument(document, (highlight,), self.listing.container)

    def iter_first_scan_notices(self, files):
        yield Problem("", f"{len(files)} files", is_notice=True)


class Known:
    """What was read before: paths with fingerprints and pictures."""

    def __init__(self) -> None:
        self.documents: dict[str, ExtractedDocument | UnmarkedDocument] = {}

    def is_unchanged(self, container, path, fingerprint):
        return fingerprint != "" and self.documents[path].fingerprint == fingerprint

    def find_dependencies(self, container, path):
        return self.documents[path].dependencies if path in self.documents else None

    def list_paths(self, container):
        return tuple(self.documents)

    def find_choices(self, container):
        return ()


class Videos(Notes):
    """Files that can't have highlights, in folders of which one is skipped."""

    has_marks = False

    def iter_skipped_directories(self):
        yield UnmarkedDocument(self.listing.container, "d/", "1 file")


def test_files_without_marks_are_not_counted_as_read_or_skipped(tmp_path):
    write(tmp_path, "a.md|b.epub")
    parameters = SourceOpenParameters("n", tmp_path, SourceSettings(path="x"))
    source = Videos.open(parameters)
    skipped, notice, end = source.scan(None)
    assert skipped == UnmarkedDocument("k:n", "d/", "1 file", source="n")
    assert (notice.message, end.complete) == ("1 files", True)
    assert source.listing.read_counts == {}
    known = Known()
    known.documents["d/"] = skipped
    assert next(source.scan(known)) == UnchangedDocument("k:n", "d/")
    known.documents["d/"] = replace(skipped, fingerprint="2 files")
    assert next(source.scan(known)) == skipped


class Figures(Notes):
    """Reads each line as the picture that it names."""

    def read_document(self, file, text, picture):
        document = Document(DocumentKey("k:n/1"), "n", file.path)
        mark = Highlight(document, "k:n", HighlightKind.IMAGE, "")
        marks = [replace(mark, markdown=(line,)) for line in text.splitlines()]
        marks.append(
            replace(mark, kind=HighlightKind.HIGHLIGHT, markdown=("![](img/c.png)",))
        )
        marks.append(replace(mark, markdown=("![](img/c.png)",), figure_hash="known"))
        yield ExtractedDocument(document, tuple(marks), self.listing.container)


@pytest.mark.parametrize("is_file", [False, True])
def test_a_figure_is_known_by_the_hash_of_its_picture(tmp_path, is_file):
    (tmp_path / "root" / "img").mkdir(parents=True)
    for name, content in (
        ("root/img/c d.png", b"1"),
        ("root/img/c.png", b"2"),
        ("out.png", b"3"),
    ):
        (tmp_path / name).write_bytes(content)
    note = tmp_path / "root" / "a.md"
    note.write_text(
        "![](img/c%20d.png)\n![x](img/c.png)\n![](gone.png)\n![](../out.png)\nno picture\n"
    )
    root = note if is_file else tmp_path / "root"
    parameters = SourceOpenParameters("n", root, SourceSettings(path="x"))
    document, *_ = Figures.open(parameters).scan(None)
    hashes = [sha256(raw).hexdigest()[:16] for raw in (b"1", b"2")]
    found = [mark.figure_hash for mark in document.highlights]
    assert found == [*hashes, "", "", "", "", "known"]
