"""`ankiforge lint` on decks of others, made with genanki: no Anki is needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import genanki
import pytest

BASIC = genanki.Model(
    1607392319, "Words",
    fields=[{"name": "Word"}, {"name": "Meaning"}, {"name": "Note"}],
    templates=[
        {"name": "There", "qfmt": "What does {{Word}} mean?",
         "afmt": "{{FrontSide}}<hr id=answer>{{Meaning}}<br>{{Note}}"},
        {"name": "Back", "qfmt": "{{#Note}}{{Meaning}}: which word?{{/Note}}",
         "afmt": "{{Meaning}}<hr id=answer>{{Word}}"},
    ],
)  # fmt: skip
CLOZE = genanki.Model(
    998877661, "Gaps", model_type=genanki.Model.CLOZE,
    fields=[{"name": "Text"}, {"name": "Extra"}],
    templates=[{"name": "Cloze", "qfmt": "{{cloze:Text}}", "afmt": "{{cloze:Text}}<br>{{Extra}}"}],
)  # fmt: skip


@pytest.fixture
def deck(tmp_path: Path) -> Callable[..., Path]:
    """Write a package: each note a tuple of fields, a single text for a cloze."""

    def write(*notes: Any, name: str = "Biology::Cells") -> Path:
        made = genanki.Deck(2059400110, name)
        for fields in notes:
            model, fields = (
                (CLOZE, (fields, "")) if isinstance(fields, str) else (BASIC, fields)
            )
            made.add_note(genanki.Note(model=model, fields=list(fields)))
        path = tmp_path / "deck.apkg"
        genanki.Package(made).write_to_file(path)
        return path

    return write


GOOD = ("osmosis", "the passage of water through a membrane", "")


def test_a_sound_deck_is_exit_0_and_says_what_was_looked_at(forge, deck):
    done = forge.ok(
        "lint", deck(GOOD, "Water passes by {{c1::osmosis}} through membranes.")
    )

    assert "deck.apkg" in done.stderr
    assert "2 notes: 0 with errors, 0 with warnings, 2 with neither" in done.stdout


@pytest.mark.parametrize(
    ("note", "check"),
    [
        (("osmosis", "<br>", ""), "empty_side"),
        (("osmosis", "&nbsp;", ""), "empty_side"),
        ((r"\(\frac{1}{2\)", "one half of it", ""), "maths"),
        ("Nothing is hidden in {{c0::here}}.", "malformed"),
        (r"One half is {{c1::\(\frac{1}{\sqrt{2}}\)}} of it all.", "malformed"),
        ("It is {{c1:: }} nothing at all.", "malformed"),
        ("{{c1::Everything}}", "gap_is_all"),
    ],
)
def test_what_is_broken_is_an_error_and_exit_1(forge, deck, note, check):
    done = forge("lint", deck(note, GOOD), "--json", code=1)

    [line] = done.lines
    assert check in {
        one["check"] for one in line["findings"] if one["severity"] == "block"
    }
    assert line["deck"] == (
        "" if "c0" in str(note) else "Biology::Cells"
    )  # c0 makes no card
    assert line["notetype"] in ("Words", "Gaps")
    assert line["nid"] > 0
    assert line["guid"]


@pytest.mark.parametrize(
    "note",
    [
        (r"the set \(\{1, 2\}\)", r"\[\begin{aligned}a &= b\end{aligned}\]", ""),
        ("<code>\\(</code> in a pattern", "an opening bracket, literally", ""),
        ("the picture", '<img src="x.png">', ""),
        ("the sound", "[sound:x.mp3]", ""),
        ("$5 to $10", "the price of a coffee", ""),
        r"Euler found \({{c1::e^{i\pi} }} = -1\) one day.",
        r"The mean is {{c1::\(\frac{a+b}{2}\)}} of the two.",
        "{{c1::Canberra::city}} is the capital of Australia.",
        "An outer {{c1::gap with {{c2::another}} inside}} is allowed here.",
        "A template {{word}} stands beside a {{c1::gap}} here.",
    ],
)
def test_what_anki_takes_is_no_error(forge, deck, note):
    forge("lint", deck(note), code=0)


def test_what_is_too_long_is_not_read_but_a_picture_makes_no_card_long(forge, deck):
    done = forge.ok(
        "lint", deck(GOOD, ("osmosis", "<span style='color: red'>a</span>" * 400, ""))
    )
    assert "not read: 1 note (more than 10,000 characters of markup)" in done.stdout
    picture = f'<img src="data:image/png;base64,{"A" * 20_000}">'
    [line] = forge(
        "lint", deck((f"osmosis {picture}", "<br>", "")), "--json", code=1
    ).lines
    assert "empty_side" in {one["check"] for one in line["findings"]}


def test_peoples_own_wording_is_never_an_error(forge, deck, found):
    long = " ".join(["word"] * 40)
    path = deck(("osmosis in osmosis", "osmosis", ""), ("it", "yes", ""), ("x", long, ""))

    done = forge("lint", path, "--json", code=0)

    assert {f["severity"] for line in done.lines for f in line["findings"]} == {"warn"}
    assert "answer_gt20w" in found(done)


def test_the_first_card_of_a_note_is_read_and_its_fields_are_shown_if_wanted(forge, deck):
    path = deck(("osmosis", "yes", "note"))
    [short], [long] = (forge.ok("lint", path, "--json", *v).lines for v in ((), ("-v",)))
    assert "fields" not in short
    assert long["fields"] == {"Word": "osmosis", "Meaning": "yes", "Note": "note"}
    messages = [one["message"] for one in short["findings"]]
    assert any(message.startswith("asks for yes or no") for message in messages)


def test_repeats_within_the_deck_name_the_first(forge, deck):
    path = deck(
        GOOD, ("osmosis", f"<b>{GOOD[1]}</b>", ""), ("diffusion", "random spread", "")
    )

    [line] = forge.ok("lint", path, "--json").lines
    assert line["findings"][0]["twin"].startswith("note ")
    assert int(line["findings"][0]["twin"].split()[1]) < line["nid"]


SEEN = {
    "behind a hint": "{{hint:Note}}{{Word}}",
    "in a hidden element": '<p style="display:none">{{Note}}</p>{{Word}}',
    "in a section that is off": "{{^Meaning}}{{Note}}{{/Meaning}}{{Word}}",
}


@pytest.mark.parametrize("question", SEEN.values(), ids=SEEN)
def test_a_question_is_what_a_person_sees_of_it(forge, deck, monkeypatch, question):
    monkeypatch.setitem(BASIC.templates[0], "qfmt", question)
    path = deck(("osmosis", "yes", "note " * 44))
    [line] = forge.ok("lint", path, "--json").lines
    assert line["front"] == "osmosis"


def test_the_line_above_a_question_of_ours_is_no_part_of_it(forge):
    heading = "A long heading of many words about what a language does at the end "
    text = f"# {heading * 2}\n\nWhat does defer do?::it waits for the end\n"
    (forge.folder / "more.md").write_text(text)
    forge.ok("run", "more.md")
    assert forge.ok("lint", "ankiforge.apkg", "--json").lines == []


def test_a_long_list_is_cut_but_counted(forge, deck):
    path = deck(*((f"word{n}", "yes", "") for n in range(30)))

    short, long = forge.ok("lint", path).stdout, forge.ok("lint", path, "-v").stdout

    assert "… and 25 more" in short
    assert short.count("word") < long.count("word")


# --- cards of ours --------------------------------------------------------------------------


def test_neither_the_words_of_a_template_nor_other_pictures_make_repeats(
    forge, deck, found
):
    other = ("mitosis", "the passage of a cell through division", "")
    assert "duplicate" not in found(forge.ok("lint", deck(GOOD, other), "--json"))
    bones = [
        (f'Which bone is this? <img src="{name}.png">', "the femur", "") for name in "ab"
    ]
    assert "duplicate" not in found(forge.ok("lint", deck(*bones), "--json"))


# --- a deck -----------------------------------------------------------------------------------


def test_a_deck_is_chosen_with_those_below_it(forge, deck):
    path = deck(("osmosis", "<br>", ""))

    assert forge("lint", path, "--deck", "Biology", "--json", code=1).lines
    assert forge("lint", path, "--deck", "Bio", "--json", code=0).lines == []
    assert "0 notes: 0 with errors" in forge.ok("lint", path, "--deck", "Bio").stdout


def test_our_own_package_is_sound_where_its_ledger_is(forge, ours, found):
    assert "2 notes: 0 with errors" in forge.ok("lint", ours).stdout
    assert found(forge.ok("lint", ours, "--json")) == {}


def test_nothing_is_changed(forge, ours):
    before = {p: p.read_bytes() for p in forge.home.rglob("*") if p.is_file()}

    forge.ok("lint", ours)

    same = {p: p.read_bytes() for p in before if p.suffix not in (".db-shm", ".db-wal")}
    assert all(before[path] == text for path, text in same.items())
    assert {p.name for p in forge.folder.iterdir()} <= {"ours.apkg"}


@pytest.mark.parametrize("name", ["absent.apkg", "text.apkg", "folder.apkg", "cut.apkg"])
def test_what_is_no_deck_is_exit_2_and_is_named(forge, deck, name):
    (forge.folder / "text.apkg").write_text("no deck")
    (forge.folder / "folder.apkg").mkdir()
    whole = deck(GOOD).read_bytes()
    (forge.folder / "cut.apkg").write_bytes(whole[: len(whole) // 2])

    done = forge("lint", name, code=2)

    assert name in done.stderr
    assert "hint:" in done.stderr
    assert done.stdout == ""
