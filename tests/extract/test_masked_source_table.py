"""What is hidden of a note before it is parsed: comments, maths of several lines, fields, row by row."""

import pytest

from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
    MaskedSource,
    find_comment_sentences,
    find_hidden_parts,
    mask_comments_and_maths,
    restore_placeholders,
)
from ankiforge.extract.markdown.syntaxes import (
    may_contain_backlink,
    may_contain_cards_of_other_tools,
    may_contain_citations,
    may_contain_highlights,
    may_contain_skipped_texts,
)

# (note, with `×` for what is hidden, `¤` around the number of maths and `…` for its other lines;
# the maths; the hidden parts; the comments)
NOTES = [
    ('a %% b %% c', 'a ××××××× c', (), [('comment', '%% b %%')], ()),
    ('%% one two three four %%\na', '××××××××××××××××××××××××\na', (), [('comment', '%% one two three four %%')], (((0, 1), 'one two three four'),)),
    ('a\n%%\nb c d e\n%%', 'a\n××\n×××××××\n××', (), [('comment', '%%\nb c d e\n%%')], (((1, 4), 'b c d e'),)),
    ('<!-- is it so? --> a', '×××××××××××××××××× a', (), [('comment', '<!-- is it so? -->')], (((0, 1), 'is it so?'),)),
    ('<!-- x -->', '××××××××××', (), [('comment', '<!-- x -->')], ()),
    ('<!--SR:!2024--> a', '××××××××××××××× a', (), [('comment', '<!--SR:!2024-->')], ()),
    ('%% zotero a b c d %%', '××××××××××××××××××××', (), [('comment', '%% zotero a b c d %%')], ()),
    ('a %% b', 'a %% b', (), [], ()),
    ('<!-- a', '<!-- a', (), [], ()),
    ('`%% a %%`', '`%% a %%`', (), [('code', '`%% a %%`')], ()),
    ('```\n%% a %%\n```\nb', '```\n%% a %%\n```\nb', (), [('code', '```\n%% a %%\n```')], ()),
    ('~~~\na', '~~~\na', (), [('code', '~~~\na')], ()),
    ('\\%% a %% b', '\\%% a %% b', (), [], ()),
    ('key:: value\na', '×××××××××××\na', (), [('field', 'key:: value')], ()),
    ('- key:: value\n  a', '- ×××××××××××\n  a', (), [('field', '- key:: value')], ()),
    ('key::value', 'key::value', (), [], ()),
    ('a key:: v', 'a key:: v', (), [], ()),
    ('**k**:: v', '×××××××××', (), [('field', '**k**:: v')], ()),
    ('two words:: v', 'two words:: v', (), [], ()),
    ('Full Title: x', 'Full Title: x', (), [], ()),
    ('full title:: x', '××××××××××××××', (), [('field', 'full title:: x')], ()),
    ('logseq.a-b:: c', '××××××××××××××', (), [('field', 'logseq.a-b:: c')], ()),
    ('title:: A\nb::c\n\nd', '×××××××××\nb::c\n\nd', (), [('field', 'title:: A')], ()),
    ('SCHEDULED: <2024-01-01>', '×××××××××××××××××××××××', (), [('field', 'SCHEDULED: <2024-01-01>')], ()),
    ('DEADLINE: <2024', 'DEADLINE: <2024', (), [], ()),
    ('#+BEGIN_QUERY\na\n#+END_QUERY\nb', '×××××××××××××\n×\n×××××××××××\nb', (), [('field', '#+BEGIN_QUERY\na\n#+END_QUERY')], ()),
    ('#+BEGIN_TIP\na\n#+END_TIP', '×××××××××××\na\n×××××××××', (), [('field', '#+BEGIN_TIP'), ('field', '#+END_TIP')], ()),
    ('#+BEGIN_SRC\na\n#+END_SRC', '#+BEGIN_SRC\na\n#+END_SRC', (), [], ()),
    (':LOGBOOK:\nx\n:END:\na', '×××××××××\n×\n×××××\na', (), [('field', ':LOGBOOK:\nx\n:END:')], ()),
    ('TARGET DECK: A\nb', '××××××××××××××\nb', (), [('data', 'TARGET DECK: A')], ()),
    ('TARGET DECK\nA\nb', '×××××××××××\n×\nb', (), [('data', 'TARGET DECK\nA')], ()),
    ('START\na\nEND\nb', '×××××\n×\n×××\nb', (), [('data', 'START\na\nEND')], ()),
    ('STARTI [Basic] a ENDI', '×××××××××××××××××××××', (), [('data', 'STARTI [Basic] a ENDI')], ()),
    ('> [!sr] x\n> y\nz', '×××××××××\n×××\nz', (), [('data', '> [!sr] x\n> y')], ()),
    ('[x]: http://y "t"\na', '×××××××××××××××××\na', (), [('definition', '[x]: http://y "t"')], ()),
    ('[^x]: y', '[^x]: y', (), [], ()),
    ('[!x]: y', '[!x]: y', (), [], ()),
    ('$$\na\n$$', '¤0¤\n…\n…', ('$$\na\n$$',), [('code', '$$\na\n$$')], ()),
    ('$$a$$', '$$a$$', (), [('code', '$$a$$')], ()),
    ('a $$\nb\n$$ c', 'a ¤0¤\n…\n… c', ('$$\nb\n$$',), [('code', '$$\nb\n$$')], ()),
    ('$$\na\n\nb\n$$', '¤0¤\n…\n…\n…\n…', ('$$\na\nb\n$$',), [('code', '$$\na\n\nb\n$$')], ()),
    ('\\[\na=b\n\\]', '¤0¤\n…\n…', ('$$\na=b\n$$',), [('code', '\\[\na=b\n\\]')], ()),
    ('\\(a\\)', '$a$', (), [('code', '\\(a\\)')], ()),
    ('```math\na\n```', '¤0¤\n…\n…', ('$$\na\n$$',), [('code', '```math\na\n```')], ()),
    ('$a$ %% b %%', '$a$ ×××××××', (), [('comment', '%% b %%')], ()),
    ('<% a\nb %>c', '××××\n××××c', (), [('program', '<% a\nb %>')], ()),
    # what Annotator writes around a highlight
    ('*%%PREFIX%%ab%%HIGHLIGHT%% ==c== %%POSTFIX%%d*\n%%LINK%%[[#^e|f]]\n%%COMMENT%%\ng', '*××××××××××××××××××××××××× ==c== ××××××××××××*\n×××××××××××××××××\n×××××××××××\ng', (), [('program', '%%PREFIX%%ab%%HIGHLIGHT%%'), ('program', '%%POSTFIX%%d'), ('program', '%%LINK%%[[#^e|f]]'), ('comment', '%%COMMENT%%')], ()),
    ('<% a %>', '<% a %>', (), [], ()),
    ('{%- if x %}\nVolume:: 2{%- endif -%}', '×××××××××××\n×××××××××××××××××××××××', (), [('program', '{%- if x %}'), ('field', 'Volume:: 2{%- endif -%}')], ()),
    ('{% raw %}a{% endraw %}', '×××××××××a××××××××××××', (), [('program', '{% raw %}'), ('program', '{% endraw %}')], ()),
    ('a\n  - \nb', 'a\n  ××\nb', (), [], ()),
    ('- a\n%% c %%\n\t- b', '- a\n\t×××××××\n\t- b', (), [('comment', '%% c %%')], ()),
    ('citeturn0search1 a', '×××××××××××××××× a', (), [], ()),
    ('a cite turn', 'a cite turn', (), [], ()),
    ('\ufdd0a\x00b', '�a�b', (), [], ()),
    ('<mark>quote</mark>\n> a', '××××××××××××××××××\n> a', (), [('quote_label', '<mark>quote</mark>')], ()),
    ('<mark>Highlight</mark> "a" (zotero://x)', '×××××××××××××××××××××× "a" (zotero://x)', (), [('quote_label', '<mark>Highlight</mark>')], ()),
    ('term:: one two three four', '×××××××××××××××××××××××××', (), [('field', 'term:: one two three four')], ()),
    ('term:: 日本語日本語日本語日本', '××××××××××××××××××', (), [('field', 'term:: 日本語日本語日本語日本')], ()),
    ('term:: #a b c d', '×××××××××××××××', (), [('field', 'term:: #a b c d')], ()),
    ('$$\na\n$$ <!--SR:!x-->', '¤0¤\n…\n… ××××××××××××', ('$$\na\n$$',), [('code', '$$\na\n$$'), ('comment', '<!--SR:!x-->')], ()),
    ('```\na\n``` <!--ID: 1-->\nb', '```\na\n```             \nb', (), [('code', '```\na\n``` <!--ID: 1-->')], ()),
    ('> $$\n> a\n> $$', '> ¤0¤\n…\n…', ('$$\na\n$$',), [('code', '> $$\n> a\n> $$')], ()),
    ('%% a %% %% b c d e %%', '××××××× ×××××××××××××', (), [('comment', '%% a %%'), ('comment', '%% b c d e %%')], (((0, 1), 'b c d e'),)),
]  # fmt: skip


def show(source: MaskedSource) -> str:
    text = source.text.replace(COMMENT_FILLER, "×").replace(MATHS_CONTINUATION, "…")
    return text.replace(MATHS_DELIMITER, "¤")


@pytest.mark.parametrize(("text", "masked", "maths", "parts", "comments"), NOTES)
def test_what_is_hidden(text, masked, maths, parts, comments):
    source = mask_comments_and_maths(text)
    assert (show(source), source.maths, source.comments) == (masked, maths, comments)
    found = [(kind, text[start:end]) for start, end, kind in source.hidden_parts]
    assert found == parts
    assert source.text.count("\n") == text.count("\n")
    if not text.startswith(("START", "\ufdd0")):
        assert list(find_hidden_parts(text)) == list(source.hidden_parts)


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


def test_parts_without_fields_and_the_sentences_in_them():
    text = "k:: v\n%% a %%"
    assert list(find_hidden_parts(text, include_fields=False)) == [(6, 13, "comment")]
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
TERMS = "".join(f"- Term {number}: meaning\n" for number in range(6))


@pytest.mark.parametrize(
    ("text", "may_contain"),
    [
        ("a ==b==", True),
        ("a <MARK>b", True),
        ("a ~={red}b", True),
        ("a::b", True),
        ("a：：b", True),
        ("{{c1::a}}", True),
        ("a\n?\nb", True),
        ("> ??", True),
        ("a ? b", False),
        ("Q: a", True),
        ("a Q: b", False),
        ("C: [a]", True),
        ("a #card", True),
        ("[[card]]", True),
        (TERMS, True),
        (TERMS.partition("\n")[2], False),
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
    ("text", "of_tool", "skipped"),
    [
        ("a ==b", False, True),
        ("a::b", False, True),
        ("x\n?", False, True),
        ("a ? b: c", False, False),
        ("Q: a", False, True),
        ("a :-> b", False, True),
        ("ls-type:: x", False, True),
        ("noteId: 1", True, True),
        ("START", True, True),
        ("C: a", True, True),
        ("a ^1234567890123", True, True),
        ("<!--SR:x-->", True, True),
        ("高亮划线", True, True),
        ("plain", False, False),
    ],
)
def test_which_notes_may_contain_what_is_skipped(text, of_tool, skipped):
    assert may_contain_cards_of_other_tools(text) is of_tool
    assert may_contain_skipped_texts(text) is skipped


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
