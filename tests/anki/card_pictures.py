"""Makes the pictures of a card in docs/: `python -m tests.anki.card_pictures`.

Real notes go through a real collection of Anki, and headless Chromium takes the pictures.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ankiforge.anki.notetypes import style
from ankiforge.anki.package import write_package
from ankiforge.model import CardKind
from ankiforge.review.page.server import MATHJAX
from samples.anki_notes import note_for

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"

CARDS: dict[str, tuple[CardKind, dict[str, str]]] = {
    "basic": (
        CardKind.BASIC,
        {
            "Front": "What does **prior testing** do for retention on a delayed test,"
            " compared with studying again?",
            "Back": "It gives substantially *greater* retention.",
            "Extra": "After five minutes it is the other way round.",
        },
    ),
    "formula": (
        CardKind.CLOZE,
        {
            "Text": "Forgetting follows {{c1::$R = e^{-t/S}$::formula}}, where"
            " {{c2::$S$}} is the stability of the memory.\n\n$$\\frac{dR}{dt} = -\\frac{R}{S}$$"
        },
    ),
    "code": (
        CardKind.CLOZE,
        {
            "Text": "In C++ a growing array is {{c1::`std::vector<T>`}}:\n\n"
            "```cpp\nstd::vector<int> numbers{1, 2, 3};\nnumbers.push_back(4);  // amortised O(1)\n"
            "```\n\n| operation | cost |\n|---|---:|\n| `push_back` | {{c2::$O(1)$}} |\n"
            "| `insert` | $O(n)$ |",
            "Extra": "- grows by a factor\n- moves its elements",
        },
    ),
}

PAGE = """<!doctype html><html class="{night}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 20px; }}</style><style>{style}</style>
<script>MathJax = {{tex: {{inlineMath: [["\\\\(", "\\\\)"]], displayMath: [["\\\\[", "\\\\]"]],
processEscapes: false, processEnvironments: false, processRefs: false}}}};</script>
<script src="{mathjax}"></script>{body}</html>"""
SIDE = '<body class="card card1 {night}"><div id="qa">{side}</div></body>'
BOTH = """<body style="display: flex; gap: 12px; margin: 12px; background: {paper}" class="{night}">
<div class="card" style="flex: 1">{question}</div><div class="card" style="flex: 1">{answer}</div>
</body>"""
SHADES = (("light", "", "#d9dbd3"), ("dark", "nightMode", "#0d0f13"))


def sides(folder: Path) -> dict[str, tuple[str, str]]:
    """(question, answer) of each card, as the real Anki renders them."""
    from tests.anki import backend
    from tests.unit.anki import makers

    cards = {
        name: makers.make_card(kind, own=name, **fields) for name, (kind, fields) in CARDS.items()
    }
    write_package(folder / "cards.apkg", [note_for(card, "Docs", 1) for card in cards.values()])
    with backend.opened(folder) as anki:
        anki.load(folder / "cards.apkg")
        shown = {name: anki.cards(card.guid)[0] for name, card in cards.items()}
        return {
            name: (plain(card.question()), plain(card.answer())) for name, card in shown.items()
        }


def plain(side: Any) -> str:
    """A side without the style Anki puts before it."""
    return str(side).partition("</style>")[2]


def shoot(page: str, picture: Path, width: int, height: int, folder: Path) -> None:
    """Take the picture of a page."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    command = "chromium --headless --no-sandbox --disable-gpu --disable-background-networking"
    options = f"--hide-scrollbars --virtual-time-budget=3000 --window-size={width},{height}"
    target = f"--screenshot={picture}"
    subprocess.run(
        [*command.split(), *options.split(), target, file.as_uri()],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def bodies(sides: tuple[str, str], every_side: bool) -> Iterator[tuple[str, str]]:
    """(part of the picture's name, body of the page) in both shades."""
    question, answer = sides[0], sides[1].replace("<details", "<details open")
    for shade, night, paper in SHADES:
        if every_side:
            yield f"question-{shade}", SIDE.format(night=night, side=question)
            yield f"answer-{shade}", SIDE.format(night=night, side=answer)
        else:
            both = BOTH.format(night=night, paper=paper, question=question, answer=answer)
            yield shade, both


def main() -> None:
    """Take the pictures of docs/, or of every side of every card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every-side", type=Path, help="a folder: every card, to look at")
    parser.add_argument("--size", default="1040x490", help="720x620 or 390x760 for every side")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    script = (MATHJAX / "tex-chtml-full.js").as_uri()
    target = options.every_side or DOCS
    with tempfile.TemporaryDirectory() as name:
        for card, shown in sides(Path(name)).items():
            if card == "basic" or options.every_side:
                for part, body in bodies(shown, bool(options.every_side)):
                    night = "nightMode" if "dark" in part else ""
                    page = PAGE.format(night=night, body=body, style=style(), mathjax=script)
                    stem = f"card-{card}-{part}" if options.every_side else f"card-{part}"
                    shoot(page, target / f"{stem}.png", width, height, Path(name))


if __name__ == "__main__":
    main()
