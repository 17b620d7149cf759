import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from ankiforge.anki.notes import (
    format_context,
    format_reference,
    normalize_deck_name,
    normalize_tags,
    parse_source_field,
    render_citation,
    render_collapsible_source,
    render_content_fields,
    render_mask_labels,
)
from ankiforge.anki.notetypes import get_our_note_type, hash_html, hash_tags
from ankiforge.model import CardKind, HighlightKind, LocalCard
from ankiforge.text import occlusion
from tests.makers.anki_notes import field_html, note_for

Maker = Callable[..., LocalCard]


def _fields(card: LocalCard) -> dict[str, str]:
    return dict(
        zip(
            get_our_note_type(card.note_type).field_names,
            field_html(card, card.tags),
            strict=True,
        )
    )


def _highlight(card: LocalCard, **changes: object) -> LocalCard:
    highlight = replace(card.highlight, **changes)
    return replace(card, passages=(highlight,))


def _document(card: LocalCard, **changes: object) -> LocalCard:
    return _highlight(card, document=replace(card.highlight.document, **changes))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (CardKind.BASIC, "Front Back Reverse Extra"),
        (CardKind.TWO_WAY, "Front Back Reverse Extra"),
        (CardKind.CLOZE, "Text Extra"),
    ],
)
def test_a_note_has_all_fields_in_order_and_leaves_what_is_the_persons_empty(
    make_card, kind, names
):
    machine = "Source Citation Links Open AnkiforgeId Feedback Spare1 Spare2 Spare3"
    fields = _fields(make_card(kind, Text="{{c1::a}}", Front="a", Back="b", Extra="c"))
    assert list(fields) == f"{names} {machine}".split()
    assert not any(fields[name] for name in ("Feedback", "Spare1", "Spare2", "Spare3"))
    assert all(fields[name] for name in ("Source", "Citation", "Links", "AnkiforgeId"))


def test_only_a_two_way_card_is_asked_in_reverse(make_card):
    assert _fields(make_card(CardKind.TWO_WAY, Front="a", Back="b"))["Reverse"] == "y"
    assert _fields(make_card(CardKind.BASIC, Front="a", Back="b"))["Reverse"] == ""


def test_clozes_are_made_in_the_text_only(make_card):
    fields = _fields(make_card(CardKind.CLOZE, Text="{{c1::a}}", Extra="{{c2::b}}"))
    assert fields["Text"] == "{{c1::a}}"
    assert "{{c2::" not in fields["Extra"]


def test_the_id_names_guid_key_slot_and_the_hashes_of_our_words_and_tags(make_card):
    card = make_card(number=3)
    html = field_html(card, card.tags)
    written = _fields(card)["AnkiforgeId"].split()
    hashes = ".".join(map(hash_html, html[: len(card.note_type.content_fields)]))
    key = "zotero:user/ABCD2345"
    assert written == ["af1", card.guid, key, "3", hashes, hash_tags(card.tags)]


def test_the_passage_shows_the_highlight_in_its_sentence_and_the_evidence_in_it(
    make_card,
):
    assert _fields(make_card())["Source"] == (
        "<blockquote>On delayed tests, however, "
        '<span class="af-exact">prior testing produced substantially '
        "<mark>greater retention</mark> than studying.</span></blockquote>"
    )


def test_the_passage_is_the_highlight_alone_if_the_sentence_lacks_it(make_card):
    card = _highlight(make_card(), sentence="Something else.", exact="a < b\nc {{c1::d}}")
    assert _fields(card)["Source"] == (
        '<blockquote><span class="af-exact">a &lt; b<br>c {<wbr>{c1:<wbr>:d}<wbr>}</span></blockquote>'
    )


SET = [
    # what is marked, the quote in it, and the field
    ("Use `os.replace` here.", "", "Use <code>os.replace</code> here."),
    ("So $a < b$ holds.", "", r"So \(a &lt; b\) holds."),
    ("So $$a$$ holds.", "", r"So \[a\] holds."),
    ("So $a_1 + a_2$ holds.", "$a_1 +", r"So <mark>\(a_1 + a_2\)</mark> holds."),
    ("It costs 5 $ or 6 $.", "", "It costs 5 $ or 6 $."),
    (r"A \( is no formula.", "", r"A \<span></span>( is no formula."),
]


@pytest.mark.parametrize(("exact", "quote", "shown"), SET)
def test_the_passage_is_set_as_on_the_page_and_read_back_as_written(
    make_card, exact, quote, shown
):
    card = replace(make_card(), quote=quote)
    note = _highlight(card, exact=exact, sentence="", namespace="vault:notes")
    source = _fields(note)["Source"]
    assert shown in source
    assert parse_source_field(source)[0] == exact
    paper = _highlight(card, exact=exact, sentence="", namespace="pdf:0123456789abcdef")
    assert "\\(" not in _fields(paper)["Source"], "in a PDF a dollar is a dollar"
    assert parse_source_field(_fields(paper)["Source"])[0] == exact


def test_an_answer_of_a_figure_names_the_label_that_was_asked():
    lines = ["hide all", "1 .1 .2 .3 .1 Femur", "2- .1 .4 .3 .1 Tibia", "3+ .1 .6 .3 .1"]
    lines.append("4 .1 .8 .3 .1 Knee <cap>")
    html = render_mask_labels(occlusion.parse_masks("\n".join(lines)))
    words = re.findall(r'af-word af-word-(\d)">([^<]*)<', html)
    assert words == [("1", "Femur"), ("4", "Knee &lt;cap&gt;")]
    for number, _ in words:
        assert f'.cloze-highlight[data-ordinal="{number}"]) .af-word-{number}' in html
    assert render_mask_labels(occlusion.parse_masks("hide all\n3+ .1 .6 .3 .1")) == ""


def test_the_passage_of_a_hand_written_card_is_kept_and_not_shown(make_card):
    written = _highlight(make_card(), kind=HighlightKind.CARD)
    drafted = _highlight(make_card(drafted="kbdgrwvd"), kind=HighlightKind.CARD)
    assert _fields(written)["Source"].startswith('<blockquote class="af-written">')
    assert parse_source_field(_fields(written)["Source"]) == parse_source_field(
        _fields(drafted)["Source"]
    )
    assert _fields(drafted)["Source"].startswith("<blockquote>")
    assert ".af-written { display: none; }" in get_our_note_type(written.note_type).css


def test_what_anki_cannot_store_never_reaches_a_field(make_card):
    odd = "a\x1f\x00\ud800b\r\nu\u0308"
    card = _highlight(make_card(), sentence="", exact=odd, heading=odd, page_label=odd)
    card = _document(card, title=odd, creators=(odd,))
    text = "".join(field_html(card, card.tags))
    assert not re.search("[\x00-\x09\x0b-\x1f\ud800-\udfff\u0308]", text)
    assert "ab<br>\u00fc" in _fields(card)["Source"]


def test_a_mark_without_text_has_no_passage(make_card):
    assert _fields(_highlight(make_card(), sentence="", exact=" "))["Source"] == ""


CLOZE, BASIC, TWO_WAY = CardKind.CLOZE, CardKind.BASIC, CardKind.TWO_WAY
TITLE = "Test-enhanced learning"


@pytest.mark.parametrize(
    ("kind", "fields", "heading", "line"),
    [
        (CLOZE, ("The {{c1::results}} follow.", ""), "Results", TITLE),
        (BASIC, ("What is it?", "Test-enhanced *learning*"), "Results", "Results"),
        (TWO_WAY, ("Results", "Test-enhanced learning"), "Results", ""),
        # the same words in another form
        (BASIC, ("What speeds it up?", "a catalyst"), "Catalysis › Power laws", f"{TITLE} › Power laws"),
        (BASIC, ("Which kind of law?", "a power law"), "Power laws", TITLE),
        (BASIC, ("Which kind of log?", "a power log (PL)"), "Power logs", TITLE),
        (BASIC, ("What must you will?", "that it become a universal law"), "The Universal Law Formulation", TITLE),
        (BASIC, ("What do plants do with light?", "光合成"), "光合成の反応", TITLE),
        # the last of several headings
        (BASIC, ("Which?", "this"), "Methods › Design › Sample", f"{TITLE} › Sample"),
        # a heading that repeats the title
        (BASIC, ("Which?", "this"), "TEST-enhanced learning › Results", f"{TITLE} › Results"),
    ],
)  # fmt: skip
def test_the_line_above_the_question_does_not_tell_the_answer(
    make_card, kind, fields, heading, line
):
    names = ("Text", "Extra") if kind is CLOZE else ("Front", "Back")
    card = _highlight(
        make_card(kind, **dict(zip(names, fields, strict=True))), heading=heading
    )
    shown = re.findall('class="af-where[^>]*>(.*?)</span>', _fields(card)["Citation"])
    assert shown == [line] * bool(line)


@pytest.mark.parametrize(
    ("title", "heading", "line"),
    [
        ("02-how-to-read", "How to Read a Paper › Goals › Claims", "How to Read a Paper › Claims"),
        ("02-how-to-read", "", "02-how-to-read"),
        ("cap-theorem", "Exam", "Cap Theorem › Exam"),
        ("rate_limiter", "", "Rate Limiter"),
        ("raft", "Exam", "Raft › Exam"),
        ("T-cell", "Exam", "T-cell › Exam"),
        ("Reading", "Goals › Claims", "Reading › Claims"),
        ("Reading", "Claims", "Reading › Claims"),
        ("How one reads a paper of a field in which one is new", "", "How one reads a paper of a field in which one is new"),
        ("How one reads a paper of a field in which one is new", "Claims", "How one reads a paper of a field in… › Claims"),
    ],
)  # fmt: skip
def test_one_line_names_the_work_and_the_last_heading(make_card, title, heading, line):
    card = make_card(Front="Which?", Back="this")
    card = _highlight(card, heading=heading, parent_items=(), page_label="")
    card = _document(
        card, title=title, path=f"notes/{title}.md", creators=(), publication_date=""
    )
    assert format_context(card, lambda _, parts: parts) == line
    shown = render_citation(card, lambda _, parts: parts)
    # the references say what the line leaves out
    assert ("af-short" in shown) == (" › " in heading)


def test_the_items_above_stand_in_the_line_but_not_in_the_reference(make_card):
    card = _highlight(
        make_card(Front="Which?", Back="the last item"),
        parent_items=("The kinds are:", "word " * 40, "what the last item is"),
    )
    where, cite = _fields(card)["Citation"].split("<cite>")
    assert f"{TITLE} › word word" in where  # the last one that does not tell it
    assert where.count("word") < 20
    assert "last item" not in where
    assert "kinds" not in cite


def test_a_link_to_another_note_is_called_by_its_name(make_card):
    own, vault = (
        "obsidian://open?vault=V&file=Own%20note",
        "obsidian://open?vault=V&file=",
    )
    links = (f"{vault}Optics%2FLens%23Focus", f"{vault}Lens%23%5Eabc", "https://x.org/a")
    fields = _fields(_highlight(make_card(), uri=own, links=links))
    labels = re.findall(r">([^<]+)</a>", fields["Open"])
    assert labels == ["Open in Obsidian", "Lens#Focus", "Lens"]
    assert re.findall(r">([^<]+)</a>", fields["Links"])[0] == "x.org"


def test_a_reference_names_a_heading_that_repeats_the_title_once(make_card):
    card = _highlight(make_card(), heading="TEST-enhanced learning › Results")
    assert format_reference(card.highlight).endswith(
        "Test-enhanced learning, Results, p. 250"
    )


REFERENCES = {
    "two authors": ({}, "Roediger & Karpicke (2006). Test-enhanced learning, Results, p. 250"),
    "many authors": (
        {"creators": ("A B", "C", "D")},
        "A B et al. (2006). Test-enhanced learning, Results, p. 250",
    ),
    "many authors, no year": (
        {"creators": ("A B", "C", "D"), "publication_date": ""},
        "A B et al. Test-enhanced learning, Results, p. 250",
    ),
    "an author whom the title names": (
        {"creators": ("James Clear",), "title": "James clear - Atomic habits", "publication_date": ""},
        "James clear - Atomic habits, Results, p. 250",
    ),
    "no year": (
        {"creators": ("Ada",), "publication_date": "n.d."}, "Ada. Test-enhanced learning, Results, p. 250",
    ),
    "nobody": (
        {"creators": (), "publication_date": "1999"}, "(1999). Test-enhanced learning, Results, p. 250",
    ),
    "nothing": ({"creators": (), "publication_date": "", "title": ""}, "Results, p. 250"),
}  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), REFERENCES.values(), ids=REFERENCES)
def test_a_reference_names(make_card, document, expected):
    assert format_reference(_document(make_card(), **document).highlight) == expected


def test_links_open_the_source_and_name_the_file(make_card):
    card = _highlight(make_card(), links=("https://example.org/a", "zotero://select/x"))
    assert _fields(card)["Links"] == (
        '<a href="zotero://open-pdf/library/items/PAPER123?page=2&amp;annotation=ABCD2345">Zotero</a>'
        ' <a href="https://example.org/a">example.org</a> <a href="zotero://select/x">Zotero</a>'
        ' <a href="https://doi.org/10.1111/j.1467-9280.2006.01693.x">'
        "doi:10.1111/j.1467-9280.2006.01693.x</a> <span>Roediger 2006.pdf</span>"
    )


@pytest.mark.parametrize(
    "uri",
    [
        "file:///home/ada/paper.pdf",
        "obsidian://open?path=%2Fhome%2Fada%2Fnote.md",
        "obsidian:///home/ada/note.md",
        "javascript:alert(1)",
    ],
)
def test_no_path_of_a_machine_stands_in_a_field(make_card, uri):
    card = _document(_highlight(make_card(), uri=uri, links=(uri,)), uri=uri)
    assert "ada" not in "".join(field_html(card, card.tags))
    assert "storage/" not in "".join(field_html(card, card.tags))


@pytest.mark.parametrize(
    "uri", ["http://[broken", "https://a.org/{{c1::x}}", "doi:", "x", "http:"]
)
def test_an_odd_address_harms_nothing(make_card, uri):
    links = _fields(_highlight(make_card(), uri=uri))["Links"]
    assert "{{" not in links
    assert links.endswith("<span>Roediger 2006.pdf</span>")


def test_a_draft_can_be_looked_at_before_it_is_a_card():
    assert render_content_fields(CardKind.CLOZE, (("Text", "{{c1::a}}"),)) == (
        "{{c1::a}}",
        "",
    )
    assert render_content_fields(CardKind.TWO_WAY, (("Front", "*a*"),)) == (
        "<em>a</em>",
        "",
        "y",
        "",
    )


def test_a_note_carries_guid_mod_deck_and_tags_in_ankis_form(make_card):
    card = replace(
        make_card(), tags=("b c", "Marked", "leech", "a", "B-c", "x::::y::", "")
    )
    note = note_for(card, " Reading :: :: Memory: ", 1_409_656_188)
    assert (note.guid, note.mod, note.deck) == (
        card.guid,
        1_409_656_188,
        "Reading::Memory",
    )
    assert note.tags == ("B-c", "a", "x::y")


DECKS = {
    "empty parts": ("::A:: ::B::", "A::B"),
    "odd colons": ("A:::B:", "A::B"),
    "nothing": (" :: ", "ankiforge"),
    "quotes and controls": ('A "b"\n\tc', "A b c"),
    "composed": ("Zu\u0308rich", "Z\u00fcrich"),
}


@pytest.mark.parametrize(("given", "kept"), DECKS.values(), ids=DECKS)
def test_deck_names_are_brought_into_the_form_anki_keeps(given, kept):
    assert normalize_deck_name(given) == kept
    assert normalize_deck_name(kept) == kept


def test_tags_have_no_blanks_no_empty_parts_and_one_spelling():
    assert normalize_tags(("a\u3000b", "A-b", "::x", "y::", "::", " ", "x")) == (
        "A-b",
        "x",
        "y",
    )


@pytest.mark.parametrize(
    ("cited", "folded"),
    [
        ("", ""),
        ("The Eye, p. 12", "<summary>Source</summary>The Eye, p. 12</details>"),
    ],
)
def test_where_a_figure_comes_from_is_folded_as_below_other_cards(cited, folded):
    assert (
        render_collapsible_source(cited).removeprefix('<details class="af-source">')
        == folded
    )
