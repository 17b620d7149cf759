"""What holds for every source. A subclass for each kind says what its files look like."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from ankiforge.extract import registry
from ankiforge.extract.discover import find_source_kind
from ankiforge.extract.file_source import FileSource
from ankiforge.extract.files import MAX_TEXT_BYTES
from ankiforge.model import ExtractedDocument, Problem, ScanEnd, Sighting, UnreadDocument
from ankiforge.plugins import SOURCE_GROUP, find_plugins
from ankiforge.text.private import get_privacy_reason
from tests.limits import no_hang
from tests.reading import documents, highlights, opened, problems, scans

FIRST = "Spacing improves the retention of facts over many weeks"
SECOND = "Testing oneself is more useful than reading a text again"


def passages_in(found: list[Sighting]) -> set[str]:
    """Which of both passages were read, whatever the highlights do with them."""
    said = "".join(
        msgspec.json.encode(highlight).decode() for highlight in highlights(found)
    )
    return {passage for passage in (FIRST, SECOND) if passage in said}


def is_complete(found: list[Sighting]) -> bool:
    return all(scans(found).values())


class EverySource:
    """The tests of a source. `write` is all that most subclasses need."""

    kind: ClassVar[str]
    ending: ClassVar[str]

    def write(self, path: Path, passage: str, comment: str = "") -> None:
        """Write a file in which a passage is marked; a comment may also stand in the passage."""
        raise NotImplementedError

    def make(self, root: Path) -> None:
        """Write both passages, each to a file of its own."""
        (root / "inner").mkdir(parents=True)
        self.write(root / f"a{self.ending}", FIRST)
        self.write(root / "inner" / f"b{self.ending}", SECOND)

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        self.make(tmp_path / "root")
        return tmp_path / "root"

    @pytest.fixture(autouse=True)
    def ending_at_last(self) -> Iterator[None]:
        with no_hang():
            yield

    def scan(self, root: Path, *only: Path) -> list[Sighting]:
        return list(opened(self.kind, root, only=only, name="n").scan())

    # --- what is there

    def test_its_class_says_what_it_is(self):
        source = registry.load_source_type(self.kind)
        assert source.kind == self.kind
        assert self.kind in (*registry.list_source_kinds(), *find_plugins(SOURCE_GROUP))
        assert all(ending == ending.casefold() for ending in source.suffixes)

    def test_it_recognises_its_files_and_no_others(self, root, tmp_path):
        assert find_source_kind(root / f"a{self.ending}") == self.kind
        other = tmp_path / "other.xyz"
        other.write_text("nothing")
        assert find_source_kind(other) is None

    def test_it_lists_everything_and_says_so_at_the_end(self, root):
        found = self.scan(root)
        assert passages_in(found) == {FIRST, SECOND}
        assert problems(found) == []
        assert isinstance(found[-1], ScanEnd)
        assert is_complete(found)
        assert {one.container for one in documents(found)} <= scans(found).keys()

    def test_it_reads_everything_twice_alike(self, root):
        source = opened(self.kind, root, name="n")
        found = list(source.scan())
        assert list(source.scan()) == found
        assert self.scan(root) == found

    def test_a_part_is_no_complete_scan(self, root):
        only = next(path for path in sorted(root.rglob("*")) if path.is_file())
        found = self.scan(root, only)
        assert FIRST in passages_in(found)
        assert not is_complete(found)

    def test_a_private_passage_is_marked_as_one(self, tmp_path):
        path = tmp_path / f"a{self.ending}"
        self.write(path, FIRST, "#no-llm")
        found = self.scan(tmp_path)
        assert passages_in(found) == {FIRST}
        assert all(map(get_privacy_reason, highlights(found)))

    # --- what is not there

    def test_an_absent_root_is_a_problem_and_nothing_is_gone(self, tmp_path):
        found = self.scan(tmp_path / "nowhere")
        assert problems(found)
        assert documents(found) == []
        assert not is_complete(found)

    def test_a_pipe_is_not_waited_for_and_nothing_is_gone(self, tmp_path):
        pipe = tmp_path / f"pipe{self.ending}"
        os.mkfifo(pipe)
        found = self.scan(pipe)
        assert problems(found)
        assert not is_complete(found)


class FolderSuite(EverySource):
    """The tests of a source that reads the files of a folder."""

    largest: ClassVar[int] = MAX_TEXT_BYTES
    """The bytes of the largest file that is read; 0 if they have no limit."""

    def test_a_pipe_in_a_folder_is_left_out(self, root):
        os.mkfifo(root / f"pipe{self.ending}")
        found = self.scan(root)
        assert passages_in(found) == {FIRST, SECOND}
        assert is_complete(found)

    def test_what_is_in_a_folder_that_cannot_be_listed_is_not_gone(
        self, root, monkeypatch
    ):
        listed = os.scandir

        def scandir(path: Any) -> Any:
            if str(path).endswith("inner"):
                raise PermissionError(13, "Permission denied", path)
            return listed(path)

        monkeypatch.setattr(os, "scandir", scandir)
        found = self.scan(root)
        assert passages_in(found) == {FIRST}
        [problem] = problems(found)
        assert (problem.location, problem.is_notice) == ("inner/", False)
        # the ledger keeps the files below what a problem names
        by_file = issubclass(registry.load_source_type(self.kind), FileSource)
        assert is_complete(found) is by_file

    def test_what_icloud_has_taken_off_this_machine_is_not_gone(self, root):
        (root / "inner" / f"b{self.ending}").rename(
            root / "inner" / f".b{self.ending}.icloud"
        )
        found = self.scan(root)
        assert passages_in(found) == {FIRST}
        if issubclass(registry.load_source_type(self.kind), FileSource):
            unread = [one.path for one in found if isinstance(one, UnreadDocument)]
            assert unread == [f"inner/b{self.ending}"]
        else:
            assert not is_complete(found)

    def test_what_is_in_a_file_that_cannot_be_opened_is_not_gone(self, root, monkeypatch):
        closed = root / "inner" / f"b{self.ending}"
        self.close(closed, monkeypatch)
        found = self.scan(root)
        assert SECOND not in passages_in(found)
        # the ledger keeps what a problem names
        assert [Path(problem.location).name for problem in problems(found)] == [
            closed.name
        ]

    def close(self, closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make a file unreadable; by its mode, root could read it all the same."""
        open_file = os.open

        def refused(path: Any, *given: Any, **more: Any) -> int:
            if str(path) == str(closed):
                raise PermissionError(13, "Permission denied", path)
            return open_file(path, *given, **more)

        monkeypatch.setattr(os, "open", refused)

    def test_a_file_that_is_too_large_is_told_and_the_others_are_read(self, root):
        if not self.largest:
            pytest.skip("a process of its own reads it, with limits of time and memory")
        large = root / f"large{self.ending}"
        self.write(large, FIRST)
        with large.open("r+b") as file:
            file.truncate(self.largest + 1)
        found = self.scan(root)
        assert passages_in(found) == {FIRST, SECOND}
        [problem] = problems(found)
        assert isinstance(problem, Problem)
        assert (problem.location, "larger than" in problem.message) == (large.name, True)
        assert all(
            isinstance(one, (ExtractedDocument, Problem, ScanEnd)) for one in found
        )
