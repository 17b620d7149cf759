"""Where the file of an annotation of Zotero is, and what is asked about it: rows."""

import json

import pytest

from ankiforge.extract.passage_context import PassageContext
from ankiforge.extract.pdf.messages import Area, CutOut
from ankiforge.extract.zotero.attachments import PictureContext, ZoteroFiles
from ankiforge.extract.zotero.database import Library, ZoteroAnnotation, ZoteroItem
from ankiforge.model import FigureLabel, hash16

USER, GROUP = Library(None), Library(12)


class Worker:
    """Notes what it is asked, and has a sentence for each quote."""

    def __init__(self, pictures=()):
        self.pictures = dict(pictures)
        self.asked = []
        self.cut = []
        self.early = []

    def prefetch(self, requests):
        self.early += [(request.path, request.quotes) for request in requests]

    def find_contexts(self, path, quotes):
        self.asked.append((path.name, quotes))
        return [PassageContext(sentence=f"About {quote.text}.") for quote in quotes], ()

    def cut_pictures(self, path, areas):
        self.cut.append((path.name, areas))
        return {key: self.pictures[key] for key in areas if key in self.pictures}, ()


def mark(key="M", path="storage:a.pdf", file="FILE0001", page=2, **fields):
    position = {} if page is None else {"pageIndex": page}
    position |= fields.pop("position", {})
    fields = {"annotation_type": "highlight", "annotation_text": "words"} | fields
    item = ZoteroItem(
        key, "annotation", annotation_position=json.dumps(position), **fields
    )
    return ZoteroAnnotation(item, ZoteroItem(file, "attachment", path=path))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with a stored, a linked and a foreign file."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (
        "zotero/storage/FILE0001/a.pdf",
        "papers/b/c.pdf",
        "foreign/d.pdf",
        "zotero/cache/library/P.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"file")
    profile = tmp_path / "home/.zotero/zotero/x"
    profile.mkdir(parents=True)
    (profile / "prefs.js").write_text(
        f'user_pref("extensions.zotero.dataDir", "{tmp_path}/zotero");\n'
        f'user_pref("extensions.zotero.baseAttachmentPath", "{tmp_path}/papers");\n'
    )
    return tmp_path / "zotero"


@pytest.mark.parametrize(
    ("library", "path", "file", "looked_up", "is_read"),
    [
        (USER, "storage:a.pdf", "FILE0001", "zotero/storage/FILE0001/a.pdf", True),
        (GROUP, "storage:a.pdf", "FILE0001", "zotero/storage/FILE0001/a.pdf", True),
        (USER, "storage:b.pdf", "FILE0001", "zotero/storage/FILE0001/b.pdf", False),
        (USER, "storage:../a.pdf", "FILE0001", "", False),
        (USER, "storage:a.pdf", "..", "", False),
        (USER, "storage:b\\a.pdf", "FILE0001", "", False),
        (USER, "storage:", "FILE0001", "", False),
        (USER, "attachments:b/c.pdf", "FILE0001", "papers/b/c.pdf", True),
        (GROUP, "attachments:b/c.pdf", "FILE0001", "", False),
        (USER, "attachments:../foreign/d.pdf", "FILE0001", "", False),
        (USER, "{root}/foreign/d.pdf", "FILE0001", "foreign/d.pdf", True),
        (GROUP, "{root}/foreign/d.pdf", "FILE0001", "", False),
        (USER, "foreign/d.pdf", "FILE0001", "", False),
        (USER, "", "FILE0001", "", False),
    ],
)
def test_a_file_is_looked_for_where_its_library_may_have_it(
    data, library, path, file, looked_up, is_read
):
    root = data.parent
    worker = Worker()
    files = ZoteroFiles(worker, data)
    annotation = mark(path=path.format(root=root), file=file)
    contexts, pictures = files.read_context(library, [annotation])
    assert bool(contexts) is bool(worker.asked) is is_read
    assert (files.dependencies, pictures) == (
        {str(root / looked_up)} if looked_up else set(),
        (),
    )
    assert files.refused_paths == set()
    is_missing = bool(looked_up) and not is_read
    assert files.missing_counts == ({annotation.file.path: 1} if is_missing else {})


def test_a_file_outside_the_allowed_folders_is_refused_and_not_missing(data):
    worker = Worker()
    files = ZoteroFiles(worker, data, (data, data.parent / "papers"))
    foreign = data.parent / "foreign/d.pdf"
    marks = [
        mark("A", path=str(foreign), file="F1"),
        mark("B", "attachments:b/c.pdf", "F2"),
    ]
    contexts, _ = files.read_context(USER, marks)
    assert [*contexts] == ["B"]
    assert files.refused_paths == {str(foreign)}
    assert not files.missing_counts
    assert str(foreign) not in files.dependencies


LABELS = (FigureLabel("axon", 0, 0, 1, 1),)
CUT = CutOut(b"png", "f1", LABELS)


@pytest.mark.parametrize(
    ("kind", "key", "cut_out", "is_cached", "is_cut"),
    [
        ("image", "P", CUT, False, True),
        ("image", "P", None, True, False),
        ("image", "Q", None, False, False),
        ("image", "P", CutOut(b"", "f1"), True, False),
        ("ink", "P", CUT, True, False),
        ("ink", "Q", CUT, False, True),
        ("image", "../P", None, False, False),
        ("highlight", "P", CUT, False, False),
    ],
)
def test_a_picture_is_cut_from_the_page_or_taken_from_the_cache(
    data, kind, key, cut_out, is_cached, is_cut
):
    worker = Worker({key: cut_out} if cut_out else {})
    files = ZoteroFiles(worker, data)
    position = {"rects": [[1, 2, 3, 4]]}
    annotation = mark(key, annotation_type=kind, annotation_text="", position=position)
    contexts, pictures = files.read_context(USER, [annotation])
    cut_name = f"cut/{hash16('zotero:user', key, 'f1')}.png"
    assert [(picture.name, picture.data) for picture in pictures] == (
        [(cut_name, b"png")] if is_cut else []
    )
    if not is_cached and not is_cut:
        assert contexts == {}
        return
    figure = cut_out or CutOut(b"")
    name = cut_name if is_cut else "cache/library/P.png"
    assert contexts == {
        key: PictureContext(picture=name, figure=figure.figure, labels=figure.labels)
    }
    assert worker.cut == [("a.pdf", {key: Area(2, (1, 2, 3, 4))})]


def test_an_empty_picture_in_the_cache_is_none(data):
    (data / "cache/library/P.png").write_bytes(b"")
    files = ZoteroFiles(Worker(), data)
    assert files.read_context(USER, [mark("P", annotation_type="image")])[0].keys() == {
        "P"
    }
    assert str(data / "cache/library/P.png") in files.dependencies
    assert not isinstance(
        files.read_context(USER, [mark("P", annotation_type="image")])[0]["P"],
        PictureContext,
    )
    (data / "cache/groups/12").mkdir(parents=True)
    (data / "cache/groups/12/P.png").write_bytes(b"png")
    image = mark("P", annotation_type="image", annotation_text="")
    assert files.read_context(GROUP, [image])[0]["P"].picture == "cache/groups/12/P.png"
    allowed = ZoteroFiles(Worker(), data, (data / "storage",))
    assert allowed.read_context(GROUP, [image]) == ({}, ())
