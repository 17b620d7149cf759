"""Links beside quotes in notes: where they lead, and what of their text is quoted, row by row."""

import pytest

from ankiforge.extract.markdown.blocks import parse_blocks
from ankiforge.extract.markdown.citations import (
    Citation,
    find_citations,
    to_openable_url,
)
from ankiforge.extract.markdown.cited_quotes import QuoteIndex
from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.placeholders import mask_comments_and_maths
from ankiforge.extract.markdown.quotation_marks import (
    find_quote_at_end,
)

NOTE = "obsidian://open?vault=V&file=N"


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("[[A b#B]]", "obsidian://open?vault=V&file=A%20b%23B"),
        ("[[#B]]", "obsidian://open?vault=V&file=N%23B"),
        ("a/b%20c.md", "obsidian://open?vault=V&file=a%2Fb%20c.md"),
        ("./a.pdf#page=2", "obsidian://open?vault=V&file=a.pdf%23page%3D2"),
        *((web, web) for web in ("https://x.org/a", "zotero://select/x", "mailto:a@b")),
        *(
            (no, "")
            for no in (
                "",
                "[[ ]]",
                "#h",
                "/abs",
                "javascript:x",
                "DATA:x",
                "vbscript:x",
                "file:///x",
            )
        ),
    ],
)
def test_where_a_link_leads_outside_the_vault(target, url):
    assert to_openable_url(target, NOTE) == url
    assert to_openable_url(target, "") == (url if url == target else "")


def cite(text: str) -> list[Citation]:
    blocks = parse_blocks(mask_comments_and_maths(text), InlineContext(), CardSyntax())
    return find_citations(blocks.blocks[0])


ITEM = "zotero://select/library/items/ABCD2345"
PDF = "zotero://open-pdf/library/items/ABCD2345"
USER = ("zotero", "user/ABCD2345")
FILE = ("attachment", "user/ABCD2345")


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (ITEM, Citation((1, 3), (ITEM,), (USER,))),
        (f"{PDF}?page=3", Citation((1, 3), (f"{PDF}?page=3",), (FILE,), page="3")),
        (
            f"{PDF}?page=3&annotation=WXYZ6789",
            Citation((1, 3), (f"{PDF}?page=3&annotation=WXYZ6789",), (FILE,), "user/WXYZ6789", "3", cites_passage=True),
        ),
        (f"{PDF}?annotation=short", Citation((1, 3), (f"{PDF}?annotation=short",), (FILE,))),
        (f"{PDF}/5", Citation((1, 3), (f"{PDF}/5",), (FILE,), page="5")),
        (
            "zotero://open-pdf/groups/7/items/ABCD2345?annotation=WXYZ6789",
            Citation(
                (1, 3), ("zotero://open-pdf/groups/7/items/ABCD2345?annotation=WXYZ6789",),
                (("attachment", "group.7/ABCD2345"),), "group.7/WXYZ6789", cites_passage=True,
            ),
        ),
        ("zotero://select/items/1_ABCD2345", Citation((1, 3), ("zotero://select/items/1_ABCD2345",), (USER,))),
        ("zotero://select/items/@roe%20x", Citation((1, 3), ("zotero://select/items/@roe%20x",), (("citekey", "roe x"),))),
        ("dir/P%20a.pdf#page=3", Citation((1, 3), ("dir/P%20a.pdf#page=3",), (("file", "P a.pdf"),), page="3")),
        (
            "P.pdf#page=2&annotation=5R&color=255,0,0",
            Citation((1, 3), ("P.pdf#page=2&annotation=5R&color=255,0,0",), (("file", "P.pdf"),), page="2", colour="#ff0000", cites_passage=True),
        ),
        ("P.pdf#selection=1,2", Citation((1, 3), ("P.pdf#selection=1,2",), (("file", "P.pdf"),), cites_passage=True)),
        # these cite nothing
        ("P.pdf#rect=1&page=2", None),
        ("P.pdf#x=1", None),
        ("https://x.org/P.pdf#page=1", None),
        ("zotero://note/u", None),
        ("other.md#page=1", None),
    ],
)  # fmt: skip
def test_what_a_link_cites(target, found):
    assert cite(f"a [b]({target}) c") == ([found] if found else [])


LINK = f"[b]({ITEM})"
PASSAGE = f"{PDF}?annotation=WXYZ6789"


@pytest.mark.parametrize(
    ("text", "covered", "label", "quoted"),
    [
        # brackets, words and names before the link belong to it
        (f"x ({LINK})", " (b)", None, None),
        (f"x (see Roe 2020, p. 3 {LINK}) y", " (see Roe 2020, p. 3 b)", "3", None),
        (f"x — Roe 2020 {LINK}", " — Roe 2020 b", None, None),
        (f"x. Source: {LINK}", " Source: b", None, None),
        (f"x, p. 7, {LINK}", ", b", None, None),
        (f"“x” yellow highlight {LINK}", " yellow highlight b", None, None),
        (f"x and {LINK}", " b", None, None),
        (f"x {LINK}) y", " b", None, None),
        # the page that the text of the link names, and what it quotes
        (f"x [p. 12]({ITEM})", " p. 12", "12", None),
        (f"x [12]({ITEM})", " 12", "12", None),
        (f"x [(xii)]({ITEM})", " (xii)", "xii", None),
        (f"x [123456]({ITEM})", " 123456", None, None),
        (f"x [“Words of it.”]({ITEM})", " “Words of it.”", None, "Words of it."),
        (f"x [{'words ' * 7}]({PASSAGE})", f" {'words ' * 7}".rstrip() + " ", None, None),
        (f"[{'words ' * 7}word](P.pdf#selection=1)", f"{'words ' * 7}word", None, f"{'words ' * 7}word"),
        (f"[{'words ' * 7}word](P.pdf#page=1)", f"{'words ' * 7}word", None, None),
        (f"[P, {'words ' * 6}](P.pdf#selection=1)", f"P, {'words ' * 6}".rstrip(), None, None),
        ("[forty letters, no more, are just the name](P.pdf#selection=1)", "forty letters, no more, are just the name", None, "forty letters, no more, are just the name"),
        ("[forty letters, no more, are just a name](P.pdf#selection=1)", "forty letters, no more, are just a name", None, None),
        # links and citekeys beside each other are one
        (f"x ({LINK}, [other]({PDF}?page=4)) y", " (b, other)", None, None),
        (f"x {LINK} [@roe2020, p. 9]", " b [@roe2020, p. 9]", "9", None),
        (f"x [@roe2020] {LINK} y", " [@roe2020] b", None, None),
    ],
)  # fmt: skip
def test_what_belongs_to_a_link(text, covered, label, quoted):
    blocks = parse_blocks(mask_comments_and_maths(text), InlineContext(), CardSyntax())
    plain = blocks.blocks[0].plain_text
    [citation] = find_citations(blocks.blocks[0])
    assert (plain[slice(*citation.span)].rstrip(), citation.page_label) == (
        covered.rstrip(),
        label,
    )
    quote = citation.quote_span
    assert (quote and plain[slice(*quote)]) == (quoted and quoted.rstrip())


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (" a “b” ", "b"),
        ("a “b”.", "b"),
        ("«a «b»»", "a «b»"),
        ("„a“", "a"),
        ("»a«", "a"),
        ('"a" "b"', "b"),
        ("「a」。", "a"),
        ("x “a” y", None),
        ("a 'b'", None),
        ("a”", None),
        ("“ ”", None),
        ("", None),
    ],
)
def test_the_quote_at_the_end_of_a_text(text, quoted):
    span = find_quote_at_end(f"“{text}”", 1, len(text) + 1)
    assert (span and text[span[0] - 1 : span[1] - 1]) == quoted


URL = "zotero://open-pdf/library/items/ABCD2345?page=3&annotation=WXYZ6789"


@pytest.mark.parametrize(
    ("text", "quote", "comment"),
    [
        ("> a L\n> b", "a", "b"),
        # a plain block quote in another, or in a callout, is the quoted text
        ("> a\n>\n> > b L", "b", ""),
        ("> > a L\n>\n> b", "a", "b"),
        ("> > a\n> >\n> > b L\n>\n> c\n>\n> d", "a|b", "c\nd"),
        ("> [!quote]\n> a\n>\n> > b L", "b", ""),
        ("> [!quote]\n> > a L\n>\n> b", "a", "b"),
        # unless the link is outside it
        ("> a L\n>\n> > b", "a", "b"),
        ("> [!quote]\n> a L\n>\n> > b", "a", "b"),
        # a nested callout of another type is the reader's
        ("> a L\n>\n> > [!note]\n> > b", "a", "b"),
        ("> [!quote]\n> a L\n>\n> > [!note]\n> > b", "a", "b"),
        ("> [!quote]\n> a\n>\n> > [!note]\n> > b\n>\n> c L", "a|c", "b"),
        # one of the same type is not
        ("> [!quote]\n> a\n>\n> > [!quote]\n> > b L", "b", ""),
        ("> > [!quote]\n> > a L\n>\n> b", "a", "b"),
        # the text of a link to a passage is the quotation
        ("> my words [“a b”](P)", "a b", ""),
        ("> [“a b”](P) my words", "a b", "my words"),
        ("> my words\n> [“a b”](P)", "a b", ""),
        ("> a b [“c”](zotero://select/library/items/ABCD2345)", "a b", ""),
        ("> a b [c](P)", "a b", ""),
    ],
)
def test_what_is_quoted_where_one_block_quote_is_in_another(text, quote, comment):
    text = text.replace("L", f"([p]({URL}))").replace("(P)", f"({URL})")
    note = parse_blocks(mask_comments_and_maths(text), InlineContext(), CardSyntax())
    citations = {block: find_citations(block) for block in note.blocks}
    citations = {block: found for block, found in citations.items() if found}
    index = QuoteIndex(note, citations, lambda block: False)
    [cited] = [each for block in note.blocks for each in index.get_quotes(block)]
    assert ("|".join(part.text for part in cited.parts), cited.comment) == (
        quote,
        comment,
    )
