"""`review --terminal` at a real terminal: what keys decide, and what is shown."""

import os
import re
import sys
from pathlib import Path

import pytest

from ankiforge.ledger import pending_items
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.cards import format_quote_in_passage
from ankiforge.review import Review, batches
from tests.limits import PATIENCE

pty = pytest.importorskip("pty", reason="a terminal of its own")

from tests.forked import AtTerminal  # noqa: E402
from tests.makers.keyboard import Keyboard  # noqa: E402
from tests.makers.papers import write_resistance  # noqa: E402

NOTE = """\
# Memory

Working memory holds about ==four chunks== at a time.

What does the testing effect say?::Recalling a thing strengthens it more than reading it.

The {{c1::hippocampus}} binds the parts of an experience into one memory.
"""
ESCAPE = "\x1b"
COLOURS = re.compile(r"\x1b\[[\d;?]*[a-zA-Z]")


@pytest.fixture
def note(vault: Path) -> Path:
    path = vault / "Memory.md"
    path.write_text(NOTE, encoding="utf-8")
    return path


@pytest.fixture
def at_terminal(forge):
    """Starts the program at a terminal: `with at_terminal("review", "--terminal") as keyboard`."""

    def started(*arguments: str | Path, **variables: str) -> Keyboard:
        unwanted = ("VISUAL", "EDITOR", "NO_COLOR")
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment = {**kept, **forge.environment, "TERM": "xterm-256color", **variables}
        return Keyboard(
            lambda terminal: AtTerminal(
                [*map(str, arguments)], forge.folder, environment, terminal
            ),
            PATIENCE,
        )

    return started


def verdicts(forge) -> dict[str, str]:
    """The first word of each card's question, with its verdict."""
    found = {}
    for card in forge.cards():
        fields = card["fields"]
        question = fields.get("Text") or fields["Front"]
        found[question.split()[0]] = card["verdict"]
    return found


def test_each_key_decides_on_the_card_that_is_shown(forge, vault, note, at_terminal):
    forge.ok("run", vault, "--accept", "review")
    with at_terminal("review", "--terminal") as keyboard:
        first = COLOURS.sub("", keyboard.shown())
        assert "  Working memory holds about [four chunks] at a time." in first
        assert "“Working memory" not in first, "the card has all of its passage"
        assert "Enter accepts  x rejects  e edits" in first
        assert first.split()[:6] == ["3", "left", "here", "·", "0", "kept"]
        assert "  Memory" in first
        second = COLOURS.sub("", keyboard.press("\r"))
        assert "kept" in second
        assert "front: What does the testing effect say?" in second
        assert "2 left here · 1 kept" in second
        assert "[four chunks]" not in second, "the screen shows one card"
        assert "[hippocampus]" in COLOURS.sub("", keyboard.press("x"))
        undone = COLOURS.sub("", keyboard.press("u"))
        assert "undone" in undone
        assert "front: What does the testing effect say?" in undone
        assert "[hippocampus]" in COLOURS.sub("", keyboard.press("\r"))
        last = keyboard.press(ESCAPE)
        assert keyboard.ended() == 0
    last = COLOURS.sub("", last)
    assert "✓ 2 kept\r\n  to undo the last one: ankiforge undo" in last
    assert "  1 new card waiting" in last
    assert "ankiforge review" in last
    assert verdicts(forge) == {
        "Working": "accepted",
        "What": "accepted",
        "The": "waiting",
    }


PASSAGE = (
    "The Golgi apparatus is the organelle that packages proteins from ribosomes, which "
    "Camillo Golgi discovered in 1898."
)


def test_a_digit_takes_another_gap_of_a_proposed_card_and_e_edits_it(
    forge, vault, at_terminal, tmp_path
):
    around = "It is named after Camillo Golgi."
    (vault / "Cells.md").write_text(f"{around} =={PASSAGE}== {around}\n", "utf-8")
    forge.ok("run", vault)
    [passage] = forge.ok("list", "--no-card", "--json").lines
    first, second, *_ = passage["suggestion"]["gaps"]
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys; from pathlib import Path; file = Path(sys.argv[1])\n"
        "file.write_text(file.read_text().replace('The Golgi', 'A Golgi'))\n"
    )
    command = f"{sys.executable} {editor}"
    with at_terminal("review", "--terminal", EDITOR=command) as keyboard:
        shown = COLOURS.sub("", keyboard.shown())
        assert shown.index(f"{around} »The Golgi") < shown.index(f"[{first}]")
        assert re.search(rf"1  {re.escape(first)} *\r?\n *2  {re.escape(second)}", shown)
        assert "\ufdd0" not in shown  # the card is bold on both of its lines
        last = len(passage["suggestion"]["gaps"])
        assert f"Enter accepts  1-{last} gaps  x rejects" in shown
        assert "“?” does nothing here" in COLOURS.sub("", keyboard.press("?"))
        for key in ("\x1b[A", " "):
            assert "this key does nothing here" in COLOURS.sub("", keyboard.press(key))
        shown = COLOURS.sub("", keyboard.press("9?\x1b[A y2"))
        assert f"[{second}]" in " ".join(shown.split())
        assert shown.count("1 left here · 0 kept") == 1, "other keys draw nothing"
        assert "A Golgi" in COLOURS.sub("", keyboard.press("e"))
        keyboard.press("\r")
        assert keyboard.ended() == 0
    [card] = forge.cards()
    assert card["verdict"] == "accepted"
    assert f"{{{{c1::{second}}}}}" in card["fields"]["Text"]
    assert "A Golgi" in card["fields"]["Text"]


def test_a_sitting_is_of_all_documents_and_undo_leads_back_in_it(
    forge, vault, at_terminal
):
    other = "Osmosis is the diffusion of water through a semipermeable membrane."
    third = "Turgor is the pressure of water against the wall of a plant cell."
    (vault / "Cells.md").write_text(f"=={PASSAGE}==\n", "utf-8")
    (vault / "Water.md").write_text(f"=={other}==\n\n=={third}==\n", "utf-8")
    forge.ok("run", vault)
    with at_terminal("review", "--terminal") as keyboard:
        assert "3 left here · 0 kept" in COLOURS.sub("", keyboard.shown())
        assert "2 left here · 1 kept" in COLOURS.sub("", keyboard.press("\r"))
        assert "1 left here · 2 kept" in COLOURS.sub("", keyboard.press("\r"))
        assert "2 left here · 1 kept" in COLOURS.sub("", keyboard.press("u"))
        assert "3 left here · 0 kept" in COLOURS.sub("", keyboard.press("u"))
        keyboard.press("\r")
        assert "1 left here · 1 kept" in COLOURS.sub("", keyboard.press("x"))
        assert "✓ 2 kept, 1 rejected" in COLOURS.sub("", keyboard.press("\r"))


def test_a_passage_that_goes_on_ends_in_an_ellipsis_and_the_keys_are_below_all(
    forge, vault, at_terminal
):
    beside = "It is folded into flat sacs that lie one above the other near the nucleus"
    (vault / "Cells.md").write_text(f"{beside}. {beside}. =={PASSAGE}== {beside}. Done.")
    forge.ok("run", vault)
    with at_terminal("review", "--terminal") as keyboard:
        shown = COLOURS.sub("", keyboard.shown())
    lines = [line.strip() for line in shown.splitlines()]
    passage = " ".join(lines[2 : lines.index("", 2)])
    assert passage.startswith("“… It is folded into flat sacs"), passage
    assert passage.endswith("near the nucleus. …”"), passage
    assert lines[-1].endswith("k back  Esc ends"), lines


def test_a_paragraph_that_is_shown_whole_loses_no_word(forge, vault, at_terminal):
    before = "Abcdefg hijklmn opqrstu vwxyza. "  # as long as the context of hypothes.is
    (vault / "Cells.md").write_text(f"# Cells\n\n{before}=={PASSAGE}==\n\nDone.")
    forge.ok("run", vault)
    with at_terminal("review", "--terminal") as keyboard:
        assert f"“{before}" in COLOURS.sub("", keyboard.shown())


LONG = "a word or two " * 20


@pytest.mark.parametrize(
    ("passage", "quote", "begins", "ends"),
    [
        ("It beats.", "It beats.", "“It beats.”", "“It beats.”"),
        (f"{LONG}It beats.", "It beats.", "“…or two a word", "two »It beats.«”"),
        (f"It beats. {LONG}", "It beats.", "“»It beats.« a word", " two a word or…”"),
        (LONG * 2, "", "“a word or two", " two a word…”"),
        ("心" * 400, "", "“心", "心…”"),
    ],
)
def test_a_passage_is_cut_between_words(passage, quote, begins, ends):
    shown = format_quote_in_passage(passage, quote)
    assert (shown[: len(begins)], shown[-len(ends) :]) == (begins, ends)


def test_a_rejected_proposal_is_not_shown_again(forge, vault, at_terminal):
    (vault / "Cells.md").write_text(f"=={PASSAGE}==\n", "utf-8")
    forge.ok("run", vault)
    with at_terminal("review", "--terminal") as keyboard:
        keyboard.shown()
        assert "rejected" in keyboard.press("x")
        assert keyboard.ended() == 0
    forge.ok("run")
    assert forge.ok("list", "verdict:waiting", "--json").lines == []
    [passage] = forge.ok("list", "--no-card", "--json").lines
    assert passage["suggestion"] is None


def test_it_asks_what_the_page_asks_in_the_same_order(forge, vault, note, at_terminal):
    (vault / "Cells.md").write_text(f"=={PASSAGE}==\n", encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    with forge.here(), Workspace(read_only=True) as opened:
        order = pending_items.load_pending_items(opened.ledger)
        piles = batches.group_by_document(order.drafts)
        review = Review(opened)
        asked = [
            item.id for pile in piles for item in pile.select_best_items(review.load_item)
        ]
    by_id = {card["id"]: card["fields"] for card in forge.cards()}
    with at_terminal("review", "--terminal") as keyboard:
        shown = keyboard.shown()
        for id in asked:
            words = " ".join(by_id[id].values()).replace("{{c1::", "[").replace("}}", "]")
            assert words[:30] in COLOURS.sub("", shown)
            shown = keyboard.press("\r")


def test_a_word_of_a_title_names_what_is_asked(forge, vault, note, at_terminal):
    (vault / "Cells.md").write_text(f"=={PASSAGE}==\n", encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    with at_terminal("review", "--terminal", "memory") as keyboard:
        shown = COLOURS.sub("", keyboard.shown())
        assert "3 left here · 0 kept" in shown
        assert "  Memory" in shown
        keyboard.press(ESCAPE)
    with at_terminal("review", "--terminal", "Memry.md") as keyboard:
        assert "there is no such file" in " ".join(keyboard.shown().split())


def test_a_cell_is_asked_in_its_row_without_the_signs_of_the_table(
    forge, vault, at_terminal
):
    table = "| Op | Cost |\n|---|---|\n| append | ==O(1)== |\n"
    (vault / "Lists.md").write_text(f"# Lists\n\n{table}", encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    with at_terminal("review", "--terminal") as keyboard:
        assert "append · [O(1)]" in COLOURS.sub("", keyboard.shown())


@pytest.mark.parametrize("key", ["\x03", "\x04"])  # Escape: the first test
def test_ctrl_c_ends_and_everything_decided_stands(forge, vault, note, at_terminal, key):
    forge.ok("run", vault, "--accept", "review")
    with at_terminal("review", "--terminal") as keyboard:
        keyboard.shown()
        keyboard.press("\r")
        keyboard.press("j")
        told = COLOURS.sub("", keyboard.press(key))
        assert "✓ 1 kept, 1 left for later\r\n" in told
        assert "  2 new cards waiting" in told
        assert keyboard.ended() == 0
    assert verdicts(forge)["Working"] == "accepted"


def test_a_question_is_shown_as_a_card_before_enter_accepts_it(
    forge, vault, note, at_terminal, tmp_path
):
    forge.ok("run", vault, "--accept", "review")
    question = "How many chunks does working memory hold?"
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys; from pathlib import Path\n"
        f"words = '=== Front ===\\n{question}\\n=== Back ===\\nfour chunks\\n'\n"
        "Path(sys.argv[1]).write_text(words)\n"
    )
    command = f"{sys.executable} {editor}"
    with at_terminal("review", "--terminal", EDITOR=command) as keyboard:
        keyboard.shown()
        shown = COLOURS.sub("", keyboard.press("e"))
        assert f"front: {question}" in shown
        assert "back: four chunks" in shown
        assert set(verdicts(forge).values()) == {"waiting"}
        assert "kept" in keyboard.press("\r")
        keyboard.press(ESCAPE)
    [card] = [
        card for card in forge.cards() if card["fields"].get("Back") == "four chunks"
    ]
    assert (card["fields"]["Front"], card["verdict"]) == (question, "accepted")
    left = forge.ok("list", "verdict:waiting", "--json").lines
    assert not any("four chunks" in line["fields"].get("Text", "") for line in left)


def test_an_edited_card_is_shown_before_enter_accepts_it(
    forge, vault, note, at_terminal, tmp_path
):
    forge.ok("run", vault, "--accept", "review")
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys; from pathlib import Path; file = Path(sys.argv[1])\n"
        "file.write_text(file.read_text().replace('at a time', 'at once'))\n"
    )
    command = f"{sys.executable} {editor}"
    with at_terminal("review", "--terminal", EDITOR=command) as keyboard:
        keyboard.shown()
        shown = COLOURS.sub("", keyboard.press("e"))
        assert "[four chunks] at once." in shown
        assert "Enter accepts" in shown
        assert set(verdicts(forge).values()) == {"waiting"}
        keyboard.press("\r")
        keyboard.press(ESCAPE)
    texts = [card["fields"].get("Text") for card in forge.cards()]
    assert "Working memory holds about {{c1::four chunks}} at once." in texts


def test_words_that_a_check_blocks_are_taken_only_at_the_second_enter(
    forge, vault, note, at_terminal, tmp_path
):
    forge.ok("run", vault, "--accept", "review")
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys; from pathlib import Path; file = Path(sys.argv[1])\n"
        "file.write_text(file.read_text().partition('Recalling')[0])\n"
    )
    command = f"{sys.executable} {editor}"
    with at_terminal("review", "--terminal", "testing", EDITOR=command) as keyboard:
        keyboard.shown()
        keyboard.press("e")
        assert "Enter makes the card anyway" in keyboard.press("\r")
        assert set(verdicts(forge).values()) == {"waiting"}
        assert "edited" in keyboard.press("\r")
        keyboard.press(ESCAPE)
    assert verdicts(forge)["What"] == "accepted"


HIDING = [
    "\x1b[8mhidden\x1b[0m",
    "\x1b]0;a title\x07",
    "\x1b[1A\x1b[2Kover",
    "\x9b8m",
    "\u202e",
]


def test_no_document_steers_the_terminal(forge, vault, at_terminal):
    sign = " ".join(HIDING)
    title = sign.replace("/", "").replace("\x1b", "")
    (vault / f"A {title}.md").write_text(
        f"# Head{sign}\n\nA cat is an ==animal{sign}== that purrs{sign} at night.\n",
        encoding="utf-8",
    )
    forge.ok("run", vault, "--accept", "review")
    with at_terminal("review", "--terminal", NO_COLOR="1", TERM="dumb") as keyboard:
        shown = keyboard.shown() + keyboard.press("?x")
        assert keyboard.ended() == 0
    assert "purrs" in shown
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", shown)


def test_without_a_terminal_it_says_what_to_do_instead(forge, vault, note):
    forge.ok("run", vault, "--accept", "review")
    told = forge("review", "--terminal", code=2).stderr
    assert "interactive terminal" in told
    assert "ankiforge list -v" in told


# --- a file in one command --------------------------------------------------------------------


def test_review_reads_a_file_first(forge, vault, note, at_terminal):
    forge.settings("accept: {rules: review}\n")
    with at_terminal("review", note, "--terminal") as keyboard:
        shown = COLOURS.sub("", keyboard.shown())
        assert "✓ 3 highlights" in shown
        assert "next  " not in shown
        assert "[four chunks]" in shown
        keyboard.press(ESCAPE)


def _a_paper(folder: Path) -> Path:
    write_resistance(folder / "paper.pdf")
    return folder / "paper.pdf"


def _vault(folder: Path) -> Path:
    (folder / "Vault/.obsidian").mkdir(parents=True)
    (folder / "Vault/Cells.md").write_text(f"=={PASSAGE}==\n", encoding="utf-8")
    return folder / "Vault"


@pytest.mark.parametrize("made", [_a_paper, _vault])
def test_one_file_is_enough_and_nothing_is_asked(forge, tmp_path, at_terminal, made):
    path = made(tmp_path)
    with at_terminal("review", path, "--terminal") as keyboard:
        shown = COLOURS.sub("", keyboard.shown())
        assert "highlight" in shown
        assert "waiting" in shown
        assert "Enter accepts  " in shown
        assert "kept" in keyboard.press("\r")
    assert [card["verdict"] for card in forge.ok("list", "--json").lines].count(
        "accepted"
    ) == 1


def test_where_nothing_can_be_asked_it_says_so_and_how_to_go_on(
    forge, vault, at_terminal
):
    (vault / "Short.md").write_text("==Nice!==\n", encoding="utf-8")
    forge.ok("run", vault)
    with at_terminal("review", "--terminal") as keyboard:
        assert keyboard.ended() == 0
        told = COLOURS.sub("", keyboard.shown())
    assert told.startswith("  nothing waits\r\n")
    assert "next  ankiforge draft" in told
    assert "decided" not in told


def test_a_word_of_a_title_asks_the_proposals_of_that_document_alone(
    forge, vault, at_terminal
):
    (vault / "Prehistory.md").write_text(f"=={PASSAGE}==\n", encoding="utf-8")
    (vault / "Capitals.md").write_text(
        "==The mitochondrion is the organelle that makes the ATP of the cell.==\n",
        "utf-8",
    )
    forge.ok("run", vault)
    with at_terminal("review", "prehistory", "--terminal") as keyboard:
        assert "Golgi" in COLOURS.sub("", keyboard.shown())
        shown = COLOURS.sub("", keyboard.press("\r"))
        assert "1 kept\r\n  to undo" in shown
        assert "mitochondrion" not in shown


def test_a_word_that_is_found_nowhere_is_no_missing_file(forge, note):
    forge.ok("run", note)
    result = forge("review", "nonsense", "--no-open", code=2)
    assert result.stderr.startswith(
        "ankiforge: nothing that waits contains “nonsense”, and there is no file of that name\n"
    )
    assert "tag:NAME" in result.stderr


@pytest.mark.parametrize("command", ["run", "review"])
def test_an_empty_path_is_not_the_folder_where_one_is(forge, note, command):
    result = forge(command, "", code=2)
    assert "the path is empty" in result.stderr
    assert not (forge.folder / ".ankiforge" / "sources.yaml").exists()


def test_options_of_run_are_only_on_run(forge):
    assert "there is no option --deck" in forge("review", "--deck", "A", code=2).stderr


# --- settings that need a person --------------------------------------------------------------


def test_a_workspace_of_somebody_else_is_one_question_where_a_person_can_answer(
    forge, vault, note, at_terminal
):
    forge.settings(f"sources: [{{obsidian: {{path: '{vault}'}}}}]\n", trust=False)
    told = forge("run", code=2).stderr
    assert "init --trust" in told
    assert "--yes" in told
    with at_terminal("run") as keyboard:
        asked = keyboard.shows("[y/N]")
        assert str(forge.folder) in asked.replace("\r\n", "")
        keyboard.write("n")
        assert keyboard.ended() == 2
    with at_terminal("run") as keyboard:
        keyboard.shows("[y/N]")
        keyboard.write("y")
        keyboard.shows("3 highlights")
        assert keyboard.ended() == 0
    forge.ok("run")


@pytest.mark.parametrize(("answer", "code", "count"), [("n", 2, 0), ("y", 0, 1)])
def test_a_home_folder_is_one_question_where_a_person_can_answer(
    forge, at_terminal, answer, code, count
):
    (forge.home / "Notes").mkdir(parents=True)
    (forge.home / "Notes" / "a.md").write_text("Katze:::cat\n")
    with at_terminal("run", forge.home) as keyboard:
        asked = keyboard.shows("[y/N]")
        assert "is your home folder. Read all of it" in " ".join(asked.split())
        keyboard.write(answer)
        assert keyboard.ended() == code
    assert len(forge.json("status")["remembered"]) == count


def test_yes_answers_for_a_script_and_names_what_it_trusts(forge, vault, note):
    forge.settings(f"sources: [{{obsidian: {{path: '{vault}'}}}}]\n", trust=False)
    told = forge.ok("run", "--yes")
    assert f"{forge.folder} is new to ankiforge" in told.stderr
    assert "is new to" not in forge.ok("run", "--yes").stderr
    forge.ok("run")


def test_one_answer_makes_cards_of_all_words_with_their_translation(forge, at_terminal):
    words = zip(
        "sizable reliable bottleneck owl river stone bread winter glass moss tide rust salt".split(),
        "значительный надёжный помеха сова река камень хлеб зима стекло мох прилив ржавчина соль".split(),
        strict=True,
    )
    rows = "".join(f"{word},{meaning},A Paper\n" for word, meaning in words)
    export = forge.folder / "export.csv"
    export.write_text(f"Highlight,Note,Book Title\n{rows}", encoding="utf-8")
    forge.ok("run", "--yes", export)
    with at_terminal("review", "--terminal") as keyboard:
        asked = COLOURS.sub("", keyboard.shown())
        assert "13 words with your translation in readwise: make cards?" in asked
        assert "sizable = значительный" in asked
        assert "… and 3 more" in asked
        assert "Enter later  1 makes 13 cards  x none" in asked
        keyboard.press("\r")
        assert "✓ 1 answered\r\n" in COLOURS.sub("", keyboard.press("1"))
    assert set(verdicts(forge).values()) == {"accepted"}
    forge.ok("undo", "--yes")
    with at_terminal("review", "--terminal") as keyboard:
        keyboard.shown()
        assert "1 answered" in COLOURS.sub("", keyboard.press("x"))
    assert not verdicts(forge)


def test_j_and_k_walk(forge, vault, note, at_terminal):
    forge.ok("run", vault, "--accept", "review")
    with at_terminal("review", "--terminal") as keyboard:
        assert "3 left here" in keyboard.shown()
        assert "2 left here" in keyboard.press("j")
        assert "3 left here" in keyboard.press("k")
        assert "2 left here" in keyboard.press("jkj"), (
            "keys that arrive together all count"
        )
        told = COLOURS.sub("", keyboard.press(ESCAPE))
        assert told.startswith("nothing was decided\r\n  3 new cards waiting")
    assert set(verdicts(forge).values()) == {"waiting"}


def test_j_leaves_the_ten_and_what_was_passed_comes_last(forge, vault, at_terminal):
    lines = (f"What is {number}?::the number {number}\n" for number in range(12))
    (vault / "Numbers.md").write_text("\n".join(lines), encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    with at_terminal("review", "--terminal") as keyboard:
        assert "10 left here" in keyboard.shown()
        assert "2 left here" in keyboard.press("j" * 10)
        assert "3 left here" in keyboard.press("k")
        assert "1 left here" in keyboard.press("jj")
        assert "What is 0?" in keyboard.press("j")
        assert "  12 new cards waiting" in COLOURS.sub("", keyboard.press(ESCAPE))


def test_a_decision_is_made_only_on_a_card_that_was_seen(forge, vault, note, at_terminal):
    forge.ok("run", vault, "--accept", "review")
    with at_terminal("review", "--terminal") as keyboard:
        keyboard.shown()
        assert "kept" in keyboard.press("\r\r\r")
        assert "✓ 1 kept\r\n" in COLOURS.sub("", keyboard.press(ESCAPE))
