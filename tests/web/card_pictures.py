"""Pictures of cards of all kinds, as Anki shows them: on a desktop and a phone, by day and by night.

    python -m tests.web.card_pictures FOLDER
    python -m tests.web.card_pictures FOLDER --sample

The cards come from a package that was really built and imported. Look at each picture. A sample has one picture of each
card, each time of another side, size and look, and its source.
"""

import itertools
import json
import re
import sys
import tempfile
from importlib.resources import files as files_of
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

from ankiforge.extract import files
from ankiforge.web.maths import tex_to_mathml
from tests.anki import backend
from tests.conftest import Forge
from tests.makers.clippings import write_clippings
from tests.makers.eye import write_eye
from tests.makers.library import write_library
from tests.makers.papers import write_predictions
from tests.web.conftest import CHROMIUM, QUIET

SIZES = {"desktop": (1000, 620), "phone": (390, 620)}
NOTES = {
    "code": (
        "What prints 1?\n?\n```python\ndef one(n: int = 1) -> None:\n    # the answer\n"
        '    print(f"{n}", end="\\n")\n```\n\n'
        "How are rows counted per city?\n?\n```sql\nSELECT city, count(*) -- rows\nFROM people\n"
        "WHERE age > 17 AND city <> 'Ulm' GROUP BY city ORDER BY count(*) DESC LIMIT 10;\n```\n\n"
        "How is a promise awaited?\n?\n```js\nasync function load(url) {\n  /* may fail */\n"
        "  const answer = await fetch(`${url}?page=1`);\n  return answer.json();\n}\n```\n\n"
        "How does Rust borrow a string?\n?\n```rust\nfn len(s: &str) -> usize {\n"
        "    s.len() // no copy\n}\n```\n\n"
        "What does a plus do in Brainfuck?\n?\n```brainfuck\n+++ [ > + < - ]\n```\n"
    ),
    "prose": (
        "The ==mitochondrion== makes most of the ATP of a cell.\n\n"
        "Capital of Peru :: Lima\n\nCapital of Chile ::: Santiago\n\n"
        "Why did Rome fall?\n?\nGibbon gave four reasons: the injuries of time and nature, the attacks of "
        "barbarians and Christians, the use and abuse of the materials, and the quarrels of the Romans. "
        "He wrote of them at length, over six volumes and twelve years, and never quite chose among them.\n\n"
        "What is in the box?\n?\n- a list\n    - with a list\n        - with a list\n- and a task\n\n"
    ),
    "maths": (
        "What are the roots of $ax^2 + bx + c$?\n?\n$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$\n\n"
        "What is the long sum?\n?\n$$a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + "
        "a_{12} + a_{13} + a_{14} + a_{15} + a_{16} + a_{17} + a_{18} + a_{19} + a_{20} = S$$\n"
    ),
    "tables": (
        "Which planets are small?\n?\n| planet | radius |\n|---|---:|\n| Mercury | 2440 |\n| Mars | 3390 |\n\n"
        "Which hormones act where?\n?\n| hormone | gland | organ | effect | opposite | discovered |\n"
        "|---|---|---|---|---|---|\n| insulin | pancreas | liver, muscle, fat | lowers blood sugar | glucagon "
        "| 1921 by Banting and Best in Toronto |\n"
    ),
    "pictures": (
        "What is drawn here?\n?\n![[drawing.png]]\n\nWhich line is thick?\n?\n![[small.png|120]]\n"
    ),
    "scripts": (
        "ما هي عاصمة فرنسا؟::باريس هي عاصمة فرنسا\n\nמהי בירת ישראל?::ירושלים\n\n"
        "日本の首都はどこですか::東京です\n\n中国的首都是哪里::北京是中国的首都\n"
    ),
}  # fmt: skip


SOURCES = ("notes", "paper.pdf", "eye.pdf", "My Clippings.txt", "web.json", "Zotero")
WEB = {
    "uri": "https://example.org/tides",
    "title": "Why the sea rises twice a day",
    "marks": {
        "A spring tide occurs when the Sun and the Moon pull in one line.": "",
        "The Bay of Fundy has the highest tides on earth, of up to 16 metres.": "Where are the highest tides on earth?",
    },
}
"""A web page, and what is marked on it with which comment."""


def main(folder: Path, *, is_sample: bool = False) -> None:
    """Build a package of all kinds, import it, and take each card in every look, or in one."""
    files.QUIET_SECONDS = files.EMPTY_QUIET_SECONDS = 0.0
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        forge = Forge(Path(place) / "cards")
        write_sources(forge.folder)
        forge.ok("run", *SOURCES)
        forge.ok("accept", "--all")
        for passage in forge.ok("list", "--no-card", "--json").lines:
            if passage.get("suggestion"):
                forge.ok("accept", passage["key"])
        for card in forge.cards():
            if card["kind"] == "occlusion":
                forge.ok("accept", card["id"])
        forge.ok("build")
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        with backend.opened(forge.profile) as anki:
            anki.load(forge.folder / "ankiforge.apkg")
            for number, id in enumerate(anki.col.find_cards("")):
                card = anki.col.get_card(id)
                is_another_mask = card.ord > 0 and "image-occlusion" in card.answer()
                if is_another_mask:
                    continue
                wanted = SCENES[number % len(SCENES) :][:1] if is_sample else SCENES
                media = Path(anki.col.media.dir())
                for scene in wanted:
                    take(browser, card, scene, media, folder, number)
        browser.close()


def write_sources(folder: Path) -> None:
    """Write notes with cards of all kinds, a paper, a Kindle's clippings and a Zotero library."""
    notes = folder / "notes"
    (notes / ".obsidian").mkdir(parents=True)
    for name, text in NOTES.items():
        (notes / f"{name}.md").write_text(f"# {name.title()}\n\n{text}", encoding="utf-8")
    drawing = Image.new("RGBA", (480, 160), (0, 0, 0, 0))
    ImageDraw.Draw(drawing).line((20, 20, 460, 140), fill="black", width=5)
    drawing.save(notes / "drawing.png")
    drawing.save(notes / "small.png")
    write_predictions(folder / "paper.pdf")
    write_eye(folder / "eye.pdf")
    write_annotations(folder / "web.json")
    write_clippings(folder / "My Clippings.txt")
    write_library(folder / "Zotero")


def write_annotations(path: Path) -> None:
    """Write the annotations of a web page, as hypothes.is exports them."""
    annotations = []
    for number, (words, comment) in enumerate(WEB["marks"].items()):
        quote = {"type": "TextQuoteSelector", "exact": words}
        annotations.append(
            {
                "id": f"mark-{number}",
                "user": "acct:ada@hypothes.is",
                "uri": WEB["uri"],
                "text": comment,
                "target": [{"source": WEB["uri"], "selector": [quote]}],
                "document": {"title": [WEB["title"]]},
            }
        )
    export = {"export_userid": "acct:ada@hypothes.is", "annotations": annotations}
    path.write_text(json.dumps(export), encoding="utf-8")


LOOKS = {"light": "", "night": "nightMode night_mode"}


FONTS = files_of("ankiforge.web").joinpath("static", "maths.css").read_text("utf-8")
ANKI = """<style>
  body { margin: 20px; }
  body.nightMode { background-color: #2c2c2c; color: #fcfcfc; }
  img { max-width: 100%; max-height: 95vh; }
  mjx-container[display] { display: block; margin: 1em 0; text-align: center; }
</style>"""
"""What Anki's reviewer and MathJax 3, which it has, say of what is in a card. Formulas in a line are plain inline."""
MASKS = """<style>
  #image-occlusion-container { position: relative; width: fit-content; max-width: 100%; margin: 0 auto; }
  #image-occlusion-container img { display: block; }
  #image-occlusion-canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
</style>
<script>
  // As Anki does: the masks are drawn over the picture in the colours of the note type.
  addEventListener("load", () => {
    const canvas = document.getElementById("image-occlusion-canvas");
    if (!canvas) return;
    [canvas.width, canvas.height] = [canvas.clientWidth, canvas.clientHeight];
    const colours = getComputedStyle(canvas), pen = canvas.getContext("2d");
    const parts = { cloze: "active", "cloze-inactive": "inactive", "cloze-highlight": "highlight" };
    for (const [name, part] of Object.entries(parts)) {
      const [width, colour] = colours.getPropertyValue(`--${part}-shape-border`).trim().split(" ");
      pen.fillStyle = colours.getPropertyValue(`--${part}-shape-color`);
      [pen.lineWidth, pen.strokeStyle] = [parseFloat(width), colour];
      for (const { dataset } of document.querySelectorAll(`.${name}[data-shape]`)) {
        const box = [dataset.left * canvas.width, dataset.top * canvas.height,
          dataset.width * canvas.width, dataset.height * canvas.height];
        pen.fillRect(...box);
        pen.strokeRect(...box);
      }
    }
    document.getElementById("err")?.remove(); // Anki's own script is not here
  });
</script>"""


SOURCE = ("source", "desktop", "light")
SCENES = [
    *itertools.product(("answer", "question"), SIZES, LOOKS),
    SOURCE,
]
"""(side, size, look) of each picture of a card; of its source one is enough."""


def take(
    browser: Any,
    card: Any,
    scene: tuple[str, str, str],
    media: Path,
    folder: Path,
    number: int,
) -> None:
    """Take a side of a card, or its answer with the source unfolded, in a size by day or by night."""
    side, size, look = scene
    drawn = with_formulas(card.question() if side == "question" else card.answer())
    if side == "source":
        drawn = drawn.replace("<details", "<details open")
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    show(page, media, drawn, LOOKS[look])
    page.screenshot(path=folder / f"{number:02}-{side}-{size}-{look}.png")
    page.close()


FORMULA = re.compile(r"(?s)\\\((.*?)\\\)|\\\[(.*?)\\\]")


def with_formulas(html: str) -> str:
    """Return HTML with each formula drawn, in the element in which MathJax puts it."""

    def drawn(match: re.Match[str]) -> str:
        inline, display = match.groups()
        if display is None:
            return f"<mjx-container>{tex_to_mathml(inline)}</mjx-container>"
        formula = tex_to_mathml(display, display=True)
        return f'<mjx-container display="true">{formula}</mjx-container>'

    return FORMULA.sub(drawn, html)


def show(page: Any, media: Path, side: str, classes: str) -> None:
    """Show a side of a card as a page of its own beside its pictures."""
    path = media / "card.html"
    path.write_text(
        f'<!doctype html><html class="{classes}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<style>{FONTS}</style>{ANKI}{MASKS}<body class="card card1 {classes}"><div id="qa">{side}</div></body></html>',
        encoding="utf-8",
    )
    page.goto(path.as_uri())


if __name__ == "__main__":
    main(Path(sys.argv[1]), is_sample="--sample" in sys.argv)
