"""Zotero's web and local API: the same as the database gives, and every fault in words."""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.errors import ConfigError
from ankiforge.extract.zotero.api import RequestTiming
from ankiforge.model import Problem, Sighting
from tests.fakes import zotero_server as fake
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)
from tests.reading import highlights, opened, problems, scans, settings_of, texts

ADA, BEN = 123456, 222333
USERS = {ADA: "Ada Lovelace", BEN: "Ben Reader"}


Clock, Kept = fake.Clock, fake.Kept


def scanned(api: str, server: Any, **more: Any) -> list[Sighting]:
    """What a source yields; settings, and what opens it, by name."""
    names = {"library", "path", "key_env", "url"}
    settings = {name: more.pop(name) for name in names & more.keys()}
    settings = (
        {"url": server.url, "key_env": "ZOTERO_API_KEY"} | settings
        if server
        else settings
    )
    only, me = more.pop("only", ()), more.pop("me", ())
    limits = {"timing": more.pop("pace", None) or Clock().pace}
    root = Path(settings.get("path", "."))
    chosen = settings_of("zotero", api=api, **settings)
    return list(opened("zotero", root, chosen, only, me, limits=limits, **more).scan())


def paper(*marks: Annotation, number: int = 1, **more: Any) -> Work:
    attachment = Attachment(f"ATTACH0{number}", f"paper {number}.pdf", marks)
    return Work(
        f"PAPER00{number}",
        {"title": f"Paper {number}"},
        attachments=(attachment,),
        **more,
    )


def mark(number: int, text: str = "", **more: Any) -> Annotation:
    return Annotation(f"MARK{number:04}", text or f"passage {number}", top=number, **more)


RICH = [
    Library(
        (
            Work(
                "PAPERAA2",
                {
                    "title": "On <i>Spacing</i>",
                    "date": "2019-03-00 March 2019",
                    "DOI": "10.5555/ABC",
                    "url": "https://example.org/a",
                    "extra": "Citation Key: doe2019",
                },
                creators=(
                    ("editor", "Ed", "Itor"),
                    ("author", "Jane", "Doe"),
                    ("author", "", "The Snail Consortium"),
                ),
                tags=("memory", "Äpfel"),
                automatic_tags=("from a catalogue",),
                collections=("Outer/Inner", "Solo", "Bin/Below"),
                attachments=(
                    Attachment(
                        "ZFILEBB3",
                        "second.pdf",
                        (
                            mark(
                                1,
                                "a“b”\u00ad c\ufb01",
                                comment="q: <b>Why</b>?\r\nso",
                                page=2,
                            ),
                            mark(2, kind="underline", colour="#FF6666", tags=("z", "a")),
                            Annotation(
                                "MARKNOTE",
                                None,
                                "a remark",
                                kind="note",
                                page_label="vii",
                            ),
                            Annotation(
                                "MARKPICT", None, "? Which?", kind="image", page_label="2"
                            ),
                            Annotation("MARKDRAW", None, kind="ink"),
                            Annotation("MARKTYPE", None, "typed", kind="text"),
                            mark(3, trashed=True),
                        ),
                        added="2024-02-02 10:00:00",
                    ),
                    Attachment(
                        "AFILECC4",
                        "first.pdf",
                        (mark(4), mark(5, "")),
                        added="2023-01-01 09:00:00",
                    ),
                    Attachment(
                        "LINKED55", "x.pdf", (mark(6),), path="/far away/linked.pdf"
                    ),
                    Attachment("THROWN66", "y.pdf", (mark(7),), trashed=True),
                ),
                notes=(
                    Note("NOTEAAA2", "<p>Mine <b>alone</b>.</p>", tags=("n",)),
                    Note("NOTEBBB3", "<p>thrown away</p>", trashed=True),
                ),
            ),
            paper(mark(8), number=7, trashed=True),
            Work(
                "STATUTE2",
                {"nameOfAct": "An Act", "dateEnacted": "1999-05-01 May 1, 1999"},
                kind="statute",
                attachments=(
                    Attachment("ATTACH09", "act.pdf", (mark(9, author_name="Somebody"),)),
                ),
            ),
        ),
        loose=(
            Attachment(
                "LOOSEAA2",
                "loose.epub",
                (mark(10, position='{"type":"FragmentSelector"}'),),
            ),
            Attachment(
                "LOOSEBB3", "b.pdf", (mark(11),), title="Told", collections=("Solo",)
            ),
        ),
        loose_notes=(Note("NOTECCC4", "<p>on nothing</p>"),),
        trashed_collections=("Bin",),
    ),
    Library(
        (
            paper(
                mark(1, "hers", comment="q: Hers?", author=ADA),
                mark(2, "his", comment="q: His?", author=BEN),
                notes=(Note("GNOTEAA2", "<p>his note</p>", author=BEN),),
            ),
        ),
        group=4567890,
        name="Reading group",
    ),
    Library((), group=77, name="Empty"),
]


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """Starts servers."""
    with ExitStack() as stack:

        def serve_(libraries: Iterable[Library] = (), **more: Any) -> Any:
            more = {"users": USERS, **more}
            return stack.enter_context(fake.ZoteroServer(list(libraries), **more))

        yield serve_


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with the rich library."""
    return folder_of(tmp_path / "Zotero", RICH)


def folder_of(folder: Path, libraries: Iterable[Library]) -> Path:
    folder.mkdir()
    write_zotero(folder / "zotero.sqlite", libraries, account=(ADA, "ada"), users=USERS)
    return folder


# --- one model ------------------------------------------------------------------------------


@pytest.mark.parametrize("me", [(), ("Ben Reader",), ("ada", "nobody")])
def test_the_web_gives_what_the_database_gives(serve, folder, me):
    expected = scanned("", None, path=str(folder), me=me)
    found = scanned("web", serve(RICH), me=me)
    assert len(highlights(expected)) == 17
    assert found == expected


@pytest.mark.parametrize("flavour", ["local8", "local9", "local10"])
def test_the_local_api_gives_what_the_database_gives(serve, folder, flavour):
    found = scanned("local", serve(RICH, flavour=flavour), path=str(folder))
    assert found == scanned("", None, path=str(folder), library="user")


def test_marks_from_the_file_itself_are_known_on_this_machine_only(serve, tmp_path):
    libraries = [Library((paper(mark(1), mark(2, external=True)),))]
    folder = folder_of(tmp_path / "Zotero", libraries)
    assert texts(scanned("", None, path=str(folder))) == ["passage 1", "passage 2"]
    assert texts(scanned("local", serve(libraries, flavour="local10"))) == [
        "passage 1",
        "passage 2",
    ]
    assert texts(scanned("web", serve(libraries))) == ["passage 1"]


def test_the_words_around_come_from_the_folder_beside_the_api(serve, tmp_path):
    from tests.makers.pdf_writer import Page, paragraph, write_pdf

    folder = tmp_path / "Zotero"
    stored = folder / "storage" / "ATTACH01"
    stored.mkdir(parents=True)
    words = "Rest helps. Spacing improves long-term retention of facts. Massing does not."
    write_pdf(stored / "paper 1.pdf", [Page((paragraph(words),))])
    libraries = [Library((paper(mark(1, "long-term retention", comment="why?")),))]
    server = serve(libraries)
    [near] = highlights(scanned("web", server, path=str(folder)))
    [bare] = highlights(scanned("web", server))
    assert near.sentence == "Spacing improves long-term retention of facts."
    assert near.surrounding_text == words
    assert bare.sentence == bare.surrounding_text == ""
    assert replace(near, sentence="", prefix="", suffix="", surrounding_text="") == bare


def test_more_items_than_fit_on_a_page_or_into_a_question(serve, tmp_path):
    works = tuple(
        Work(
            f"PAPER{n:03}",
            {"title": f"Paper {n}"},
            collections=(f"Folder {n}",),
            attachments=(
                Attachment(f"ATTCH{n:03}", "a.pdf", (mark(2 * n), mark(2 * n + 1))),
            ),
        )
        for n in range(130)
    )
    folder = folder_of(tmp_path / "Zotero", [Library(works)])
    server = serve([Library(works)])
    found = scanned("web", server)
    assert found == scanned("", None, path=str(folder))
    assert len(highlights(found)) == 260
    assert any("start=100" in asked for asked in server.asked)
    assert scanned("local", serve([Library(works)], flavour="local9")) == found


def test_what_other_programs_write_is_plain_text_and_unknown_kinds_are_told(serve):
    odd = mark(1, "one\x00\x02 two\r\nthree\tfour", comment="red \x1b[31m\x9b?\x07")
    half, kept = mark(2, "a\ud83db"), Kept()
    library = Library((paper(odd, half, mark(3, kind="hologram")),))
    found = scanned("web", serve([library]), cache=kept)
    first, second = highlights(found)
    assert first.exact == "one two\nthree\tfour"
    assert first.comment == "red [31m?"
    assert second.exact == "a?b"
    assert kept.times == 1
    assert "kind this program does not know" in problems(found)[0].message


# --- whose marks ----------------------------------------------------------------------------


def test_comments_of_others_never_instruct(serve):
    found = {mark.exact: mark for mark in highlights(scanned("web", serve(RICH[1:2])))}
    assert (found["hers"].comment_is_instruction, found["hers"].skip_reason) == (
        True,
        None,
    )
    assert (found["his"].comment_is_instruction, found["his"].skip_reason) == (
        False,
        "marked by Ben Reader",
    )
    untold = highlights(scanned("web", serve([Library((paper(mark(1)),), group=5)])))
    assert [(one.comment_is_instruction, one.skip_reason) for one in untold] == [
        (False, "marked by somebody else")
    ]


def test_the_local_api_gives_ones_own_library_only(serve):
    server = serve(RICH, flavour="local10")
    assert scans(scanned("local", server)) == {"zotero:user": True}
    found = scanned("local", server, library=("user", "groups/4567890"))
    assert scans(found) == {"zotero:user": True, "zotero:group.4567890": False}
    [problem] = problems(found)
    assert "own library only" in problem.message
    assert "api: web" in problem.hint


# --- which libraries ------------------------------------------------------------------------

ALL = ["zotero:user", "zotero:group.77", "zotero:group.4567890"]


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("", ALL),
        ("user", ALL[:1]),
        (4567890, ALL[2:]),
        ("group.77", ALL[1:2]),
        ("groups/77", ALL[1:2]),
        (("user", 77), ALL[:2]),
    ],
)
@pytest.mark.parametrize("api", ["web", ""])
def test_libraries_by_name(serve, folder, api, library, expected):
    if api:
        found = scanned("web", serve(RICH), library=library)
    else:
        found = scanned("", None, path=str(folder), library=library)
    assert list(scans(found)) == expected
    assert problems(found) == []


def test_a_library_that_is_not_there(serve, folder):
    found = scanned("web", serve(RICH), library=("user", "groups/5"))
    assert scans(found) == {"zotero:user": True, "zotero:group.5": False}
    assert "404" in problems(found)[0].message
    found = scanned("", None, path=str(folder), library=("user", "groups/5", 9))
    nowhere = {"zotero:group.5": False, "zotero:group.9": False}
    assert scans(found) == {"zotero:user": True, **nowhere}
    says = [problem.message for problem in problems(found)]
    assert says == ["library: it has no group 5", "library: it has no group 9"]


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api": ""}, "path is missing"),
        ({"library": 5}, "path is missing"),
        ({"api": "web", "url": "ftp://x.org"}, "url: "),
        ({"api": "web", "url": "https://"}, "url: "),
        ({"api": "web", "url": "http://[::1"}, "url: "),
        ({"api": "web", "url": "http://zotero.example.org"}, "url: "),
        ({"api": "web", "url": "https://ada:key@zotero.example.org"}, "url: "),
        ({"api": "local", "url": "https://zotero.example.org"}, "url: "),
        ({"api": "web", "key_env": "ODD_KEY"}, "key_env: the key in ODD_KEY"),
        ({"path": "/tmp", "url": "https://zotero.example.org"}, "url: "),
        *(
            ({"api": "web", "library": library}, "library: ")
            for library in ("me", "group.", "users/5", 0, -5, ("user", "x"))
        ),
    ],
)
def test_settings_that_cannot_be_meant(monkeypatch, settings, message):
    monkeypatch.setenv("ODD_KEY", "ä\n")
    with pytest.raises(ConfigError) as refusal:
        opened("zotero", Path(), settings_of("zotero", **settings))
    assert message in refusal.value.message
    assert refusal.value.hint or "ODD_KEY" in message


# --- faults, in words -----------------------------------------------------------------------


def blocked(found: list[Sighting]) -> Problem:
    """The one problem of a source that gave nothing, and counted nothing as deleted."""
    [problem] = problems(found)
    assert highlights(found) == []
    assert scans(found) == {"zotero:user": False}
    assert problem.hint
    assert fake.KEY not in repr(problem)
    return problem


ONE = [Library((paper(mark(1), mark(2)),))]


def test_without_a_key_nothing_is_asked_and_a_wrong_one_is_not_told(serve, monkeypatch):
    monkeypatch.setenv("READING_KEY", "wrong0123456789")
    problem = blocked(scanned("web", serve(ONE), key_env="READING_KEY"))
    assert "returned 403" in problem.message
    assert "READING_KEY" in problem.hint
    monkeypatch.delenv("ZOTERO_API_KEY")
    server = serve(ONE)
    problem = blocked(scanned("web", server))
    assert "needs a key, in ZOTERO_API_KEY" in problem.message
    assert "zotero.org/settings/keys" in problem.hint
    assert server.asked == []
    problem = blocked(scanned("web", server, library=ADA))
    assert "needs a key, in ZOTERO_API_KEY" in problem.message


def test_zotero_7_lists_no_annotations_and_that_is_said(serve):
    server = serve(ONE, flavour="local7")
    problem = blocked(scanned("local", server))
    assert "Zotero 7" in problem.message
    assert "path:" in problem.hint


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number: int = taken.getsockname()[1]
        return number


@pytest.mark.parametrize(
    ("api", "path", "what", "hint", "slept"),
    [
        ("local", "/api", "Zotero does not answer", "start Zotero", []),
        ("web", "", "cannot be reached", "", [1.0, 2.0, 4.0]),
    ],
)
def test_nobody_answers_there(api, path, what, hint, slept):
    clock, url = Clock(), f"http://127.0.0.1:{free_port()}{path}"
    problem = blocked(
        scanned(api, None, url=url, key_env="ZOTERO_API_KEY", pace=clock.pace)
    )
    assert what in problem.message
    assert hint in problem.hint
    assert clock.slept == slept


JSON = {"Content_Type": "application/json"}
STAYS = {
    "cut": ([fake.TRUNCATED] * 99, "cannot be read", 4),
    "dropped": ([fake.DROP] * 99, "cannot be reached", 4),
    "500": ([fake.status(500, "oops")] * 99, "returned 500", 4),
    "503": ([fake.status(503, "<html>busy</html>")] * 99, "returned 503", 4),
    "429": ([fake.status(429)] * 99, "429", 4),
    "an hour of rest, 429": (
        [fake.status(429, Retry_After="3600")],
        "asks to wait 3,600 s",
        1,
    ),
    "an hour of rest, 503": (
        [fake.status(503, Retry_After="3600")],
        "asks to wait 3,600 s",
        1,
    ),
    "rest beside an answer": ([fake.beside(Backoff="4000")], "asks to wait 4,000 s", 1),
}


@pytest.mark.parametrize("name", STAYS)
def test_a_fault_that_stays_is_told(serve, name):
    server, clock = serve(ONE), Clock()
    faults, says, asked = STAYS[name]
    server.faults.extend(faults)
    assert says in blocked(scanned("web", server, pace=clock.pace)).message
    assert len(server.asked) == asked
    assert len(clock.slept) == (3 if asked == 4 else 0)


@pytest.mark.parametrize("code", [200, 302])
@pytest.mark.parametrize("api", ["web", "local"])
def test_the_login_page_of_a_hotel_is_no_empty_library(serve, api, code):
    server = serve(ONE, flavour="web" if api == "web" else "local10")
    server.faults.extend([fake.portal(code)] * 9)
    problem = blocked(scanned(api, server))
    assert "in place of Zotero at 127.0.0.1" in problem.message
    assert len(server.asked) == 1
    assert "hotel" not in problem.message


@pytest.mark.parametrize(
    "fault", [fake.TRUNCATED, fake.DROP, fake.status(500), fake.status(503)]
)
@pytest.mark.parametrize("at", [0, 1, 3, 5])
def test_a_fault_that_passes_changes_nothing(serve, fault, at):
    server = serve(ONE)
    expected = scanned("web", server)
    clock = Clock()
    server.faults.extend([fake.FINE] * at + [fault, fault, fault])
    assert scanned("web", server, pace=clock.pace) == expected
    assert clock.slept == [1.0, 2.0, 4.0]


RESTS = {
    "seconds": (
        [fake.FINE, fake.status(429, Retry_After="7"), fake.status(429)],
        [7.0, 2.0],
    ),
    "beside an answer": ([fake.FINE, fake.beside(Backoff="9"), fake.FINE], [9.0]),
}


@pytest.mark.parametrize("name", RESTS)
def test_a_rest_that_is_asked_for_is_kept(serve, name):
    server, clock = serve(ONE), Clock()
    expected = scanned("web", server)
    faults, slept = RESTS[name]
    server.faults.extend(faults)
    assert scanned("web", server, pace=clock.pace) == expected
    assert clock.slept == slept


@pytest.mark.parametrize(("api", "flavour"), [("web", "web"), ("local", "local10")])
def test_a_server_that_falls_silent_is_not_asked_again(serve, api, flavour):
    server = serve(ONE, flavour=flavour)
    clock = Clock()
    server.faults.extend([fake.Fault(seconds=1.0)] * 9)
    problem = blocked(scanned(api, server, pace=RequestTiming(clock.sleep, 0.1)))
    assert "timed out" in problem.message
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        '{"a": 1}',
        "[1]",
        '[{"key": "X"}]',
        '[{"key": "MARK0001", "data": []}]',
        "null",
        "[" * 9999,
    ],
)
def test_json_of_another_shape_is_told(serve, body):
    server = serve(ONE)
    answer = fake.status(200, body, Content_Type="application/json")
    server.faults.extend([fake.FINE] * 3 + [answer] * 9)
    blocked(scanned("web", server))


@pytest.mark.parametrize("at", range(7))
@pytest.mark.parametrize("body", ["[]", "{}", "null", '"x"', "0"])
def test_an_empty_answer_anywhere_is_never_a_deletion(serve, at, body):
    server = serve(ONE)
    server.faults.extend([fake.FINE] * at)
    server.faults.append(fake.status(200, body, Content_Type="application/json"))
    found = scanned("web", server)
    whole = texts(found) == ["passage 1", "passage 2"]
    nothing_known = at == 2  # the very list of marks: only what was known before tells
    assert whole or nothing_known or not any(scans(found).values())


def test_one_library_that_fails_leaves_the_others(serve):
    server = serve([*ONE, Library((paper(mark(1, "shared", author=ADA)),), group=5)])
    server.faults.extend([fake.FINE] * 3 + [fake.status(404, "gone")])
    found = scanned("web", server)
    assert scans(found) == {"zotero:user": False, "zotero:group.5": True}
    assert texts(found) == ["shared"]
    assert problems(found)[0].location.endswith(": zotero:user")


def test_a_row_without_a_key_is_told(serve):
    server = serve(ONE)
    row = '[{"version": 1, "data": {"itemType": "annotation"}}]'
    answer = fake.status(200, row, Content_Type="application/json", Total_Results="1")
    server.faults.extend([fake.FINE] * 3 + [answer] * 9)
    assert "cannot be read (KeyError: 'key')" in blocked(scanned("web", server)).message


def test_a_row_without_data_is_told_and_none_is_dropped(serve):
    server = serve(ONE)
    rows = '[{"key": "MARK0001", "data": {}}, {"key": "MARK0002", "data": null}]'
    answer = fake.status(200, rows, Content_Type="application/json", Total_Results="3")
    server.faults.extend([fake.FINE] * 3 + [answer] * 9)
    assert "a row has no data" in blocked(scanned("web", server)).message


NO_ROW = '[{"data": null}]'
ENDLESS = {
    "empty pages": ("[]", "100000", "0 of 100000"),
    "pages without an item": (NO_ROW, "100000", "a row has no data"),
    "more than any library has": (
        '[{"data": {}}]',
        "1000000",
        "has 1,000,000 groups: too many",
    ),
    "no number": (NO_ROW, "9" * 5000, "cannot be read"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_list_ends(serve, name):
    server = serve(ONE)
    body, total, says = ENDLESS[name]
    page = fake.status(200, body, Content_Type="application/json", Total_Results=total)
    server.faults.extend([fake.FINE, *[page] * 99])
    assert says in blocked(scanned("web", server)).message
    assert len(server.asked) < 10


def test_a_library_that_takes_too_long_as_a_whole_is_given_up(serve):
    server = serve(ONE)
    problem = blocked(scanned("web", server, pace=RequestTiming(total_timeout=0)))
    assert "did not return all items in 0 minutes" in problem.message
    assert server.asked == []


# --- offline --------------------------------------------------------------------------------


def test_offline_this_machine_may_be_asked_and_no_other(serve):
    problem = blocked(scanned("web", None, offline=True))
    assert "--offline" in problem.message
    assert "api.zotero.org" in problem.message
    assert texts(scanned("web", serve(ONE), offline=True)) == ["passage 1", "passage 2"]
    assert (
        len(highlights(scanned("local", serve(ONE, flavour="local9"), offline=True))) == 2
    )
