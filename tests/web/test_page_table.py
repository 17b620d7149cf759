"""What the page asks its server for and has done, row by row, without a browser."""

import io
import json
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.config.workspace import resolve
from ankiforge.extract import registry
from ankiforge.model import Question, QuestionKind
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, Item, Review, sittings
from ankiforge.review.items import Ending
from ankiforge.web.documents import Pages
from ankiforge.web.server import PageServer
from ankiforge.web.session import ReviewSession, Several

NOTE = """\
# Cells

==Osmosis is the diffusion of water through a semipermeable membrane.==

What is a ribosome?::a maker of proteins

==so much for that==
"""
SETTINGS = """\
sources: [{obsidian: {name: notes, path: notes}}]
accept: {rules: review}
anki: {collection: none}
"""


@pytest.fixture(scope="module")
def desk(forge_in, tmp_path_factory) -> Path:
    """A workspace in which a card by hand, a proposal and a passage without a card wait."""
    forge = forge_in(tmp_path_factory.mktemp("page"))
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Cells.md").write_text(NOTE, encoding="utf-8")
    forge.settings(SETTINGS, proposals=True)
    forge.ok("run")
    return forge.folder


@pytest.fixture
def workspace(desk, tmp_path):
    folder = tmp_path / "desk"
    shutil.copytree(desk, folder)
    with Workspace(resolve(folder, folder, registry)) as opened:
        yield opened


@pytest.fixture
def session(workspace):
    return ReviewSession(workspace, Pages())


def waiting(session: ReviewSession) -> tuple[str, str]:
    """The ids of the card by hand and of the proposal, in the order in which they are asked."""
    asked, proposed = session.listed("new")["ids"]
    return asked, proposed


def left(shown: dict, list_id: str) -> int:
    [entry] = [each for each in shown["lists"] if each["id"] == list_id]
    return entry["left"]


# --- decisions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "new", "ready", "recent"),
    [
        ("accept", 1, 1, "Accepted"),
        ("reject", 1, 0, "Rejected"),
        ("later", 2, 0, None),
    ],
)
def test_a_decision_is_carried_out_and_taken_back(session, act, new, ready, recent):
    first, second = waiting(session)
    done = session.decide(Decision(first, "", act))
    assert (left(done, "new"), done["ready"]) == (new, ready)
    assert session.listed("new")["ids"][0] == second
    rows = session.listed("recent")["rows"]
    assert [row["state"] for row in rows] == [recent][: len(rows)]
    back = session.undo(done["undo"])
    assert (left(back, "new"), back["ready"], back["item"]["id"]) == (2, 0, first)
    assert first in session.listed("new")["ids"]


@pytest.mark.parametrize(
    ("words", "accepts", "said", "new"),
    [
        ("ribosome", True, "Accepted 1 card.", 1),
        ("ribosome", False, "Rejected 1 card.", 1),
        ("nothing of it", False, "Rejected 0 cards.", 2),
    ],
)
def test_all_that_words_match_is_decided_on_together(session, words, accepts, said, new):
    waiting(session)
    done = session.decide_several(Several((), accepts, words))
    assert (done["said"], left(done, "new")) == (said, new)
    assert bool(done["undo"]) == (new == 1)


@pytest.mark.parametrize(
    ("act", "fields", "made"),
    [("none", {}, 0), ("write", {"Front": "How much?", "Back": "so much"}, 1)],
)
def test_a_passage_without_a_card_gets_one_or_none(session, act, fields, made):
    [passage] = session.listed("none")["items"]
    session.decide(Decision(passage["id"], "", act, fields=fields))
    shown = session.listed("none")
    assert (left(shown, "none"), shown["ready"]) == (0, made)


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({"turn": "old"}, "This has changed meanwhile. Look again."),
        ({"id": "dr0000000000000000"}, "This no longer waits."),
        ({"act": "fly"}, "This cannot be done here: fly."),
        (
            {"act": "make", "choice": -1},
            "No words are selected. Select words of the passage first.",
        ),
    ],
)
def test_what_cannot_be_decided_is_refused_in_words(served, session, decision, told):
    first, _ = waiting(session)
    refused = served("decide", {"id": first, "turn": "", "act": "accept", **decision})
    assert refused["message"] == told
    assert left(session.state(), "new") == 2


# --- the door -------------------------------------------------------------------------------


@pytest.fixture
def served(session):
    """Asks the server as the script of the page does."""
    page = PageServer(1, lambda: session)

    def ask(what: str, body: object = None) -> dict:
        path, _, query = f"/api/{what}".partition("?")
        sent = json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": "GET" if body is None else "POST",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_HOST": "127.0.0.1:1",
            "HTTP_ORIGIN": "http://127.0.0.1:1",
            "HTTP_COOKIE": f"ankiforge_1={page.cookie_value}",
            "CONTENT_TYPE": "application/json",
            "wsgi.input": io.BytesIO(sent),
        }
        status: list[str] = []
        [answer] = page(environ, lambda told, _: status.append(told))
        return {**json.loads(answer), "status": int(status[0][:3])}

    return ask


@pytest.mark.parametrize(
    ("what", "status", "key", "value"),
    [
        ("state", 200, "ready", 0),
        ("list?id=new&start=1", 200, "results", []),
        ("list?id=all&words=ribosome", 200, "total", 1),
        ("list?id=all&words=ribosome&start=x", 200, "told", "1 card"),
        ("item?id=dr0000000000000000", 200, "item", None),
        ("ending?sitting=7", 404, "message", "There is nothing here."),
        ("page?id=x&page=a&width=10", 404, "message", "There is nothing here."),
        ("page?id=x&page=1&width=10", 404, "message", "There is nothing here."),
        ("nothing", 404, "message", "There is nothing here."),
    ],
)
def test_what_the_script_asks_for(served, session, what, status, key, value):
    waiting(session)
    answer = served(what)
    assert (answer["status"], answer[key]) == (status, value)


def test_a_mark_is_shown_by_its_key_with_its_sitting(served, session):
    [document] = session.shelf()["documents"]
    sitting = session.sitting(document["key"])
    shown = served(f"item?id={document['key']}&sitting={sitting['number']}")
    assert shown["item"]["id"] in sitting["ids"]
    assert shown["sitting"]["number"] == sitting["number"]


# --- faces ----------------------------------------------------------------------------------


def test_each_of_several_drafts_has_its_number(session, workspace):
    asked, proposed = (Review(workspace).item(id).drafts[0] for id in waiting(session))
    gaps = len(proposed.gaps)
    face = session.face_of(Item("x", (proposed, asked)))
    assert [card["number"] for card in face["cards"]] == [1, 1 + gaps]
    assert [action["label"] for action in face["actions"]][1] == "Reject all"
    face = session.face_of(Item("x", (asked, proposed)))
    assert [card["number"] for card in face["cards"]] == [1, 2]
    alone = session.face_of(Item("x", (proposed,)))["cards"][0]
    assert len(alone["gaps"]) == len(alone["spans"]) == len(alone["views"]) == gaps


@pytest.mark.parametrize(
    ("kind", "labels", "acts", "looks", "shown"),
    [
        ("DUPLICATE", "Keep one, Keep both", "accept reject", "filled outlined", 2),
        ("RETIRED", "Keep it, Retire it", "reject accept", "filled outlined", 1),
        ("ABSENT", "Bring back, I deleted it", "reject accept", "filled outlined", 0),
        (
            "CONFLICT",
            "Keep mine, Take the source’s",
            "reject accept",
            "filled outlined",
            2,
        ),
    ],
)
def test_the_answer_that_loses_nothing_is_the_filled_one(
    session, workspace, kind, labels, acts, looks, shown
):
    first, _ = waiting(session)
    guid = workspace.ledger.accept(first)
    guids = (guid,) * (2 if kind == "DUPLICATE" else 1)
    question = Question("qu1", QuestionKind[kind], "Is it?", guids=guids)
    face = session.face_of(Item("qu1", question=question))
    first_two = face["actions"][:2]
    assert ", ".join(action["label"] for action in first_two) == labels
    assert " ".join(action["act"] for action in first_two) == acts
    assert " ".join(action["look"] for action in first_two) == looks
    assert len(face.get("cards", ())) == shown


# --- many at once, and the ending -----------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "asked"), [("", 2), ("osmosis", 1), ("ribosome", 1), ("marsupial", 0)]
)
def test_only_what_a_query_matches_is_asked(session, workspace, query, asked):
    queue = sittings.queue(workspace.ledger, query)
    assert len(queue) == asked
    assert {*queue} <= {*waiting(session)}


@pytest.mark.parametrize(
    ("cards", "lines"),
    [
        (0, ["3 decided, no new card."]),
        (1, ["3 decided, 1 new card.", "About 1 minute a day in the first week."]),
        (12, ["3 decided, 12 new cards.", "About 3 minutes a day in the first week."]),
    ],
)
def test_the_ending_says_how_long_the_cards_take(make_card, cards, lines):
    card = make_card(Front="What helps?", Back="Testing")
    made = tuple(replace(card, id=str(number)) for number in range(cards))
    assert [*Ending(3, made).lines][:2] == lines
