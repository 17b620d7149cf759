"""What is hidden of a note before it is parsed: comments, maths of several lines, fields, row by row."""

import pytest

from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
    MaskedSource,
    find_comment_sentences,
    mask_comments_and_maths,
    restore_placeholders,
)
from ankiforge.extract.markdown.syntaxes import (
    may_contain_backlink,
    may_contain_citations,
    may_contain_highlights,
    may_contain_unread_cards,
)

# (note, with `×` for what is hidden, `¤` around the number of maths and `…` for its other lines;
# the maths)
NOTES = [
    ('a %% b %% c', 'a ××××××× c', ()),
    ('%% one two three four %%\na', '××××××××××××××××××××××××\na', ()),
    ('a\n%%\nb c d e\n%%', 'a\n××\n×××××××\n××', ()),
    ('<!-- is it so? --> a', '×××××××××××××××××× a', ()),
    ('<!-- x -->', '××××××××××', ()),
    ('<!--SR:!2024--> a', '××××××××××××××× a', ()),
    ('%% zotero a b c d %%', '××××××××××××××××××××', ()),
    ('a %% b', 'a %% b', ()),
    ('<!-- a', '<!-- a', ()),
    ('`%% a %%`', '`%% a %%`', ()),
    ('```\n%% a %%\n```\nb', '```\n%% a %%\n```\nb', ()),
    ('~~~\na', '~~~\na', ()),
    ('\\%% a %% b', '\\%% a %% b', ()),
    ('key:: value\na', '×××××××××××\na', ()),
    ('- key:: value\n  a', '- ×××××××××××\n  a', ()),
    ('key::value', 'key::value', ()),
    ('a key:: v', 'a key:: v', ()),
    ('**k**:: v', '×××××××××', ()),
    ('two words:: v', 'two words:: v', ()),
    ('Full Title: x', 'Full Title: x', ()),
    ('full title:: x', '××××××××××××××', ()),
    ('logseq.a-b:: c', '××××××××××××××', ()),
    ('title:: A\nb::c\n\nd', '×××××××××\nb::c\n\nd', ()),
    ('SCHEDULED: <2024-01-01>', '×××××××××××××××××××××××', ()),
    ('DEADLINE: <2024', 'DEADLINE: <2024', ()),
    ('#+BEGIN_QUERY\na\n#+END_QUERY\nb', '×××××××××××××\n×\n×××××××××××\nb', ()),
    ('#+BEGIN_TIP\na\n#+END_TIP', '×××××××××××\na\n×××××××××', ()),
    ('#+BEGIN_SRC\na\n#+END_SRC', '#+BEGIN_SRC\na\n#+END_SRC', ()),
    (':LOGBOOK:\nx\n:END:\na', '×××××××××\n×\n×××××\na', ()),
    ('::: {.callout-note}\na\n:::', '\na\n', ()),
    ('> :::tip A title\n> a', '> \n> a', ()),
    ('term:::definition', 'term:::definition', ()),
    (':::: a :: b', ':::: a :: b', ()),
    ('{{% notice %}}\na\n{{% /notice %}}', '××××××××××××××\na\n×××××××××××××××', ()),
    ('a {{< ref "b" >}} c', 'a ××××××××××××××× c', ()),
    ('`{{% a %}}`', '`{{% a %}}`', ()),
    ('{{c1::a}} {{<b>~~</b>}}', '{{c1::a}} {{<b>~~</b>}}', ()),
    ('TARGET DECK: A\nb', '××××××××××××××\nb', ()),
    ('TARGET DECK\nA\nb', '×××××××××××\n×\nb', ()),
    ('START\na\nEND\nb', '×××××\n×\n×××\nb', ()),
    ('STARTI [Basic] a ENDI', '×××××××××××××××××××××', ()),
    ('> [!sr] x\n> y\nz', '×××××××××\n×××\nz', ()),
    ('[x]: http://y "t"\na', '×××××××××××××××××\na', ()),
    ('[^x]: y', '[^x]: y', ()),
    ('[!x]: y', '[!x]: y', ()),
    ('$$\na\n$$', '¤0¤\n…\n…', ('$$\na\n$$',)),
    ('$$a$$', '$$a$$', ()),
    ('a $$\nb\n$$ c', 'a ¤0¤\n…\n… c', ('$$\nb\n$$',)),
    ('$$\na\n\nb\n$$', '¤0¤\n…\n…\n…\n…', ('$$\na\nb\n$$',)),
    ('\\[\na=b\n\\]', '¤0¤\n…\n…', ('$$\na=b\n$$',)),
    ('\\(a\\)', '$a$', ()),
    ('$a$ %% b %%', '$a$ ×××××××', ()),
    ('<% a\nb %>c', '××××\n××××c', ()),
    ('*%%PREFIX%%ab%%HIGHLIGHT%% ==c== %%POSTFIX%%d*\n%%LINK%%[[#^e|f]]\n%%COMMENT%%\ng', '*××××××××××××××××××××××××× ==c== ××××××××××××*\n×××××××××××××××××\n×××××××××××\ng', ()),
    ('<% a %>', '<% a %>', ()),
    ('{%- if x %}\nVolume:: 2{%- endif -%}', '×××××××××××\n×××××××××××××××××××××××', ()),
    ('{% raw %}a{% endraw %}', '×××××××××a××××××××××××', ()),
    ('a\n  - \nb', 'a\n  ××\nb', ()),
    ('- a\n%% c %%\n\t- b', '- a\n\t×××××××\n\t- b', ()),
    ('a cite turn', 'a cite turn', ()),
    ('\ufdd0a\x00b', '�a�b', ()),
    ('<mark>quote</mark>\n> a', '××××××××××××××××××\n> a', ()),
    ('- <mark>Quote</mark>\n  > a', '- ××××××××××××××××××\n  > a', ()),
    ('<mark>Highlight</mark> "a" (zotero://x)', '×××××××××××××××××××××× "a" (zotero://x)', ()),
    ('term:: one two three four', '×××××××××××××××××××××××××', ()),
    ('term:: 日本語日本語日本語日本', '××××××××××××××××××', ()),
    ('term:: #a b c d', '×××××××××××××××', ()),
    ('$$\na\n$$ <!--SR:!x-->', '¤0¤\n…\n… ××××××××××××', ('$$\na\n$$',)),
    ('```\na\n``` <!--ID: 1-->\nb', '```\na\n```             \nb', ()),
    ('> $$\n> a\n> $$', '> ¤0¤\n…\n…', ('$$\na\n$$',)),
    ('%% a %% %% b c d e %%', '××××××× ×××××××××××××', ()),
]  # fmt: skip


def show(source: MaskedSource) -> str:
    text = source.text.replace(COMMENT_FILLER, "×").replace(MATHS_CONTINUATION, "…")
    return text.replace(MATHS_DELIMITER, "¤")


@pytest.mark.parametrize(("text", "masked", "maths"), NOTES)
def test_what_is_hidden(text, masked, maths):
    source = mask_comments_and_maths(text)
    assert (show(source), source.maths) == (masked, maths)
    assert source.text.count("\n") == text.count("\n")


REMARKS = [
    ('%% one two three four %%\na', (((0, 1), 'one two three four'),)),
    ('a\n%%\nb c d e\n%%', (((1, 4), 'b c d e'),)),
    ('<!-- is it so? --> a', (((0, 1), 'is it so?'),)),
    ('%% a %% %% b c d e %%', (((0, 1), 'b c d e'),)),
    ('%% zotero a b c d %%', ()),
    ('%% begin notes %%', ()),
    ('<!-- x -->', ()),
    ('<!--SR:!2024-->', ()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "remarks"), REMARKS)
def test_which_comments_are_remarks_of_the_reader(text, remarks):
    assert mask_comments_and_maths(text).remarks == remarks


@pytest.mark.parametrize(
    ("text", "options", "masked"),
    [
        ("key:: v\na", {"mask_fields": False}, "key:: v\na"),
        ("START\na\nEND", {"keep_field_cards": True}, "START\na\nEND"),
        ("term:: one two three four\nk:: v", {"mask_definitions": False}, "term:: one two three four\n×××××"),
        ("term:: 日本語日本語日本語日本", {"mask_definitions": False}, "term:: 日本語日本語日本語日本"),
        ("term:: #a b c d", {"mask_definitions": False}, "×" * 15),
        ("term:: one two three", {"mask_definitions": False}, "×" * 20),
        ("a:: see x:: one two three", {"mask_definitions": False}, "×" * 25),
    ],
)  # fmt: skip
def test_what_else_stays(text, options, masked):
    assert show(mask_comments_and_maths(text, **options)) == masked


def test_the_labels_of_links():
    source = mask_comments_and_maths('[a  B]: <http://y> "t"\n[c]: z.md\n')
    assert source.link_labels == {
        "A B": {"href": "http://y", "title": ""},
        "C": {"href": "z.md", "title": ""},
    }


def test_the_sentences_in_comments():
    comments = "%% one two three four %%\n`a b c d e`\n%% a b %%\n[x]: http://a.b/c"
    assert list(find_comment_sentences(comments)) == ["one two three four"]


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        (f"a{MATHS_DELIMITER}1{MATHS_DELIMITER}\n{MATHS_CONTINUATION}b", "aYb"),
        (f"{COMMENT_FILLER * 2}a\n", "a\n"),
        ("a", "a"),
    ],
)
def test_what_was_hidden_is_restored(text, restored):
    assert restore_placeholders(text, ("X", "Y")) == restored


# --- which notes need not be parsed -----------------------------------------------------------------

MARKS, CARDS = ("==", "mark"), ("inline", "block", "cloze", "glossary")


@pytest.mark.parametrize(
    ("text", "may_contain"),
    [
        ("a ==b==", True),
        ("a <MARK>b", True),
        ("a::b", True),
        ("a：：b", True),
        ("{{c1::a}}", True),
        ("a\n?\nb", True),
        ("> ??", True),
        ("a ? b", False),
        ("Q: a", True),
        ("a Q: b", False),
        ("a #card", True),
        ("[[card]]", True),
        ("- Term: meaning\n" * 6, False),  # without the heading of a glossary
        ("# My terms\n- a: b", True),
        ("**a** > b [!c]", False),  # which the settings don't read
        ("[a](https://readwise.io/x)", True),
        ("readwise.io/x", False),
        ("zotero://x", True),
        ("[[P.PDF#page=1]]", True),
        ("P.pdf", False),
        ("# Highlights", True),
        ("# Page 3", True),
        ("Highlight (yellow) - Page 3", True),
        ("- Highlights first synced by [[Readwise]]", True),
        ("Highlights are fine", False),
        ("plain text", False),
        ("", False),
    ],
)  # fmt: skip
def test_which_notes_may_contain_highlights(text, may_contain):
    assert may_contain_highlights(text, MARKS, CARDS, ("my terms",)) is may_contain


def test_only_what_is_selected_counts():
    assert not may_contain_highlights("a ==b== c::d {{e}}", (), (), ())
    assert may_contain_highlights("**a**", ("bold",), (), ())
    assert may_contain_highlights("> [!a]", ("callout",), (), ())
    assert may_contain_highlights("> a", ("quote",), (), ())
    assert not may_contain_highlights("# My terms", (), (), ("my terms",))


@pytest.mark.parametrize(
    ("text", "may_contain"),
    [
        ("a ==b", False),
        ("ls-type:: x", True),
        ("noteId: 1", True),
        ("START", True),
        ("C: a", True),
        ("a ^1234567890123", True),
        ("<!--SR:x-->", True),
        ("高亮划线", True),
        ("a :-> b", True),
        ("plain", False),
        ("- a: b\n" * 5, False),
        ("- a: b\n" * 6, True),
    ],
)
def test_which_notes_may_contain_unread_cards(text, may_contain):
    assert may_contain_unread_cards(text) is may_contain


@pytest.mark.parametrize(
    ("text", "backlink", "citation"),
    [
        ("[a](kindle://x)", True, False),
        ("[view highlight](x)", True, False),
        ("view highlight (x)", False, False),
        ("zotero://x", False, True),
        ("p.PDF#page=1", False, True),
        ("p.pdf # x", False, False),
    ],
)
def test_which_notes_may_link_to_passages_and_papers(text, backlink, citation):
    assert may_contain_backlink(text.casefold()) is backlink
    assert may_contain_citations(text) is citation
