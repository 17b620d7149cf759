"""What is hidden of a note before it is parsed: comments, maths of several lines, fields, row by row."""

import pytest

from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
    MaskedSource,
    mask_comments_and_maths,
    restore_placeholders,
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
