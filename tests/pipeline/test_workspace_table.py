"""What a workspace tells, holds, finds and decides; pictures of cards; second readings: rows."""

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.anki.connect import AnkiConnect
from ankiforge.config.workspace import RememberedPath, store_remembered_paths
from ankiforge.draft.second_reading import MAX_CARDS_PER_REQUEST, CardToCheck
from ankiforge.errors import ItemError, RefusedError, ServiceError, UsageError
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Draft,
    DraftingResult,
    Finding,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
    Media,
    Problem,
    Severity,
)
from ankiforge.pipeline import media, second_reading
from ankiforge.pipeline import workspace as module
from ankiforge.pipeline.run_result import (
    AnkiReadResult,
    AnkiReadState,
    RunParameters,
)
from ankiforge.pipeline.workspace import Workspace
from tests.cards import made
from tests.pipeline.test_collection_table import note_of, show_in_anki

# --- locks and notices -----------------------------------------------------------------------


JOURNAL = Path("w/journal")
RESTORE = "restore it from a backup, if you have one"
UPDATE = "install the newest ankiforge here: it reads them then"


@pytest.mark.parametrize(
    ("counts", "read_only", "messages"),
    [
        ({}, False, []),
        ({"unreadable": 1}, False, [("1 line could not be read, and was skipped", RESTORE)]),
        ({"unreadable": 2}, False, [("2 lines could not be read, and were skipped", RESTORE)]),
        ({"unknown": 1}, False, [("1 line is of a newer version of ankiforge, and has no effect here", UPDATE)]),
        ({"unknown": 2}, False, [("2 lines are of a newer version of ankiforge, and have no effect here", UPDATE)]),
        ({"missing": 1}, True, [("1 line missing: the next run writes them again", "")]),
        ({"missing": 2}, False, [("2 lines missing: written again", "")]),
    ],
)  # fmt: skip
def test_what_is_told_of_a_journal(counts, read_only, messages):
    state = SimpleNamespace(**{"unreadable": 0, "unknown": 0, "missing": 0, **counts})
    workspace: Any = SimpleNamespace(
        ledger=SimpleNamespace(journal_state=state),
        folder=SimpleNamespace(journal_directory=JOURNAL),
        read_only=read_only,
    )
    told = list(module.Workspace.iter_journal_problems(workspace))
    assert told == [
        Problem(str(JOURNAL), message, hint, is_notice=True) for message, hint in messages
    ]


@pytest.mark.parametrize(
    ("was_read", "has_cards", "has_sources", "told"),
    [
        (True, True, True, ""),
        (False, False, True, ""),
        (False, True, True, "it was rebuilt, and contains only your cards"),
        (False, True, False, ""),
    ],
)
def test_a_database_that_was_made_anew_says_so(
    workspace, monkeypatch, was_read, has_cards, has_sources, told
):
    workspace.ledger.set_meta("run", "1" if was_read else "")
    monkeypatch.setattr(module, "has_cards", lambda ledger: has_cards)
    if not has_sources:
        config = replace(workspace.folder.config, sources=())
        workspace.folder = replace(workspace.folder, config=config)
    expected = Problem(
        str(workspace.folder.ledger_path),
        told,
        "ankiforge run adds what waits",
        is_notice=True,
    )
    assert list(workspace.iter_rebuilt_database_notices()) == ([expected] if told else [])


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ({}, ""),
        ({"vault:Notes": ["a.md"]}, "Notes (1 document)"),
        ({"pdf:V": ["a.pdf"], "vault:V": ["a.md", "b.md"]}, "V (3 documents)"),
        (
            {"zotero:user": ["A"], "zotero:group 7": ["B"], "kindle:kindle": ["C"]},
            "Zotero (2 documents), kindle (1 document)",
        ),
    ],
)
def test_one_note_names_the_sources_whose_paths_were_lost(
    workspace, monkeypatch, places, told
):
    monkeypatch.setattr(module, "load_unlocated_documents", lambda ledger: places)
    expected = Problem(
        ".ankiforge",
        "was lost with the PATHs of your sources, so these are not read, and their cards"
        f" stay: {told}",
        "ankiforge run PATH for each, with its --deck and --marks",
        is_notice=True,
    )
    assert list(workspace.iter_lost_path_notices()) == ([expected] if told else [])


def test_a_database_without_sources_names_those_that_it_had(workspace, monkeypatch):
    workspace.ledger.set_meta("run", "")
    config = replace(workspace.folder.config, sources=())
    workspace.folder = replace(workspace.folder, config=config)
    monkeypatch.setattr(module, "load_unlocated_documents", lambda ledger: {"v:N": ["a"]})
    [problem] = workspace.iter_rebuilt_database_notices()
    assert problem.message.endswith(": N (1 document)")
    place = RememberedPath(str(workspace.folder.root), "obsidian", "n")
    store_remembered_paths(workspace.folder.state_directory, [place])
    [problem] = workspace.iter_rebuilt_database_notices()
    assert problem.message.startswith("it was rebuilt")


# --- Anki ------------------------------------------------------------------------------------


def with_connect(workspace: Workspace, url: str) -> None:
    settings = replace(workspace.folder.config.anki, connect=url)
    config = replace(workspace.folder.config, anki=settings)
    workspace.folder = replace(workspace.folder, config=config)


@pytest.mark.parametrize(
    ("is_there", "host", "answers", "can_show"),
    [
        (True, "127.0.0.1", True, True),
        (False, "127.0.0.1", True, False),
        (True, "127.0.0.1", False, False),
        (True, "a.example", True, False),  # no other computer is asked
    ],
)
def test_a_card_can_be_shown_if_anki_has_it_and_answers(
    workspace, is_there, host, answers, can_show
):
    [card, *_] = workspace.cards()
    if is_there:
        show_in_anki(workspace, note_of(card))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not answers:
            server.close()
        with_connect(workspace, f"http://{host}:{port}")
        assert workspace.can_show_in_anki(card.guid) is can_show


def test_a_card_that_anki_lacks_cannot_be_shown(workspace):
    with pytest.raises(RefusedError) as raised:
        workspace.show_in_anki(workspace.cards()[0].guid)
    assert raised.value.message == "Anki does not have this card yet"
    assert raised.value.hint == "ankiforge push"


def test_an_anki_elsewhere_is_not_asked_offline(workspace, monkeypatch):
    with_connect(workspace, "http://a.example:8765")
    workspace.offline = True
    with pytest.raises(UsageError) as raised:
        workspace.connect_to_anki()
    told = "--offline forbids a connection to Anki at http://a.example:8765"
    assert (raised.value.message, raised.value.hint) == (told, "run it without --offline")
    with_connect(workspace, "http://127.0.0.1:8765")
    checked: list[str] = []
    monkeypatch.setattr(
        AnkiConnect, "check_access", lambda anki: checked.append(anki.url)
    )
    assert workspace.connect_to_anki().url == "http://127.0.0.1:8765"
    assert checked == ["http://127.0.0.1:8765"]


class Anki:
    """A running Anki, as the client shows it."""

    url = "http://a.example:8765"

    def __init__(self, *, logged_in: bool = True, fails: str = "") -> None:
        self.done: list[str] = []
        self.logged_in, self.fails = logged_in, fails

    def get_active_profile(self) -> str:
        return "User 1"

    def start_sync(self) -> bool:
        self.done.append("sync")
        return self.logged_in

    def import_package(self, path: Path) -> None:
        self.done.append("import")
        if self.fails == "import":
            raise ServiceError("refused", hint="try")


@pytest.mark.parametrize(
    ("options", "anki", "done", "pushed", "error", "is_left"),
    [
        ({}, {}, ["read", "import", "read"], (6, 0), "", False),
        ({"sync": True}, {}, ["sync", "read", "import", "read", "sync"], (6, 0), "", False),
        ({"sync": True}, {"logged_in": False}, ["sync", "read", "import", "read"], (6, 0), "", False),
        ({}, {"fails": "import"}, ["read", "import"], None, "refused", True),
        ({}, {"fails": "read"}, ["read"], None, "down", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("arrives", [True, False])
def test_a_push(
    workspace, tmp_path, monkeypatch, options, anki, done, pushed, error, is_left, arrives
):
    client = Anki(**anki)
    monkeypatch.setattr(workspace, "connect_to_anki", lambda: client)

    def read(settings: Any, ledger: Any, **_: Any) -> Any:
        client.done.append("read")
        if client.fails == "read":
            raise ServiceError("down")
        if "import" in client.done and arrives:
            notes = [
                replace(note_of(card), mod=2_000_000_000)
                for card in workspace.cards()
                if card.kind is CardKind.BASIC
            ]
            cloze = next(
                card for card in workspace.cards() if card.kind is CardKind.CLOZE
            )
            notes.append(replace(notes[0], guid=cloze.guid, id=99, mod=2_000_000_000))
            show_in_anki(workspace, *notes)
        return AnkiReadResult(AnkiReadState.READ, path="User 1/collection.anki2")

    monkeypatch.setattr(module, "read_collection", read)
    path = tmp_path / "a.apkg"
    result = workspace.push(output=path, **options)
    assert client.done == done
    assert (result.error.message if result.error else "") == error
    if pushed and not arrives:
        pushed, is_left = (0, 0), True
        assert result.problems[-1] == Problem(
            "Anki", "6 of the notes did not arrive", f"import {path} by hand"
        )
    assert (result.pushed, path.exists()) == (pushed, is_left)
    if anki == {"logged_in": False}:
        assert result.problems[0] == Problem(
            "Anki", "is not logged in to a sync account", "press Sync in Anki and log in"
        )


@pytest.mark.parametrize(
    ("deck", "output", "name"),
    [
        (None, "", "ankiforge.apkg"),
        (None, "x.apkg", "x.apkg"),
        ("OURS", "", "OURS.apkg"),
    ],
)
def test_where_a_package_goes(workspace, tmp_path, deck, output, name):
    ours = workspace.cards()[0].deck
    given = str(tmp_path / output) if output else ""
    wanted = ours if deck == "OURS" else deck
    path = workspace._find_package_path(wanted, given, force=True)
    folder = tmp_path if output else workspace.folder.output
    assert path == folder / name.replace("OURS", ours)
    with pytest.raises(UsageError, match="there is no note in a deck None"):
        workspace._find_package_path("None", given, force=True)
    with pytest.raises(UsageError):
        workspace._find_package_path(None, tmp_path / "x.zip", force=True)
    workspace.read_only = True
    assert (
        workspace._find_package_path(None, tmp_path / "x.zip", force=True).name == "x.zip"
    )


# --- decisions by id -------------------------------------------------------------------------


def test_decisions_by_the_start_of_an_id(workspace):
    [card, other, *_] = workspace.cards()
    workspace.reject(card.guid[:12], other.guid, reason="no")
    assert len(workspace.cards()) == 4
    [rejected] = [each for each in workspace.ledger.list_history() if each.guid == card.guid][:1]  # fmt: skip
    assert workspace.undo() == rejected.id
    assert len(workspace.cards()) == 6  # both, as one action
    for call in (workspace.accept, workspace.reject):
        with pytest.raises(UsageError, match="no id begins with 'af22222'"):
            call("af22222")
    with pytest.raises(UsageError, match="ids begin with 'af'"):
        workspace.edit("af", {"Back": "x"})
    guid, _ = workspace.edit(card.guid, {"Back": "x", "Tags": "mine"})
    [now] = [each for each in workspace.cards() if each.guid == guid]
    assert (dict(now.fields)["Back"], now.added_tags) == ("x", ("mine",))
    key = card.key
    made_guid, _ = workspace.edit(key, {"Front": "Why?", "Back": "So.", "Deck": "D"})
    [new] = [each for each in workspace.cards() if each.guid == made_guid]
    assert (new.key, new.deck) == (key, "D")


def test_a_remark_needs_a_model(workspace):
    with pytest.raises(UsageError, match="the rules cannot follow a remark"):
        workspace.draft(again=[workspace.cards()[0].key], remark="shorter")
    assert workspace.build_model() is None
    assert workspace.build_model("rules") is None
    with pytest.raises(UsageError, match="no model is chosen"):
        workspace.build_model("llm")
    with pytest.raises(UsageError, match="the rules cost nothing"):
        workspace.estimate()


# --- pictures --------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def passage(namespace: str = "vault:v", source: str = "v", **more: Any) -> Highlight:
    document = Document(DocumentKey("d"), source, "Cells")
    values = {"kind": HighlightKind.HIGHLIGHT, **more}
    kind = values.pop("kind")
    return Highlight(document, namespace, kind, "words", HighlightKey("k"), **values)


@pytest.fixture
def vault(workspace: Workspace, tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    (folder / "deep").mkdir(parents=True)
    for name in ("a b.png", "deep/b.png"):
        (folder / name).write_bytes(PNG)
    (folder / "note.md").touch()
    cut = workspace.folder.pictures_directory
    cut.mkdir(parents=True, exist_ok=True)
    (cut / "c.png").write_bytes(PNG)
    (tmp_path / "outside.png").write_bytes(PNG)
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    roots = {
        "obsidian:v": str(folder),
        "pdf:p": str(folder),
        "zotero:z": str(folder / "note.md"),
        "obsidian:gone": str(tmp_path / "gone"),
    }
    from ankiforge.pipeline.sources import store_source_directories

    store_source_directories(workspace.ledger, roots)
    return folder


@pytest.mark.parametrize(
    ("highlight", "path", "found"),
    [
        (passage(), "a b.png", "a b.png"),
        (passage(), "a%20b.png", "a b.png"),
        (passage(), "deep/b.png", "deep/b.png"),
        # it was moved to a folder above
        (passage(), "deep/a b.png", "a b.png"),
        (passage(), "none/deep/b.png", "deep/b.png"),
        (passage("pdf:p", "p"), "a b.png", "a b.png"),
        # of a library that is a file, from beside it
        (passage("zotero:user", "z"), "a b.png", "a b.png"),
        # cut from a page
        (passage("pdf:p", "p"), "cut/c.png", "CUT/c.png"),
        (passage("zotero:user", "z"), "cut/c.png", "CUT/c.png"),
        (passage("pdf:p", "p"), "cut/../c.png", "is not a file name"),
        (passage(), "cut/c.png", "cannot be read: No such file or directory"),
        (passage(), "link.png", "is outside its source"),
        (passage(), "none.png", "cannot be read: No such file or directory"),
        (passage("vault:v", "other"), "a b.png", "its source is not known on this computer"),
        (passage("vault:v", "gone"), "a b.png", "is not there, so pictures are missing"),
    ],
)  # fmt: skip
def test_where_a_picture_is(workspace, vault, highlight, path, found):
    pictures = workspace.folder.pictures_directory
    loaded = media.load_highlight_media(workspace.ledger, highlight, path, pictures)
    fault = media.explain_missing_picture(workspace.ledger, highlight, path, pictures)
    card = made(
        LocalCard, fields=(("Front", f"![]({path.replace(' ', '%20')})"),), passages=(highlight,)
    )  # fmt: skip
    all_loaded = media.load_card_media(workspace.ledger, card, pictures)
    if not found.endswith(".png"):
        assert isinstance(loaded, Problem)
        assert loaded.message.startswith(found)
        assert fault == f"{path}: {loaded.message}"
        [(name, problem)] = all_loaded.items()
        assert problem.location == f"Cells: {name}"
        assert media.load_available_card_media(workspace.ledger, card, pictures) == {}
        return
    root = pictures if found.startswith("CUT/") else vault
    assert Path(loaded.path) == (root / found.removeprefix("CUT/")).resolve()
    assert fault == ""
    assert list(all_loaded.values()) == [loaded]
    assert media.load_available_card_media(workspace.ledger, card, pictures) == all_loaded


@pytest.mark.parametrize(
    ("change", "figures", "has_hash"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"kind": HighlightKind.HIGHLIGHT}, True, False),
        ({"kind": HighlightKind.INK}, True, False),
        ({"markdown": None}, True, False),
        ({"markdown": ("no picture", "")}, True, False),
        ({"markdown": ("![](none.png)", "")}, True, False),
        ({"figure_hash": "known"}, True, "known"),
        ({"comment": "skip", "comment_is_instruction": True}, True, False),
    ],
)
def test_which_pictures_are_known_by_their_content(
    workspace, vault, change, figures, has_hash
):
    values = {"kind": HighlightKind.IMAGE, "markdown": ("![](a%20b.png)", ""), **change}
    highlight = passage(**values)
    job = RunParameters(
        lambda draft: False, (), workspace.folder.pictures_directory, figures=figures
    )
    found = media.add_figure_hash(job, workspace.ledger, highlight)
    hashed = media.load_highlight_media(
        workspace.ledger, highlight, "a b.png", workspace.folder.pictures_directory
    )
    assert isinstance(hashed, Media)
    expected = hashed.name[3:19] if has_hash is True else (has_hash or "")
    assert found == replace(highlight, figure_hash=expected)


# --- second readings -------------------------------------------------------------------------


class Reader:
    """A model that contradicts the cards whose answer is said."""

    has_second_reading = True

    def __init__(self, *contradicted: str, error: Exception | None = None) -> None:
        self.contradicted, self.error = contradicted, error
        self.asked: list[list[CardToCheck]] = []

    def find_contradictions(self, cards: list[CardToCheck]) -> list[str | None]:
        self.asked.append(cards)
        if self.error:
            raise self.error
        return [
            "not so" if str(card.answer) in self.contradicted else None for card in cards
        ]


class Privacy:
    """Keeps nothing back but passages that say `secret`."""

    def find_private_reason(self, highlight: Highlight) -> str | None:
        return "private" if "secret" in highlight.exact else None

    def make_sendable_highlight(self, highlight: Highlight) -> Any:
        return SimpleNamespace(
            exact=highlight.exact,
            context="",
            title="T",
            creators_and_year="",
            heading="H",
        )

    def mask_text(self, text: str, key: str) -> str:
        return text


def result(*answers: str, exact: str = "words", **more: Any) -> DraftingResult:
    drafts = tuple(
        made(Draft, kind=CardKind.BASIC, fields=(("Front", "What?"), ("Back", answer)))
        for answer in answers
    )
    return DraftingResult(replace(passage(), exact=exact), drafts, **more)


def read(reader: Any, *results: list[DraftingResult]) -> list[list[DraftingResult]]:
    privacy: Any = Privacy()
    found = second_reading.add_model_objections(reader, lambda: privacy, results)
    return [group for group in found if group]


def doubts(results: list[list[DraftingResult]]) -> list[str]:
    return [
        dict(draft.fields)["Back"]
        for group in results
        for each in group
        for draft in each.drafts
        if any(finding.check == "doubted" for finding in draft.findings)
    ]


@pytest.mark.parametrize(
    ("reader", "given"),
    [
        (None, result("a")),
        (SimpleNamespace(has_second_reading=False), result("a")),
        (Reader("a"), result("a", exact="a secret")),
        (Reader("a"), result()),
    ],
)
def test_what_is_not_read_again(reader, given):
    assert read(reader, [given]) == [[given]]
    assert not getattr(reader, "asked", [])


def test_a_blocked_draft_is_not_read_again():
    given = result("a", "b")
    finding = Finding("x", Severity.BLOCK, "x")
    blocked = replace(given.drafts[0], findings=(finding,))
    reader = Reader("a", "b")
    found = read(reader, [replace(given, drafts=(blocked, given.drafts[1]))])
    assert doubts(found) == ["b"]


@pytest.mark.parametrize("known", [None, Problem("a", "b")])
def test_a_reading_that_fails_is_told_once(known):
    given = [result(), result("a", problem=known), result("b")]
    error = ItemError("too long", hint="shorten")
    [found] = read(Reader(error=error), given)
    told = Problem("Cells", "not read a second time: too long", "shorten")
    assert found == [given[0], replace(given[1], problem=known or told), given[2]]


def test_replies_are_read_together():
    full = [result(*map(str, range(MAX_CARDS_PER_REQUEST)))]
    half = [result(*map(str, range(MAX_CARDS_PER_REQUEST // 2)))]
    reader = Reader()
    assert [len(each) for each in read(reader, half, half, full, half)] == [2, 1, 1]
    assert [len(cards) for cards in reader.asked] == [
        2 * (MAX_CARDS_PER_REQUEST // 2),
        MAX_CARDS_PER_REQUEST,
        MAX_CARDS_PER_REQUEST // 2,
    ]
