"""Cards of documents that nobody marked: the text that asks for them, and what an answer gives."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import NameObject, StreamObject

from ankiforge.draft.choose_passages import (
    blank_out_site_markup,
    blank_out_site_markup_and_times,
    partition_paragraphs,
    split_document,
)
from ankiforge.extract import files
from ankiforge.extract.chosen_passages import build_highlight
from ankiforge.extract.pdf import worker
from ankiforge.model import Document, DocumentKey, DocumentText, Paragraph
from ankiforge.pipeline.draft import load_privacy_filter
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text.located import DocumentLetters, locate_quote, locate_selection
from tests.makers.ebook_writer import Book, write_epub
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Attachment, Library, Work, write_zotero
from tests.reading import opened

YEAST = "Yeast turns sugar into carbon dioxide, which stays in the dough because gluten is elastic."
GLUTEN = "Gluten is the protein of wheat flour that makes a dough elastic."
RYE = "Rye has hardly any gluten, so its dough runs apart unless it is sour."
SALT = "Salt slows the yeast down, and a dough with too much of it hardly rises."
SECRET = "Our bakery sells its old rolls as croutons to the hotel next door."
NOTE = f"# Bread\n\n{YEAST}\n\n## Rye\n\n{RYE}\n\n## Salt\n\n{SALT}\n"
SCRIPTS = Path(__file__).parents[1] / "extract" / "pdfs" / "scripts"
FORMATS = ("md", "txt", "html", "epub", "pdf")


def card(quote: str, front: str, back: str, h: str = "") -> dict[str, Any]:
    return {"h": h, "kind": "basic", "front": front, "back": back, "quote": quote}


GLUTEN = card(
    YEAST, "Why does the gas of the yeast stay in a dough?", "Gluten is elastic."
)
SOUR = card(RYE, "Which bread dough runs apart unless it is sour?", "rye")


def asked(forge: Any, path: Path, *options: str) -> str:
    forge.ok("draft", "export", "ask.md", "--from", path, *options)
    return (forge.folder / "ask.md").read_text("utf-8")


def label(text: str) -> str:
    return re.findall(r'<text h="(\w+)">', text)[-1]


def answer(forge: Any, text: str, *cards: dict[str, Any]) -> Any:
    labelled = [{**each, "h": label(text)} for each in cards] if text else list(cards)
    (forge.folder / "answer.md").write_text(json.dumps({"cards": labelled}), "utf-8")
    return forge("draft", "import", "answer.md")


def written(folder: Path, ending: str) -> Path:
    path = folder / f"bread.{ending}"
    if ending == "pdf":
        write_pdf(
            path, [Page([paragraph(YEAST), paragraph(RYE)]), Page([paragraph(SALT)])]
        )
    elif ending == "epub":
        chapters = (("Bread", YEAST), ("Rye", RYE), ("Salt", SALT))
        write_epub(path, Book("Bread", chapters=chapters))
    elif ending == "html":
        menu = "<nav><ul><li>Home<li>Contact</ul></nav>"
        body = f"<h1>Bread</h1><p>{YEAST}</p><h2>Rye</h2><p>{RYE}</p><p>{SALT}"
        path.write_text(f"<title>On bread</title>{menu}{body}", "utf-8")
    else:
        path.write_text(NOTE, "utf-8")
    return path


@pytest.mark.parametrize(
    "name",
    ["Hindi from Typst", "Thai from a browser", "Bengali from Typst", "Hindi from fpdf2"],
)
def test_lines_that_differ_from_their_page_are_left_out_and_said(forge, name):
    path = SCRIPTS / f"{name}.pdf"
    said = forge("draft", "export", "ask.md", "--from", path, code=1).stderr
    assert "left out: its text layer differs from what the page shows, p. 1" in said


def test_a_passage_that_differs_from_its_page_gets_no_card():
    page = "नींद स्मृति को मजबूत करती है"
    document = Document(DocumentKey("pdf:x"), "x", title="T")
    paragraph = Paragraph(0, 0, len(page), skip_reason="its text layer differs")
    text = DocumentText(document, (page,), (paragraph,))
    located, _ = locate_quote(page, DocumentLetters([page]), [0])
    assert located
    assert build_highlight(text, located).skip_reason == "its text layer differs"


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Hebrew from Typst", "הזיכרון משתפר"), ("Arabic from fpdf2", "الذاكرة تتحسن")],
)
def test_letters_from_right_to_left_are_in_the_text_for_a_chat(forge, name, letters):
    assert letters in asked(forge, SCRIPTS / f"{name}.pdf")


def test_a_cell_keeps_its_place_and_code_its_lines_in_the_text_for_a_chat(
    forge, tmp_path
):
    path = tmp_path / "birds.md"
    path.write_text(
        "Text.\n\n```\nif bird:\n    x =  1\n```\n"
        "| Bird | Mass | Eggs |\n|---|---|---|\n| Owl | | **5** |\n| | 6 kg | |\n",
        "utf-8",
    )
    text = asked(forge, path)
    table = "Bird | Mass | Eggs\nOwl | – | 5\n– | 6 kg | –\n"
    assert f"Text.\nif bird:\n    x = 1\n{table}</text>" in text
    eggs = card("Owl | | 5", "How many eggs does an owl lay?", "5")
    answer(forge, text, eggs)
    assert forge.ok("list", "--json").lines[0]["quote"] == "Owl | – | 5"


@pytest.mark.parametrize("ending", FORMATS)
def test_the_cards_of_an_answer_wait_in_the_order_of_the_document_and_reach_a_package(
    forge, tmp_path, ending
):
    text = asked(forge, written(tmp_path, ending))
    assert YEAST in text
    assert "the 10 passages" in text
    assert "Contact" not in text
    answer(forge, text, SOUR, GLUTEN)
    cards = forge.cards()
    assert [each["verdict"] for each in cards] == ["waiting", "waiting"]
    assert [each["quote"] for each in cards] == [YEAST, RYE]
    # a run reads the document again, and nothing is lost or doubled
    assert "  2 new cards waiting\n" in forge.ok("run").stdout
    forge.ok("accept", "--all")
    assert "2 new notes" in forge.ok("build").stdout
    assert "nothing new" in forge.ok("run").stdout


def test_the_same_document_again_chooses_nothing_twice(forge, tmp_path):
    path = written(tmp_path, "md")
    answer(forge, asked(forge, path), GLUTEN)
    again = asked(forge, path)
    assert f"- {YEAST}" in again
    half = card(YEAST[:60], "What does yeast turn sugar into?", "carbon dioxide")
    assert "its passage is a highlight already" in answer(forge, again, half).stderr
    assert len(forge.cards()) == 1


def test_four_cards_of_one_passage_wait_and_a_fifth_is_named(forge, tmp_path):
    text = asked(forge, written(tmp_path, "md"))
    questions = ("What does yeast turn into carbon dioxide?", "What does yeast make of sugar?",
                 "Where does the carbon dioxide of yeast stay?", "What is elastic in a dough?",
                 "Why does the gas of yeast not leave a dough?")  # fmt: skip
    answers = ("sugar", "carbon dioxide", "in the dough", "gluten", "gluten is elastic")
    of_one = [
        card(YEAST, *sides) for sides in zip(questions[:4], answers[:4], strict=True)
    ]
    said = answer(forge, text, *of_one, card(YEAST, questions[4], answers[4]))
    assert "1 passage chosen, of 5 in the answer" in said.stderr
    assert f"“{questions[4]}” for “{YEAST[:59]}…”: it has 4 cards" in said.stderr
    fronts = {each["fields"]["Front"]: each["verdict"] for each in forge.cards()}
    assert fronts == dict.fromkeys(questions[:4], "waiting")


def test_what_a_reader_marked_is_known_already(forge, tmp_path):
    path = tmp_path / "bread.md"
    path.write_text(NOTE.replace("carbon dioxide", "==carbon dioxide=="), "utf-8")
    assert f"- {YEAST}" in asked(forge, path)


def test_a_card_whose_words_the_document_does_not_say_is_named(forge, tmp_path):
    text = asked(forge, written(tmp_path, "md"))
    invented = card(
        "Sourdough was first baked in Egypt.", "Where was it first baked?", "Egypt"
    )
    said = answer(forge, text, invented, GLUTEN)
    assert said.exit_code == 1
    assert "1 quote not in the document" in said.stderr
    assert len(forge.cards()) == 1


def test_an_answer_without_labels_is_tried_on_the_documents_asked_last(forge, tmp_path):
    asked(forge, written(tmp_path, "md"))
    other = tmp_path / "moss.md"
    other.write_text(
        "# Moss\n\nMoss has no roots, and drinks with its leaves.\n", "utf-8"
    )
    asked(forge, other)
    answer(forge, "", GLUTEN, SOUR)
    assert [each["title"] for each in forge.cards()] == ["bread", "bread"]


def test_an_answer_to_a_document_that_changed_gives_what_still_stands_there(
    forge, tmp_path
):
    path = written(tmp_path, "md")
    text = asked(forge, path)
    path.write_text(NOTE.replace(RYE, "Rye bread needs time."), "utf-8")
    said = answer(forge, text, GLUTEN, SOUR)
    assert "bread.md changed since it was asked about" in said.stderr
    assert [each["quote"] for each in forge.cards()] == [YEAST]


def test_undo_takes_all_passages_of_an_answer_back(forge, tmp_path):
    path = written(tmp_path, "md")
    text = asked(forge, path)
    answer(forge, text, GLUTEN, SOUR)
    undone = forge.ok("undo")
    assert YEAST[:30] in undone.stdout + undone.stderr
    assert RYE[:30] in undone.stdout + undone.stderr
    assert forge.cards() == []
    forge.ok("run")
    assert forge.cards() == []
    answer(forge, text, GLUTEN)
    assert len(forge.cards()) == 1


# --- private ------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["md", "html"])
def test_private_words_stay_here(forge, tmp_path, ending):
    path = written(tmp_path, ending)
    text = path.read_text("utf-8")
    more = f"\n## Business #no-llm\n\n{SECRET}\n"
    if ending == "html":
        more = f"<h2>Business #no-llm</h2><p>{SECRET}</p>"
    path.write_text(text + more, "utf-8")
    sent_out = asked(forge, path)
    assert SALT in sent_out
    assert "croutons" not in sent_out


@pytest.mark.parametrize("ending", ["md", "txt", "html", "epub"])
def test_a_short_private_text_is_masked_in_the_rest_of_its_document(
    forge, tmp_path, ending
):
    secret, public = "Code 7319 #no-llm", f"{SALT} Use code 7319."
    path = tmp_path / f"bread.{ending}"
    if ending == "epub":
        write_epub(path, Book("Bread", chapters=(("Bread", public), ("Note", secret))))
    elif ending == "html":
        path.write_text(f"<h1>Bread</h1><p>{public}</p><p>{secret}</p>", "utf-8")
    else:
        path.write_text(f"{NOTE}\n{public}\n\n{secret}\n", "utf-8")
    sent_out = asked(forge, path)
    assert SALT in sent_out
    assert "7319" not in sent_out
    # the surroundings of a chosen passage are masked in later requests, too
    answer(forge, sent_out, card(SALT, "What slows the yeast in a dough?", "salt"))
    key = forge.cards()[0]["document"]
    with forge.here(), Workspace(read_only=True) as workspace:
        assert "7319" not in load_privacy_filter(workspace.ledger).mask_text(public, key)


def test_a_book_with_a_private_subject_is_refused(forge, tmp_path):
    path = tmp_path / "bread.epub"
    chapters = (("Bread", f"{YEAST} {SALT}"),)
    write_epub(path, Book("Bread", chapters=chapters, subjects=("Food", "No-LLM")))
    refused = forge("draft", "export", "ask.md", "--from", path)
    assert refused.exit_code != 0
    assert "no-llm" in refused.stderr.casefold()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bread.md", f"---\ntags: [no-llm]\n---\n{NOTE}"),
        ("bread #no-llm.md", NOTE),
        ("bread.md", f"{NOTE}\n\n#no-llm\n"),
        ("private #no-llm/bread.md", NOTE),
    ],
    ids=["front matter", "name", "a line of its own", "folder"],
)
def test_a_private_document_is_refused(forge, tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    refused = forge("draft", "export", "ask.md", "--from", path)
    assert refused.exit_code == 1
    assert "kept on this computer" in refused.stderr
    assert not (forge.folder / "ask.md").exists()


def test_what_is_private_in_a_vault_is_masked_in_every_document(forge, tmp_path):
    vault = tmp_path / "vault"
    vault.mkdir()
    (vault / "Shop.md").write_text(f"{SECRET} #no-llm\n\n==A roll is small.==\n", "utf-8")
    forge.ok("run", vault)
    path = tmp_path / "bread.md"
    path.write_text(f"{NOTE}\n\n{SECRET}\n", "utf-8")
    assert "croutons" not in asked(forge, path)


@pytest.mark.parametrize(
    ("work", "file", "collections"),
    [(("no-llm",), (), ()), ((), ("No-LLM",), ()), ((), (), ("Mine #no-llm",))],
    ids=["the work", "the file", "a collection"],
)
def test_a_paper_that_is_private_in_zotero_is_refused(
    forge, tmp_path, work, file, collections
):
    path = tmp_path / "Zotero" / "storage" / "ATTACH01" / "bread.pdf"
    path.parent.mkdir(parents=True)
    pdf_of(path)
    attached = (Attachment("ATTACH01", "bread.pdf", tags=file),)
    paper = Work("PAPER001", {"title": "On Rye"}, tags=work, collections=collections,
                 attachments=attached)  # fmt: skip
    write_zotero(tmp_path / "Zotero" / "zotero.sqlite", [Library((paper,))])
    refused = forge("draft", "export", "ask.md", "--from", path)
    assert refused.exit_code == 1
    assert "kept on this computer" in refused.stderr


def test_a_paper_in_zotero_has_the_title_of_its_work(forge, tmp_path):
    path = tmp_path / "Zotero" / "storage" / "ATTACH01" / "bread.pdf"
    path.parent.mkdir(parents=True)
    pdf_of(path)
    paper = Work(
        "PAPER001",
        {"title": "On Rye"},
        attachments=(Attachment("ATTACH01", "bread.pdf"),),
    )
    write_zotero(tmp_path / "Zotero" / "zotero.sqlite", [Library((paper,))])
    text = asked(forge, path)
    assert "Document: On Rye" in text
    answer(forge, text, SOUR)
    assert len(forge.cards()) == 1


def test_a_chosen_passage_that_becomes_private_is_private(forge, tmp_path):
    path = written(tmp_path, "md")
    answer(forge, asked(forge, path), SOUR)
    path.write_text(NOTE.replace("## Rye", "## Rye #no-llm"), "utf-8")
    text = asked(forge, path)
    assert RYE not in text.partition("<text h=")[2]
    assert YEAST in text


# --- a model ------------------------------------------------------------------------------


def test_a_model_that_is_set_is_asked_directly_and_its_size_is_said_before(
    forge, server, fake, tmp_path
):
    forge.drafting(server.base_url)
    (forge.folder / "notes").mkdir()
    path = written(tmp_path, "md")
    said = forge.ok("draft", path, "--estimate").stdout
    assert "10 passages, 1 request" in said
    assert server.asked == []
    server.queue.append(fake.cards(GLUTEN, SOUR))
    said = forge.ok("draft", path)
    assert "10 passages, 1 request" in said.stderr
    assert len(server.asked) == 1
    assert [each["verdict"] for each in forge.cards()] == ["waiting", "waiting"]
    assert [each["origin"]["model"] for each in forge.cards()] == ["m", "m"]


def long_note(path: Path) -> Path:
    """Two parts: the first ends in the passage about yeast, the second in that about rye."""
    filler = "It is so, and it has been so for a long time in every town.\n\n" * 350
    path.write_text(
        f"# One\n\n{YEAST}\n\n{filler}\n\n# Two\n\n{filler}\n\n{RYE}\n", "utf-8"
    )
    return path


def test_a_part_knows_what_was_chosen_in_the_others(forge, server, fake, tmp_path):
    forge.drafting(server.base_url)
    (forge.folder / "notes").mkdir()
    server.queue += [fake.cards(GLUTEN), fake.cards(SOUR)]
    forge.ok("draft", long_note(tmp_path / "long.md"))
    first, second = (each["messages"][-1]["content"] for each in server.asked)
    assert f"- {YEAST}" not in first
    assert f"- {YEAST}" in second
    assert len(forge.cards()) == 2


def test_an_interruption_is_resumed_where_it_was(forge, server, fake, tmp_path):
    forge.drafting(server.base_url)
    (forge.folder / "notes").mkdir()
    path = long_note(tmp_path / "long.md")
    server.queue += [fake.cards(GLUTEN), *[fake.error(401, "no")] * 3]
    assert forge("draft", path).exit_code != 0
    assert len(forge.cards()) == 1
    server.queue.clear()
    server.queue.append(fake.cards(SOUR))
    before = len(server.asked)
    said = forge.ok("draft", path)
    assert "1 of 2 are answered" in said.stderr
    assert len(server.asked) == before + 1
    assert len(forge.cards()) == 2


def test_of_a_folder_every_document_without_marks_is_asked_about(
    forge, server, fake, tmp_path
):
    forge.drafting(server.base_url)
    (forge.folder / "notes").mkdir()
    folder = tmp_path / "papers"
    folder.mkdir()
    written(folder, "pdf")
    (folder / "moss.md").write_text(
        "Moss has ==no roots==, and drinks with its leaves.\n"
    )
    server.queue.append(fake.cards(GLUTEN))
    forge.ok("draft", folder)
    assert len(server.asked) == 1
    forge.ok("draft", folder)  # nothing is left there
    assert len(server.asked) == 1


def folder_of_notes(tmp_path: Path) -> Path:
    """Notes of which a part takes about three, and one that is private."""
    folder = tmp_path / "bakery"
    folder.mkdir()
    filler = "It is so, and it has been so for a long time in every town.\n\n" * 120
    for name, fact in (("gluten", YEAST), ("rye", RYE), ("salt", SALT)):
        text = f"# On {name}\n\n{fact}\n\n{filler}# More\n\nSo it is.\n"
        (folder / f"{name}.md").write_text(text, "utf-8")
    for number in range(3):
        (folder / f"town {number}.md").write_text(filler, "utf-8")
    (folder / "shop.md").write_text(f"{SECRET}\n\n#no-llm\n", "utf-8")
    return folder


def test_prompts_in_a_folder_of_notes_are_not_sent(forge, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.md").write_text(NOTE, "utf-8")
    (notes / "b.md").write_text(f"=={YEAST}==\n", "utf-8")
    forge.ok("run", notes)
    forge.ok("draft", "export", notes / "ask.md")
    forge.ok("draft", "export", notes / "ask-2.md", "--from", notes)
    told = forge.ok("draft", "export", "ask.md", "--from", notes)
    assert "ask-2.md and 1 more: it is a prompt for a chat" in told.stderr
    [text] = (forge.folder / "ask.md").read_text("utf-8").split("<text h=")[1:]
    assert "JSON" not in text.split("</text>")[0]
    refused = forge("draft", notes / "ask.md", code=1)
    assert "it is a prompt for a chat" in refused.stderr
    forge.ok("run", notes)
    skipped = forge.ok("list", "--no-card", "--all", "--json").lines
    places = {row["place"] for row in skipped if row["kind"] == "prompt"}
    assert places == {"ask.md", "ask-2.md"}


def test_files_with_the_same_problem_are_counted_in_one_line(forge, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(5):
        write_pdf(tmp_path / "in" / f"{number}.pdf", [Page([])])
    told = forge("draft", "export", "ask.md", "--from", tmp_path / "in").stderr
    assert told.count("it has no text") == 1
    assert "and 4 more" in told


def test_notes_of_a_folder_are_joined_and_each_card_finds_its_note(forge, tmp_path):
    folder = folder_of_notes(tmp_path)
    text = asked(forge, folder)
    second_text = (forge.folder / "ask-2.md").read_text("utf-8")
    assert not (forge.folder / "ask-3.md").exists()
    for each in (text, second_text):
        assert "the 10 passages" in each
        assert "croutons" not in each
    assert [name for name in ("gluten", "rye", "salt") if f"[from “{name}”]" in text] == [
        "gluten",
        "rye",
        "salt",
    ]
    # a note that is gone meanwhile leaves the others
    (folder / "salt.md").unlink()
    invented = card("Sourdough was first baked in Egypt.", "Where was it?", "Egypt")
    said = answer(forge, text, SOUR, GLUTEN, invented)
    assert "2 passages chosen, of 3 in the answer; 1 quote not in the doc" in said.stderr
    assert [
        (each["title"], each["heading"], each["quote"]) for each in forge.cards()
    ] == [
        ("gluten", "On gluten", YEAST),
        ("rye", "On rye", RYE),
    ]
    # one undo takes the whole answer back
    forge.ok("undo")
    assert forge.cards() == []


def test_run_and_status_name_the_command_for_what_nobody_marked(forge, tmp_path):
    folder = folder_of_notes(tmp_path)
    said = forge.ok("run", folder).stdout
    assert f"next  ankiforge draft {folder}" in said
    assert f"next  ankiforge draft {folder}" in forge.ok("status").stdout
    # the path that was named last comes first
    moss = tmp_path / "moss.md"
    moss.write_text("Moss has no roots.\n", "utf-8")
    assert f"next  ankiforge draft {moss}   little" in forge.ok("run", moss).stdout
    # once a passage is chosen or marked there, the command is no longer named
    answer(forge, asked(forge, folder), SOUR)
    moss.write_text("Moss has ==no roots==.\n", "utf-8")
    forge.ok("run")
    forge.ok("accept", "--all")
    said = forge.ok("status").stdout
    assert "ankiforge draft /" not in said
    assert "no marks" not in said


@pytest.mark.parametrize(("marked", "is_named"), [(1, True), (2, False)])
def test_a_folder_with_few_marks_is_named_with_the_command_that_chooses(
    forge, tmp_path, monkeypatch, marked, is_named
):
    # an unmarked file is counted once its stamp is reliable
    monkeypatch.setattr(files, "is_stamp_reliable", lambda stamp: True)
    folder = tmp_path / "bakery"
    folder.mkdir()
    for number, text in enumerate((GLUTEN, RYE, SALT)):
        mark_signs = "==" if number < marked else ""
        note = f"# Bread\n\n{mark_signs}{text}{mark_signs}\n"
        (folder / f"{number}.md").write_text(note, "utf-8")
    run_result, status = forge.ok("run", folder), forge.ok("status")
    assert (f"ankiforge draft {folder}   little" in run_result.stdout) is is_named
    assert (f"ankiforge draft {folder}   little" in status.stdout) is is_named
    # the line isn't repeated in each run
    assert "little" not in forge.ok("run").stdout


def test_what_is_private_in_one_note_is_masked_in_the_others_when_notes_are_joined(
    forge, tmp_path
):
    folder = tmp_path / "bakery"
    folder.mkdir()
    trade = f"# Rolls\n\n{SALT}\n\n## Trade #no-llm\n\n{SECRET}\n"
    (folder / "rolls.md").write_text(trade, "utf-8")
    (folder / "rye.md").write_text(f"# Rye\n\n{RYE} {SECRET}\n", "utf-8")
    text = asked(forge, folder)
    assert SALT in text
    assert RYE in text
    assert "croutons" not in text


# --- a mark on the same words ---------------------------------------------------------------


def pdf_of(path: Path, *marked: str) -> Path:
    text = [paragraph(each) for each in (YEAST, RYE, SALT)]
    write_pdf(path, [Page(text, [mark(each) for each in marked])])
    return path


def test_a_mark_that_is_made_later_on_the_same_words_is_the_same_passage(forge, tmp_path):
    path = pdf_of(tmp_path / "bread.pdf")
    answer(forge, asked(forge, path), SOUR, GLUTEN)
    forge.ok("accept", "--all")
    before = {each["quote"]: each for each in forge.cards()}
    pdf_of(path, RYE)
    said = forge.ok("run").stdout
    after = {each["quote"]: each for each in forge.cards()}
    assert {quote: each["guid"] for quote, each in after.items()} == {
        quote: each["guid"] for quote, each in before.items()
    }
    assert after[RYE]["highlight"] == before[RYE]["highlight"]
    assert "0 new" in said or "nothing new" in said
    # and after the mark is taken out again
    pdf_of(path)
    forge.ok("run")
    assert [each["guid"] for each in forge.cards()] == [
        each["guid"] for each in before.values()
    ]


def test_a_document_keeps_its_passages_when_it_is_renamed(forge, tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    path = pdf_of(folder / "bread.pdf")
    forge.ok("run", folder)
    answer(forge, asked(forge, path), SOUR)
    forge.ok("accept", "--all")
    [before] = forge.cards()
    path.rename(folder / "renamed.pdf")
    forge.ok("run")
    forge.ok("run")
    [after] = forge.cards()
    assert after["guid"] == before["guid"]
    assert after["highlight"] == before["highlight"]


@pytest.mark.parametrize("is_configured", [False, True])
@pytest.mark.parametrize("ending", ["html", "txt"])
def test_a_document_in_a_vault_that_was_given_once_is_read_with_the_vault(
    forge, ending, is_configured
):
    vault = forge.folder / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    (vault / "Note.md").write_text("==The Rhine is 1233 km long.==\n")
    (vault / "papers").mkdir()
    (vault / "papers" / "other.html").write_text("<p>Bees dance in the dark.")
    paths = () if is_configured else (vault,)
    if is_configured:
        forge.settings("sources: [{obsidian: {name: vault, path: vault}}]\n")
    path = written(vault / "papers", ending)
    text = asked(forge, path)
    answer(forge, text, SOUR)
    forge.ok("run", *paths)
    path.write_text(path.read_text().replace("hardly any", "very little"))
    said = forge.ok("run", *paths, "--json").data
    assert said["highlights"]["changed"] == 1
    assert said["files"][f".{ending}"] == 1, "what was never asked about is not read"
    [draft] = forge.cards("verdict:waiting")
    assert "very little" in draft["quote"]
    if ending == "txt":
        return
    if is_configured:  # in a folder that is read, a file that is missing was deleted
        path.unlink()
        assert "missing" not in forge.ok("run").stderr
        path = written(vault / "papers", ending)
    renamed = path.rename(path.with_name("dough.html"))
    forge.ok("run", *paths)
    renamed.write_text(renamed.read_text().replace("runs apart", "falls apart"))
    assert forge.ok("run", *paths, "--json").data["highlights"]["changed"] == 1


def test_a_second_computer_and_a_lost_database_have_the_same_passages(forge, tmp_path):
    path = written(tmp_path, "md")
    answer(forge, asked(forge, path), SOUR)
    forge.ok("accept", "--all")
    [before] = forge.cards()
    for database in (forge.home).rglob("ledger.sqlite*"):
        database.unlink()
    for database in (forge.folder).rglob("ledger.sqlite*"):
        database.unlink()
    forge.ok("run")
    [after] = forge.cards()
    assert (after["guid"], after["highlight"]) == (before["guid"], before["highlight"])
    assert "nothing new" in forge.ok("run").stdout


# --- bad input ------------------------------------------------------------------------------


def test_a_scan_without_text_is_said(forge, tmp_path):
    path = tmp_path / "scan.pdf"
    write_pdf(path, [Page([])])
    refused = forge("draft", "export", "ask.md", "--from", path)
    assert refused.exit_code == 1
    assert "it has no text" in refused.stderr
    assert "OCR" in refused.stderr


def test_what_is_left_out_and_pages_without_text_are_said(forge, tmp_path):
    path = tmp_path / "bread.pdf"
    works = map(paragraph, WORKS.split("\n"))
    last = [paragraph(RYE), heading("References"), *works]
    write_pdf(path, list(map(Page, ([paragraph(YEAST)], [], last, []))))
    said = forge.ok("draft", "export", "ask.md", "--from", path).stderr
    assert "left out: References, p. 3 (88 characters)" in said
    assert "2 of 4 pages have no text" in said


def test_a_file_that_is_no_document_is_said(forge, tmp_path):
    for name, content in (
        ("a.pdf", b"nonsense"),
        ("b.epub", b"nonsense"),
        ("c.xyz", b"x"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        refused = forge("draft", path)
        assert refused.exit_code in (1, 2), refused
        assert name in refused.stderr
    refused = forge("draft", tmp_path / "bred.md")
    assert "there is no such file" in refused.stderr


def test_a_pdf_that_is_locked_is_said(forge, tmp_path):
    path = pdf_of(tmp_path / "bread.pdf")
    writer = PdfWriter(clone_from=path)
    writer.encrypt("öffne dich", owner_password="other", algorithm="RC4-128")
    writer.write(path)
    refused = forge("draft", path)
    assert refused.exit_code == 1
    assert "bread.pdf: it is locked with a password" in refused.stderr
    assert "save a copy without a password" in refused.stderr
    assert "bread.pdf" not in forge.ok("status").stdout


# A font whose `z` is the letter 𝜎 of maths, as programs that show slides write it.
SIGMA = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def
1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfchar <7A> <D835DF0E> endbfchar
endcmap end end"""


def test_letters_of_maths_beyond_the_first_65536_are_read(forge, tmp_path):
    path = tmp_path / "gates.pdf"
    write_pdf(
        path, [Page([paragraph("The gate is z of the weighted sum of all inputs.")])]
    )
    writer = PdfWriter(clone_from=path)
    for font in writer.pages[0]["/Resources"]["/Font"].values():
        stream = StreamObject()
        stream.set_data(SIGMA)
        font.get_object()[NameObject("/ToUnicode")] = writer._add_object(stream)
    writer.write(path)
    assert "The gate is 𝜎 of the weighted sum of all inputs." in asked(forge, path)


def test_no_document_says_draft_what_is_meant(forge):
    assert "there is no command ankiforge draft imprt" in forge("draft", "imprt").stderr


# --- parts and quotes -------------------------------------------------------------------------


def whole(*pages: str, labels: bool = False, levels: bool = True) -> DocumentText:
    """A document whose lines are paragraphs; those that begin with `#` are headings."""
    paragraphs = []
    texts = []
    heading = ""
    for number, page in enumerate(pages):
        start = 0
        lines = []
        for line in page.split("\n"):
            words = line.lstrip("# ")
            level = line.count("#") if levels else 0
            heading = words if level else heading
            end = start + len(words)
            paragraphs.append(Paragraph(number, start, end, heading, level))
            lines.append(words)
            start = end + 1
        texts.append("\n".join(lines))
    document = Document(DocumentKey("pdf:1"), "s", "On bread")
    numbers = tuple(map(str, range(len(pages)))) if labels else ()
    return DocumentText(document, tuple(texts), tuple(paragraphs), "pdf:1", numbers)


WORKS = "[1] Doe, A. On bread. J. Food 9 (1959), 41–46.\n[2] Roe, B. Rye. 2nd ed., 1998."
SLIDES = ("Gluten\n• It is elastic.", "Rye\n• It has hardly any gluten.")
SENT = {
    "a section of tasks": ("# Bread\nIt rises.\n# Exercises\n1. Bake.\nWhy?\n# Rye\nSour.", "Bread It rises. Rye Sour.",
                           "Exercises (21 characters)"),
    "a section of works": ("# Bread\n## 2.1 References\nDoe 2020.\n## More\nYes.", "Bread More Yes.",
                           "2.1 References (23 characters)"),
    "in other languages": ("# Literaturverzeichnis\nDoe, 2020.\n# 参考文献\n[1] 张三, 2010.\n# Ende\nEnde.", "Ende Ende.",
                           "Literaturverzeichnis (30 characters), 参考文献 (17 characters)"),
    "a section of sentences": ("# C++\n## References\nA reference is an alias of an object.\n## Index\nAn index helps.",
                               "C++ References A reference is an alias of an object. Index An index helps.", ""),
    "a section after the works": ("# References\nDoe 2020.\n# Rules\n1. Knead.\n2. Wait.", "Rules 1. Knead. 2. Wait.",
                                  "References (19 characters)"),
    "a longer heading": ("# References count\nThey do.", "References count They do.", ""),
    "sentences before the works": ("# References\nThe works that this course follows are old, and they are all worth reading.\n"
                                   "Doe 2020.", "References The works that this course follows are old, and they are all worth"
                                   " reading. Doe 2020.", ""),
    "front matter on a line": ("+++ title = 1 +++\nIt rises.", "It rises.", ""),
    "front matter": ("+++\ntitle = 1\n+++\nIt rises.", "It rises.", ""),
}  # fmt: skip
SENT_PAGES = {
    "works at the end": (("It rises.", f"Text.\nReferences\n{WORKS}", WORKS), "It rises. Text.",
                         "References, p. 1–2 (164 characters)"),
    "text after the works": (("It rises.", f"References\n{WORKS}\nAppendix\nA dough without salt rises faster."),
                             "It rises. Appendix A dough without salt rises faster.", "References, p. 1 (87 characters)"),
    "contents": (("Contents\nBread ........ 12\nIt rises.",), "It rises.", "Contents, p. 0 (25 characters)"),
    "contents without a name": (("Bread ........ 12\nIt rises.",), "It rises.",
                                "lines of a table of contents, p. 0 (17 characters)"),
    "a slide with an exercise": (("Bread", "Exercise\n• Draw a loaf.", *SLIDES), "Bread Exercise • Draw a loaf. Gluten"
                                 " • It is elastic. Rye • It has hardly any gluten.", ""),
    "a slide for questions": (("Bread", "Questions?", *SLIDES), "Bread Questions? Gluten • It is elastic. Rye"
                              " • It has hardly any gluten.", ""),
    "a slide about references": (("Bread", "References\n• An alias of an object.", *SLIDES), "Bread References"
                                 " • An alias of an object. Gluten • It is elastic. Rye • It has hardly any gluten.", ""),
    "chapters that end with tasks": (("One\nExercises\n1. Bake.\n2. Eat.", "Two is a chapter.\nExercises\n1. Sow.",
                                      "Three is the last chapter."), "One Two is a chapter. Three is the last chapter.",
                                     "Exercises, p. 0 (24 characters), Exercises, p. 1 (16 characters)"),
    "a slide that grows": (("Bread\n• rises", "Bread\n• rises\n• falls", "Rye"), "Bread • rises • falls Rye", ""),
    "a slide on one line": (("1 By hand\n2 By rule", "1 By hand 2 By rule\n3 By figures", "End"),
                            "1 By hand 2 By rule 3 By figures End", ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("document", "sent", "left_out"),
    [
        *((whole(text), *expected) for text, *expected in SENT.values()),
        *((whole(*pages, labels=True, levels=False), *expected) for pages, *expected in SENT_PAGES.values()),
    ],
    ids=[*SENT, *SENT_PAGES],
)  # fmt: skip
def test_only_lists_of_works_contents_and_tasks_are_left_out_and_named(
    document, sent, left_out
):
    paragraphs, omitted = partition_paragraphs(document)
    assert " ".join(map(document.get_paragraph_text, paragraphs)) == sent
    assert ", ".join(each.summary for each in omitted) == left_out


def test_parts_end_at_headings_and_share_the_number():
    document = whole("\n".join(f"## Part {n}\n{'So it is. ' * 200}" for n in range(12)))
    parts = split_document(document, document.paragraphs, 10, max_part_chars=9_000)
    assert sum(part.passage_count for part in parts) == 10
    assert max(part.character_count for part in parts) < 11_000
    for part in parts:
        assert document.get_paragraph_text(part.paragraphs[0]).startswith("Part ")


def test_a_text_without_line_ends_is_cut_between_sentences():
    document = whole("So it is. " * 9_000)
    parts = split_document(document, partition_paragraphs(document)[0], 10)
    assert len(parts) == 4
    for part in parts:
        for each in part.paragraphs:
            assert document.get_paragraph_text(each).strip().startswith("So it is.")


ATTRIBUTES = """\
# Bread {#bread .top}

{: .no_toc }

Yeast turns *sugar*{: data-type="term"} into carbon dioxide, which stays in the dough because gluten is elastic.{: .lead}

!!! note
    Gluten is elastic.

::: warning
It needs acid.
:::

{% include figure.html %}

![a loaf](loaf.png){width=50%} The set {a, b} stays, and `{.x = 1}`.
"""


def test_attributes_of_programs_that_make_pages_do_not_go_out(forge, tmp_path):
    path = tmp_path / "bread.md"
    path.write_text(ATTRIBUTES, "utf-8")
    text = asked(forge, path)
    _, _, out = text.partition("<text h=")
    assert " ".join(out.partition(">\n")[2].partition("</text>")[0].split()) == (
        f"# Bread {YEAST} Gluten is elastic. It needs acid."
        " The set {a, b} stays, and `{.x = 1}`."
    )
    # what was quoted without them is found exactly
    said = answer(forge, text, GLUTEN)
    assert "1 passage chosen, of 1 in the answer\n" in said.stderr
    assert (
        "its passage is a highlight already"
        in answer(forge, asked(forge, path), GLUTEN).stderr
    )


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("Fledging:: leaving the nest for the first time", True),
        ("- **Torpor**:: a state of lowered body temperature of a bird", True),
        ("蛰伏:: 鸟类在夜间降低体温的一种状态。", True),
        ("status:: in progress", False),
        ("tags:: #one #two #three #four", False),
        ("see:: [[One]] [[Two]] [[Three]] [[Four]]", False),
        ("due:: 2026-01-01 10:00 in the great hall", False),
        ("collapsed:: true", False),
        ("Torpor:: a state of lowered body temperature #no-llm", False),
    ],
)
def test_a_field_that_defines_a_term_is_text(forge, tmp_path, line, sent):
    path = tmp_path / "birds.md"
    path.write_text(f"# Birds\n\nThe swift nests in towers.\n\n{line}\n", "utf-8")
    text = asked(forge, path)
    value = line.partition(":: ")[2]
    assert (value in text) == sent
    if sent:
        answer(
            forge,
            text,
            card(value, "Which word is that of a bird?", " ".join(value.split()[:4])),
        )
        assert [each["quote"] for each in forge.cards()] == [value]
        forge.ok("run")
        assert len(forge.cards()) == 1


@pytest.mark.parametrize(
    ("line", "quote", "markdown"),
    [
        (r"It freezes at $0\,°C$ in the **north**.", r"It freezes at $0\,°C$ in the north.",
         [r"It freezes at $0\,°C$ in the **north**."]),
        ("It freezes in the **north** of the country.", "freezes in the north", ["freezes in the **north**"]),
        ("Call `len(x)` for the *number* of items.", "Call `len(x)` for the number", ["Call `len(x)` for the *number*"]),
        ("A [list](https://x.org) has a length, which is stored.", "A list has a length, which is stored.", []),
        ("A list has a length.\n- It is stored.\n- **Len** returns it.", "A list has a length. It is stored. Len returns it.",
         ["A list has a length. It is stored. **Len** returns it."]),
        ("```\nx = len(a) * 2 * y\nreturn x\n```", "x = len(a) * 2 * y return x", []),
        ("5 * 3 * 2 are the numbers of a product.", "5 * 3 * 2 are the numbers of a product.",
         ["5 * 3 * 2 are the numbers of a product."]),
        ("5 and 3 are the numbers of a product.", "5 and 3 are the numbers of a product.", []),
    ],
)  # fmt: skip
def test_a_chosen_passage_of_a_note_keeps_its_markdown(tmp_path, line, quote, markdown):
    path = tmp_path / "note.md"
    path.write_text(f"# Note\n\n{line}\n", "utf-8")
    [(_, whole_text)] = opened("markdown", path).iter_whole_texts()
    located, _ = locate_quote(quote, DocumentLetters(whole_text.pages), {0})
    highlight = build_highlight(whole_text, located)
    assert (highlight.exact, list(highlight.markdown)) == (quote, markdown)


def test_a_document_of_many_pages_is_read_in_parts(forge, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "PAGES_PER_REQUEST", 1)
    path = written(tmp_path, "pdf")
    text = asked(forge, path)
    assert all(each in text for each in (YEAST, RYE, SALT))
    assert "[page 2]" in text
    # the file changes between two readings
    write_pdf(path, [Page([paragraph(RYE)]), Page([paragraph("Rye needs acid.")])])
    text = asked(forge, path)
    assert "Rye needs acid." in text
    assert SALT not in text


QUOTES = {
    "as it is": (YEAST, YEAST, True),
    "with emphasis and other signs": (f"**{RYE[:20]}**{RYE[20:]}", RYE, True),
    "without its full stop": (RYE[:-1], RYE, True),
    "with something left out": ("Yeast turns sugar … because gluten is elastic.", YEAST, True),
    "with slips": (YEAST.replace("because", "since").replace("carbon ", "carbonic "), YEAST, False),
    "not in it": ("Sourdough was first baked in Egypt, long ago.", None, False),
    "too short": ("dough", None, False),
    "a word that stands once": ("hardly any gluten", "hardly any gluten", True),
    "nothing": ("", None, False),
}  # fmt: skip


@pytest.mark.parametrize(
    ("quote", "found", "is_exact"), QUOTES.values(), ids=list(QUOTES)
)
def test_a_quote_is_located_or_dropped(quote, found, is_exact):
    letters = DocumentLetters([f"On bread.\n{YEAST}\n{RYE}", f"{SALT}\nA dough is soft."])
    located, exactly = locate_quote(quote, letters, {0})
    assert (located.quote if located else None) == found
    assert exactly == is_exact


@pytest.mark.parametrize(
    ("selected", "marked"),
    [
        ("ell divides", "cell divides"),  # within its first word
        ("divides.\n\n</div>\nThen it", "divides. Then it"),
        ("Then it rests{: .end}", "Then it rests"),
        ("It never rests", None),
        ("", None),
    ],
)
def test_words_that_are_dragged_over_are_words_of_the_document(selected, marked):
    document = whole("The cell divides. Then it rests.")
    letters = DocumentLetters(document.pages, blank_out_site_markup)
    located = locate_selection(letters, selected)
    assert (located.quote if located else None) == marked


TALK = "so the swift sleeps on the wing and it weighs forty grams " * 30 + (
    "00:12:34 the eel spawns in the sea 00:12:38 of the weeds and dies "
    + "of hunger " * 90
)


@pytest.mark.parametrize(
    ("quote", "found", "is_exact"),
    [
        ("the eel spawns in the sea of the weeds and dies",
         "the eel spawns in the sea 00:12:38 of the weeds and dies", True),
        ("the eel spawned in the seas of weeds and died",
         "the eel spawns in the sea 00:12:38 of the weeds and dies", False),
    ],
)  # fmt: skip
def test_a_quote_of_a_transcript_without_full_stops_does_not_grow(quote, found, is_exact):
    letters = DocumentLetters([TALK], blank_out_site_markup_and_times)
    located, exactly = locate_quote(quote, letters, {0})
    assert (located.quote, exactly) == (found, is_exact)


def test_a_quote_may_go_on_over_a_page_break():
    first, second = YEAST.split(", which ")
    letters = DocumentLetters([f"{first}, which", second])
    located, _ = locate_quote(YEAST, letters, {0, 1})
    assert located is not None
    assert (located.page, located.quote) == (0, YEAST)


def test_of_two_places_the_part_that_was_asked_about_comes_first():
    letters = DocumentLetters([SALT, RYE, SALT])
    assert locate_quote(SALT, letters, {1, 2})[0].page == 2
    assert locate_quote(SALT, letters, {0, 1})[0].page == 0


# --- a lecture that moves -----------------------------------------------------------------

MOVES = {
    "renamed": ["talks/new.pdf"],
    "to a folder beside": ["old/bread.pdf"],
    "up, with another name": ["lecture.pdf"],
    "away and back": ["old/new.pdf", "talks/bread.pdf"],
    "twice": ["old/bread.pdf", "older/new.pdf"],
}


@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("is_drafted_first", [True, False])
def test_passages_of_a_lecture_follow_it_wherever_its_folder_is_read(
    forge, moves, is_drafted_first
):
    term = forge.folder / "term"
    (term / "talks").mkdir(parents=True)
    (term / "note.md").write_text("What is rye?::A grass\n", encoding="utf-8")
    path = written(term / "talks", "pdf")
    if not is_drafted_first:
        forge.ok("run", "term")
    answer(forge, asked(forge, path), GLUTEN, SOUR)
    forge.ok("accept", "--all")
    if is_drafted_first:
        forge.ok("run", "term")
    guids = {card["guid"] for card in forge.cards()}
    assert len(guids) == 3
    for place in moves:
        (term / place).parent.mkdir(exist_ok=True)
        path = path.rename(term / place)
        for _ in range(2):
            forge.ok("run")
            assert "without a passage" not in forge.ok("status").stdout
    assert {card["guid"] for card in forge.cards()} == guids
    assert forge.ok("list", "finding:source_gone", "--json").lines == []
