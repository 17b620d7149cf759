"""Notes on papers: own words in every dress, quoted annotations, and what is no note of a paper."""

from pathlib import Path

from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    quoted,
    write_zotero,
)

MARK = Annotation("MARK0001", "Spacing <b> helps & lasts.", "def", page_label="12")
UNDERLINED = Annotation("MARK0002", "Massing does not.", kind="underline", top=200)
STICKY = Annotation(
    "MARK0003", None, "Was it blind?\nAsk <b>her</b>.", kind="note", top=300
)
TRASHED = Annotation("MARK0004", "I was thrown away", trashed=True, top=400)
ELSEWHERE = Annotation("GROUPM01", "Shared words", "shared comment", author=1)

ONLY_QUOTES = (
    '<div data-schema-version="9"><h1>Annotations<br>(9/1/2026, 10:00:00 AM)</h1>\n'
    + "\n".join(map(quoted, (MARK, UNDERLINED, STICKY)))
    + quoted(ELSEWHERE, "groups/77")
    + "</div>"
)
MIXED = f"""<div data-schema-version="9"><h1>Annotations</h1>
<h2>Quoted only</h2>
{quoted(MARK)}
<h2>With thoughts</h2>
{quoted(MARK, comment="but <em>only</em> for facts")}
<p>So my <strong>own</strong> words: <span class="math">$E=mc^2$</span>.</p>
<h2>Nothing below</h2>
{quoted(UNDERLINED)}
{quoted(TRASHED)}
</div>"""
DRESSED = """<div data-schema-version="9"><h1>The drug &amp; the cell</h1>
<p>The <strong>minimum <em>inhibitory</em></strong> concentration is in mg/l, H<sub>2</sub>O and
10<sup>5</sup>, <span style="color: #ff2020">red</span>, <s>not</s> <u>so</u> un<b>believ</b>able.</p>
<ul><li>one<ul><li>deeper</li></ul></li><li><p>two</p><p>more of two</p></li></ul>
<ol><li>first</li><li>second</li></ol>
<pre>def dose(x):
    return x * 2</pre>
<pre class="math">$$\\int_0^1
x\\,dx$$</pre>
<blockquote><p>A quote of somebody</p></blockquote>
<table><tbody><tr><th>drug</th><th>dose</th></tr><tr><td>A</td><td><b>2</b> mg</td></tr></tbody></table>
<p>See <a href="https://example.org/?a=1&amp;b=2">the page</a> and
<span class="citation" data-citation="%7B%7D">(<span class="citation-item">Roe, 2020</span>)</span>.
<br>Next line: <code>x = `y`</code><img data-attachment-key="IMGIMG01" width="100"></p></div>"""
HOSTILE = """<script>alert(1)</script><p onclick="x()">Plain <a href="javascript:alert(1)">words</a>
* not a list, [no](link), {{c1::no cloze}}, $5 and 6$ &lt;img src=x onerror=y&gt;</p><style>p{}</style>
<iframe src="https://example.org"></iframe><p>tail <b>open <i>for ever"""


def make(folder: Path) -> None:
    attachment = Attachment("ATTACH01", "Doe.pdf", (MARK, UNDERLINED, STICKY, TRASHED))
    shared = Attachment("ATTACH02", "Roe.pdf", (ELSEWHERE,))
    works = (
        Work(
            "PAPER001", {"title": "On Spacing"}, attachments=(attachment,), notes=notes()
        ),
        Work(
            "PAPER002", {"title": "Notes alone"}, notes=(Note("NOTEONLY", "just a line"),)
        ),
        Work("PAPER003", {"title": "Nothing"}, notes=(Note("QUOTED02", quoted(MARK)),)),
        Work(
            "PAPER004", {"title": "Trash"}, notes=(Note("TRASHED2", "x"),), trashed=True
        ),
    )
    write_zotero(
        folder / "zotero.sqlite",
        [
            Library(works, loose_notes=(Note("LOOSENOT", "<p>A note on nothing</p>"),)),
            Library(
                (
                    Work(
                        "PAPER009",
                        {"title": "Shared"},
                        attachments=(shared,),
                        notes=(
                            Note("MINENOTE", "<p>Mine: spacing is…</p>", author=1),
                            Note("BENSNOTE", "<p>His thoughts</p>", author=2),
                        ),
                    ),
                ),
                group=77,
                name="Reading group",
            ),
        ],
        account=(1, "ada"),
        users={1: "Ada", 2: "Ben"},
    )


def notes() -> tuple[Note, ...]:
    return (
        Note("QUOTES01", ONLY_QUOTES, added="2024-01-01 08:00:00"),
        Note("MIXED001", MIXED, ("to cite",), added="2024-01-01 09:00:00"),
        Note(
            "DRESSED1",
            DRESSED,
            added="2024-02-01 09:00:00",
            modified="2025-03-04 05:06:07",
        ),
        Note("HOSTILE1", HOSTILE, added="2024-03-01 09:00:00"),
        Note("EMPTY001", "<div><p> </p><p>&nbsp;</p></div>", added="2024-04-01 09:00:00"),
        Note("TITLE001", "<h1>Only a title</h1>", added="2024-05-01 09:00:00"),
        Note("TRASHED1", "<p>gone</p>", trashed=True),
    )
