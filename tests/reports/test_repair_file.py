"""`ankiforge repair FILE` on decks of others, made with genanki: no Anki is needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import genanki
import pytest

from tests.cli.test_screen import COLOUR, at_terminal

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
        "repair", deck(GOOD, "Water passes by {{c1::osmosis}} through membranes.")
    )

    assert "deck.apkg" in done.stderr
    assert "2 notes: 0 with errors, 0 with warnings, nothing to say of 2" in done.stdout


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
    done = forge("repair", deck(note, GOOD), "--json", code=1)

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
    forge("repair", deck(note), code=0)


def test_what_is_too_long_is_not_read_but_a_picture_makes_no_card_long(forge, deck):
    done = forge.ok(
        "repair", deck(GOOD, ("osmosis", "<span style='color: red'>a</span>" * 400, ""))
    )
    assert "not read: 1 note (more than 10,000 characters of markup)" in done.stdout
    picture = f'<img src="data:image/png;base64,{"A" * 20_000}">'
    [line] = forge(
        "repair", deck((f"osmosis {picture}", "<br>", "")), "--json", code=1
    ).lines
    assert "empty_side" in {one["check"] for one in line["findings"]}


DAMAGED = ("a caf\ufffd", "a place to drink coffee", "note")


def test_what_still_works_in_anki_is_a_warning(forge, deck):
    done = forge("repair", deck(DAMAGED), "--json", code=0)

    [finding] = done.lines[0]["findings"]
    assert (finding["check"], finding["severity"]) == ("damaged_text", "warn")


def test_the_first_card_of_a_note_is_read_and_its_fields_are_shown_if_wanted(forge, deck):
    path = deck(DAMAGED)
    [short], [long] = (
        forge.ok("repair", path, "--json", *v).lines for v in ((), ("-v",))
    )
    assert "fields" not in short
    assert long["fields"] == dict(zip(("Word", "Meaning", "Note"), DAMAGED, strict=True))
    assert short["front"] == "a caf\ufffd"


SEEN = {
    "behind a hint": "{{hint:Note}}{{Word}}",
    "in a hidden element": '<p style="display:none">{{Note}}</p>{{Word}}',
    "in a section that is off": "{{^Meaning}}{{Note}}{{/Meaning}}{{Word}}",
}


@pytest.mark.parametrize("question", SEEN.values(), ids=SEEN)
def test_a_question_is_what_a_person_sees_of_it(forge, deck, monkeypatch, question):
    monkeypatch.setitem(BASIC.templates[0], "qfmt", question)
    path = deck(("a caf\ufffd", "a place", "note " * 44))
    [line] = forge.ok("repair", path, "--json").lines
    assert line["front"] == "a caf\ufffd"


def test_the_line_above_a_question_of_ours_is_no_part_of_it(forge):
    heading = "A long heading of many words about what a language does at the end "
    text = f"# {heading * 2}\n\nWhat does defer do?::it waits for the end\n"
    (forge.folder / "more.md").write_text(text)
    forge.ok("run", "more.md")
    assert forge.ok("repair", "ankiforge.apkg", "--json").lines == []


def test_a_long_list_is_cut_but_counted(forge, deck):
    path = deck(*((f"a caf{n}\ufffd", "a place", "") for n in range(30)))

    short, long = forge.ok("repair", path).stdout, forge.ok("repair", path, "-v").stdout

    assert "… and 25 more" in short
    assert (short.count("a caf"), long.count("a caf")) == (5, 30)


# --- cards that are not ours -----------------------------------------------------------------


@pytest.mark.parametrize(
    "note",
    [
        # how others word their cards is theirs
        ("Is it one?", "yes", ""),
        ("What are the four noble metals?", "gold, silver, platinum, iridium", ""),
        ("Describe the retina.", "layers of cells", ""),
        ("What is osmosis in osmosis?", "osmosis", ""),
        ("x", " ".join(["word"] * 61), ""),
        ("Singapore", "Singapore", ""),
        "The capital is {{c1::Paris}}, Paris.",
        # what Anki shows otherwise than it may be meant
        ("What is lower?", "all i<j and j<n", ""),
        ("What is the mean?", r"it is $\bar{x}_{1}$", ""),
        ("the **call**", "<code>f(**x)</code>", ""),
        (r"the mean \(a<br>+ b\)", "of two", ""),
    ],
)
def test_what_is_no_plain_fault_is_not_told(forge, deck, found, note):
    assert found(forge.ok("repair", deck(note), "--json")) == {}


def test_cards_of_a_deck_are_not_compared(forge, deck, found):
    assert found(forge.ok("repair", deck(GOOD, GOOD, GOOD), "--json")) == {}


def test_a_note_type_without_an_answer_is_said_once(forge, deck, monkeypatch):
    monkeypatch.setitem(BASIC.templates[0], "afmt", "{{FrontSide}}<hr>{{Word}}")
    monkeypatch.setitem(BASIC.templates[0], "qfmt", "{{Word}}")
    done = forge.ok("repair", deck(("how to use this deck", "", ""), ("again", "", "")))
    assert "not read: 2 notes (its note type has no answer)" in done.stdout


# --- tables ----------------------------------------------------------------------------------

ROWS = 'Is it a caf\ufffd?{0}yes\n"What{0}is lava?"{0}\n'


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("a.csv", ROWS.format(","), "utf-8"),
        ("a.csv", ROWS.format(";"), "utf-8-sig"),
        ("a.tsv", ROWS.format("\t"), "utf-16"),
        ("a.txt", "#separator:Pipe\n#html:true\n" + ROWS.format("|"), "utf-8"),
        ("a.csv", "<b>Is</b> it?,it is<br>so\n" + ROWS.format(","), "utf-8"),
        ("a.csv", "Front,Back,Tags\n" + ROWS.format(","), "utf-8"),
        ("a.txt", "#separator:tab\n#guid column:1\n" + "".join(
            f"x{n}\t{line}\n" for n, line in enumerate(ROWS.format("\t").splitlines())), "utf-8"),
    ],
)  # fmt: skip
def test_the_cards_of_a_table_are_checked(forge, found, name, text, encoding):
    (forge.folder / name).write_bytes(text.encode(encoding))
    checks = found(forge("repair", name, "--json", code=1))
    assert set(checks) == {"damaged_text", "empty_side"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfa\x81", "not UTF-8: byte 0 is 0xff"),
        (b"only one column\n", "has no row with question and answer"),
        (b"", "has no row with question and answer"),
        (b'"a,' + b"x" * 200_000, "has no row with question and answer: row 1: "),
    ],
)
def test_what_is_no_table_is_exit_2_and_is_named(forge, data, said):
    (forge.folder / "bad.csv").write_bytes(data)
    done = forge("repair", "bad.csv", code=2)
    assert "bad.csv" in done.stderr
    assert said in " ".join(done.stderr.split())
    assert "hint: save it as CSV" in done.stderr


# --- a deck -----------------------------------------------------------------------------------


def test_a_deck_is_chosen_with_those_below_it(forge, deck):
    path = deck(("osmosis", "<br>", ""))

    assert forge("repair", path, "--deck", "Biology", "--json", code=1).lines
    refused = forge("repair", path, "--deck", "Bio", "--json", code=2)
    assert refused.lines == []
    assert "no note in a deck Bio" in refused.stderr
    assert "there is: Biology" in refused.stderr


def test_our_own_package_is_sound_where_its_ledger_is(forge, ours, found):
    assert "2 notes: 0 with errors" in forge.ok("repair", ours).stdout
    assert found(forge.ok("repair", ours, "--json")) == {}


def test_nothing_is_changed(forge, ours):
    before = {p: p.read_bytes() for p in forge.home.rglob("*") if p.is_file()}

    forge.ok("repair", ours)

    same = {p: p.read_bytes() for p in before if p.suffix not in (".db-shm", ".db-wal")}
    assert all(before[path] == text for path, text in same.items())
    assert {p.name for p in forge.folder.iterdir()} <= {"ours.apkg"}


@pytest.mark.parametrize("name", ["absent.apkg", "text.apkg", "folder.apkg", "cut.apkg"])
def test_what_is_no_deck_is_exit_2_and_is_named(forge, deck, name):
    (forge.folder / "text.apkg").write_text("no deck")
    (forge.folder / "folder.apkg").mkdir()
    whole = deck(GOOD).read_bytes()
    (forge.folder / "cut.apkg").write_bytes(whole[: len(whole) // 2])

    done = forge("repair", name, code=2)

    assert name in done.stderr
    assert "hint:" in done.stderr
    assert done.stdout == ""


def test_a_terminal_shows_how_many_notes_are_looked_at(forge, deck):
    shown = at_terminal(forge, 80, "repair", deck(GOOD, GOOD, GOOD))
    assert "checking ██████████ 3 of 3" in COLOUR.sub("", shown)
