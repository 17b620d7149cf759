"""Which fields ask and which answer, for templates of every sort."""

import pytest

from ankiforge.reports.lint import cloze_markdown, face, markdown

FIELDS = {"A": "ask", "B": "answer", "C": "more", "E": "", "T": "{{c1::x}} y"}


@pytest.mark.parametrize(
    ("question", "answer", "asked", "answered"),
    [
        ("{{A}}", "{{FrontSide}}<hr id=answer>{{B}}", "ask", "answer"),
        ("{{A}}", "{{A}} {{C}}<hr id='answer'>{{B}}", "ask", "answer"),
        ("{{A}}", "{{B}}{{C}}", "ask", "answer"),
        ("{{A}}", "{{E}}{{C}}", "ask", "more"),
        ("What is {{A}}?", "{{B}}", "What is ask?", "answer"),
        ("{{#E}}no {{E}}{{/E}}{{^E}}yes {{/E}}{{A}}", "{{B}}", "yes ask", "answer"),
        ("{{#A}}{{^E}}{{A}}{{/E}}{{/A}}", "{{B}}", "ask", "answer"),
        ("{{A}}{{type:B}}", "{{FrontSide}}{{type:B}}{{C}}", "ask", "answer"),
        ("{{A}}{{hint:C}}", "{{B}}", "ask", "answer"),
        ("{{text:furigana:A}}", "{{kana:B}}", "ask", "answer"),
        ("{{ A }}<style>.x{}</style><!-- {{C}} -->", "{{ B }}", "ask", "answer"),
        ("{{A}}<script>{{C}}", "{{B}}<!-- {{C}}", "ask", "answer"),
        ("{{Tags}}{{Deck}}{{A}}", "{{Type}}{{B}}", "ask", "answer"),
        ("{{A}}", "{{Gone}}", "ask", ""),
        ("{{A}}{{/never}}{{#A}}", "{{B}}", "ask", "answer"),
        ("", "", "", ""),
    ],
)
def test_the_sides_of_a_card(question, answer, asked, answered):
    found = face("Card 1", question, answer, FIELDS)

    assert (found.question, found.answer) == (asked, answered)
    assert not found.cloze


def test_a_cloze_is_asked_by_its_text():
    found = face("Cloze", "{{cloze:T}}", "{{cloze:T}}<br>{{C}}", FIELDS)

    assert found.cloze
    assert (found.question, found.answer) == (FIELDS["T"], "")


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("plain words", "plain words"),
        ("a<br>b", "a\nb"),
        ("<div>a</div><div>b &amp; c</div>", "a\n\nb & c"),
        (r"\(x^2\)", "$x^2$"),
        ("[$]x^2[/$]", "$x^2$"),
        ("[$$]x[/$$]", "$$x$$"),
        ("[latex]x[/latex]", "$$x$$"),
        ("[sound:a.mp3]", "![sound](sound)"),
        ('<img src="a.png">', "![](a.png)"),
        ("2 * 3", r"2 \* 3"),
    ],
)
def test_a_field_in_our_words(html, words):
    assert markdown(html) == words


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("The {{c1::cell}} and {{c2::wall::hint}}.", "The {{c1::cell}} and {{c2::wall::hint}}."),
        ("{{c1,2::both}} of them", "{{c1,2::both}} of them"),
        ("{{c1::a {{c2::b}} c}} d", "{{c1::a b c}} d"),
        (r"\({{c1::x}} = 1\)", r"{{c1::x}} = 1"),
        ("<b>{{c1::bold}}</b> word", "{{c1::bold}} word"),
        ("{{c1::&lt;tag&gt;}} word", r"{{c1::\<tag\>}} word"),
    ],
)
def test_a_cloze_text_in_our_words(html, words):
    assert cloze_markdown(html) == words
