"""Drafts of one sentence, and what `undo` brings back: through the command line."""

import json
import re

import pytest

from tests.limits import PATIENCE

FIRST = "The Peace of Westphalia ended the Thirty Years' War in 1648."
CANAL = "The Suez Canal was opened in 1869."
OTHER = "Grain from the Baltic was shipped through Danzig at that time."


@pytest.fixture
def notes(forge):
    """A vault of notes by name; `takes` asks a chat, whose cards quote FIRST."""
    folder = forge.folder / "notes"
    folder.mkdir()

    class Notes:
        def write(self, **texts: str) -> None:
            for name, text in texts.items():
                (folder / f"{name}.md").write_text(f"=={text}==\n", "utf-8")
            forge.ok("run", folder, "--accept", "review")

        def ask(
            self,
            *cards: tuple[str, str, str],
            at: str = "answer.json",
            meanwhile: tuple[str, ...] = (),
            quote: str = FIRST,
        ) -> str:
            """Import the answer of a chat: the beginning of a marked text, front, back."""
            forge.ok("draft", "export", "ask.md")
            if meanwhile:
                forge.ok(*meanwhile)
            asked = (forge.folder / "ask.md").read_text("utf-8")
            found = re.findall(
                r'<highlight h="(\w{8})">.*?<marked>(.*?)</', asked, re.DOTALL
            )
            rows = []
            for begins, front, back in cards:
                [label] = [label for label, words in found if words.startswith(begins)]
                rows.append(
                    {
                        "h": label,
                        "kind": "basic" if front else "none",
                        "why_none": "" if front else "a mood, not a fact",
                        "front": front,
                        "back": back,
                        "quote": quote,
                    }
                )
            (forge.folder / at).write_text(json.dumps({"cards": rows}), "utf-8")
            return forge.ok("draft", "import", at).stdout

    return Notes()


def ids(forge, *options: str) -> list[str]:
    """The ids of the lines of a list, in its order; of a passage without a card, its key."""
    rows = forge.ok("list", "--json", *options).stdout.splitlines()
    return [row.get("id") or row["key"] for row in map(json.loads, rows)]


def lists(forge) -> list[list[str]]:
    options = (), ("--all",), ("--no-card",), ("--no-card", "--all")
    return [ids(forge, *each) for each in options]


def waiting(forge) -> dict[str, str]:
    """The ids of the drafts that wait, by their answer."""
    rows = map(json.loads, forge.ok("list", "--json").stdout.splitlines())
    return {
        row["fields"]["Back"]: row["id"] for row in rows if row["verdict"] == "waiting"
    }


WAR = ("The Peace", "Which war ended in 1648?", "the Thirty Years' War")
YEAR = ("Grain", "In which year was the Peace of Westphalia?", "1648")


@pytest.mark.parametrize(
    "decision",
    ["accept ID", "reject ID", "edit ID --field Back 1618", "reject KEY", "accept --all",
     "reject --all"],
)  # fmt: skip
def test_the_card_of_a_sentence_in_another_note_waits_and_undo_is_exact(
    forge, notes, decision
):
    notes.write(a=FIRST, b=f"{OTHER} {FIRST}")
    # one text asks about a sentence only once
    notes.ask(WAR)
    notes.ask(YEAR, at="second.json")
    before, drafts = lists(forge), waiting(forge)
    assert set(drafts) == {WAR[2], YEAR[2]}
    [key] = {row["highlight"] for row in forge.cards() if row["id"] == drafts[WAR[2]]}
    words = decision.replace("ID", drafts[WAR[2]]).replace("KEY", key).split()
    forge.ok(*words)
    if "--all" not in decision:
        assert waiting(forge) == {YEAR[2]: drafts[YEAR[2]]}
        [row] = [row for row in forge.cards() if row["id"] == drafts[YEAR[2]]]
        is_card = not decision.startswith("reject")
        assert ("a card of this sentence with another answer" in row["waits"]) is is_card
    forge.ok("undo")
    assert lists(forge) == before
    forge.ok("run")
    assert lists(forge) == before


@pytest.mark.parametrize(
    ("front", "back", "expected"),
    [
        ("Which war ended in 1648?", "the Thirty Years' War", "1 new draft\n"),
        ("When did the Thirty Years' War end?", "1648", "0 new drafts"),
    ],
)
def test_a_card_of_a_passage_that_was_decided_on_meanwhile_waits_with_another_answer(
    forge, notes, front, back, expected
):
    notes.write(a=FIRST)
    [row] = forge.ok("list", "--no-card", "--json").lines
    assert "{{c1::1648}}" in row["suggestion"]["fields"]["Text"]
    told = notes.ask(("The Peace", front, back), meanwhile=("accept", row["key"]))
    assert expected in told
    assert set(waiting(forge)) == ({back} if expected.startswith("1") else set())
    again = forge.ok("draft", "import", "answer.json")
    assert "it was imported before" in again.stdout + again.stderr


def test_two_answers_of_a_sentence_are_two_offers(forge, notes):
    others = [OTHER.replace("Baltic", sea) for sea in ("Baltic", "Black Sea", "Aegean")]
    notes.write(a=" ".join((*others, FIRST, OTHER.replace("Danzig", "Riga"))))
    assert "2 new drafts" in notes.ask(("Grain", *WAR[1:]), YEAR)
    drafts = waiting(forge)
    assert len(drafts) == 2
    assert "2 accepted" in forge.ok("accept", "--all").stderr
    forge.ok("undo")
    assert waiting(forge) == drafts


def test_two_questions_with_the_answer_of_a_sentence_are_wordings_of_one(forge, notes):
    notes.write(a=FIRST, b=f"{OTHER} {FIRST}")
    notes.ask(WAR)
    notes.ask(("Grain", "What ended in 1648?", WAR[2]), at="second.json")
    before = lists(forge)
    [draft] = {id for id in before[0] if id.startswith("dr")} & {*waiting(forge).values()}
    forge.ok("accept", draft)
    assert not waiting(forge)
    forge.ok("undo")
    assert lists(forge) == before


def test_a_rejected_draft_of_a_chat_leaves_the_proposal_of_its_passage(forge, notes):
    notes.write(a=FIRST)
    proposed = lists(forge)
    notes.ask(WAR)
    forge.ok("reject", *waiting(forge).values())
    assert lists(forge) == proposed


def test_an_import_is_undone_whole_before_an_older_decision(forge, notes):
    others = [OTHER.replace("Baltic", sea) for sea in ("Baltic", "Black Sea", "Aegean")]
    notes.write(a=" ".join((*others, FIRST, OTHER.replace("Danzig", "Riga"))), c=CANAL)
    rows = forge.ok("list", "--no-card", "--json").lines
    forge.ok("accept", *(row["key"] for row in rows if row["exact"] == CANAL))
    before = lists(forge)
    assert "2 new drafts" in notes.ask(("Grain", *WAR[1:]), YEAR)
    drafts = lists(forge)
    assert (
        "undone: 2 new drafts by a model or chat\n  Which war" in forge.ok("undo").stderr
    )
    assert lists(forge) == before
    assert "2 new drafts" in forge.ok("draft", "import", "answer.json").stdout
    assert lists(forge) == drafts
    # a decision that was made after the import is undone before it
    forge.ok("reject", waiting(forge)[YEAR[2]])
    forge.ok("undo")
    assert lists(forge) == drafts
    forge.ok("undo")
    assert lists(forge) == before
    forge.ok("undo")
    assert not [row for row in forge.cards() if row["verdict"] == "accepted"]


def test_new_words_of_a_card_are_told_as_its_change_when_they_come_and_go(forge, notes):
    notes.write(a=FIRST)
    notes.ask((WAR[0], *YEAR[1:]))
    forge.ok("accept", "--all")
    changed = FIRST.replace("1648", "1649")
    notes.write(a=changed)
    before = lists(forge)
    front = "When was the Peace of Westphalia?"
    told = notes.ask((WAR[0], front, "1649"), quote=changed)
    assert told.startswith("✓ 1 change of a card\n")
    undone = forge.ok("undo").stderr
    assert undone == f"✓ undone: 1 change of a card by a model or chat\n  {front}\n"
    assert lists(forge) == before


def test_what_a_model_drafted_is_undone_whole(forge, server, fake):
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "a.md").write_text(f"=={FIRST}==\n", "utf-8")
    forge.drafting(server.base_url, more="proposals: true\n")
    forge.ok("run", "--drafter", "rules")
    before = lists(forge)
    assert len(before[2]) == 1, "its proposal"
    server.queue.append(fake.cards(fake.card(1, FIRST, *WAR[1:])))
    forge.ok("run", "--yes")
    drafts = forge.ok("list", "verdict:waiting model:m", "--json").lines
    assert [row["fields"]["Back"] for row in drafts] == [WAR[2]]
    told = forge.ok("undo").stderr
    assert "✓ undone: 1 new draft by a model or chat\n" in told
    assert "ankiforge model off" in told
    assert lists(forge) == before


def test_drafts_are_rejected_by_the_name_of_their_model_in_one_line(forge, notes):
    notes.write(a=FIRST, b=f"{OTHER} {FIRST}")
    notes.ask(WAR)
    notes.ask(("Grain", "What ended in 1648?", WAR[2]), at="second.json")
    assert ids(forge, "model:chat") == ids(forge, "drafter:llm")
    assert ids(forge, "model:cha*")
    assert not ids(forge, "model:llama3")
    # the second is settled by the decision on the first
    told = forge.ok("reject", "--all", "--filter", "model:chat").stderr
    assert told == "✓ 2 rejected; to undo it: ankiforge undo\n"
    assert not waiting(forge)


def test_an_undone_import_whose_cards_were_accepted_is_imported_again(forge, notes):
    notes.write(a=FIRST, b=CANAL)
    before = lists(forge)
    notes.ask(WAR)
    drafts = lists(forge)
    forge.ok("accept", "--all")
    forge.ok("undo")
    assert lists(forge) == drafts
    forge.ok("undo")
    assert lists(forge) == before
    forge.ok("run")
    assert lists(forge) == before
    asked = (forge.folder / "ask.md").read_text("utf-8")
    forge.ok("draft", "export", "ask.md")
    assert (forge.folder / "ask.md").read_text("utf-8") == asked
    assert "1 new draft" in forge.ok("draft", "import", "answer.json").stdout
    assert lists(forge) == drafts


def test_a_rebuilt_database_knows_whether_an_import_was_undone(forge, notes):
    notes.write(a=FIRST, b=CANAL)
    before = lists(forge)
    notes.ask(WAR)
    drafts = lists(forge)

    def rebuild() -> None:
        for database in forge.home.glob(".ankiforge/ledger.db*"):
            database.unlink()
        forge.ok("run")

    forge.ok("accept", "--all")
    forge.ok("undo")
    forge.ok("undo")
    rebuild()
    assert lists(forge) == before

    forge.ok("draft", "import", "answer.json")
    forge.ok("accept", "--all")
    forge.ok("undo")
    rebuild()
    assert lists(forge) == drafts, "it was accepted, so the journal has it"
    told = forge("undo", code=1).stderr
    assert "these drafts are older than the database" in told
    forge.ok("reject", "--all", "--filter", "drafter:llm")
    assert lists(forge)[0] == before[0]


def test_an_undone_import_gives_back_the_passages_without_a_card(forge, notes):
    notes.write(a=FIRST, b=CANAL)
    before = forge.ok("list", "--no-card", "--json").stdout
    everything = lists(forge)
    notes.ask(WAR, ("The Suez", "", ""))
    assert forge.ok("list", "--no-card", "--json").stdout != before
    drafts = lists(forge)
    assert "1 new draft by a model or chat" in forge.ok("undo").stderr
    assert forge.ok("list", "--no-card", "--json").stdout == before
    assert lists(forge) == everything
    forge.ok("run")
    assert lists(forge) == everything
    forge.ok("draft", "export", "ask.md")
    assert "1 new draft" in forge.ok("draft", "import", "answer.json").stdout
    assert lists(forge) == drafts


def test_an_import_without_a_card_is_undone_before_an_older_decision(forge, notes):
    notes.write(a=FIRST, b=CANAL)
    rows = forge.ok("list", "--no-card", "--json").lines
    forge.ok("accept", *(row["key"] for row in rows if row["exact"] == FIRST))
    before = forge.ok("list", "--no-card", "--json").stdout
    notes.ask(("The Suez", "", ""))
    assert forge.ok("list", "--no-card", "--json").stdout != before
    told = forge.ok("undo").stderr
    assert told == "✓ undone: no card for 1 highlight, by a model or chat\n"
    assert forge.ok("list", "--no-card", "--json").stdout == before
    assert [row for row in forge.cards() if row["verdict"] == "accepted"]
    assert "undone: accepted" in forge.ok("undo").stderr
    forge("undo", code=1)


def test_a_chat_is_asked_again_only_when_no_undone_draft_waits(forge, notes):
    notes.write(a=FIRST, b=CANAL)
    notes.ask(WAR)
    forge.ok("accept", "--all")
    forge.ok("undo")
    notes.write(a=f"{FIRST} It had lasted for long.")
    assert waiting(forge)
    forge.ok("draft", "export", "ask.md")
    assert FIRST not in (forge.folder / "ask.md").read_text("utf-8")


@pytest.mark.usefixtures("notes", "no_waiting")
def test_an_undone_card_whose_mark_is_gone_is_accepted_again(forge):
    folder = forge.folder / "notes"
    for organ in ("liver", "spleen"):
        text = f"The =={organ}== is an organ of the body that stores blood.\n"
        (folder / f"{organ}.md").write_text(text)
    forge.ok("run", folder, "--accept", "review")
    forge.ok("accept", "--all")
    guids = {card["guid"] for card in forge.cards("verdict:accepted")}
    [spleen] = [card["guid"] for card in forge.cards("spleen")]
    forge.ok("build")  # what was never exported is not listed
    (folder / "spleen.md").unlink()
    for _ in range(2):
        forge.ok("run")
    forge.ok("undo")
    forge.ok("accept", "--all")
    forge.ok("accept", spleen[:10])
    assert {card["guid"] for card in forge.cards("verdict:accepted")} == guids
    forge.ok("undo")
    assert spleen not in {card["guid"] for card in forge.cards("verdict:accepted")}


def test_at_a_terminal_many_decisions_are_undone_only_after_a_yes(forge, vault):
    pytest.importorskip("pty", reason="a terminal of its own")
    from tests.makers.keyboard import Keyboard

    organs = ("liver", "spleen", "heart", "kidney", "pancreas", "bladder")
    texts = [f"The =={organ}== is number {n}.\n\n" for n, organ in enumerate(organs)]
    (vault / "Organs.md").write_text("".join(texts))
    forge.ok("run", vault, "--accept", "review")

    def is_accepted() -> bool:
        verdicts = {card["verdict"] for card in forge.cards()}
        return verdicts == {"accepted"}

    for arguments, answer, code in (((), "n", 2), (("--yes",), "", 0)):
        forge.ok("accept", "--all")
        assert is_accepted()
        with Keyboard(
            lambda terminal, options=arguments: forge.at_terminal(
                "undo", *options, terminal=terminal
            ),
            PATIENCE,
        ) as keyboard:
            if answer:
                keyboard.shows("Undo 6 decisions? [y/N]: ")
                keyboard.write(answer)
            assert keyboard.ended() == code
        assert is_accepted() == (answer == "n")
    forge.ok("accept", *(card["id"] for card in forge.cards()))
    assert "✓ undone: 6 accepted\n" in forge.ok("undo").stderr, "no question for a script"
    # a decision that is named twice counts once, and the hint names it
    forge.ok("accept", "--all")
    first = forge("list", "--view", "recent", "--json").lines[0]["id"]
    with Keyboard(
        lambda terminal: forge.at_terminal("undo", first, first, terminal=terminal),
        PATIENCE,
    ) as keyboard:
        keyboard.shows("Undo 6 decisions? [y/N]: ")
        keyboard.write("n")
        keyboard.shows(f"ankiforge undo {first} {first} --yes")
        assert keyboard.ended() == 2
