"""`ankiforge audit` on decks of others, made with genanki, and on our own packages: no Anki is needed."""

from collections.abc import Callable
from pathlib import Path

import genanki
import pytest

from ankiforge.check import RULES
from ankiforge.model.retention import Answers
from ankiforge.reports.audit import RULES as OWN
from ankiforge.reports.audit import Audit, Figures, advice, as_html, meaning

SOURCED = genanki.Model(
    1607392320, "Facts",
    fields=[{"name": "Front"}, {"name": "Back"}, {"name": "Source"}],
    templates=[{"name": "Card 1", "qfmt": "{{Front}}", "afmt": "{{FrontSide}}<hr id=answer>{{Back}}"}],
)  # fmt: skip
GOOD = ("What is osmosis?", "the passage of water through a membrane", "Campbell, p. 12")


@pytest.fixture
def deck(tmp_path: Path) -> Callable[..., Path]:
    """Write a package: each note a tuple of Front, Back and Source."""

    def write(*notes: tuple[str, str, str], name: str = "Biology::Cells") -> Path:
        made = genanki.Deck(2059400113, name)
        for fields in notes:
            made.add_note(genanki.Note(model=SOURCED, fields=list(fields)))
        genanki.Package(made).write_to_file(tmp_path / "deck.apkg")
        return tmp_path / "deck.apkg"

    return write


def test_a_sound_deck_is_exit_0_and_has_its_figures(forge, deck):
    done = forge.ok("audit", deck(GOOD))

    assert "deck.apkg" in done.stderr
    assert "1 note; 1 card (1 new) in 1 deck" in done.stdout
    assert "0 notes (0.0 %) with findings" in done.stdout
    assert forge.ok("audit", deck(GOOD), "--json").stdout == ""


def test_what_the_checks_find_is_in_it_and_each_finding_says_what_to_do(forge, deck, found):
    path = deck(GOOD, ("What is lysis?", "<br>", "p. 1"), ("Is it?", "yes", "p. 2"))

    done = forge("audit", path, "--json", code=1)

    linted = found(forge("lint", path, "--json", code=1))
    assert found(done) == linted
    first = done.lines[0]
    assert first["front"] == "What is lysis?"
    assert list(first) == ["guid", "nid", "deck", "notetype", "ours", "front", "findings"]
    assert list(first["findings"][0]) == ["check", "severity", "message", "twin", "do"]
    assert all(finding["do"] for line in done.lines for finding in line["findings"])
    assert "fields" in forge("audit", path, "--json", "-v", code=1).lines[0]


def test_everything_that_can_be_found_has_a_meaning_and_something_to_do():
    own, checked = {rule.id for rule in OWN}, {rule.id for rule in RULES}
    every = own | checked

    assert len(own) == len(OWN)
    assert own.isdisjoint(checked)
    assert [one for one in every if not meaning(one) or not advice(one)] == []


def test_a_source_field_that_is_empty_is_a_hint(forge, deck):
    path = deck(GOOD, ("What is lysis?", "the breaking of a cell", "<br>"))

    [line] = forge.ok("audit", path, "--json").lines

    [finding] = line["findings"]
    assert (finding["check"], finding["severity"]) == ("no_source", "info")
    assert finding["message"].endswith("Source")


def test_to_look_into_a_file_needs_nobodys_trust(forge, deck):
    forge.settings("llm: {base_url: 'https://elsewhere.example/v1', model: m}\n")

    forge.ok("audit", deck(GOOD))
    forge("audit", code=2)


# --- what cannot be looked at --------------------------------------------------------------------


def test_a_view_in_place_of_a_table_is_refused(forge):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(forge.folder / "evil.anki2")) as made:
        made.executescript(
            "create table col (crt integer, ver integer); insert into col values (1, 11);"
            "create view notes as with recursive r(x) as (values(1) union all select x+1 from r)"
            " select * from r;"
        )

    assert "not a collection of Anki" in forge("audit", "evil.anki2", code=2).stderr


def test_no_collection_on_this_machine_is_told_with_what_to_do(forge):
    assert "ankiforge audit FILE" in forge("audit", code=2).stderr
    forge.settings("anki: {collection: none}\n")
    assert "anki.collection is none" in forge("audit", code=2).stderr


# --- the page ------------------------------------------------------------------------------------


def test_the_page_holds_what_was_found_and_no_markup_of_a_note(forge, deck):
    evil = "<script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>"
    path = deck((f"What is {evil}?", "<br>", "p. 1"), name="Deck<b>::</style>")

    forge("audit", path, "--html", "audit.html", code=1)

    page = (forge.folder / "audit.html").read_text(encoding="utf-8")
    assert "empty_side" in page
    assert "Audit of deck.apkg" in page
    assert "Deck&lt;b&gt;::&lt;/style&gt;" in page
    for part in ("<script", "onerror=", "<img", "//evil"):
        assert part not in page, part


def test_retention_is_of_the_answers_that_tested_memory():
    answers = Answers(given=90, young=3, young_passed=2, mature=1, mature_passed=1)

    page = as_html(Audit(Figures(answers=answers), ()), "Audit", "")

    assert "<dd>75.0 %<small>of 4 answers</small>" in page


def test_a_page_of_somebody_else_is_not_replaced(forge, deck):
    path, page = deck(GOOD), forge.folder / "audit.html"
    page.write_text("mine")

    forge("audit", path, "--html", "audit.html", code=2)
    assert page.read_text() == "mine"

    forge.ok("audit", path, "--html", "audit.html", "--force")
    before = page.read_bytes()
    forge.ok("audit", path, "--html", "audit.html")
    assert page.read_bytes() == before


def test_a_long_list_is_cut_in_the_page_but_counted(forge, deck):
    path = deck(*((f"What does word{n} mean?", "yes", "p. 1") for n in range(12)))

    forge.ok("audit", path, "--html", "short.html", "--limit", "3")
    forge.ok("audit", path, "--html", "long.html", "-v")

    short, long = ((forge.folder / f"{n}.html").read_text() for n in ("short", "long"))
    assert "… and 9 more." in short
    assert "more." not in long
    assert long.count("What does word") == 4 * short.count("What does word")
