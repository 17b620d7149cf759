"""Passages of papers that a note quotes, what stands above in lists, where links lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ankiforge import extract
from ankiforge.extract.markdown.quotes import cited, opens
from ankiforge.model import Extracted, Form, Highlight

PDF = "(zotero://open-pdf/library/items/ATTACHA2?page=5&annotation=MARKAAA2)"
OTHER = PDF.replace("MARKAAA2", "MARKBBB2")
PAGE = "(zotero://open-pdf/library/items/ATTACHA2?page="
PAPER = "(zotero://select/library/items/PAPERAA2)"
NOTE = "obsidian://open?vault=V&file=a%2Fnote"


def read(folder: Path, note: str, **settings: Any) -> list[Highlight]:
    (folder / "note.md").write_bytes(note.encode())
    module = extract.module("obsidian")
    source = module.open_source("notes", folder, module.Settings(path=str(folder), **settings))
    return [h for s in source.scan() if isinstance(s, Extracted) for h in s.highlights]


@pytest.mark.parametrize(
    ("note", "exact"),
    [
        (f"“It is so.” ([Roe, 2020, p. 3]{PAPER}) ([pdf]{PDF})", ["It is so."]),
        (f"„It is so“ ([Roe]{PAPER})", ["It is so"]),
        (f"«It «is» so» ([Roe]{PAPER})", ["It «is» so"]),
        (f"「そうだ」（[Roe]{PAPER}）", ["そうだ"]),
        (f'"It is so." (Roe, 2020, p. [3]{PDF})', ["It is so."]),
        (f"“One” [a]{PDF} and “two” [b]{OTHER}.", ["One", "two"]),
        (f"1. “It is so” [p. 3]{PDF}\n2. “It is not” [p. 4]{OTHER}", ["It is so", "It is not"]),
        (f"> It is so ([pdf]{PDF}) .", ["It is so"]),
        (f"> @[Page 7]{PDF}\n> <span>It is so</span>", ["It is so"]),
        (f"> [Page 7]{PDF}\n>\n> It is so", ["It is so"]),
        (f"> It is so [p. 1]{PAGE}5)\n>\n> It is not [p. 2]{PAGE}6)", ["It is so", "It is not"]),
        (f"> [!Highlight]\n> <mark>It is so </mark> [(p.1)]{PDF}", ["It is so"]),
        (f"Some text [3, 4] without signs. [(p. 1)]{PDF}", ["Some text [3, 4] without signs."]),
        (f"> One paragraph.\n>\n> Another. [p. 1]{PDF}", ["One paragraph.\nAnother."]),
        (f"> “One paragraph.\n>\n> Another.” [p. 1]{PDF}", ["One paragraph.\nAnother."]),
        (f"“It is so.” Yellow Highlight [Page 3]{PDF}", ["It is so."]),
        (f'<mark class="y">"It is so."</mark> Highlight [Page 3]{PDF}', ["It is so."]),
        ("> It is so\n\n[p. 3](x.pdf#page=3)", ["It is so"]),
        ("[[x.pdf#page=3&selection=1,2,3,4|x, p.3]]\n\n> It is so", ["It is so"]),
        ("==It is so== [[x.pdf#page=3]]", ["It is so"]),
        ("> [!PDF|] [x, p.2](a/b%20c.pdf#page=2&selection=1,2,3,4)\n> > It is so", ["It is so"]),
    ],
)
def test_what_is_quoted_with_its_link_is_a_highlight(tmp_path: Path, note: str, exact: Any) -> None:
    found = read(tmp_path, f"{note}\n")
    assert [h.exact for h in found] == exact
    assert {h.form for h in found} == {Form.MARK}


@pytest.mark.parametrize(
    "note",
    [
        f"[Open in Zotero]{PAPER}",
        f"> [Page 7]{PDF}",
        f"> [!note] A title\n> [Page 7]{PDF}",
        f"My own words about [the paper]{PAPER}",
        f"My own words about it ([pdf]{PAPER.replace('PAPER', 'OTHER')})",
        "Own words with where they come from ([[x.pdf#page=3&selection=1,2,3,4|x, p.3]])",
        f"See [the introduction]{PDF} for the rest of it",
        f"> See [the paper]{PAPER} for the rest of it",
        f"> As [p. 3]{PDF} has it, the thing is so",
        f"> - I have read [Roe]{PAPER}\n> - and [Doe]{PAPER.replace('PAPER', 'OTHER')}",
        f"> [!note]\n> What I think of [Roe]{PAPER}",
        f"“A quote”\n\n> [!PDF] [p. 3]{PDF}",
        f"> A quote of mine\n\n[^1]: [The paper]{PDF}",
        f"## “A heading” [p. 3]{PDF}",
        "“A quote” ([Roe](https://example.org/x.pdf#page=3))",
        "“A quote” from [[another note]]",
        "> A quote with a key and no page [@roe2020]",
        "![[x.pdf#page=3&rect=1,2,3,4]]",
        f"> [!pic-yellow] **Image from:** Roe: “Paper” (2020), p. [3]{PDF}\n>![[cut.png|center]]",
        f"> [!cite] [(p. 3)]{PDF}\n> ![[cut.png]]\n> what I see in it",
        "> [!PDF] [[x.pdf#page=3&selection=1|x]]\n>\n> - one: [[x.pdf#page=3&selection=2|there]]\n"
        "> - two: [[x.pdf#page=3&selection=3|here]]",
        f"`“A quote” [p. 3]{PDF}`",
        f"%%“A quote” [p. 3]{PDF}%%",
        f"```\n“A quote” [p. 3]{PDF}\n```",
    ],
)
def test_what_only_links_to_a_paper_is_none(tmp_path: Path, note: str) -> None:
    assert read(tmp_path, f"{note}\n") == []


@pytest.mark.parametrize(
    ("note", "comment"),
    [
        (f"“So” [p. 3]{PDF} – I doubt it", "I doubt it"),
        (f"- “So” [p. 3]{PDF}\n  - ? What is so?", "? What is so?"),
        (f"> So it is [p. 3]{PDF}\n>\n> **Comment:** I doubt it", "I doubt it"),
        (f"> So it is\n>\n> ---\n> I doubt it\n\n[p. 3]{PDF}", "I doubt it"),
        (f"> 📌 So it is [p. 3]{PDF}\n\n> 💬 I doubt it [p. 3]{PDF}", "I doubt it"),
        (f"> [!cite]+ [(p. 3)]{PDF}\n> *“ So it is. ”*\n> I doubt it", "I doubt it"),
        (f"> “So\n> it is.”\n> I doubt it\n> [p. 3]{PDF}", "I doubt it"),
        (
            f"<mark>“So it is.”</mark> [p. 3]{PDF}\n\nI doubt it a lot [p. 3]{PDF}",
            "I doubt it a lot",
        ),
        (f"“So it is.” [p. 3]{PDF}\n\n“So it is” [p. 3]{PDF}", ""),
        (f"“So it is.” [p. 3]{PDF}\n\n“And so on” [p. 3]{PDF}", ""),
        (f"So it is then [p. 3]{PDF}\n\nAnother of them [p. 3]{OTHER}", ""),
        (f"I know: “So” [p. 3]{PDF} it says", ""),
        (f"- “So” [p. 3]{PDF}\n  - a ==mark== below", ""),
    ],
)
def test_what_the_reader_says_beside_a_quote_is_its_comment(
    tmp_path: Path, note: str, comment: str
) -> None:
    assert read(tmp_path, f"{note}\n")[0].comment == comment


@pytest.mark.parametrize(
    ("note", "colour"),
    [
        (f'<mark class="hltr hltr-yellow">"So"</mark> [p. 3]{PDF}', "yellow"),
        (f'<mark style="background: #5fb236">So</mark> [p. 3]{PDF}', "#5fb236"),
        (f"> [!quote|#ffd400]\n> So it is [p. 3]{PDF}", "#ffd400"),
        (f"> [!annotation-green] Page [3]{PDF}\n> So it is", "green"),
        ("> [!PDF|255, 208, 0] [[x.pdf#page=3&selection=1|x]]\n> So it is", "#ffd000"),
        ("> So it is [[x.pdf#page=3&color=red|x]]", "red"),
        (f"> [!quote|wide]\n> So it is [p. 3]{PDF}", ""),
    ],
)
def test_a_quote_has_the_colour_that_is_told(tmp_path: Path, note: str, colour: str) -> None:
    (found,) = read(tmp_path, f"{note}\n")
    assert found.colour == colour


def test_marks_in_a_quote_are_its_gaps_and_no_highlights_of_their_own(tmp_path: Path) -> None:
    note = f"> One ==first== word.\n>\n> The <mark>last</mark> **word**. [p. 3]{PDF}\n"
    (found,) = read(tmp_path, note)
    assert found.form is Form.PHRASE
    assert [found.exact[slice(*gap)] for gap in found.gaps] == ["first", "last"]
    markdown = found.markdown[0]
    assert [markdown[slice(*gap)] for gap in found.markdown_gaps] == ["first", "last"]
    assert markdown == "One first word.\n\nThe last **word**."


def test_marks_beside_a_quote_stay_highlights(tmp_path: Path) -> None:
    first, second = read(tmp_path, f"This ==is mine==. And “So” [p. 3]{PDF}\n")
    assert (first.exact, second.exact) == ("This is mine.", "So")


def test_a_callout_that_quotes_is_one_highlight(tmp_path: Path) -> None:
    note = f"> [!quote] A title\n> So it is [p. 3]{PDF}\n\n> [!note]\n> Mine.\n"
    found = read(tmp_path, note, marks=("callout",))
    assert [(h.exact, h.form) for h in found] == [
        ("So it is", Form.MARK),
        ("Mine.", Form.CALLOUT),
    ]


def test_what_other_links_say_is_not_the_page_of_a_quote(tmp_path: Path) -> None:
    quote = f"> So it is\n> — Roe 2020, p. vii · [PDF]{PDF} · [10.5/1](https://doi.org/10.5/1)\n"
    (found,) = read(tmp_path, quote)
    assert (found.exact, found.page_label) == ("So it is", "vii")


# --- lists ----------------------------------------------------------------------------------


def test_the_items_above_are_told_with_an_item(tmp_path: Path) -> None:
    note = """\
These are the phases:

- Mitosis
  1. ==Prophase== comes first
     - with ==spindles==

       and a ==second== paragraph
- ==Meiosis==

Unlisted ==words==

- ==other== list
> - ==quoted== item
"""
    told = {h.exact: h.above for h in read(tmp_path, note)}
    lead = "These are the phases:"
    assert told == {
        "Prophase comes first": (lead, "Mitosis"),
        "with spindles": (lead, "Mitosis", "Prophase comes first"),
        "and a second paragraph": (lead, "Mitosis", "Prophase comes first", "with spindles"),
        "Meiosis": (lead,),
        "Unlisted words": (),
        "other list": (),
        "quoted item": (),
    }


def test_a_long_item_above_is_shortened_between_words(tmp_path: Path) -> None:
    (found,) = read(tmp_path, f"- {'word ' * 100}\n  - a ==mark==\n")
    assert found.above[0].endswith("word…")
    assert len(found.above[0]) < 170


# --- links ----------------------------------------------------------------------------------


def test_where_links_lead_is_kept_with_the_passage_they_stand_in(tmp_path: Path) -> None:
    note = "A ==[[Lens#Focus|lens]]== and [a page](https://x.org/a_(b) 't'). Not [this](https://y.org).\n"
    (found,) = read(tmp_path, note)
    assert found.exact == "A lens and a page."
    assert found.links == (
        f"{found.document.uri.partition('&')[0]}&file=Lens%23Focus",
        "https://x.org/a_(b)",
    )


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("[[Note]]", "obsidian://open?vault=V&file=Note"),
        ("[[#Part]]", f"{NOTE}%23Part"),
        ("sub/other%20note.md", "obsidian://open?vault=V&file=sub%2Fother%20note.md"),
        ("https://x.org", "https://x.org"),
        ("javascript:alert(1)", ""),
        ("file:///home/me/x.pdf", ""),
        ("/home/me/x.pdf", ""),
        ("", ""),
    ],
)
def test_a_target_is_opened_from_outside_the_vault(target: str, address: str) -> None:
    assert opens(target, NOTE) == address
    assert opens(target, "") == (address if target.startswith("https") else "")


@pytest.mark.parametrize(
    "target",
    ["https://x.org/a.pdf#page=2", "[[a.pdf]]", "a.pdf#toolbar=0", "zotero://note/u/ABCD2345"],
)
def test_other_links_cite_no_passage(target: str) -> None:
    assert cited(target) is None
