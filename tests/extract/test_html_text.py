"""The text of web pages and EPUBs: figures, notes, formulas, hidden elements and encodings."""

from zipfile import ZipFile

import pytest

from ankiforge.draft.choose_passages import partition_paragraphs
from ankiforge.extract.epub import Epub
from ankiforge.extract.html_text import decode_html
from ankiforge.extract.pdf.hypertext import find_quote_contexts
from ankiforge.extract.pdf.messages import Failure, FindContextsReply, StoredQuote
from ankiforge.extract.web import build_whole_text
from ankiforge.model import Document, DocumentKey
from tests.makers.ebook_writer import Book, Mark, write_epub, write_sidecar

FRACTION = "<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>"
KINETIC = (
    '<math alttext="{\\displaystyle E}"><semantics><mrow><mi>E</mi></mrow><annotation'
    ' encoding="application/x-tex">{\\displaystyle E={\\frac {1}{2}}mv^{2}}</annotation>'
    "</semantics></math>"
)
ROOT = (
    "<math><mi>x</mi><mo>=</mo><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow>"
    "<msup><mi>c</mi><mn>2</mn></msup></mfrac></math>"
)
LIMITS = (
    "<math><munderover><mo>∑</mo><mrow><mi>n</mi><mo>=</mo><mn>1</mn></mrow><mi>∞</mi>"
    "</munderover><msub><mi>a</mi><mi>n</mi></msub></math>"
)
TEXTS = {
    # raised and lowered figures, as in notes
    "about 10<sup>25</sup> molecules": "about 10²⁵ molecules",
    "H<sub>2</sub>O and Ca<sup>2+</sup>": "H₂O and Ca²⁺",
    "10<sup>-3</sup> m<sup>2</sup> of <sup>14</sup>C": "10⁻³ m² of ¹⁴C",
    "the rate k<sub>cat</sub>": "the rate kcat",
    "x<sup>1/2</sup>": "x^(1/2)",
    '10<span style="vertical-align: super">6</span>': "10⁶",
    'in 1948<span style="vertical-align:super"><a href="#n">6</a></span>.': "in 1948.",
    "<sup>1</sup>⁄<sub>2</sub> tablet": "¹⁄₂ tablet",
    # references to notes
    'in 1815<sup><a href="#n13">13</a></sup>.': "in 1815.",
    'in 1948<a epub:type="noteref" href="n.xhtml"><sup>23</sup></a>.': "in 1948.",
    'in 1948<a role="doc-noteref" href="#n">23</a>.': "in 1948.",
    'in 1948<a href="notes.xhtml"><sup>23</sup></a>.': "in 1948.",
    "emperor in 1804.<sup>12</sup> He lost": "emperor in 1804. He lost",
    "the mitochondria<sup>3,4</sup> are": "the mitochondria are",
    'the word<a href="#Footnote_1">[1]</a>, too': "the word, too",
    'the word<a href="#note1">1</a>, too': "the word, too",
    'swifts<sup class="reference"><a href="/w#cite">[4]</a></sup><sup>: 12</sup>': (
        "swifts^(: 12)"
    ),
    "swifts<sup>[<i>citation needed</i>]</sup> nest": "swifts nest",
    'see <a href="#f3">Figure</a> <a href="#f3">3</a> (<a href="#e">4</a>)': (
        "see Figure 3 (4)"
    ),
    '10<sup><a href="/wiki/Power">25</a></sup>': "10²⁵",
    # formulas, once
    f"The energy {KINETIC} grows": "The energy $E={\\frac {1}{2}}mv^{2}$ grows",
    f'is <span style="display:none">{KINETIC}</span><img alt="E" src="e.svg"/>': (
        "is $E={\\frac {1}{2}}mv^{2}$"
    ),
    f'<span>{KINETIC}</span><span aria-hidden="true">E=12mv2</span>': (
        "$E={\\frac {1}{2}}mv^{2}$"
    ),
    f"{FRACTION} tablet": "1/2 tablet",
    f"1{FRACTION} tablets": "1 1/2 tablets",
    f"so {ROOT}.": "so x = (a+b)/c².",
    LIMITS: "∑_(n = 1)^∞aₙ",
    "<m:math><m:mfrac><m:mn>1</m:mn><m:mn>2</m:mn></m:mfrac></m:math>": "1/2",
    'is <span class="MathJax">x2</span><script type="math/tex">x^2</script>!': (
        "is $x^2$!"
    ),
    # page numbers of the printed book
    'mil<span role="doc-pagebreak" id="p13">13</span>limetre': "millimetre",
    'about <span epub:type="pagebreak">14</span>7000 years': "about 7000 years",
    'mil<a epub:type="pagebreak" id="p13" title="13"/>limetre': "millimetre",
    'its weight <span class="pagenum">[Pg xii]</span> in water': "its weight in water",
    '<span epub:type="pagebreak">Bogs</span> hold water': "Bogs hold water",
    'is <span epub:type="z3998:pagebreak">p. 29</span>8 m wide': "is 8 m wide",
    'has <a id="page_26">26</a>141 isles': "has 141 isles",
    'has <span class="page">26</span>141 isles': "has 141 isles",
    'has <a id="page_27"/>27 isles, <b id="p3">5</b> of us': "has 27 isles, 5 of us",
    '<table><tr><td>Lakes</td><td class="page" id="p9">9</td></tr></table>': "Lakes | 9",
    # notes that appear when the mouse is over a word
    'Torpor<span class="tooltiptext">a state of rest</span> is': "Torpor is",
    'Air,<label class="sidenote-number"></label><input/><span class="sidenote">see 3</span> gas': "Air, gas",
    'In <span class="tooltip">rest<i role="tooltip">torpor</i></span> it': "In rest it",
    # notes beside the words
    'holds <span class="footnote">See 9 others.</span>5 litres': "holds 5 litres",
    'Lattices<span class="ltx_note ltx_role_footnote"><sup>2</sup><i>Or trees.</i></span>'
    " rot": "Lattices rot",
    '12 tons<span data-type="footnote">Without its beam.</span> and': "12 tons and",
    'has <span class="tooltip-content">a hidden tip</span>7 boats': "has 7 boats",
    # letters and signs of notes
    "The note<sup>†</sup> and the organ.<sup>*</sup> Both<sup>2,3</sup> end": (
        "The note and the organ. Both end"
    ),
    "(ab)<sup>*</sup> and x<sup>†</sup>": "(ab)* and x†",
    "They signed<sup>a</sup> it.<sup>b</sup> So M<sup>me</sup> base<sup>n</sup>": (
        "They signed it. So Mᵐᵉ baseⁿ"
    ),
    # what is not shown
    "a<script>b</script><style>c</style><template>d</template><svg>e</svg>f": "af",
    'a<span hidden>b</span><span style="color:red; display : none">c</span>d': "ad",
    'a<span hidden="until-found">b</span>': "ab",
    '<span aria-hidden="true">#</span>Title<span class="mw-editsection">[edit]</span>': (
        "Title"
    ),
    "<ruby>春<rp>(</rp><rt>はる</rt><rp>)</rp></ruby>に<ruby>巣<rt>す</rt></ruby>": (
        "春に巣"
    ),
    "<ruby>春<rtc>spring</rtc></ruby>が来た": "春が来た",
    'is <span style="display:none"><math> <mi>x</mi> </math></span>': "is x",
    "<math><msup><mi>a</mi><mo>=</mo></msup></math>": "a⁼",
    "<nav>Home</nav>Swifts<form>Search</form>": "Swifts",
    "mito&shy;chon&shy;drion\u200b of a\ufeff cell, می\u200cخواهم": (
        "mitochondrion of a cell, می\u200cخواهم"
    ),
}
BLOCKS = {
    "<?xml version='1.0'?><!DOCTYPE html><title>t</title><p>a<p>b": "a\nb",
    # an end tag is missing: nothing else is hidden
    "<p hidden>a<p>b": "a\nb",
    # a dialog was open when the page was saved
    '<div aria-hidden="true"><p>a</p></div>': "a",
    "<nav>Only a menu</nav>": "Only a menu",
    '<p>a</p><div epub:type="pagebreak">16</div><p>b</p>': "a\nb",
    # the place of a cell, and lines of code
    "<table><tr><th>Bird</th><th>Mass</th><th>Eggs</th></tr><tr><td>Owl</td><td></td>"
    "<td><p>5</p></td></tr><tr><td>Crane</td><td>6 kg</td><td></td></tr></table>": (
        "Bird | Mass | Eggs\nOwl | – | 5\nCrane | 6 kg | –"
    ),
    "<table><tr><td rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr>"
    "<tr><td colspan=2>d</td></tr></table>": "a | b\na | c\nd",
    "<table><tr><td><h1>a</h1></td><td>b</td></tr></table>": "a\nb",
    "<pre><code>def fly(bird):\n    if bird:\n\n        go()\n</code></pre>b": (
        "def fly(bird):\n    if bird:\n        go()\nb"
    ),
}


def read(html: str) -> str:
    document = Document(DocumentKey("web:x/1"), "x", title="T")
    [page] = build_whole_text(document, "web:x", [html]).pages
    return page


@pytest.mark.parametrize(("html", "text"), TEXTS.items())
def test_a_page_is_the_text_that_it_shows(html, text):
    assert read(f"<p>{html}</p>") == text


@pytest.mark.parametrize(
    "notes",
    [
        '<section role="doc-endnotes"><h2>Notes</h2><ol><li><p>{}</p></li></ol></section>',
        '<section class="footnotes"><hr><ol><li>{}</li></ol></section>',
        '<ol class="footnotes"><li><p>{}</p> ↩</li></ol>',
        '<div epub:type="rearnotes"><p>{}</p></div>',
        '<p class="footnote">{}</p>',
        '<aside epub:type="footnote"><p>{}</p></aside>',
        '<section role="doc-endnotes">Notes<p>{}</p></section>',
    ],
)
def test_notes_of_a_page_are_left_out_with_their_size(notes):
    note, text = "1. See Marlow, who says so.", "<p>Swifts sleep while they fly.</p>"
    document = Document(DocumentKey("web:x/1"), "x", title="T")
    html = f"{text}{notes.format(note)}{text}"
    kept, left_out = partition_paragraphs(build_whole_text(document, "web:x", [html]))
    assert len(kept) == 2
    [notes_left_out] = left_out
    assert notes_left_out.name == "footnotes and endnotes"
    assert notes_left_out.size >= len(note)


@pytest.mark.parametrize(("html", "text"), BLOCKS.items())
def test_the_blocks_of_a_page(html, text):
    assert read(html) == text


@pytest.mark.parametrize(
    "html",
    [
        "<div>x" * 10_000,
        "<sup>1<i>" * 10_000,
        "<a href='#1'>1" * 5_000,
        "<math><mi>" * 5_000,
        "<span aria-hidden=true>x" * 5_000,
    ],
)
def test_elements_nested_thousands_deep_are_read(html):
    read(html)


def test_a_formula_nested_thousands_deep_keeps_its_letters():
    assert read(f"<p>It is <math>{'<mrow>' * 3_000}<mi>x</mi></math></p>") == "It is x"


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="gb2312">', "gb18030"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=gbk">', "gbk"),
        ('<?xml version="1.0" encoding="Shift_JIS"?>', "cp932"),
        ('<meta charset="iso-2022-jp">', "iso-2022-jp"),
        ('<meta charset="no-such-encoding">', "utf-8"),
        # a browser saved it as UTF-8
        ('<meta charset="gb2312">', "utf-8"),
        ("", "utf-16"),
    ],
)
def test_a_page_is_decoded_as_it_declares(declaration, encoding):
    html = f"{declaration}<p>書</p>"
    assert decode_html(html.encode(encoding)) == html


def test_a_russian_page_is_decoded_as_it_declares():
    html = '<meta charset="windows-1251"><p>Почка</p>'
    assert decode_html(html.encode("cp1251")) == html


# --- books ------------------------------------------------------------------------------

NOTED = (
    'He lost at Waterloo in 1815.<sup><a href="#n">13</a></sup> Then he left.'
    " A litre holds about 10<sup>22</sup> molecules."
)


@pytest.mark.parametrize(
    ("quote", "words", "prefix", "sentence"),
    [
        # programs keep the number of a note in a highlight
        ("in 1815.13 Then he", "in 1815. Then he", "at Waterloo ",
         "He lost at Waterloo in 1815. Then he left."),
        ("Then he", "", "at Waterloo in 1815. ", "Then he left."),
        ("1022 molecules", "10²² molecules", "holds about ",
         "A litre holds about 10²² molecules."),
    ],
)  # fmt: skip
def test_a_highlight_and_its_context_are_as_the_book_shows_them(
    tmp_path, quote, words, prefix, sentence
):
    path = tmp_path / "a.epub"
    write_epub(path, Book("Wars", chapters=(("One", NOTED),), is_markup=True))
    found = find_quote_contexts(path, [StoredQuote(page=0, text=quote)])
    assert isinstance(found, FindContextsReply)
    [context] = found.passages
    assert context.displayed_text == words
    assert context.prefix.endswith(prefix)
    assert context.sentence == sentence


def test_a_highlight_in_a_reading_program_keeps_its_key(forge, tmp_path):
    book = Book("Wars", ("Jane Doe",), (("One", NOTED),), is_markup=True)
    mark = Mark("A litre holds about 1022 molecules.")
    write_sidecar(tmp_path / "Wars.sdr" / "metadata.epub.lua", book, [mark])
    [alone] = forge.ok("run", "--dry-run", "-v", tmp_path, "--json").lines
    write_epub(tmp_path / "Wars.epub", book)
    [beside_book] = forge.ok("run", "--dry-run", "-v", tmp_path, "--json").lines
    assert beside_book["key"] == alone["key"]
    assert beside_book["exact"] == "A litre holds about 10²² molecules."


def encrypt(path, name):
    with ZipFile(path, "a") as book:
        book.writestr(
            "META-INF/encryption.xml",
            '<encryption xmlns="urn:c" xmlns:enc="urn:e"><enc:EncryptedData><enc:CipherData>'
            f'<enc:CipherReference URI="{name}"/></enc:CipherData></enc:EncryptedData>'
            "</encryption>",
        )


def test_a_protected_book_is_refused_by_name(forge, tmp_path):
    path = tmp_path / "a.epub"
    write_epub(path, Book("Wars", chapters=(("One", NOTED),), is_markup=True))
    encrypt(path, "OEBPS/text/c1.xhtml")
    told = forge("draft", "export", "ask.md", "--from", path, code=1).stderr
    assert "a.epub: the book is protected (DRM)" in told
    assert "hint: give a copy without protection" in told
    failed = find_quote_contexts(path, [])
    assert isinstance(failed, Failure)
    assert "(DRM)" in failed.what


def test_encrypted_fonts_are_no_obstacle(forge, tmp_path):
    path = tmp_path / "a.epub"
    write_epub(path, Book("Wars", chapters=(("One", NOTED),), is_markup=True))
    encrypt(path, "OEBPS/fonts/a.otf")
    forge.ok("draft", "export", "ask.md", "--from", path)
    text = (forge.folder / "ask.md").read_text("utf-8")
    assert "He lost at Waterloo in 1815. Then he left." in text


def test_a_picture_in_the_spine_is_no_page(tmp_path):
    with ZipFile(tmp_path / "a.epub", "w") as book:
        container = '<container xmlns="urn:c"><rootfile full-path="a.opf"/></container>'
        book.writestr("META-INF/container.xml", container)
        items = '<item id="a" href="a.xhtml"/><item id="b" href="b.jpg" media-type="image/jpeg"/>'
        spine = '<itemref idref="b"/><itemref idref="a"/>'
        package = f"<manifest>{items}</manifest><spine>{spine}</spine>"
        book.writestr("a.opf", f'<package xmlns="urn:p">{package}</package>')
        book.writestr("a.xhtml", "<p>a</p>")
        book.writestr("b.jpg", b"\xff\xd8\xff")
    assert [page.name for page in Epub(tmp_path / "a.epub").pages] == ["a.xhtml"]


@pytest.mark.parametrize(
    "html",
    [
        "<ul><li>Item #no-llm<ul><li>SECRET</li></ul></li><li>open</li></ul>",
        "<ul><li><p>Item #no-llm</p><p>SECRET</p></li><li>open</li></ul>",
        "<table><tr><td>x #no-llm</td><td>SECRET</td></tr><tr><td>open</td></tr></table>",
        "<dl><dt>x #no-llm</dt><dd>SECRET</dd><dd>SECRET</dd><dt>y</dt><dd>open</dd></dl>",
        "<details><summary>x #no-llm</summary><p>SECRET</p></details><p>open</p>",
        "<h2>x #no-llm</h2><p>SECRET</p><h2>y</h2><p>open</p>",
    ],
)
def test_a_private_tag_covers_what_is_nested_below_it(html):
    document = Document(DocumentKey("web:web/1"), "web", "A page")
    text = build_whole_text(document, "web:web", [html])
    for each in text.paragraphs:
        paragraph = text.get_paragraph_text(each)
        assert each.is_private or "SECRET" not in paragraph
        assert not each.is_private or "open" not in paragraph
