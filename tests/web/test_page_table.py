"""What the page asks its server for and has done, row by row, without a browser."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict, replace

from ankiforge.config.workspace import find_workspace
from ankiforge.errors import ForgeError, RefusedError
from ankiforge.extract import registry
from ankiforge.hooks import collect_page_parts
from ankiforge.ledger import item_lists, pending_items
from ankiforge.model import (
    Finding,
    PendingDraft,
    Proposal,
    Severity,
    UserQuestion,
    UserQuestionKind,
)
from ankiforge.pipeline.draft import iter_model_tasks
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import AnyDecision, Decision, Item, Review, StaleItemError, batches
from ankiforge.web.documents import PageRenderer
from ankiforge.web.joined_script import join_modules
from ankiforge.web.server import PageServer
from ankiforge.web.session import ReviewSession
from tests.cards import PLACE, made
from tests.makers.pdf_writer import Page, paragraph, write_pdf

NOTE = """\
# Cells

==Osmosis is the diffusion of water through a semipermeable membrane.==

What is a ribosome?::a maker of proteins

What is a nucleus?::the home of the genes

==so much for that==
"""
SETTINGS = """\
sources: [{obsidian: {name: notes, path: notes}}]
accept: {rules: review}
anki: {collection: none}
"""


@pytest.fixture(scope="module")
def desk(forge_in, tmp_path_factory) -> Path:
    """A workspace in which two cards by hand wait; and a passage has a proposal, another one
    none."""
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
    with Workspace(find_workspace(folder, folder, registry)) as opened:
        yield opened


@pytest.fixture
def session(workspace):
    return ReviewSession(workspace, PageRenderer())


@pytest.fixture(scope="module")
def read(desk):
    """A session in which nothing is decided."""
    with Workspace(find_workspace(desk, desk, registry)) as opened:
        yield ReviewSession(opened, PageRenderer(), get_parts=collect_page_parts)


def waiting(session: ReviewSession) -> tuple[str, str]:
    """The ids of the two cards by hand, in the order in which they are asked."""
    first, second = session.render_list("new")["ids"]
    return first, second


def proposed(session: ReviewSession) -> str:
    """The id of the passage that has a proposal: the first of those without a card."""
    [id, _] = session.render_list("none")["ids"]
    return id


def decision(id: str, turn: str, act: str, **more: object) -> Decision:
    """A decision as the page sends it."""
    sent = {"id": id, "turn": turn, "act": act, **more}
    return msgspec.convert(sent, AnyDecision)


def left(shown: dict, list_id: str) -> int:
    return shown["left"][list_id]


# --- decisions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "new", "ready"), [("accept", 1, 1), ("reject", 1, 0), ("later", 2, 0)]
)
def test_a_decision_is_carried_out_and_taken_back(session, act, new, ready):
    first, second = waiting(session)
    assert session.render_documents()["waiting"] == "3 new cards waiting"
    done = session.decide(decision(first, "", act))
    assert (left(done, "new"), done["ready"]) == (new, ready)
    cards = f"{new + 1} new cards"
    assert session.render_documents()["waiting"].endswith(f"{cards} waiting")
    assert session.render_list("new")["ids"][0] == second
    back = session.undo(done["undo"])
    assert (left(back, "new"), back["ready"], back["item"]["id"]) == (2, 0, first)
    assert first in session.render_list("new")["ids"]


@pytest.mark.parametrize(
    ("act", "more", "made"),
    [
        ("accept", {}, {"Text": "{{c1::Osmosis}} is"}),
        ("accept", {"gap": 2}, {"Text": "{{c1::semipermeable membrane}}."}),
        ("make", {"spans": "15-24"}, {"Text": "the {{c1::diffusion}} of"}),
        ("make", {"spans": "0-7", "question": "What diffuses?"}, {"Front": "What diffuses?", "Back": "Osmosis"}),
        ("edit", {"fields": {"Text": "{{c1::Osmosis}} is slow."}}, {"Text": "{{c1::Osmosis}} is slow."}),
        ("write", {"fields": {"Front": "What?", "Back": "osmosis"}, "replaces": True}, {"Back": "osmosis"}),
        ("reject", {}, {}),
        ("reject", {"passage": True}, {}),
    ],
)  # fmt: skip
def test_a_proposal_becomes_a_card_or_is_rejected_and_comes_back(
    session, workspace, act, more, made
):
    id = proposed(session)
    face = session.render_item(id)
    assert face["suggested"] is True
    done = session.decide(decision(id, face["turn"], act, **more))
    cards = [card for card in workspace.cards() if card.is_live]
    assert len(cards) == bool(made)
    for name, words in made.items():
        assert words in cards[0].get_field(name)
    assert not any(each["id"] == id for each in session.render_list("none")["items"])
    assert session.undo(done["undo"])["item"]["turn"] == face["turn"]
    assert proposed(session) == id
    assert workspace.cards() == []


def test_a_rejected_proposal_leaves_its_passage_open_for_a_chat(session, workspace):
    id = proposed(session)
    session.decide(decision(id, "", "reject"))
    for now in (session, ReviewSession(workspace, PageRenderer())):
        assert not now.render_item(id).get("suggested")
        [document] = now.render_documents()["documents"]
        assert document["waiting"] == 2
    [sent] = iter_model_tasks(workspace.build_run_parameters(), workspace.ledger)
    assert id in [highlight.key for highlight in sent.task.highlights]


def test_a_proposal_whose_sentence_changed_meanwhile_is_shown_again(session, workspace):
    id = proposed(session)
    before = session.render_item(id)["turn"]
    note = workspace.folder.root / "notes/Cells.md"
    note.write_text(NOTE.replace("a semipermeable", "a thin"), encoding="utf-8")
    workspace.run()
    with pytest.raises(StaleItemError, match="changed meanwhile") as refused:
        session.decide(decision(id, before, "accept"))
    assert refused.value.face["turn"] != before
    assert workspace.cards() == []


def test_a_proposal_whose_passage_went_is_said_to_be_gone(session, workspace):
    id = proposed(session)
    before = session.render_item(id)["turn"]
    [osmosis] = [line for line in NOTE.splitlines() if "Osmosis" in line]
    note = workspace.folder.root / "notes/Cells.md"
    note.write_text(NOTE.replace(osmosis, ""), encoding="utf-8")
    workspace.run()
    with pytest.raises(StaleItemError, match="no longer in its source"):
        session.decide(decision(id, before, "accept"))
    assert workspace.cards() == []


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({"turn": "old"}, "This has changed meanwhile. Look again."),
        ({"id": "dr0000000000000000"}, "This is no longer waiting."),
        ({"act": "restore"}, "This cannot be done here."),
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
    assert left(session.count_items(), "new") == 2


@pytest.mark.parametrize(
    ("acts", "heading", "results"),
    [
        ([], "Everything was kept for later.", ()),
        (["accept"], "1 card. Here: 2 waiting.", ("card",)),
        (["accept", "reject"], "1 card, 1 rejected. Here: 1 waiting.", ("card", "none")),
        (["accept"] * 3, "3 cards. Nothing waits here.", ("card",) * 3),
        (["reject"], "1 decided. Here: 2 waiting.", ("none",)),
        (["reject"] * 3, "3 decided. Nothing waits here.", ("none",) * 3),
    ],
)  # fmt: skip
def test_a_sitting_ends_with_its_cards_and_what_is_left(session, acts, heading, results):
    [document] = session.render_documents()["documents"]
    sitting = session.start_document_sitting(document["id"])
    for act in acts:
        decided = decision(sitting["ids"][0], "", act, sitting=sitting["number"])
        sitting = session.decide(decided)["sitting"]
    assert tuple(sitting.get("results", ())) == results
    assert len(sitting["ids"]) == 3 - len(acts)
    ending = session.summarize_sitting(sitting["number"])
    assert ending["heading"] == heading
    assert len(ending["cards"]) == acts.count("accept")


def test_the_ending_of_a_document_counts_its_less_certain_proposals(workspace):
    marks = (
        "Osmosis is the diffusion of water through a membrane.",
        "The liver produces bile, which helps the digestion of fat.",
    )
    note = workspace.folder.root / "notes/chemistry/Matter.md"
    note.parent.mkdir()
    note.write_text("\n\n".join(f"=={text}==" for text in marks), encoding="utf-8")
    workspace.run()
    session = ReviewSession(workspace, PageRenderer())
    documents = session.render_documents()["documents"]
    [matter] = [each for each in documents if each["title"] == "Matter"]
    sitting = session.start_document_sitting(matter["id"])
    [id] = sitting["ids"]
    session.decide(decision(id, "", "accept", sitting=sitting["number"]))
    ending = session.summarize_sitting(sitting["number"])
    assert ending["heading"] == "1 card. Here: 1 more."


@pytest.mark.parametrize("act", ["accept", "reject"])
def test_a_sentence_that_two_highlights_propose_is_decided_once(workspace, act):
    sentence = "Osmosis is the diffusion of water through a membrane."
    note = workspace.folder.root / "notes/chemistry/Matter.md"
    note.parent.mkdir()
    note.write_text(f"=={sentence}==\n\n==Water moves. {sentence}==\n", "utf-8")
    workspace.run()
    session = ReviewSession(workspace, PageRenderer())
    documents = session.render_documents()["documents"]
    [matter] = [each for each in documents if each["title"] == "Matter"]
    sitting = session.start_document_sitting(matter["id"])
    [id] = sitting["ids"]
    session.decide(decision(id, "", act, sitting=sitting["number"]))
    ending = session.summarize_sitting(sitting["number"])
    assert ending["heading"].endswith(". Nothing waits here.")


def test_a_sitting_that_is_left_in_the_middle_is_continued(session):
    [document] = session.render_documents()["documents"]
    begun = session.start_document_sitting(document["id"])
    [before] = session.render_documents()["documents"]
    first, *others = begun["ids"]
    done = session.decide(decision(first, "", "reject", sitting=begun["number"]))
    [after] = session.render_documents()["documents"]
    assert [row["left"] for row in (document, before, after)] == ["", "", "2 of 3"]
    session.decide(decision(others[0], "", "reject"))  # elsewhere on the page
    left = session.start_document_sitting(document["id"])
    assert left["number"] == begun["number"]
    assert (left["results"], left["ids"]) == (("none",), (others[1],))
    session.undo(done["undo"])
    [again] = session.render_documents()["documents"]
    assert again["left"] == "", "nothing of it is decided any more"


ORDER = {
    "notes/Cells.md": "What is a ribosome?::a maker of proteins\n\nWhat is a nucleus?::a home\n",
    "notes/Animals.md": "".join(f"What does animal {n} say?::word {n}\n\n" for n in range(5)),
    "notes/Capitals.md": "".join(f"Capital of land {n} :: City {n}\n\n" for n in range(5)),
}  # fmt: skip


def test_first_comes_what_only_the_user_can_answer_then_the_document_that_was_left(forge):
    (forge.folder / "notes").mkdir()
    for name, text in ORDER.items():
        (forge.folder / name).write_text(text, encoding="utf-8")
    forge.settings(SETTINGS)
    forge.ok("run")
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
        session = ReviewSession(opened, PageRenderer())
        orders = []
        for left in (None, "Cells"):
            rows = session.render_documents()["documents"]
            for row in rows:
                if row["title"] == left:
                    sitting = session.start_document_sitting(row["id"])
                    id, number = sitting["ids"][0], sitting["number"]
                    session.decide(decision(id, "", "later", sitting=number))
            rows = session.render_documents()["documents"]
            orders.append([row["title"] for row in rows])
    question = "Changed cards and questions"
    assert orders == [
        ["All 8", question, "Animals", "Cells"],
        ["Cells", "All 8", question, "Animals"],
    ]


def test_recent_documents_without_marks_come_before_those_in_which_nothing_waits(forge):
    (forge.folder / "notes").mkdir()
    unsure = "==Diamond and graphite are two forms of carbon.==\n"
    (forge.folder / "notes/Matter.md").write_text(unsure, encoding="utf-8")
    for number in range(1, 13):
        folder = forge.folder / f"notes/{'week' if number < 7 else 'term'}"
        folder.mkdir(exist_ok=True)
        write_pdf(folder / f"lecture {number}.pdf", [Page((paragraph("Some words."),))])
    forge.settings("anki: {collection: none}\n", proposals=True)
    forge.ok("run", "notes")
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
        rows = ReviewSession(opened, PageRenderer()).render_documents()["documents"]
    titles = [row["title"] for row in rows]
    lectures = [f"lecture {number}" for number in (*range(7, 13), *range(1, 7))]
    assert titles == [*lectures[:10], "Matter", *lectures[10:]]
    assert [row["by"] for row in rows[:7]] == ["term"] * 6 + ["week"]


def test_a_card_that_was_taken_back_before_the_ending_is_not_shown_there(
    session, workspace
):
    [document] = session.render_documents()["documents"]
    sitting = session.start_document_sitting(document["id"])
    for id in sitting["ids"][:2]:
        session.decide(decision(id, "", "accept", sitting=sitting["number"]))
    first, second = workspace.cards()
    workspace.ledger.reject(first.guid)
    told = session.summarize_sitting(sitting["number"])["cards"]
    assert len(told) == 1
    assert second.get_field("Back") in json.dumps(told, default=str)


def test_a_document_without_the_proposals_that_it_promised_says_so(session, workspace):
    for id in (*waiting(session), proposed(session)):
        workspace.ledger.reject(id)
    [unsure] = [
        place.key
        for place in pending_items.load_pending_items(workspace.ledger).without_card
    ]
    workspace.ledger.execute("UPDATE highlight SET worth = 1 WHERE key = ?", unsure)
    session = ReviewSession(workspace, PageRenderer())
    [document] = session.render_documents()["documents"]
    sitting = session.start_document_sitting(document["id"])
    assert (sitting["ids"], sitting["without"]) == ((unsure,), True)
    assert sitting["items"][0]["compose"]


def test_the_shelf_counts_the_cards_that_lost_their_passage(session, workspace):
    first, _ = waiting(session)
    key = session.render_item(first)["source"]["key"]
    session.decide(decision(first, "", "accept"))
    assert session.render_documents()["lost"] == ""
    with workspace.ledger.transaction():
        workspace.ledger.execute("UPDATE highlight SET state = 'gone' WHERE key = ?", key)
    assert session.render_documents()["lost"] == "1 card lost its passage in Cells"


def test_after_a_decision_a_mark_is_its_card_or_its_passage(session):
    first, _ = waiting(session)
    key = session.render_item(first)["source"]["key"]
    assert session.render_highlight_item(key, 0)["item"]["id"] == first
    made = session.decide(decision(first, "", "accept"))["undo"]
    shown = session.render_highlight_item(key, 0)["item"]
    assert [action["act"] for action in shown["actions"]] == ["edit", "reject"]
    session.undo(made)
    session.decide(decision(first, "", "reject"))
    assert session.render_highlight_item(key, 0)["item"]["id"] == key


def test_a_card_that_is_not_live_can_be_taken_back(session, workspace):
    first, _ = waiting(session)
    guid = workspace.ledger.accept(first)
    session.decide(decision(guid, "", "reject"))
    face = session.render_item(guid)
    assert [action["act"] for action in face["actions"]] == ["restore"]
    assert session.decide(decision(guid, "", "restore"))["undo"] == ""
    assert session.render_item(guid)["actions"][0]["act"] == "edit"


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        (None, {"Text": "so {{c1::much}} for that"}),
        ("How much?", {"Front": "How much?", "Back": "much"}),
    ],
)
def test_words_that_are_chosen_are_a_gap_or_an_answer(
    session, workspace, question, fields
):
    [_, passage] = session.render_list("none")["items"]
    key = passage["id"]
    chosen = decision(key, "", "make", spans="3-7", question=question)
    session.decide(chosen)
    [card] = workspace.cards()
    assert dict(card.fields) == fields
    words = session.get_selectable_text(key)["parts"]
    assert "".join(text for text, _ in words) == "so much for that"


TYPED = {"Front": "How much?", "Back": "much"}


@pytest.mark.parametrize(
    ("act", "more", "cards", "new"),
    [
        ("write", {"fields": TYPED}, ["How much?"], 2),
        ("write", {"fields": TYPED, "replaces": True}, ["How much?"], 1),
        ("reject", {"passage": True}, [], 1),
        ("accept", {"forced": True}, ["What"], 1),
    ],
)
def test_what_is_written_beside_a_draft_or_instead_of_it(
    session, workspace, act, more, cards, new
):
    _, draft = waiting(session)
    session.decide(decision(draft, "", act, **more))
    made = [dict(card.fields) for card in workspace.cards()]
    found = [card.get("Front", card.get("Text", "")) for card in made]
    plain = [re.sub(r"\{\{c\d::(.*?)\}\}", r"\1", text) for text in found]
    assert sorted(text.split(" is ")[0] for text in plain) == cards
    assert left(session.count_items(), "new") == new


def test_a_draft_is_edited_with_its_deck_and_tags(session, workspace):
    first, _ = waiting(session)
    typed = {"Front": "What?", "Back": "That.", "Deck": "Cells::New", "Tags": "biology"}
    session.decide(decision(first, "", "edit", fields=typed))
    [card] = workspace.cards()
    assert (card.deck, card.added_tags) == ("Cells::New", ("biology",))
    assert card.get_field("Front") == "What?"


def test_an_editor_shows_the_card_of_chosen_words_or_of_a_passage(session):
    shown = session.preview(decision(proposed(session), "", "make", spans="0-7"))
    assert 'class="cloze">Osmosis<' in shown["question"]
    [_, passage] = session.render_list("none")["items"]
    fields = {"Front": "How much?", "Back": "much"}
    shown = session.preview(decision(passage["id"], "", "write", fields=fields))
    assert shown["title"] == "How much?"
    with pytest.raises(ForgeError, match="is no longer waiting"):
        session.preview(decision("dr0000000000000000", "", "edit"))


def test_a_package_is_written_and_named_where_no_program_opens_it(session, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    first, _ = waiting(session)
    session.decide(decision(first, "", "accept"))
    sent = session.send_to_anki()
    assert sent["path"].endswith("ankiforge.apkg")
    assert sent["said"].startswith("1 note to import: double-click this file")


# --- the door -------------------------------------------------------------------------------


HOST = "127.0.0.1:1"


class Door:
    """The server of a page, as a browser speaks to it: each call is a request."""

    def __init__(self, session: ReviewSession) -> None:
        self.page = PageServer(1, lambda use: use(session), {})
        self.ours = f"ankiforge_1={self.page.cookie_value}"

    def __call__(
        self, path: str, body: bytes = b"", **said: str
    ) -> tuple[int, Any, bytes]:
        """Return status, headers and body of an answer; `said`: what differs in the request."""
        path, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_HOST": HOST,
            "HTTP_ORIGIN": f"http://{HOST}",
            "HTTP_COOKIE": self.ours,
            "CONTENT_TYPE": "application/json",
            "wsgi.input": io.BytesIO(body),
            **said,
        }
        started: list[Any] = []
        [answer] = self.page(environ, lambda *told: started.extend(told))
        return int(started[0][:3]), dict(started[1]), answer


@pytest.fixture
def door(read):
    return Door(read)


def asking(door: Door) -> Callable[..., dict]:
    """Ask the server as the script of the page does."""

    def ask(what: str, body: object = None) -> dict:
        method = "GET" if body is None else "POST"
        sent = json.dumps(body).encode()
        status, _, answer = door(f"/api/{what}", sent, REQUEST_METHOD=method)
        return {**json.loads(answer), "status": status}

    return ask


@pytest.fixture
def asked(door):
    return asking(door)


@pytest.fixture
def served(session):
    return asking(Door(session))


OTHERS = {"HTTP_SEC_FETCH_SITE": "cross-site"}
POST = {"REQUEST_METHOD": "POST"}


@pytest.mark.parametrize(
    ("path", "said", "status"),
    [
        ("/", {}, 200),
        ("/", OTHERS, 200),  # the address may be opened from anywhere
        ("/", {"HTTP_COOKIE": ""}, 403),
        ("/", {"HTTP_COOKIE": "ankiforge_1=guessed"}, 403),
        ("/?token=guessed", {"HTTP_COOKIE": ""}, 403),
        ("/", {"HTTP_HOST": "localhost:1"}, 200),
        ("/", {"HTTP_HOST": "example.org:1"}, 421),
        ("/", {"REQUEST_METHOD": "PUT"}, 405),
        ("/api/state", {}, 200),
        ("/api/state", {"HTTP_ORIGIN": "http://example.org"}, 200),
        ("/api/state", OTHERS, 403),
        ("/api/state", {"HTTP_SEC_FETCH_SITE": "none"}, 200),
        ("/api/undo", POST, 400),
        ("/api/undo", {**POST, "HTTP_ORIGIN": "http://example.org"}, 403),
        ("/api/undo", {**POST, "CONTENT_TYPE": "text/plain"}, 403),
        ("/api/nothing", POST, 404),
        ("/static/main.js", {}, 404),
        ("/static/words.js", {}, 404),  # it is a part of the joined script
        ("/static/page.js", {}, 200),
        ("/static/card.css", {}, 200),
        ("/static/index.html", {}, 404),
        ("/static/../server.py", {}, 404),
        ("/picture/af-0123456789abcdef.png", {}, 404),
        ("/paper/x.pdf", {}, 404),
        ("/page/x.png", {}, 404),
        ("/other", {}, 404),
    ],
)
def test_who_comes_in_and_what_there_is(door, path, said, status):
    assert door(path, **said)[0] == status


def test_the_token_gives_one_browser_its_cookie(door):
    opened = f"/?token={door.page.token}"
    new = {"HTTP_COOKIE": ""}
    early = door(opened, **new, HTTP_SEC_PURPOSE="prefetch")
    assert (early[0], "Set-Cookie" in early[1]) == (204, False)
    assert door(opened, **new, REQUEST_METHOD="HEAD")[0] == 204
    status, headers, _ = door(opened, **new)
    assert (status, headers["Location"]) == (303, "/")
    assert headers["Set-Cookie"].startswith(f"{door.ours}; HttpOnly; SameSite=Strict")
    status, _, answer = door(opened, **new)
    assert (status, b"open in another browser" in answer) == (403, True)
    again = door(opened)  # the browser that has it
    assert (again[0], "Set-Cookie" in again[1]) == (303, False)
    assert b"http-equiv" in door(opened, **OTHERS)[2]


@pytest.mark.parametrize(
    "source",
    [
        'import a from "./b.js";',
        'import "./b.js";',
        "export default 1;",
        "export { a };",
        "export let a = 1;",
    ],
)
def test_a_module_in_another_form_is_an_error(source):
    with pytest.raises(ValueError, match=r"page\.js cannot be joined"):
        join_modules({"page.js": source, "b.js": ""})


@pytest.mark.parametrize(
    ("what", "status", "key", "value"),
    [
        ("state", 200, "ready", 0),
        ("list?id=new&start=1", 200, "results", []),
        ("list?id=you", 200, "ids", []),
        ("list?id=new", 200, "rows", None),
        ("list?id=all&words=ribosome", 200, "total", 1),
        ("list?id=all&words=ribosome&start=x", 200, "told", "1 card"),
        ("item?id=dr0000000000000000", 200, "item", None),
        ("list?id=all&words=ribosome&start=9999999999", 200, "more", ""),
        ("list?id=all&words=ribosome&start=99", 200, "more", ""),
        ("list?id=all&words=a:b", 200, "told", "No card contains these words."),
        ("ending?sitting=0", 404, "message", "There is nothing here."),
        ("page?id=x&page=a&width=10", 404, "message", "There is nothing here."),
        ("page?id=x&page=1&width=10", 404, "message", "There is nothing here."),
        ("nothing", 404, "message", "There is nothing here."),
    ],
)
def test_what_the_script_asks_for(asked, read, what, status, key, value):
    waiting(read)
    answer = asked(what)
    assert (answer["status"], answer.get(key)) == (status, value)


def test_the_model_drafts_others_beside_those_that_wait(forge, fake):
    fronts = ["What is scrutinised daily?", "How often is it scrutinised?"]

    def answer(request):
        [(label, text)] = fake.marked(request)
        others = "quite different cards" in str(request["messages"])
        return fake.cards(fake.card(label, text, fronts[others], "every variation"))

    (forge.folder / "notes").mkdir()
    text = "==Selection is daily scrutinising every variation, however slight.=="
    (forge.folder / "notes/Selection.md").write_text(text, encoding="utf-8")
    with fake.LlmServer(otherwise=answer) as server:
        forge.drafting(server.base_url)
        forge.ok("run")
        with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
            session = ReviewSession(opened, PageRenderer())
            [face] = session.render_list("new")["items"]
            assert face["actions"][-1]["act"] == "others"
            done = session.decide(decision(face["id"], "", "others"))
            assert done["said"] == "The model has drafted others."
            drafts = [
                *item_lists.load_pending_drafts(opened.ledger, [face["source"]["key"]])
            ]
            assert sorted(dict(each.fields)["Front"] for each in drafts) == sorted(fronts)
            again = decision(done["item"]["id"], "", "others")
            with pytest.raises(RefusedError, match="has no other card"):
                session.decide(again)


def test_the_editor_knows_deck_and_tags_of_an_item(asked, read):
    first, _ = waiting(read)
    placed = asked(f"placement?id={first}")
    assert (placed["deck"], placed["moves"], placed["tagged"]) == ("Reading", True, True)
    failing = asked("placement?id=nid:1")
    assert (failing["deck"], failing["moves"]) == ("", False)


def test_a_mark_is_shown_by_its_key_with_its_sitting(asked, read):
    [document] = read.render_documents()["documents"]
    sitting = read.start_document_sitting(document["id"])
    key = sitting["items"][0]["source"]["key"]
    shown = asked(f"item?id={key}&sitting={sitting['number']}")
    assert shown["item"]["id"] in sitting["ids"]
    assert shown["sitting"]["number"] == sitting["number"]


# --- faces ----------------------------------------------------------------------------------


def as_waiting(proposal: Proposal) -> PendingDraft:
    """The proposal as if it were stored."""
    return made(PendingDraft, **asdict(proposal))


def test_each_of_several_drafts_has_its_number(session, workspace):
    review = Review(workspace)
    [asked] = review.load_item(waiting(session)[0]).drafts
    proposal = as_waiting(review.load_item(proposed(session)).proposal)
    gaps = len(proposal.gaps)
    face = session._renderer.render_item(Item("x", (proposal, asked)))
    assert [card["number"] for card in face["cards"]] == [1, 1 + gaps]
    reject = face["actions"][1]
    assert (reject["label"], reject["said"]) == ("Reject", "Rejected")
    face = session._renderer.render_item(Item("x", (asked, proposal)))
    assert [card["number"] for card in face["cards"]] == [1, 2]
    fault = Finding("maths", Severity.BLOCK, "a formula is not closed")
    blocked = replace(asked, findings=(fault,))
    face = session._renderer.render_item(Item("x", (proposal, blocked)))
    assert [action["act"] for action in face["actions"]][-2:] == ["later", "accept"]
    alone = session._renderer.render_item(Item("x", (proposal,)))["cards"][0]
    assert len(alone["gaps"]) == len(alone["spans"]) == len(alone["views"]) == gaps


@pytest.mark.parametrize(
    ("severity", "tone", "acts"),
    [
        (Severity.BLOCK, "stop", "edit reject later accept"),
        (Severity.WARN, "caution", "accept reject edit later"),  # it is poor
        (Severity.INFO, None, "accept reject edit later"),
    ],
)
def test_how_a_draft_looks_follows_from_its_findings(
    session, workspace, severity, tone, acts
):
    [asked] = Review(workspace).load_item(waiting(session)[0]).drafts
    found = replace(asked, findings=(Finding("vague", severity, "has many answers"),))
    face = session._renderer.render_item(Item("x", (found,)))
    assert (face["why"] or {}).get("tone") == tone
    assert " ".join(action["act"] for action in face["actions"]) == acts
    assert "facts" not in face
    reject = next(each for each in face["actions"] if each["act"] == "reject")
    assert (reject["label"], reject["said"]) == ("Reject", "Rejected")


@pytest.mark.parametrize(
    ("kind", "labels", "acts", "looks", "shown"),
    [
        ("DUPLICATE", "Keep both, Keep one", "reject accept", "filled outlined", 2),
        ("ABSENT", "Bring back, I deleted it", "reject accept", "filled outlined", 1),
        (
            "CONFLICT",
            "Keep mine, Take the new",
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
    question = UserQuestion("qu1", UserQuestionKind[kind], "Is it?", guids=guids)
    face = session._renderer.render_item(Item("qu1", question=question))
    first_two = face["actions"][:2]
    assert ", ".join(action["label"] for action in first_two) == labels
    assert " ".join(action["act"] for action in first_two) == acts
    assert " ".join(action["look"] for action in first_two) == looks
    assert len(face.get("cards", ())) == shown


@pytest.mark.parametrize(
    ("drafter", "changes", "blocked", "ask", "acts"),
    [
        (
            "rules",
            "revised_guid",
            False,
            "Which words stay?",
            "reject accept edit later",
        ),
        (
            "llm",
            "revised_guid",
            False,
            "Which words stay?",
            "reject accept accept edit later",
        ),
        (
            "llm",
            "replaced_guid",
            False,
            "Which card stays?",
            "reject accept edit later",
        ),
        (
            "rules",
            "revised_guid",
            True,
            "Which words stay?",
            "reject edit later accept",
        ),
    ],
)
def test_new_words_stand_beside_the_card_that_they_change(
    session, workspace, drafter, changes, blocked, ask, acts
):
    first, _ = waiting(session)
    [draft] = Review(workspace).load_item(first).drafts
    if drafter == "llm":
        draft = as_waiting(Review(workspace).load_item(proposed(session)).proposal)
    guid = workspace.ledger.accept(first)
    [card] = workspace.cards()
    faults = (Finding("maths", Severity.BLOCK, "a formula is open"),) if blocked else ()
    draft = replace(
        draft,
        origin=replace(draft.origin, drafter=drafter),
        kind=card.kind,
        fields=(("Front", "What is a ribosome?"), ("Back", "a maker of lipids")),
        gaps=(),
        findings=faults,
        **{changes: guid},
    )
    face = session._renderer.render_item(Item("x", (draft,), card))
    assert face["ask"].endswith(ask)
    assert " ".join(action["act"] for action in face["actions"]) == acts
    assert [view["label"] for view in face["cards"]] == [
        "Mine",
        "New",
    ]
    assert face["cards"][1]["used"] == 0
    tone = "stop" if blocked else "quiet" if changes == "revised_guid" else None
    assert (face["why"] or {}).get("tone") == tone


FACTS = (
    "==Osmosis is the diffusion of water through a semipermeable membrane."
    " Mitosis is the division of a nucleus into two equal nuclei.=="
)


@pytest.fixture
def of_two_facts(forge):
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Cells.md").write_text(FACTS, encoding="utf-8")
    forge.settings(SETTINGS, proposals=True)
    forge.ok("run")
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as opened:
        yield ReviewSession(opened, PageRenderer())


def test_the_next_fact_of_a_mark_follows_at_once_or_the_rest_is_rejected(of_two_facts):
    session = of_two_facts
    [document] = session.render_documents()["documents"]
    sitting = session.start_document_sitting(document["id"])
    [face] = sitting["items"]
    both = session.decide(decision(face["id"], "", "reject", passage=True))
    assert (left(both, "none"), both["ready"]) == (0, 0)
    session.undo(both["undo"])
    of_sitting = {"sitting": sitting["number"]}
    done = session.decide(decision(face["id"], "", "accept", **of_sitting))
    assert done["item"]["suggested"] is True
    assert done["item"]["title"] != face["title"]
    assert done["sitting"]["ids"] == (face["id"],)
    done = session.decide(decision(face["id"], "", "reject", passage=True, **of_sitting))
    assert (left(done, "none"), done["ready"]) == (0, 1)


# --- many at once, and the ending -----------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "number"), [("", 2), ("osmosis", 0), ("ribosome", 1), ("marsupial", 0)]
)
def test_only_what_a_query_matches_is_asked(session, workspace, query, number):
    queue = batches.list_pending_ids(workspace.ledger, query)
    assert len(queue) == number
    assert {*queue} <= {*waiting(session)}


def test_the_page_begins_with_a_document_that_has_proposals_alone(session, workspace):
    for id in waiting(session):
        session.decide(decision(id, "", "accept"))
    [document] = session.render_documents()["documents"]
    assert document["waiting"] == 1
    for query, begins in (("cells", f"paper={document['id']}"), ("kind:basic cells", "")):
        assert (
            ReviewSession(workspace, PageRenderer(), query).render_documents()["begins"]
            == begins
        )


def test_an_item_is_about_a_passage_unless_it_is_a_question(make_card):
    card = make_card(Front="What helps?", Back="Testing")
    assert Item("x", card=card).highlight == card.highlight
    assert Item("x", (made(PendingDraft),)).highlight == PLACE
    assert Item("x").highlight is None
