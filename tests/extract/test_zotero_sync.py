"""What the web API is asked the second time, and what becomes of what changed meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ankiforge.model import Highlight, Sighting
from tests import reading
from tests.fakes import zotero_server as fake
from tests.makers.zotero_writer import Annotation, Attachment, Library, Note, Work
from tests.reading import opened, problems, settings_of
from tests.reading import scans as complete

ADA = 123456


def mark(number: int, text: str = "", **more: Any) -> Annotation:
    return Annotation(f"MARK{number:04}", text or f"passage {number}", top=number, **more)


def file(number: int, *marks: Annotation, **more: Any) -> Attachment:
    return Attachment(f"ATTACH{number:02}", f"paper {number}.pdf", marks, **more)


def paper(number: int, *files: Attachment, **more: Any) -> Work:
    title = {"title": f"Paper {number}"}
    return Work(
        f"PAPER{number:03}", title, attachments=files, collections=("Solo",), **more
    )


FIRST = Library(
    (
        paper(1, file(1, mark(1), mark(2)), notes=(Note("NOTEAAA2", "<p>a note</p>"),)),
        paper(2, file(2, mark(3, "", author=ADA))),
        Work("BAREAAA2", {"title": "nobody marked this"}),
    ),
    loose=(file(3, mark(4)),),
)


class Reader:
    """Reads the server again and again, with one memory."""

    def __init__(self, server: Any, **settings: Any) -> None:
        self.server = server
        self.memory = fake.Kept()
        self.settings = settings_of(
            "zotero", api="web", url=server.url, key_env="ZOTERO_API_KEY", **settings
        )

    def read(self, memory: Any = None) -> list[Sighting]:
        self.server.forget_requests()
        return self.scan(memory)

    def scan(self, memory: Any = None) -> list[Sighting]:
        """Read, counting requests on."""
        kept, pace = memory or self.memory, fake.Clock().pace
        source = opened(
            "zotero", Path(), self.settings, cache=kept, limits={"timing": pace}
        )
        return list(source.scan())

    def afresh(self) -> list[Sighting]:
        """What somebody reads who knows nothing yet."""
        return self.read(fake.Kept())

    @property
    def asked(self) -> list[str]:
        """Without whose key it is and which groups there are."""
        return [
            one
            for one in self.server.asked
            if "/keys/" not in one and "/groups?" not in one
        ]


def highlights(found: list[Sighting]) -> dict[str, Highlight]:
    return {mark.source_id: mark for mark in reading.highlights(found)}


@pytest.fixture
def reader(serve: Callable[..., Any]) -> Reader:
    """One who has read the library once."""
    reader = Reader(serve(FIRST))
    assert len(highlights(reader.read())) == 5
    return reader


def test_an_unchanged_library_costs_one_question(reader):
    expected = reader.afresh()
    kept = dict(reader.memory.bodies)
    assert reader.read() == expected
    assert len(reader.asked) == 1
    assert reader.memory.bodies == kept
    assert reader.memory.times == 1


Change = Callable[[Library], Library]


def with_works(*works: Work) -> Change:
    return lambda library: replace(library, works=works)


ONE, TWO, BARE = FIRST.works
CHANGES: dict[str, Change] = {
    "a mark is erased": with_works(
        replace(ONE, attachments=(file(1, mark(1)),)), TWO, BARE
    ),
    "a file is trashed": with_works(
        replace(ONE, attachments=(file(1, mark(1), mark(2), trashed=True),)), TWO, BARE
    ),
    "a paper is trashed": with_works(replace(ONE, trashed=True), TWO, BARE),
    "a title is mended": with_works(replace(ONE, fields={"title": "Mended"}), TWO, BARE),
    "a file moves to a new paper": with_works(
        replace(ONE, attachments=()), TWO, BARE, paper(8, file(1, mark(1), mark(2)))
    ),
    "a collection goes into the trash": lambda library: replace(
        library, trashed_collections=("Solo",)
    ),
    "everything is erased": lambda _: Library(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_known_and_what_changed_give_what_there_is(reader, change):
    before = reader.afresh()
    reader.server.show([CHANGES[change](FIRST)])
    found = reader.read()
    assert problems(found) == []
    assert found == reader.afresh() != before
    assert reader.read() == found
    assert len(reader.asked) == 1


def test_a_library_that_never_holds_still_is_told(serve):
    reader = Reader(serve(FIRST))
    libraries = [with_works(ONE, BARE)(FIRST), FIRST]
    for number in range(1, 60):
        turn = libraries[number % 2]
        reader.server.meanwhile[number] = lambda turn=turn: reader.server.show([turn])
    found = reader.scan()
    [problem] = problems(found)
    assert "kept changing" in problem.message
    assert not complete(found)["zotero:user"]


def test_what_is_known_of_one_account_means_nothing_of_another(serve, reader):
    other = Library((paper(5, file(5, mark(7))),))
    server = serve(other, account=(999, "ben"))
    stranger = Reader(server)
    stranger.memory = reader.memory
    assert set(highlights(stranger.read())) == {"MARK0007"}


def test_the_key_is_in_no_memory(reader):
    import zlib

    for name, body in reader.memory.bodies.items():
        assert fake.KEY not in name
        assert fake.KEY.encode() not in zlib.decompress(body)
