import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.anki.notetypes import normalize_html
from ankiforge.anki.render import field_to_markdown, render_field, sanitize_url
from ankiforge.model import Media
from tests.examples import examples
from tests.limits import no_hang, steps

HTML = {
    "one paragraph is bare": (
        "a *b* **c** ~~d~~ ==e==",
        "a <em>b</em> <strong>c</strong> <s>d</s> <mark>e</mark>",
    ),
    "several are paragraphs": ("a\n\nb", "<p>a</p><p>b</p>"),
    "a line break is one": ("a\nb", "a<br>b"),
    "emphasis in elements, in a word and beside signs, too": (
        "H<sub>2</sub>O, x<sup>(*n*)</sup>, <u>u</u>, a<b>(b)</b>c <i>d </i>e <s>f</s>",
        "H<sub>2</sub>O, x<sup>(<em>n</em>)</sup>, <u>u</u>, a<strong>(b)</strong>c <em>d </em>e"
        " <s>f</s>",
    ),
    "other elements and unclosed ones are text": (
        "<sub>a <B>b</B> <kbd>c</kbd> </b>",
        "&lt;sub&gt;a &lt;B&gt;b&lt;/B&gt; &lt;kbd&gt;c&lt;/kbd&gt; &lt;/b&gt;",
    ),
    "lists": (
        "- a\n- b\n\n3. c",
        '<ul><li>a</li><li>b</li></ul><ol start="3"><li>c</li></ol>',
    ),
    "formulas in a line": ("$a<b$", r"\(a&lt;b\)"),
    "formulas on display": ("$$\na\n$$", "\\[\na\n\\]"),
    "money is no formula": ("$5 and $6", "$5 and $6"),
    "a formula that sets a link is text": (
        r"$\href{javascript:alert(1)}{x}$",
        r"$\href{javascript:alert(1)}{x}$",
    ),
    "a formula that loads a picture is text": (
        r"$\bbox[background:url(https://a.example/)]{x}$",
        r"$\bbox[background:url(https://a.example/)]{x}$",
    ),
    "a box around a formula is one": (r"$\bbox[5px,#eee]{x}$", r"\(\bbox[5px,#eee]{x}\)"),
    "braces in braces without end are text": (
        "$" + "{" * 61 + "x" + "}" * 61 + "$",
        "$" + "{<wbr>" * 60 + "{x" + "}<wbr>" * 60 + "}$",
    ),
    "a formula that holds a delimiter is text": (r"$a \) b$", "$a \\<span></span>) b$"),
    "matrix rows are no delimiters": (r"$a \\[2pt] b$", r"\(a \\[2pt] b\)"),
    "code": ("`a  <b>`", "<code>a  &lt;b&gt;</code>"),
    "code that begins or ends with a dollar": (
        "`${x}` and `$PATH` and `5$`",
        "<code>${x}</code> and <code>$PATH</code> and <code>5$</code>",
    ),
    "a fence keeps its lines": (
        "```py\na\n\n b\n```",
        '<pre><code class="language-py">a\n\n b</code></pre>',
    ),
    "a fence in a quote is one": (
        "> Run\n> ```nolang\n> ls -la\n>\n> cd x\n> ```",
        '<blockquote><p>Run</p><pre><code class="language-nolang">ls -la\n\ncd x</code></pre>'
        "</blockquote>",
    ),
    "code has colours in a language that is known": (
        '```python title="f.py"\nreturn "a::b"  # {{x}}\n```',
        '<pre><code class="language-python"><span class="af-k">return</span> '
        '<span class="af-s">"a:<wbr>:b"</span>  '
        '<span class="af-c"># {<wbr>{x}<wbr>}</span></code></pre>',
    ),
    "code has none in another language": (
        "```nolang\nreturn 1\n```",
        '<pre><code class="language-nolang">return 1</code></pre>',
    ),
    "four blanks make no code": ("a\n\n    b", "<p>a</p><p>b</p>"),
    "tables": (
        "|a|b|\n|:-:|-|\n|`x|y`|$|z|$|",
        '<table><thead><tr><th align="center">a</th><th>b</th></tr></thead>'
        '<tbody><tr><td align="center"><code>x|y</code></td><td>\\(|z|\\)</td></tr></tbody></table>',
    ),
    "no-break spaces, as Chromium writes them": ("a\u00a0b", "a&nbsp;b"),
    "control characters vanish": ("a\x00\x07\ud800b\ufdd0", "ab"),
    "letters are composed": ("u\u0308", "\u00fc"),
    "clozes are text where none can be": ("{{c1::a}}", "{<wbr>{c1:<wbr>:a}<wbr>}"),
}


@pytest.mark.parametrize(("markdown", "html"), HTML.values(), ids=HTML)
def test_markdown_becomes(markdown, html):
    assert render_field(markdown) == html


def test_what_is_within_a_cloze_hides_nothing_that_comes_after_it():
    html = render_field("{{c1::$a$}} and $b$ and `c`", cloze=True)
    assert html == r"{{c1::\(a\)}} and \(b\) and <code>c</code>"


def test_after_a_picture_that_is_not_there_the_line_goes_on():
    assert render_field("![a](x.png) and `c`") == "a and <code>c</code>"
    assert render_field("![](pictures/x.png) and `c`") == "x.png and <code>c</code>"


@pytest.mark.parametrize(("length", "is_kept"), [(2000, True), (2001, False)])
def test_an_address_has_a_length(length, is_kept):
    url = "https://a.org/".ljust(length, "x")
    assert sanitize_url(url) == (url if is_kept else "")


def test_an_empty_hint_is_none():
    assert render_field("{{c1::a::}}", cloze=True) == "{{c1::a}}"


LINKS = {
    "web": ("https://a.org/?x=1&y=2", "https://a.org/?x=1&amp;y=2"),
    "mail": ("mailto:a@b.org", "mailto:a@b.org"),
    "Zotero": ("zotero://select/library/items/A", "zotero://select/library/items/A"),
    "Obsidian": ("obsidian://open?vault=a&file=b", "obsidian://open?vault=a&amp;file=b"),
    "a DOI": ("doi:10.1000/182", "https://doi.org/10.1000/182"),
    "signs of clozes": ("https://a.org/{{b}}::c", "https://a.org/%7B%7Bb%7D%7D:%3Ac"),
    "quotes and blanks": ('<https://a.org/"b c">', "https://a.org/%22b%20c%22"),
}


@pytest.mark.parametrize(("target", "address"), LINKS.values(), ids=LINKS)
def test_links_go_to(target, address):
    assert render_field(f"[x]({target})", cloze=True) == f'<a href="{address}">x</a>'


FORBIDDEN = (
    "javascript:alert(1)",
    "JaVaScRiPt:x",
    "data:text/html,x",
    "file:///etc/passwd",
)


@pytest.mark.parametrize(
    "target",
    [*FORBIDDEN, "vbscript:x", "//a.org", "/a", "#a", "x" * 9, "https:" + "a" * 3000],
)
def test_other_links_are_their_words(target):
    assert render_field(f"a [b]({target}) c") == "a b c"
    assert "href" not in render_field(f"<{target}>")


def test_a_picture_is_shown_by_its_media_name_or_told_by_its_words():
    media = Media("af-0123456789abcdef.png", "/tmp/x.png")
    shown = render_field(
        '![A "b" {{c}} a::b](my%20fig.png)', pictures={"my fig.png": media}
    )
    assert shown == '<img src="af-0123456789abcdef.png" alt="A &quot;b&quot; ((c)) a:b">'
    assert render_field("![A fig](other.png)", pictures={"my fig.png": media}) == "A fig"
    for label in ("", "200"):
        html = render_field(f"![{label}](https://a.org/dir/other.png)")
        assert html == "other.png"


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("|300", 'alt="" width="300"'),
        ("a cat|300", 'alt="a cat" width="300"'),
        ("a cat\\|300x200", 'alt="a cat" width="300"'),
        ("Figure 3", 'alt="Figure 3"'),
        ("a|b", 'alt="a|b"'),
        ("|12345", 'alt="|12345"'),
        ("200", 'alt="" width="200"'),
        ("12345", 'alt="12345"'),
    ],
)
def test_a_picture_has_the_width_that_its_label_ends_in(label, shown):
    media = Media("af-0123456789abcdef.png", "/tmp/x.png")
    html = render_field(f"![{label}](x.png)", pictures={"x.png": media})
    assert html == f'<img src="{media.name}" {shown}>'
    again = render_field(field_to_markdown(html), pictures={media.name: media})
    assert again == html


def test_a_picture_by_a_foreign_name_is_not_shown():
    media = Media('x" onerror="alert(1)', "/tmp/x.png")
    assert render_field("![a](b.png)", pictures={"b.png": media}) == "a"


PAYLOADS = """
<script>alert(1)</script>
<img src=x onerror=alert(1)>
<svg/onload=alert(1)>
<iframe src=//evil.org></iframe>
<style>*{background:url(//evil.org)}</style>
<form action=//evil.org><button>
<object data=x><embed src=x>
<a href="javascript:alert(1)">x</a>
[x](javascript:alert(1))
[x](<java\tscript:alert(1)>)
[x](&#106;avascript:alert(1))
[x](data:text/html;base64,PHNjcmlwdD4=)
[x](https://a.org/" onmouseover="alert(1))
[x](https://a.org 'a" onmouseover="alert(1)')
![x](https://evil.org/pixel.png)
![x](x" onerror="alert(1))
![<img src=x onerror=alert(1)>](y)
<https://a.org/"onmouseover="alert(1)>
```"><script>
`<script>`
$<script>alert(1)</script>$
$$</script><img src=x onerror=alert(1)>$$
[latex]\\input{/etc/passwd}[/latex]
[$]\\input{/etc/passwd}[/$]
$\\[$]\\input{/etc/passwd}[/$]
[$$]\\input{/etc/passwd}[/$$]
[sound:evil.mp3]
[SOUND:evil.mp3]
![[sound:a.mp3]](b)
`[sound:a.mp3]` $[sound:a.mp3]$ **[**sound:a.mp3]
[anki:tts lang=en_US]x[/anki:tts]
[anki:play:q:0]
{{c1::[sound:a.mp3]::[latex]x[/latex]}}
{{c1::<script>::<script>}}
{{FrontSide}} {{#Front}} {{type:Back}}
<!-- --><? ?><![CDATA[<script>]]>
&lt;script&gt;alert(1)&lt;/script&gt;
|<script>|
|-|
|[x](javascript:1)|
""".strip().splitlines()

_WORDS = (
    "p br hr em strong s u sub sup mark blockquote ul ol li code pre wbr h1 h2 h3 h4 h5 h6"
    " table thead tbody tr th td span"
)
_ALLOWED = frozenset(_WORDS.split())
_ANKIS = re.compile(
    r"\[(?:sound:|anki:|latex\]|\$\]|\$\$\])|\{\{(?!\{?c\d)|<!|<\?", re.IGNORECASE
)


class _Judge(HTMLParser):
    """Fails on a tag or attribute that is not on the list."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            ((name, value),) = attrs
            assert name == "href"
            assert re.match(r"(https?|mailto|zotero|obsidian):", value or "")
        else:
            assert tag in _ALLOWED
            assert {name for name, _ in attrs} <= {"start", "align"}


def _judge(html: str) -> None:
    judge = _Judge(convert_charrefs=True)
    judge.feed(html)
    judge.close()
    assert not _ANKIS.search(html)


@pytest.mark.parametrize("payload", ["\n".join(PAYLOADS), *PAYLOADS])
@pytest.mark.parametrize("cloze", [True, False])
def test_nothing_executable_or_remote_comes_through(payload, cloze):
    _judge(render_field(payload, cloze=cloze))
    _judge(render_field(f"{{{{c1::{payload}}}}}", cloze=cloze))


PIECES = st.one_of(
    st.sampled_from(PAYLOADS), st.text("{}:[]()<>!*_`$\\|-#\n\"'=&;c12, ", max_size=12)
)


@examples(100)
@given(st.lists(PIECES, max_size=5).map("".join))
def test_no_mixture_of_signs_comes_through(markdown):
    for cloze in (True, False):
        html = render_field(markdown, cloze=cloze)
        _judge(html)
        assert normalize_html(normalize_html(html)) == normalize_html(html)


LONG = {
    "open clozes": (5_000, lambda times: "{{c1::" * times),
    "nested clozes": (2_000, lambda times: "{{c1::a" * times + "}}" * times),
    "quotes in quotes": (5_000, lambda times: ">" * times),
    "brackets": (5_000, lambda times: "[" * times),
    "links": (2_000, lambda times: "[a](" * times),
    "pictures": (2_000, lambda times: "![" * times),
    "stars": (5_000, lambda times: "*a " * times),
    "marks": (5_000, lambda times: "==a " * times),
    "dollars": (5_000, lambda times: "$a " * times),
    "angles": (5_000, lambda times: "a<b " * times),
    "lists in lists": (2_000, lambda times: "- " * times),
    "pipes": (5_000, lambda times: "|" * times + "\n" + "|-" * times),
}


@pytest.mark.parametrize(("times", "markdown"), LONG.values(), ids=LONG)
def test_a_long_hostile_text_is_rendered_in_steps_that_grow_with_its_length(
    times, markdown
):
    half, whole = (
        steps(lambda length=length: render_field(markdown(length), cloze=True))
        for length in (300, 600)
    )
    assert whole < 2.5 * half
    with no_hang():
        assert render_field(markdown(times), cloze=True)


@examples(100)
@given(text=st.text(alphabet="aZ9é日 ,.;:'\"?!()/%-\u00a0&<[", max_size=12))
def test_a_line_of_words_is_rendered_as_any_markdown_is(text):
    # emphasis makes the whole text go the long way
    assert render_field(f"a {text} b*c*") == f"{render_field(f'a {text} b')}<em>c</em>"
