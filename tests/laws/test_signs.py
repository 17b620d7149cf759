"""A law of signs: what a note shows in its own program, its card shows, or the card waits.

Each construct stands in each form of a card. What its program shows of it is written down here from
the documents of Obsidian, GitHub, CommonMark, HTML and MathJax, without a look at our readers.
"""

from dataclasses import dataclass

import msgspec
import pytest

from ankiforge.anki.render import render_field
from ankiforge.draft.rules import draft_task
from ankiforge.extract import registry
from ankiforge.model import DraftingTask, ExtractedDocument
from tests.reading import opened


@dataclass(frozen=True)
class Sign:
    """Something that a note shows, and what stands on the card in its place."""

    written: str
    shown: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    """What must not stand there: signs that the program does not show."""
    is_block: bool = False
    """Whether it stands on lines of its own."""


SIGNS = {
    "maths in a line": Sign("$a^2+b$", (r"\(a^2+b\)",), ("$",)),
    "maths in round brackets": Sign(r"\(a^2+b\)", (r"\(a^2+b\)",), ("(a^2+b) ",)),
    "maths in square brackets": Sign(r"\[\frac{a}{b}\]", (r"\[\frac{a}{b}\]",)),
    "maths of GitLab": Sign("$`a^2`$", (r"\(a^2\)",), ("`",)),
    "an environment": Sign(
        r"\begin{pmatrix} 1 & x \end{pmatrix}", (r"\[\begin{pmatrix}",), ("$",)
    ),
    "a subscript and a digit": Sign(r"\(\beta\)1 is", (r"\(\beta1\) is",), (r"\)1",)),
    "brackets of words": Sign(r"said \[sic\] so \[1\]", ("said [sic] so [1]",), ("\\",)),
    "code": Sign(
        "`a==b && \\(x\\)`", ("<code>a==b &amp;&amp; \\<span></span>(x",), ("<mark>",)
    ),
    "an address": Sign(
        "https://x.org/?a==b==c_d_", ("https://x.org/?a==b==c_d_",), ("<mark>",)
    ),
    "ruby": Sign(
        "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rt>じ</rt></ruby>",
        ("漢(かん)字(じ)",),
    ),
    "a reading": Sign("{東京|とう|きょう}", ("東京(とうきょう)",), ("|",)),
    "a source of a chat": Sign("green【4†source】 light", ("green light",), ("†",)),
    "a reference of a chat": Sign(
        "green :contentReference[oaicite:0]{index=0} light",
        ("green",),
        ("oaicite", "index"),
    ),
    "a citation of a chat": Sign(
        "green \ue200cite\ue202turn0search2\ue201 light", ("green",), ("turn0",)
    ),
    "a reading in braces": Sign(
        "[東京]{とうきょう} and", ("東京(とうきょう) and",), ("{とう",)
    ),
    "a reading above": Sign("[東京]^(とうきょう) and", ("東京(とうきょう) and",), ("^",)),
    "a footnote": Sign("water[^n] in it", ("water in it",), ("[^n]",)),
    "a raised number": Sign("10<sup>6</sup> and H<sub>2</sub>O", ("10⁶ and H₂O",)),
    "a raised word": Sign("K<sub>cat</sub> & more", ("K<sub>cat</sub> &amp; more",)),
    "words in angle brackets": Sign("a <b c> and List<int>", ("&lt;int&gt;",)),
    "an escape": Sign(r"2 \* 3 \_x\_", ("2 * 3 _x_",), ("\\",)),
    "an entity": Sign("a &lt;p&gt; b", ("a &lt;p&gt; b",)),
    "strong and struck": Sign("**so** ~~not~~", ("<strong>so</strong> <s>not</s>",)),
    "a display": Sign("$$\na^2\n$$", (r"\[", "a^2", r"\]"), ("$",), True),
    "a display in brackets": Sign("\\[\na^2\n\\]", (r"\[", "a^2", r"\]"), ("$",), True),
    "an equation": Sign(
        "\\begin{equation}\nE = m\n\\end{equation}",
        (r"\[\begin{equation}", r"\]"),
        (),
        True,
    ),
    "a table": Sign(
        "| a | b |\n|---|---|\n| c<br>d | `e` |",
        ("<td>c<br>d</td>", "<td><code>e</code></td>"),
        ("|",),
        True,
    ),
    "a fence": Sign("```\nx==y  $z$\n```", ("x==y  $z$",), ("<mark>", r"\("), True),
    "a list": Sign(
        "- a\n    1. b", ("<ul><li>a<ol><li>b</li></ol></li></ul>",), (), True
    ),
}
FORMS = {
    "line": ("What does it say?::See {}", False),
    "reverse": ("The term for it:::See {}", False),
    "block": ("What does it say?\n?\n{}", True),
    "letters": ("Q: What does it say?\nA: See {}", False),
    "mark": ("The ==first word== of it, see {} there.", False),
    "gap": ("The {{{{c1::first word}}}} of it, see {} there.", False),
    "item": ("- What does it say?::See {}", False),
    "quote": ("> What does it say?::See {}", False),
    "row": ("| a | b |\n|---|---|\n| ==x== | {} |", False),
}
ROWS = [
    (form, sign)
    for form, (_, takes_blocks) in FORMS.items()
    for sign, told in SIGNS.items()
    if (takes_blocks or not told.is_block) and not (form == "row" and "|" in told.written)
]


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The HTML of the fields of each card, by the name of its note."""
    vault = tmp_path_factory.mktemp("signs")
    for number, (form, sign) in enumerate(ROWS):
        frame, _ = FORMS[form]
        text = frame.format(SIGNS[sign].written)
        (vault / f"{number}.md").write_text(
            f"{text}\n\n[^n]: A text.\n", encoding="utf-8"
        )
    settings = msgspec.convert(
        {"path": str(vault)}, registry.load_source_type("obsidian").Settings
    )
    shown: dict[str, str] = {}
    for sighting in opened("obsidian", vault, settings, (), (), name="signs").scan():
        if isinstance(sighting, ExtractedDocument):
            task = DraftingTask(sighting.document, sighting.highlights)
            drafted = [card for result in draft_task(task) for card in result.drafts]
            assert len(drafted) == 1, (sighting.document.title, drafted)
            fields = [
                render_field(text, cloze=name == "Text")
                for name, text in drafted[0].fields
                if name in ("Back", "Text")
            ]
            shown[sighting.document.title] = "\n".join(fields)
    return shown


@pytest.mark.parametrize(
    ("form", "sign"), ROWS, ids=[" in a ".join(row[::-1]) for row in ROWS]
)
def test_a_card_shows_what_its_note_shows(form, sign, cards):
    html = cards[str(ROWS.index((form, sign)))]
    for part in SIGNS[sign].shown:
        assert part in html
    for part in SIGNS[sign].hidden:
        assert part not in html
