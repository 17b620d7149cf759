"""TiddlyWiki: tiddlers, their fields, and wikitext as Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ankiforge.extract import tiddlywiki
from ankiforge.extract.markdown import plain_text
from ankiforge.extract.tiddlywiki import Tiddler, markdown_of, tags_of, tiddler_of
from ankiforge.model import Extracted, Highlight, HighlightKind, Problem, Scan, Sighting


def scan(
    folder: Path, text: str | bytes, name: str = "a.tid", **settings: object
) -> list[Sighting]:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    wanted = tiddlywiki.Settings(path=str(folder), **settings)  # type: ignore[arg-type]
    return list(tiddlywiki.open_source("w", folder, wanted).scan())


def highlights(found: list[Sighting]) -> list[Highlight]:
    return [one for each in found if isinstance(each, Extracted) for one in each.highlights]


def plain(wikitext: str) -> str:
    return plain_text(markdown_of(wikitext))


# --- fields ---------------------------------------------------------------------------------


def test_fields_stand_above_the_first_empty_line() -> None:
    tiddler = tiddler_of("title: A: B\ntags:\nmy field: x\nno field\n\ntext: a\n\nmore")
    assert tiddler.fields == {"title": "A: B", "tags": "", "my field": "x"}
    assert tiddler.text == "text: a\n\nmore"


def test_a_tiddler_may_have_no_fields_or_no_text() -> None:
    assert tiddler_of("\ntext").text == "\ntext"
    assert tiddler_of("title: only").fields == {"title": "only"}
    assert tiddler_of("\ntitle: after a line\n\nx") == Tiddler({"title": "after a line"}, "x")


@pytest.mark.parametrize(
    ("listed", "tags"),
    [
        ("[[two words]] one", ("two words", "one")),
        ("one [[two]] $:/tags/Macro [[$:/tags/x y]]", ("one", "two")),
        ("[[a]b]] c]]", ("a]b", "c]]")),
        ("", ()),
    ],
)
def test_tags_are_a_list_of_titles(listed: str, tags: tuple[str, ...]) -> None:
    assert tags_of(listed) == tags


@pytest.mark.parametrize(
    ("stamp", "iso"),
    [
        ("20240501093000123", "2024-05-01T09:30:00+00:00"),
        ("20240501093000", "2024-05-01T09:30:00+00:00"),
        ("202405010930", "2024-05-01T09:30:00+00:00"),
        ("20241301093000000", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_stamps_are_in_utc(tmp_path: Path, stamp: str, iso: str) -> None:
    [one] = highlights(
        scan(tmp_path, f"title: a\ncreated: {stamp}\nmodified: {stamp}\n\nA @@mark@@ here.")
    )
    assert (one.created, one.modified) == (iso, iso)


@pytest.mark.parametrize(
    "head",
    ["title: $:/config", "title: a\ndraft.of: b", "title: a\nplugin-type: plugin",
     "title: a\ntype: application/javascript", "title: a\ntype: image/png"],
)  # fmt: skip
def test_what_is_no_text_of_the_readers_is_passed_over(tmp_path: Path, head: str) -> None:
    assert scan(tmp_path, f"{head}\n\nA @@mark@@ here.") == [Scan("w", "tiddlywiki:w", True)]


def test_a_tiddler_is_known_by_its_title_wherever_its_file_lies(tmp_path: Path) -> None:
    text = "title: The title\n\nA @@mark@@ here."
    [one] = highlights(scan(tmp_path, text))
    (tmp_path / "a.tid").unlink()
    [other] = highlights(scan(tmp_path, text, "renamed.tid"))
    assert one.document.key == other.document.key
    assert (one.document.path, other.document.path) == ("a.tid", "renamed.tid")


def test_a_tiddler_may_name_its_deck_and_refuse_cards(tmp_path: Path) -> None:
    [one] = highlights(
        scan(tmp_path, "title: a\ndeck: Optics::Lenses\ncards: no\n\nA @@mark@@ here.")
    )
    assert one.document.deck == "Optics::Lenses"
    assert one.skip == "the tiddler says cards: no"


def test_other_files_are_told_to_be_no_tiddlers(tmp_path: Path) -> None:
    (tmp_path / "empty.tid").write_text("")
    problem, scanned = scan(tmp_path, "nothing of the kind")
    assert isinstance(problem, Problem)
    assert (problem.where, problem.what) == ("a.tid", "it is no tiddler")
    assert scanned == Scan("w", "tiddlywiki:w", True)


def test_windows_line_ends_are_no_part_of_the_text(tmp_path: Path) -> None:
    [one] = highlights(scan(tmp_path, b"\xef\xbb\xbftitle: a\r\n\r\nA @@mark@@ over\r\ntwo lines."))
    assert one.exact == "A mark over two lines."


# --- wikitext -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wikitext", "words"),
    [
        ("''bold'' //italic// __line__ ~~struck~~", "bold italic line struck"),
        ("''bold''\n//italic//\n[img[a|b.png]] c", "bold italic c"),
        ("un''believ''able", "unbelievable"),
        ("H,,2,,O and 10^^5^^", "H₂O and 10⁵"),
        ("!! A heading\nText", "A heading\nText"),
        ("!Close\nText", "Close\nText"),
        ("* a\n** b\n### c\n*d", "a\nb\nc\nd"),
        ("; term\n: meaning", "term\nmeaning"),
        ("> a\n>> b", "a\nb"),
        ("<<<\nquoted\n<<< somebody\nafter", "quoted\nafter"),
        ('"""\na\nb\n"""', "a b"),
        ("|!a|!b|\n|c|d|e", "a\nb\n|c|d|e"),
        ("|!a |!b|h\n|c|<|\n|k|k", "a\nb\nc"),
        ("|a|b|\n|caption|c", "a\nb"),
        ("[[text|Target]], [[Target]], [ext[site|https://x.org]]", "text, Target, site"),
        ("[[text|https://x.org/a_b]]", "text"),
        ("before {{Other}} and <<macro a>> after", "before … and … after"),
        ("before\n\n{{Other||template}}\n\n<<toc>>\n\nafter", "before\nafter"),
        ("{{{ [tag[x]] }}}", ""),
        ("<$button>press</$button> <em>html</em>", "press html"),
        ("a * b, 2*3*4, *not a list*", "a * b, 2*3*4, *not a list*"),
        ("snake_case and _this_", "snake_case and _this_"),
        ("a == b == c", "a == b == c"),
        ("back\\slash \\*", "back\\slash \\*"),
        ("no #tag here #", "no #tag here #"),
        ("ends with an id ^abc", "ends with an id ^abc"),
        ("no %%comment%% here", "no %%comment%% here"),
        ("a {{ b", "a {{ b"),
        ("https://x.org/a//b_c and ftp://y.org", "https://x.org/a//b_c and ftp://y.org"),
        ("~CamelCase and ~other", "CamelCase and ~other"),
        ("`code ''b'' @@m@@`", "`code ''b'' @@m@@`"),
        ("```\n''b'' @@m@@ ! x\n```", "''b'' @@m@@ ! x"),
        ("$$$text/plain\n@@m@@\n$$$\nafter", "after"),
        ("<!-- @@m@@ -->after", "after"),
        ("    indented @@text@@", "indented text"),
        ("\\define m(a) @@x@@\n\\define n()\n@@y@@\n\\end\n\\rules only x\ntext", "text"),
        ("\\define never() \nended", "ended"),
        ("@@mark@@ and @@.class another@@ and @@color:red;third@@", "mark and another and third"),
        ("@@.note\none\n\ntwo\n@@\nthree", "one\ntwo\nthree"),
        ("@@never closed", "@@never closed"),
        ("an address a@@b.org alone", "an address a@@b.org alone"),
        ("$x @@y@@ z$ and $$a_1\n@@b@@$$", "$x @@y@@ z$ and $$a_1 @@b@@$$"),
    ],
)
def test_wikitext_reads_as_a_wiki_shows_it(wikitext: str, words: str) -> None:
    assert plain(wikitext) == words


@pytest.mark.parametrize(
    ("wikitext", "phrase", "colour"),
    [
        ("A @@mark@@ here", "mark", ""),
        ("A @@.class mark@@ here", "mark", ""),
        ("A @@.one.two mark@@ here", "mark", ""),
        ("A @@color:red;mark@@ here", "mark", "red"),
        ("A @@background-color: #ff0;color:red;mark@@ here", "mark", "#ffff00"),
        ("A @@''bold'' mark@@ here", "bold mark", ""),
        ("A ''bold @@mark@@'' here", "mark", ""),
        ("A <mark>mark</mark> here", "mark", ""),
        ("A @@ mark @@ here", "mark", ""),
        ("A @@mark: with a colon@@ here", "mark: with a colon", ""),
    ],
)
def test_marks_with_styles_and_without(
    tmp_path: Path, wikitext: str, phrase: str, colour: str
) -> None:
    [one] = highlights(scan(tmp_path, f"title: a\n\n{wikitext}."))
    [(start, end)] = one.gaps
    assert (one.exact[start:end], one.colour) == (phrase, colour)


@pytest.mark.parametrize("quote", ['"', '"""', "'"])
def test_signs_in_the_words_of_a_macro_mark_nothing(tmp_path: Path, quote: str) -> None:
    example = f"<<example src:{quote}@@.a\n* {{}} > x\n@@\n{quote}>>"
    text = f"title: T\n\nBefore.\n\n{example}\n\nBetween, isn't it.\n\n{example}\n\n@@mine@@ <<x don't>> it's"
    assert [one.exact for one in highlights(scan(tmp_path, text))] == ["mine … it's"]


def test_of_a_marked_list_each_item_is_a_mark_without_its_sign(tmp_path: Path) -> None:
    text = "title: T\n\n@@.step\n# First ''thing''\n# Second thing\n@@\n"
    found = highlights(scan(tmp_path, text))
    assert [one.exact for one in found] == ["First thing", "Second thing"]


def test_what_is_code_in_a_classic_tiddler_marks_nothing(tmp_path: Path) -> None:
    text = (
        "title: T\ntype: text/x-tiddlywiki\n\n{{{\n@@no@@\n}}}\n/% @@no@@ %/\n\n@@color:red;yes@@\n"
    )
    assert [one.exact for one in highlights(scan(tmp_path, text))] == ["yes"]


def test_bold_is_a_mark_by_wish_only(tmp_path: Path) -> None:
    text = "title: a\n\nA ''bold'' word and a @@mark@@."
    assert [len(one.gaps) for one in highlights(scan(tmp_path, text))] == [1]
    assert [len(one.gaps) for one in highlights(scan(tmp_path, text, marks=("@@", "bold")))] == [2]


def test_cards_by_hand_are_those_of_a_vault_but_for_braces(tmp_path: Path) -> None:
    text = "title: a\n\nWhat is it?::a ''lens''\n\nFront\n?\nback\n\nA {{transclusion}} here.\n"
    found = highlights(scan(tmp_path, text))
    assert [(one.kind, one.markdown) for one in found] == [
        (HighlightKind.CARD, ("What is it?", "a **lens**")),
        (HighlightKind.CARD, ("Front", "back")),
    ]


def test_tiddlers_in_markdown_are_read_as_such(tmp_path: Path) -> None:
    for of in ("text/x-markdown", "text/markdown"):
        text = f"title: a\ntype: {of}\n\nA ==mark==, //no italics//, and `code`."
        [one] = highlights(scan(tmp_path, text))
        assert one.exact == "A mark, //no italics//, and `code`."
