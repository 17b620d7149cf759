"""Markdown of ours, rendered by the real Anki: what a reader sees is what was written."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.anki.notetypes import (
    compute_ordinals,
    get_our_note_type,
    parse_cloze_numbers,
)
from ankiforge.anki.render import render_field
from ankiforge.model import NoteType
from ankiforge.text import cloze
from ankiforge.text.cloze import escape_markdown
from tests.examples import examples

ROWS = {
    "a double colon in code is no hint": ("{{c1::`std::vector`}}", "[...]", "std::vector"),
    "a double colon in text, escaped": (r"{{c1::std\::vector}}", "[...]", "std::vector"),
    "nested braces in maths": (
        r"{{c1::$\frac{a}{\sqrt{b}}$}} end", "[...] end", r"\(\frac{a}{\sqrt{b} }\) end",
    ),
    "maths that ends in a brace": (r"{{c1::$\frac{a}{b}$}}", "[...]", r"\(\frac{a}{b}\)"),
    "double colons in maths": ("{{c1::$a::b$}}", "[...]", r"\(a:{}:b\)"),
    "triple colons in maths": ("{{c1::$a:::b$}}", "[...]", r"\(a:{}:{}:b\)"),
    "triple braces in maths": ("{{c1::$a{{{b}}}$}} end", "[...] end", r"\(a{ { {b} } }\) end"),
    "a sound in maths": ("$[sound:a.mp3]$ {{c1::y}}", r"\([ sound:a.mp3]\) [...]", r"\([ sound:a.mp3]\) y"),
    "a formula that begins as a sound does": ("$$sound:a$$ {{c1::y}}", r"\[ sound:a\] [...]", r"\[ sound:a\] y"),
    "an answer in braces": (r"{{c1::\{a\}}}", "[...]", "{a}"),
    "an answer of double braces": ("{{c1::`{{ x }}`}}", "[...]", "{{ x }}"),
    "balanced braces in an answer": ("{{c1::f{x}}} y", "[...] y", "f{x} y"),
    "a cloze in code is code": ("`{{c2::x}}` {{c1::y}}", "{{c2::x}} [...]", "{{c2::x}} y"),
    "a cloze in maths is maths": (
        "$q={{c2::x}}$ {{c1::y}}", r"\(q={ {c2::x}}\) [...]", r"\(q={ {c2::x}}\) y",
    ),
    "an escaped cloze is text": (r"\{{c2::x}} {{c1::y}}", "{{c2::x}} [...]", "{{c2::x}} y"),
    "nested clozes": ("{{c1::a {{c2::b}} c}}", "[...]", "a b c"),
    "adjacent clozes of one number": ("{{c1::a}}{{c1::b}}", "[...][...]", "ab"),
    "a hint": ("{{c1::a::the first}}", "[the first]", "a"),
    "a hint with a colon": ("{{c1::a::b::c}}", "[b::c]", "a"),
    "an answer that ends in a colon": ("{{c1::a\\:::h}}", "[h]", "a:"),
    "an answer that begins with a colon": (r"{{c1::\:a}}", "[...]", ":a"),
    "literal delimiters of maths": (r"{{c1::a}} \\(x\\)", r"[...] \(x\)", r"a \(x\)"),
    "delimiters of maths in code": (r"`\(` {{c1::a}} `\)`", r"\( [...] \)", r"\( a \)"),
    "signs of HTML": ("a < b & c > d {{c1::<i>}}", "a < b & c > d [...]", "a < b & c > d <i>"),
    "entities are characters": ("&lt; &copy; {{c1::`&lt;`}}", "< © [...]", "< © &lt;"),
    "a sound as text": ("[sound:x.mp3] {{c1::y}}", "[sound:x.mp3] [...]", "[sound:x.mp3] y"),
    "emphasis in elements around and in a cloze": (
        "<b>a {{c1::H<sub>2</sub>O}}</b> <u>{{c2::<i>(b)</i>::<s>c</s>}}</u>",
        "a [...] (b)",
        "a H2O (b)",
    ),
    "an entity that was escaped": (r"{{c1::\&lt;}} is \&amp;nbsp;", "[...] is &amp;nbsp;", "&lt; is &amp;nbsp;"),
    "line ends in a cloze": ("a  \nb {{c1::c  \nd}} e", "a\nb [...] e", "a\nb c\nd e"),
    "LaTeX signs as text": (
        r"[latex]a[/latex] [\$]b[/\$] {{c1::y}}",
        "[latex]a[/latex] [$]b[/$] [...]",
        "[latex]a[/latex] [$]b[/$] y",
    ),
    "holes of templates are text": ("{{Front}} {{#x}} {{c1::y}}", "{{Front}} {{#x}} [...]", "{{Front}} {{#x}} y"),
    "a line break": ("a\n{{c1::b}}", "a\n[...]", "a\nb"),
    "a fence keeps its lines": (
        "{{c1::x}}\n\n```cpp\nint a;\n  a::b<c> {{c1::d}};\n```",
        "[...]\nint a;\n  a::b<c> {{c1::d}};",
        "x\nint a;\n  a::b<c> {{c1::d}};",
    ),
    "a cloze over two paragraphs": ("{{c1::one\n\ntwo}} three", "[...] three", "one\ntwo three"),
    "emphasis never crosses the edge of a cloze": (
        "**a {{c1::b** c}}", "**a [...]", "**a b** c",
    ),
    "a table with a cloze": ("|a|b|\n|-|-|\n|1|{{c1::2}}|", "ab\n\n1\n[...]", "ab\n\n1\n2"),
}  # fmt: skip


@pytest.mark.core
@pytest.mark.parametrize(("markdown", "question", "answer"), ROWS.values(), ids=ROWS)
def test_a_reader_sees_in_anki_what_was_written(
    viewer, backend, markdown, question, answer
):
    html = render_field(markdown, cloze=True)
    asked, told = viewer.show(NoteType.CLOZE, Text=html)
    assert backend.words_of(asked) == question
    assert backend.words_of(told) == answer
    assert cloze.find_cloze_numbers(markdown) == parse_cloze_numbers(html)


SNIPPETS = (
    "{ } {{ }} }}} : :: ::: < > & \\( \\) \\[ \\] [ ] $ $$ ' \" # c1 c2:: {{c1:: {{c2:: &amp; &lt;",
    "&#123; ; / % * ** _ ` ``` ~~ == ! | - > 1. a B é ∑ [sound:a.mp3] [latex] [/latex] [$] [/$]",
    "[$$] [anki:tts] {{Front}} <br> <script> </span> <wbr> \\frac{a}{b} \\ $x$ [a](b)",
)
PIECES = [*" ".join(SNIPPETS).split(" "), " ", "\n", "\t", "\u00a0"]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


@examples(60)
@given(before=HOSTILE, answer=HOSTILE.filter(str.strip), hint=HOSTILE, extra=HOSTILE)
def test_no_text_breaks_a_cloze_or_gets_lost(
    viewer, backend, before, answer, hint, extra
):
    def words(text: str) -> str:
        return re.sub(r"\s", "", text)

    gap = cloze.format_cloze(1, escape_markdown(answer), escape_markdown(hint.strip()))
    html = render_field(
        f"{escape_markdown(before)} | {gap} | {escape_markdown(before)}", cloze=True
    )
    asked, told = viewer.show(
        NoteType.CLOZE, Text=html, Extra=render_field(escape_markdown(extra))
    )
    shown = hint.strip() or "..."
    assert words(backend.words_of(told)) == words(f"{before}|{answer}|{before}")
    assert words(backend.words_of(asked)) == words(f"{before}|[{shown}]|{before}")
    assert words(extra) in words(backend.seen(told))


@examples(60)
@given(markdown=st.lists(HOSTILE, max_size=4).map("{{c1::".join), plain=HOSTILE)
def test_our_grammar_our_cards_and_anki_agree_on_the_cards_of_any_text(
    viewer, markdown, plain
):
    html = render_field(f"{markdown} {{{{c2::{plain}}}}}", cloze=True)
    assert parse_cloze_numbers(html) == _numbers_anki_reads(viewer, html)


def _numbers_anki_reads(viewer: Any, html: str) -> tuple[int, ...]:
    """Up to 500: Anki piles up what is beyond on card 500; we make no such card."""
    note = viewer.col.new_note(viewer.note_type(NoteType.CLOZE))
    note["Text"] = html
    return tuple(
        sorted(number for number in note.cloze_numbers_in_fields() if number <= 500)
    )


OPENERS = "{{c1:: {{c2:: {{c1,3:: {{c:: {{c0:: {{c500:: {{c501:: {{c,:: {{c1,:: {{C1:: {{c65536::"
OTHERS = "{{c00007:: }} }} }} } { :: a <b> </b> \\("
SIGNS = st.sampled_from([*OPENERS.split(" "), *OTHERS.split(" "), "{{c 1::"])


@examples(60)
@given(html=st.lists(SIGNS, max_size=14).map("".join))
def test_cards_are_counted_as_anki_counts_them(viewer, html):
    assert parse_cloze_numbers(html) == _numbers_anki_reads(viewer, html)


@examples(40)
@given(
    front=st.sampled_from(["", " ", "<br>", "<div></div>", "<p></p>", "a", "&nbsp;"]),
    back=st.sampled_from(["", "<br><br>", "a", "<br >", "<div class=x></div>"]),
    reverse=st.sampled_from(["", "y", "<br/>", " "]),
)
def test_the_cards_of_a_basic_note_are_those_anki_makes(
    backend, viewer, front, back, reverse
):
    fields = (front, back, reverse, *[""] * 10)
    basic = get_our_note_type(NoteType.BASIC)
    ordinals = compute_ordinals(basic, dict(zip(basic.field_names, fields, strict=True)))
    note = viewer.col.new_note(viewer.note_type(NoteType.BASIC))
    note.fields = list(fields)
    viewer.col.add_note(note, 1)
    try:
        # a note for which no card is due still gets its first one
        assert [card.ord for card in note.cards()] == list(ordinals or (0,))
    finally:
        viewer.col.remove_notes([note.id])
