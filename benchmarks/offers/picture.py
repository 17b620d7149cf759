"""Draw docs/pictures/quality.svg: how many cards are ready, from the newest ratings.

python -m benchmarks.offers.picture
"""

from __future__ import annotations

from pathlib import Path

TO = Path(__file__).parents[2] / "docs" / "pictures" / "quality.svg"
# Means of the raters of the last round, 48 passages that nobody had seen; see by_hand.md.
STRONG = {"keep": 74.0}
PLAIN_REQUEST = {"keep": 38.5}
# The 130 proposals of at least .8 in the first tens of 54 sources; see README.md.
PROPOSED = {"keep": 48.0, "gap": 17.0, "edit": 26.0, "throw": 9.0}
WIDTH, LEFT, HEIGHT, STEP = 432, 4, 26, 54
CLASSES = {"keep": "keep", "gap": "gap", "edit": "edit", "throw": "bad"}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#444}.in{fill:#fff;font-weight:600}"
    ".track{fill:#ececec}.keep{fill:#1a7f4b}.gap{fill:#5aa97f}.edit{fill:#b9b9b9}"
    ".bad{fill:#c2571a}@media (prefers-color-scheme:dark){text{fill:#bbb}"
    ".track{fill:#333}.in{fill:#fff}.edit{fill:#777}}"
)
TOLD = {
    "keep": "ready",
    "gap": "with another gap",
    "edit": "to edit",
    "throw": "thrown away",
}


def bar(top: int, title: str, shares: dict[str, float]) -> list[str]:
    """Return the elements of a bar with its title above."""
    elements = [
        f'<text x="{LEFT}" y="{top}">{title}</text>',
        f'<rect class="track" x="{LEFT}" y="{top + 6}" width="{WIDTH}" height="{HEIGHT}"/>',
    ]
    x = float(LEFT)
    for verdict, share in shares.items():
        width = WIDTH * share / 100
        place = f'x="{x:.1f}" y="{top + 6}" width="{width:.1f}" height="{HEIGHT}"'
        elements.append(f'<rect class="{CLASSES[verdict]}" {place}/>')
        middle = f'x="{x + width / 2:.1f}" y="{top + 24}" text-anchor="middle"'
        elements.append(f'<text class="in" {middle}>{share:.0f}</text>')
        x += width
    return elements


def main() -> None:
    """Write the picture, and print what it shows."""
    bars = {
        "A strong model, our prompt": STRONG,
        "A strong model, plain request": PLAIN_REQUEST,
        "Proposed offline, shown unasked": PROPOSED,
    }
    told = []
    elements = []
    for number, (title, shares) in enumerate(bars.items()):
        elements += bar(16 + STEP * number, title, shares)
        parts = [f"{TOLD[name]} {share:.0f}" for name, share in shares.items()]
        told.append(f"{title}: {', '.join(parts)} percent")
    bottom = 16 + STEP * len(bars)
    x = LEFT
    for verdict, words in TOLD.items():
        kind = CLASSES[verdict]
        elements.append(
            f'<rect class="{kind}" x="{x}" y="{bottom}" width="12" height="12"/>'
        )
        elements.append(f'<text x="{x + 18}" y="{bottom + 11}">{words}</text>')
        x += 30 + 7 * len(words)
    label = "; ".join(told)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 440 {bottom + 20}" role="img"'
    lines = [
        f'{head} aria-label="{label}">',
        f"<style>{STYLE}</style>",
        *elements,
        "</svg>",
    ]
    TO.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(label)


if __name__ == "__main__":
    main()
