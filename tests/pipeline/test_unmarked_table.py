"""What of unmarked documents is sent, how it is told, and what an answer comes to: rows."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ankiforge.draft.choose_passages import DocumentPart, OmittedText
from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.model import Document, DocumentKey, DocumentText, Paragraph, Problem
from ankiforge.pipeline import unmarked_documents as unmarked
from ankiforge.pipeline.run_result import ChatReplyKind
from ankiforge.pipeline.stored_documents import find_moved_file
from ankiforge.pipeline.unmarked_documents import DocumentRequest, OpenDocument
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text.located import DocumentLetters, locate_quote

YEAST = "Yeast turns sugar into carbon dioxide, which stays in the dough because gluten is elastic."
RYE = "Rye has hardly any gluten, so its dough runs apart unless it is sour."
SALT = "Salt slows the yeast down, and a dough with too much of it hardly rises."
NOTE = f"# Bread\n\n{YEAST}\n\n## Rye\n\n{RYE}\n"


# --- a request -------------------------------------------------------------------------------


def document(name: str, *pages: str, labels: tuple[str, ...] = ()) -> OpenDocument:
    text = DocumentText(
        Document(DocumentKey(f"v:{name}"), "v", name),
        pages,
        tuple(Paragraph(n, 0, len(page)) for n, page in enumerate(pages)),
        page_labels=labels,
    )
    return OpenDocument(Path("/x") / name, "v:v", text, DocumentLetters(pages))


def request(
    *documents: OpenDocument,
    parts: tuple[int, ...] = (100,),
    remaining: int | None = None,
    left_out: tuple[OmittedText, ...] = (),
) -> DocumentRequest:
    pages = tuple(page for each in documents for page in each.whole_text.pages)
    whole = DocumentText(
        documents[0].whole_text.document, pages, (), page_labels=documents[0].whole_text.page_labels
    )  # fmt: skip
    made = tuple(
        DocumentPart(f"p{n}", [Paragraph(0, 0, size)], n + 1)
        for n, size in enumerate(parts)
    )
    left = list(made if remaining is None else made[len(made) - remaining :])
    return DocumentRequest(
        documents, 10, whole, DocumentLetters(pages), left_out, made, left
    )


BREAD = document("bread.md", "x" * 100)
OTHER = document("other.md", "a", "b")
LONG = document("long.md", "x" * 2000)
OMITTED = tuple(OmittedText(f"S{n}", 10, ()) for n in range(8))


@pytest.mark.parametrize(
    ("asked", "summary"),
    [
        (request(BREAD), "bread.md: 100 characters"),
        (request(BREAD, parts=(2000,)), "bread.md: 2,000 characters"),
        (request(BREAD, OTHER, OTHER), "bread.md and 2 more: 100 characters"),
        (request(BREAD, parts=(60, 40)), "bread.md: 100 characters in 2 parts"),
        (request(BREAD, parts=(60, 40), remaining=1), "bread.md: 40 characters in 1 part; 1 of 2 are answered"),
        (request(LONG, parts=(600, 400)), "long.md: 1,000 characters in 2 parts"),
        (request(LONG, parts=(100,)), "long.md: 100 characters"),
        (request(BREAD, left_out=OMITTED[:1]), "bread.md: 100 characters; left out: S0 (10 characters)"),
        (request(BREAD, left_out=OMITTED), "bread.md: 100 characters; left out: " + ", ".join(f"S{n} (10 characters)" for n in range(3)) + " and 5 more"),
        (request(document("a.pdf", "text", " ", labels=("1", "2"))), "a.pdf: 100 characters; 1 of 2 pages have no text"),
        (request(document("a.pdf", "text", "more", labels=("1", "2"))), "a.pdf: 100 characters"),
        (request(document("a.epub", "text", " ")), "a.epub: 100 characters"),  # no pages
    ],
)  # fmt: skip
def test_what_is_told_of_a_request(asked, summary):
    assert asked.summary == summary


@pytest.mark.parametrize(
    ("asked", "part", "name", "told"),
    [
        (request(BREAD), 0, "", "Asks for 1 passage of bread.md"),
        (request(BREAD, parts=(60, 40)), 0, "part 1 of 2", "Asks for 1 passage of bread.md, part 1 of 2"),
        (request(BREAD, parts=(60, 40)), 1, "part 2 of 2", "Asks for 2 passages of bread.md, part 2 of 2"),
        (request(BREAD, left_out=OMITTED[:1]), 0, "", "Asks for 1 passage of bread.md, left out: S0 (10 characters)"),
    ],
)  # fmt: skip
def test_what_is_told_of_a_part(asked, part, name, told):
    assert asked.format_part_name(asked.parts[part]) == name
    assert asked.describe_part_request(asked.parts[part]) == told


# --- the documents ---------------------------------------------------------------------------


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    path = workspace.folder.root.resolve() / "books"
    path.mkdir()
    (path / "bread.md").write_text(NOTE, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "problem", "hint"),
    [
        ("salt.md", SALT, "", ""),
        ("salt.txt", SALT, "", ""),
        ("salt.md", f"---\ntags: [no-llm]\n---\n{SALT}", "is marked #no-llm", "nothing of it is sent"),
        ("#no-llm/salt.md", SALT, None, "nothing of it is sent"),
        ("ask.md", f'<text h="ab12cd">\n{SALT}\n</text>', "it is a prompt for a chat", "nothing of it is sent"),
        ("empty.md", " \n", "it has no text", "add a text layer (OCR); print a web page that is empty without scripts as PDF"),
        ("empty.html", "<html><body><script>x</script></body></html>",
         "it has no text", "add a text layer (OCR); print a web page that is empty without scripts as PDF"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("private", [False, True])
def test_the_documents_that_may_be_sent(
    workspace, folder, name, text, problem, hint, private
):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    [found] = unmarked.open_documents(workspace, [path], include_private=private)
    is_private = "no-llm" in name + text
    if problem == "" or (is_private and private):
        assert isinstance(found, OpenDocument)
        assert (found.path, SALT in "".join(found.whole_text.pages)) == (path, True)
        return
    assert isinstance(found, Problem)
    assert (found.location, found.hint) == (path.name, hint)
    assert found.is_notice == (hint == "nothing of it is sent")
    if not is_private:
        assert found.message == problem


def test_requests_for_a_folder(workspace, folder):
    (folder / "salt.md").write_text(SALT, encoding="utf-8")
    (folder / "marked.md").write_text(f"=={RYE}==", encoding="utf-8")
    (folder / "empty.md").write_text("", encoding="utf-8")
    [asked], problems = unmarked.prepare_requests(workspace, folder, 5)
    assert asked.name == "bread.md and 1 more"  # the marked one is left out
    assert [each.location for each in problems] == ["empty.md"] or problems == []
    assert sum(part.passage_count for part in asked.parts) == 5
    assert [place.path for place in workspace.folder.remembered_paths] == [str(folder)]
    export = unmarked.export_requests(workspace, folder, 5)
    assert (export.subject, export.summary) == ("books", asked.summary)
    [text] = export.texts
    assert YEAST in text
    assert SALT in text
    assert "choose the 5 passages" in text or "the 5 passages" in text


def test_a_file_without_text_is_an_error_and_not_remembered(workspace, folder):
    (folder / "empty.html").write_text("<p></p>", encoding="utf-8")
    with pytest.raises(ItemError) as raised:
        unmarked.prepare_requests(workspace, folder / "empty.html", 5)
    assert raised.value.message == "empty.html: it has no text"
    assert raised.value.hint
    assert workspace.folder.remembered_paths == ()
    with pytest.raises(UsageError):
        unmarked.prepare_requests(workspace, folder / "none.md", 5)


def test_a_folder_where_all_is_marked_has_nothing_to_choose(workspace, folder):
    (folder / "bread.md").write_text(f"=={RYE}==", encoding="utf-8")
    export = unmarked.export_requests(workspace, folder, 5)
    assert (export.summary, export.texts) == (unmarked.NOTHING_TO_CHOOSE, ())


# --- the answers -----------------------------------------------------------------------------


def card(quote: str, front: str, back: str, h: str = "") -> dict[str, Any]:
    return {"h": h, "kind": "basic", "front": front, "back": back, "quote": quote}


ELASTIC = (YEAST, "Why does the gas of the yeast stay in a dough?", "Gluten is elastic.")
SALTY = (SALT, "Which bread dough hardly rises?", "one with too much salt")
SOUR = (RYE, "Which bread dough runs apart unless it is sour?", "rye")


def ask(workspace: Workspace, path: Path) -> DocumentRequest:
    [asked], _ = unmarked.prepare_requests(workspace, path, 5)
    unmarked.build_chat_text(workspace, asked, asked.parts[0])
    return asked


def record(workspace: Workspace, answer: str, **options: Any) -> Any:
    return unmarked.record_chat_answer(
        workspace, workspace.build_run_parameters(), answer, **options
    )


@pytest.mark.parametrize(
    ("has_label", "options", "is_recorded"),
    [
        (True, {}, True),
        (False, {}, False),  # whose it is is not known
        (False, {"only_labelled": False}, True),
        (True, {"only_labelled": False}, True),
    ],
)
@pytest.mark.parametrize("quotes", [(ELASTIC, SOUR), (ELASTIC,)])
def test_an_answer_finds_its_document(
    workspace, folder, has_label, options, is_recorded, quotes
):
    asked = ask(workspace, folder / "bread.md")
    (folder / "salt.md").write_text(SALT, encoding="utf-8")
    ask(workspace, folder / "salt.md")  # the latest request
    label = asked.parts[0].label if has_label else ""
    answer = json.dumps({"cards": [card(*each, h=label) for each in quotes]})
    outcome = record(workspace, answer, **options)
    waiting = sorted(dict(draft.fields)["Back"] for draft in workspace.drafts())
    if not is_recorded:
        assert (outcome, waiting) == (None, [])
        return
    assert waiting == sorted(each[2] for each in quotes)
    assert len(outcome.drafted) == len(quotes)
    assert (outcome.kind, outcome.unused) == (ChatReplyKind.PASSAGES, ())
    [highlight, *_] = [each.highlight for each in outcome.drafted]
    assert highlight.exact == quotes[0][0]


@pytest.mark.parametrize(
    ("lost", "is_recorded"), [(0, True), (1, True), (2, False), (3, False)]
)
def test_an_answer_without_labels_has_to_quote_the_document(
    workspace, folder, lost, is_recorded
):
    ask(workspace, folder / "bread.md")
    cards = [card(*ELASTIC), card(*SOUR)][: 1 if lost > 1 else 2]
    cards = cards if lost < 3 else []
    for n in range(lost):
        cards.append(card(f"Nobody says {n} anywhere.", f"Who says {n}?", "nobody"))
    answer = json.dumps({"cards": cards})
    outcome = record(workspace, answer, only_labelled=False)
    assert (outcome is not None) == is_recorded


def test_an_answer_about_a_document_that_is_gone_says_so(workspace, folder):
    asked = ask(workspace, folder / "bread.md")
    (folder / "bread.md").unlink()
    label = asked.parts[0].label
    with pytest.raises((ItemError, UsageError)):
        record(workspace, json.dumps({"cards": [card(*SOUR, h=label)]}))


MOVED = [
    # the file, its new place, the PATH that is run then, whether the answer is taken
    ("bread.md", "moved/bread.md", "moved", True),
    ("bread.md", "moved/x/bread.md", "moved", True),
    ("bread.md", "moved/bread.md", "", False),
    ("bread.md", "books/x/bread.md", "books", True),
    ("bread.md", "moved/loaf.md", "moved", True),
    ("bread.md", "moved/loaf.md edited", "moved", False),
    ("bread.md", "moved/bread.md edited", "moved", True),
    (".", "moved", "moved", True),
    (".", "moved", "", False),
]


@pytest.mark.parametrize("is_session", [False, True])
@pytest.mark.parametrize(("name", "new", "run", "is_recorded"), MOVED)
def test_an_answer_finds_a_document_that_moved(
    workspace, folder, is_session, name, new, run, is_recorded
):
    (folder / "salt.md").write_text(SALT, encoding="utf-8")
    workspace.run([folder])
    asked = ask(workspace, folder / name)
    new, is_edited, _ = new.partition(" edited")
    place = folder.parent / new
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder / name, place)
    if is_edited:
        place.write_text(f"{place.read_text('utf-8')}\n\nIt rises.\n", encoding="utf-8")
    elif place.is_file():  # another document has the name
        (place.parent / "a").mkdir()
        (place.parent / "a" / name).write_text(SALT, encoding="utf-8")
    if run:
        workspace.run([folder.parent / run])
    label = asked.parts[0].label
    answer = json.dumps({"cards": [card(*each, h=label) for each in (ELASTIC, SOUR)]})
    about = {"about": asked} if is_session else {}
    if is_recorded:
        outcome = record(workspace, answer, **about)
        assert [each.highlight.exact for each in outcome.drafted] == [YEAST, RYE]
        assert bool(asked.remaining_parts) != is_session
        return
    with pytest.raises(ItemError) as raised:
        record(workspace, answer, **about)
    message = "bread.md: the answer is about this document, which is not there any more"
    assert raised.value.message.endswith(message)
    assert "ankiforge run ITS/NEW/PLACE" in raised.value.hint
    # another paste isn't about it
    assert record(workspace, "I am sorry.", only_labelled=False) is None


def test_another_document_with_the_name_of_a_missing_one_is_not_the_one_asked_about(
    workspace, folder
):
    asked = ask(workspace, folder / "bread.md")
    (folder / "bread.md").unlink()
    places = [folder.parent / name for name in ("x", "y/books", "z")]
    for place in places:
        place.mkdir(parents=True)
        (place / "bread.md").write_text(SALT, encoding="utf-8")
    workspace.run([folder.parent / "x"])
    answer = json.dumps({"cards": [card(*SOUR, h=asked.parts[0].label)]})
    with pytest.raises(ItemError, match="not there any more"):
        record(workspace, answer)
    # of two, the one whose path ends like that of the document
    workspace.run([folder.parent / "y"])
    for path, found in (
        (folder / "bread.md", places[1] / "bread.md"),
        (places[2] / "bread.md", places[2] / "bread.md"),  # it is there, though not read
        (folder / "none.md", folder / "none.md"),
    ):
        assert find_moved_file(workspace.folder, workspace.ledger, path) == found


def test_an_answer_to_a_known_request(workspace, folder):
    asked = ask(workspace, folder / "bread.md")
    assert asked.remaining_parts
    outcome = record(workspace, json.dumps({"cards": [card(*SOUR)]}), about=asked)
    assert len(outcome.drafted) == 1
    assert asked.remaining_parts == []
    # what was answered is stored, so another answer is one to a whole request again
    [again], _ = unmarked.prepare_requests(workspace, folder / "bread.md", 5)
    assert [part.label for part in again.remaining_parts] == [
        part.label for part in again.parts
    ]
    # the answer to another request isn't recorded here, nor counted as an answer to this one
    (folder / "other.md").write_text(f"# Other\n\n{SALT}\n", encoding="utf-8")
    label = ask(workspace, folder / "other.md").parts[0].label
    about_other = record(
        workspace, json.dumps({"cards": [card(*SALTY, h=label)]}), about=again
    )
    told = "it is about other.md: copy the chat's answer about this document"
    assert (about_other.drafted, about_other.summary) == ((), told)
    assert about_other.kind is ChatReplyKind.UNUSABLE
    useless = record(workspace, "I am sorry.", about=again)
    assert (useless.drafted, useless.kind) == ((), ChatReplyKind.UNUSABLE)
    assert again.remaining_parts  # it is still to be answered


def test_an_answer_about_words_that_changed_since_says_so(workspace, folder):
    asked = ask(workspace, folder / "bread.md")
    label = asked.parts[0].label
    (folder / "bread.md").write_text(f"# Bread\n\n{RYE}\n", encoding="utf-8")
    outcome = record(
        workspace,
        json.dumps({"cards": [card(*each, h=label) for each in (SOUR, ELASTIC, SALTY)]}),
    )
    assert [each.highlight.exact for each in outcome.drafted] == [RYE]
    assert outcome.summary.endswith("; bread.md changed since it was asked about")
    assert len(outcome.unused) == 2


def test_what_is_told_of_a_refused_card_has_no_private_words(workspace, folder):
    """A person may paste it into the chat, which quotes the text around what was masked."""
    text = f"# Rye\n\n- sour\n- lithium #no-llm\n\nMy lithium is here. {RYE}\n\nOf lithium, {SALT}\n"
    (folder / "mine.md").write_text(text, encoding="utf-8")
    asked = ask(workspace, folder / "mine.md")
    label = asked.parts[0].label
    quote = f"Of […], {SALT}"
    cards = [card(quote, front, "90 times", h=label) for front in ("How often?", "Why?")]
    outcome = record(workspace, json.dumps({"cards": cards}))
    told = [problem.message for problem in outcome.unused]
    assert [message.count("“Of […], Salt slows") for message in told] == [1, 1]
    assert "lithium" not in str(told)


class Model:
    """Chooses the passage about rye, or fails; as a model of a service does."""

    host = "model.example"
    usage = None
    name = "m"
    has_second_reading = False

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.stopped = 0

    def request_reply(self, asked: Any) -> str:
        if self.error:
            raise self.error
        return json.dumps({"cards": [card(*SOUR)]})

    def stop(self) -> None:
        self.stopped += 1


@pytest.mark.parametrize(
    "error", [None, ItemError("too long", hint="x"), ServiceError("down")]
)
def test_a_model_chooses_passages(workspace, folder, monkeypatch, error):
    model = Model(error)
    monkeypatch.setattr(workspace, "build_model", lambda drafter: model)
    [asked], _ = unmarked.prepare_requests(workspace, folder / "bread.md", 5)
    result = unmarked.draft_from_documents(workspace, [asked])
    waiting = [dict(draft.fields)["Back"] for draft in workspace.drafts()]
    assert waiting == ([] if error else ["rye"])
    assert result.drafted == len(waiting)
    assert bool(asked.remaining_parts) == bool(error)  # it can be asked again
    assert model.stopped == 1
    is_down = isinstance(error, ServiceError)
    assert result.error is (error if is_down else None)
    told = [Problem("bread.md", "too long", "x")] if error and not is_down else []
    assert result.problems == told


def test_words_selected_on_the_page_become_a_highlight(workspace, folder):
    workspace.run([folder])
    [opened] = unmarked.open_documents(workspace, [folder / "bread.md"])
    match, _ = locate_quote(RYE, opened.letters, ())
    key = unmarked.create_highlight(workspace, opened, match)
    [outcome] = [each for each in workspace.highlights() if each.highlight.key == key]
    assert outcome.highlight.exact == RYE
    (folder / "bread.md").write_text("# Bread\n", encoding="utf-8")
    match, _ = locate_quote(YEAST, opened.letters, ())
    with pytest.raises(UsageError, match="these words are not in the document any more"):
        unmarked.create_highlight(workspace, opened, match)


def test_the_latest_requests_come_first_and_each_document_has_one(workspace, folder):
    (folder / "salt.md").write_text(SALT, encoding="utf-8")
    for name in ("bread.md", "salt.md", "bread.md"):
        ask(workspace, folder / name)
    stored = [Path(each.paths[0]).name for each in unmarked._load_requests(workspace)]
    assert stored == ["bread.md", "salt.md"]
    cache = unmarked._get_cache(workspace)
    cache.update({"unmarked documents": b"broken"})
    assert unmarked._load_requests(workspace) == []
