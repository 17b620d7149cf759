"""Pictures of the program, for `docs/pictures/`: the review page, a paper on its way to Anki, and the whole way as a moving picture.

    python -m tests.web.pictures docs/pictures

They are made anew each time, in a folder that is thrown away: look at them before you commit.
"""

import base64
import html
import io
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image
from playwright.sync_api import sync_playwright

from ankiforge.extract import files
from tests.anki import backend
from tests.conftest import Forge
from tests.fakes import llm_server
from tests.makers.clippings import write_clippings
from tests.makers.eye import write_eye
from tests.makers.library import write_library
from tests.makers.papers import write_predictions
from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf
from tests.web.conftest import CARD, CHROMIUM, QUIET, served, turn_to
from tests.web.world import PAPER, world

WIDE = (1280, 720)
# (name, words of the item's title)
PICTURES = (
    ("new", "bacteria resist"),
    ("changed", "myelin"),
    ("questions", "lines like"),
)
NUMBERED = (
    "#paper .marks [data-s=now]",
    "#paper .marks [data-s=asks]",
    "#ticks",
    CARD,
    "#buttons button",
    "#menu",
)
"""What the six lines of the guide are about."""
NUMBERS = """selectors => selectors.forEach((selector, place) => {
  const box = document.querySelector(selector).getBoundingClientRect();
  const last = selector === "#menu"; // beside it stands the count
  const sign = document.createElement("b");
  sign.className = "numbered";
  sign.textContent = place + 1;
  sign.style.cssText = `position:fixed;z-index:99;left:${last ? box.left : Math.max(box.left - 36, 2)}px;top:${last ? box.bottom + 4 : box.top - 6}px;width:28px;height:28px;
    border-radius:50%;background:#1d2433;color:#fff;font:600 16px/28px system-ui,sans-serif;text-align:center`;
  document.body.append(sign);
})"""
UNNUMBERED = "() => document.querySelectorAll('.numbered').forEach(sign => sign.remove())"


def main(folder: Path) -> None:
    """Take them all."""
    files.QUIET_SECONDS = files.EMPTY_QUIET_SECONDS = 0.0
    with tempfile.TemporaryDirectory() as place, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        forge = Forge(Path(place) / "lists")
        with world(forge, backend, llm_server), served(forge) as address:
            page = browser.new_page(reduced_motion="reduce")  # an address works once
            page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
            page.goto(address)
            page.wait_for_selector("body[data-view=shelf]")
            page.screenshot(
                path=folder / "review-shelf.png", clip=UPPER_PART | {"height": 620}
            )
            page.locator(".documents li", has_text=PAPER).click()
            page.wait_for_selector(CARD)
            for name, words in PICTURES:
                if name != "new":
                    turn_to(page, "you")
                find(page, words)
                if name == "new":
                    page.evaluate(NUMBERS, [*NUMBERED])
                page.screenshot(path=folder / f"review-{name}.png")
                page.evaluate(UNNUMBERED)
        photograph_a_paper(Forge(Path(place) / "paper"), browser, folder)
        photograph_sources(Path(place), browser, folder)
        photograph_states(Path(place), browser, folder)
        photograph_five_cards(
            Forge(Path(place) / "five"), browser, folder / "cards-and-marks.png"
        )
        move(Forge(Path(place) / "way"), browser, folder / "whole-way.gif")
        browser.close()


MOST_ITEMS = 20


def find(page: Any, words: str) -> None:
    """Turn to the item with these words in its title."""
    title = f"document.querySelector('{CARD}').dataset.title"
    seen = []
    while words.casefold() not in page.evaluate(title).casefold():
        seen.append(page.evaluate(title))
        assert len(seen) < MOST_ITEMS, f"{words} is not among {seen}"
        page.keyboard.press("j")
        page.wait_for_timeout(300)
    settle(page)


def settle(page: Any) -> None:
    """Wait for the document beside the card, and take the focus and the mouse away."""
    page.locator(CARD).wait_for()
    if page.locator("#paper").is_visible():
        page.locator("#paper .marks [data-s=now]").first.wait_for()
    page.evaluate("document.activeElement?.blur()")
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)


# --- from paper to Anki -------------------------------------------------------------------------

SCALE = 1.5
"""Pixels per point of a PDF page."""
ALONE = """<style>
  body {{ margin: 0; width: 760px; }}
  body > .card {{ max-width: none; padding: 28px 36px; }}
</style><div class="card card1">{answer}</div></div>"""
"""A card by itself. Its template opens an element that it leaves open."""


def photograph_a_paper(forge: Forge, browser: Any, folder: Path) -> None:
    """Take the three pictures of the five minutes: the marked page, a proposal, the answer of a card in Anki."""
    write_predictions(forge.folder / "paper.pdf")
    sheet = (
        pypdfium2.PdfDocument(forge.folder / "paper.pdf")[0].render(scale=SCALE).to_pil()
    )
    sheet.crop((60, 60, sheet.width - 60, 660)).save(folder / "paper-marked.png")
    forge.ok("run", "paper.pdf")
    photograph_the_best(forge, browser, folder / "paper-review.png")
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        asked = next(card for card in forge.cards() if "Brier" in str(card["fields"]))
        card = anki.cards(asked["guid"])[0]
        answer = card.answer().replace("<details", "<details open")
    page = browser.new_page(viewport={"width": 760, "height": 480})
    page.set_content(ALONE.format(answer=answer))
    page.wait_for_timeout(300)
    page.locator("body > .card").screenshot(path=folder / "paper-card.png")


def open_the_first(page: Any) -> None:
    """Open the best document of the shelf."""
    page.wait_for_selector("body[data-view=shelf], body[data-view=sitting]")
    if page.locator(".documents").is_visible():
        page.locator(".documents li").first.click()
    settle(page)


def photograph_the_best(forge: Forge, browser: Any, path: Path) -> None:
    """Take the first card of the page."""
    with served(forge) as address:
        page = open_page(browser, address)
        open_the_first(page)
        fovea = page.locator(f"{CARD} .mask[title=Fovea]")
        if fovea.count():
            fovea.click()  # one mask is switched off
            settle(page)
        page.screenshot(path=path)


# --- the guides ---------------------------------------------------------------------------------


def photograph_sources(place: Path, browser: Any, folder: Path) -> None:
    """Take the first card of Zotero, of a figure, and of a Kindle."""
    zotero = Forge(place / "zotero")
    write_library(zotero.folder / "Zotero")
    zotero.ok("run", "Zotero")
    photograph_the_best(zotero, browser, folder / "zotero-review.png")
    figure = Forge(place / "figure")
    write_eye(figure.folder / "eye.pdf")
    figure.ok("run", "eye.pdf")
    photograph_the_best(figure, browser, folder / "review-figure.png")
    kindle = Forge(place / "kindle")
    write_clippings(kindle.folder / "My Clippings.txt")
    kindle.ok("run", "My Clippings.txt")
    photograph_the_best(kindle, browser, folder / "kindle-review.png")


# --- what can go wrong --------------------------------------------------------------------------


def photograph_states(place: Path, browser: Any, folder: Path) -> None:
    """Take the page when nothing waits, with a refused answer, and when its command has ended."""
    with served(Forge(place / "empty")) as address:
        page = open_page(browser, address)
        page.get_by_text("Nothing waits").wait_for()
        page.screenshot(path=folder / "review-empty.png", clip=UPPER_PART)
    lie = folder / "review-refused.png"
    photograph_a_refused_answer(Forge(place / "refused"), browser, lie)
    stopped = Forge(place / "stopped")
    write_predictions(stopped.folder / "paper.pdf")
    stopped.ok("run", "paper.pdf")
    with served(stopped) as address:
        page = open_page(browser, address)
        open_the_first(page)
    page.keyboard.press("Enter")
    page.get_by_text("asks again every two seconds").wait_for()
    page.wait_for_timeout(600)
    page.screenshot(path=folder / "review-stopped.png")


def photograph_a_refused_answer(forge: Forge, browser: Any, path: Path) -> None:
    """Take the answer of a chat with two cards, one of which has a number that is not in its source."""
    note = forge.folder / "notes" / "Canals.md"
    note.parent.mkdir()
    note.write_text(
        "# Canals\n\n==The Suez Canal was opened in 1869 after ten years of work.== It has no "
        "locks.\n\n==The locks of the Panama Canal lift ships 26 metres above the sea.==\n",
        encoding="utf-8",
    )
    forge.ok("run", "notes")
    with served(forge) as address:
        page = open_page(browser, address)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        open_the_first(page)
        page.keyboard.press("m")
        page.locator("#chat-said", has_text="Copied").wait_for()
        prompt = page.locator("#chat-text").input_value()
        marks = llm_server.marked({"messages": [{"role": "user", "content": prompt}]})
        cards = [
            {"kind": "basic", "front": front, "back": back, "quote": quote, "h": label}
            for front, back, quote in (
                ("When was the Suez Canal opened?", "1896", "opened in 1869"),
                ("How far do the locks of the Panama Canal lift ships?", "26 metres", "lift ships 26 metres"),
            )
            for label, words in marks
            if quote in words
        ]  # fmt: skip
        page.locator("#chat-answer").fill(json.dumps({"cards": cards}, indent=1))
        page.locator("#chat-take").click()
        page.locator("#chat-said", has_text="1896").wait_for()
        page.wait_for_timeout(600)
        page.evaluate("document.querySelector('dialog[open]').style.borderRadius = 0")
        page.locator("dialog[open]").screenshot(path=path)


FIVE_FACTS = (
    (
        "1 The impulse",
        "Every cell has a voltage across its membrane. =The action potential is the short reversal of the voltage across "
        "a membrane.= It always has the same height. =The refractory period is the time during which a nerve cannot be "
        "excited again.=",
    ),
    (
        "2 Faster",
        "A bare axon is slow. =The myelin sheath is a fatty layer that insulates the axons of many neurons.= It is not "
        "continuous. =The gaps between two segments of myelin are called nodes of Ranvier.=",
    ),
    (
        "3 From cell to cell",
        "An impulse ends where the axon ends. =The synapse is the junction at which one neuron passes a signal to another.= "
        "Most synapses use a chemical messenger.",
    ),
)
"""Sections of a paper: heading, and text with its five marks between equals signs."""
UPPER_PART = {"x": 0, "y": 0, "width": WIDE[0], "height": 420}


def open_page(browser: Any, address: str) -> Any:
    """Open the page in a window of the usual size, without movement."""
    page = browser.new_page(
        viewport={"width": WIDE[0], "height": WIDE[1]}, reduced_motion="reduce"
    )
    page.goto(address)
    return page


def photograph_five_cards(forge: Forge, browser: Any, path: Path) -> None:
    """Take the end of a sitting: five cards beside their marks."""
    blocks = [heading("How Nerves Conduct", level=0)]
    for title, text in FIVE_FACTS:
        blocks += [heading(title), paragraph(text.replace("=", ""))]
    marked = [fact for _, text in FIVE_FACTS for fact in text.split("=")[1::2]]
    marks = tuple(mark(words, colour="#ffd400") for words in marked)
    sheet = Page(tuple(blocks), marks, label="12")
    write_pdf(forge.folder / "paper.pdf", [sheet], title="How Nerves Conduct")
    forge.ok("run", "paper.pdf")
    with served(forge) as address:
        page = open_page(browser, address)
        open_the_first(page)
        for _ in range(MOST_ITEMS):
            if page.locator(".ending h2", has_text="5 cards").count():
                break
            page.keyboard.press("Enter")
            page.wait_for_timeout(900)
        page.locator(".ending h2", has_text="5 cards").wait_for()
        page.wait_for_timeout(1500)
        page.screenshot(path=path, clip=UPPER_PART | {"height": 500})


# --- the whole way ------------------------------------------------------------------------------

SCREEN = (1280, 720)
STEPS = (
    "Mark what you read",
    "ankiforge run",
    "One key a card",
    "Or your chat asks",
    "Learn it in Anki",
)
FRAME = """<style>
  * {{ box-sizing: border-box; }} body {{ margin: 0; width: 1280px; height: 780px; background: #fff; font: 20px system-ui, sans-serif; }}
  body > ol {{ display: flex; gap: 2.5rem; height: 60px; margin: 0; padding: 0 2rem; align-items: center; list-style: none; background: #1f2430; color: #8f98ab; }}
  li.now {{ color: #fff; font-weight: 600; }} main {{ height: 720px; overflow: hidden; background: {ground}; }}
  img {{ display: block; width: 1280px; }} pre {{ margin: 0; padding: 2rem; font: 22px/1.6 "DejaVu Sans Mono", monospace; color: #e6e9ef; white-space: pre-wrap; }}
  main > .card {{ zoom: 1.25; }}
  .chat {{ max-width: 900px; margin: 0 auto; padding: 2rem; color: #1f2430; line-height: 1.45; }} .chat h2 {{ margin: 0 0 1.5rem; font-size: 20px; }} .chat h2 small {{ color: #5d6880; font-weight: 400; }}
  .chat p {{ margin: 0 0 1.25rem; padding: 1rem 1.25rem; border-radius: .75rem; white-space: pre-wrap; }} .chat .sent {{ max-height: 210px; margin-inline-start: 8rem; overflow: hidden; background: #e8eefb; }} .chat .answer {{ margin-inline-end: 4rem; background: #f1f2ee; font: 19px/1.5 "DejaVu Sans Mono", monospace; }}
  kbd {{ position: fixed; left: 50%; bottom: 2.5rem; transform: translateX(-50%); padding: .5rem 1.6rem; border-radius: .5rem; background: #1f2430; color: #fff; font: 600 36px system-ui, sans-serif; box-shadow: 0 2px 8px #0006; }}
</style><ol>{steps}</ol><main>{content}</main>"""
CHAT = '<div class="chat"><h2>Any chat <small>(its answer is played here)</small></h2>'
NO_STEP = -1
ASKED = "The minimum inhibitory concentration (MIC) is the lowest concentration that prevents visible growth."
"""The mark whose proposal becomes a card with two keys."""
NEXT = "The transfer of a plasmid from cell to cell is called conjugation."
"""The mark about which a chat asks."""


def move(forge: Forge, browser: Any, path: Path) -> None:
    """Make the moving picture of two marks. It begins with paper and card, which stand where it is still."""
    page = browser.new_page(viewport={"width": SCREEN[0], "height": SCREEN[1] + 60})
    frames = [*way(forge, browser)]
    [poster] = [content for step, seconds, content, _ in frames if not seconds]
    shots = []
    for step, seconds, content, ground in [(NO_STEP, 1.2, poster, "#fff"), *frames]:
        if not seconds:
            continue
        steps = "".join(
            f'<li class="{"now" if at == step else ""}">{at + 1} {name}</li>'
            for at, name in enumerate(STEPS)
        )
        page.set_content(FRAME.format(steps=steps, content=content, ground=ground))
        page.wait_for_timeout(200)
        image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shots.append((image.quantize(64, dither=Image.Dither.NONE), int(seconds * 1000)))
    first, *rest = [image for image, _ in shots]
    times = [time for _, time in shots]
    first.save(
        path, save_all=True, append_images=rest, duration=times, loop=0, optimize=True
    )


def write_a_paper(path: Path, *marked: str) -> None:
    """Write the paper of the moving picture, with these sentences marked."""
    blocks = (
        heading("How Bacteria Resist Antibiotics", level=0),
        heading("1 How it is measured"),
        paragraph(
            f"{ASKED} Persister cells survive a dose far above it without any genetic change: they are tolerant, not "
            "resistant, and their offspring are as susceptible as before."
        ),
        heading("2 Four ways out"),
        paragraph(
            "A bacterium can destroy the drug, keep it out, change the target, or go around it. Efflux pumps throw out "
            "drugs of many classes at once, so that one mutation in a regulator may protect against several unrelated "
            "antibiotics."
        ),
        paragraph(
            "Alexander Fleming warned in his Nobel lecture of 1945 that underdosing would teach microbes to resist "
            "penicillin. Resistance is older than medicine, however: genes for it have been found in permafrost that is "
            "thirty thousand years old."
        ),
        heading("3 How it spreads"),
        paragraph(
            f"Resistance genes travel between species. {NEXT} In transformation a cell takes up naked DNA from its "
            "surroundings."
        ),
    )
    marks = tuple(mark(words, colour="#ffd400") for words in marked)
    title = "How Bacteria Resist Antibiotics"
    write_pdf(path, [Page(blocks, marks, label="117")], title=title)


def way(forge: Forge, browser: Any) -> Iterator[tuple[int, float, str, str]]:
    """Yield (step, seconds, HTML, ground) of each frame of two marks' way; one of no seconds is the poster."""
    paper = forge.folder / "paper.pdf"
    for number, marked in enumerate(((), (ASKED,), (ASKED, NEXT))):
        write_a_paper(paper, *marked)
        drawn = pypdfium2.PdfDocument(paper)[0].render(scale=2.1).to_pil()
        left = (drawn.width - SCREEN[0]) // 2
        shown = picture(drawn.crop((left, 90, left + SCREEN[0], 90 + SCREEN[1])))
        yield 0, (0.7, 1.3, 1.0)[number], shown, "#fff"
    done = forge.ok("run", "paper.pdf")
    typed = "$ ankiforge run paper.pdf"
    told = f"{typed}\n{done.stderr}{done.stdout}".replace(str(forge.folder), "~")
    yield 1, 0.8, f"<pre>{typed}</pre>", "#14161a"
    yield 1, 2.6, f"<pre>{html.escape(told)}</pre>", "#14161a"
    with served(forge) as address:
        page = browser.new_page(viewport={"width": SCREEN[0], "height": SCREEN[1]})
        page.goto(address)
        open_the_first(page)
        page.wait_for_timeout(900)
        shown = picture(page.screenshot())
        yield 2, 0, shown, "#fff"  # the poster
        yield 2, 1.8, shown, "#fff"
        yield 2, 0.6, f"{shown}<kbd>2</kbd>", "#fff"
        page.keyboard.press("2")
        page.wait_for_timeout(500)
        shown = picture(page.screenshot())
        yield 2, 1.6, shown, "#fff"
        yield 2, 0.6, f"{shown}<kbd>Enter ↵</kbd>", "#fff"
        page.keyboard.press("Enter")
        for _ in range(5):
            yield 2, 0.09, picture(page.screenshot()), "#fff"
        settle(page)
        page.wait_for_timeout(600)
        yield 2, 1.5, picture(page.screenshot()), "#fff"
        yield from way_through_a_chat(page)
    forge.ok("build")
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        accepted = [one for one in forge.cards() if one["verdict"] == "accepted"]
        for one in sorted(accepted, key=itemgetter("kind"), reverse=True):
            card = anki.cards(one["guid"])[0]
            for side, seconds in ((card.question(), 1.6), (card.answer(), 2.6)):
                opened = side.replace("<details", "<details open")
                yield 4, seconds, f'<div class="card card1">{opened}</div>', "#fcfcfa"


def way_through_a_chat(page: Any) -> Iterator[tuple[int, float, str, str]]:
    """Yield the frames of a mark about which a chat asks. The chat is a plain text, played here."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield 3, 0.6, f"{picture(page.screenshot())}<kbd>M</kbd>", "#fff"
    page.keyboard.press("m")
    page.locator("#chat-said", has_text="Copied").wait_for()
    page.wait_for_timeout(300)
    yield 3, 2.0, picture(page.screenshot()), "#fff"
    prompt = page.locator("#chat-text").input_value()
    [label] = re.findall(r'<highlight h="(\w{8})">', prompt)
    front = "What is the transfer of a plasmid from cell to cell called?"
    card = {"h": label, "kind": "basic", "front": front, "back": "conjugation"}
    answer = json.dumps({"cards": [card | {"quote": NEXT}]}, indent=1)
    sent = f'<p class="sent">{html.escape(prompt)}</p>'
    answered = f'<p class="answer">{html.escape(answer)}</p>'
    for words, seconds in ((sent, 1.2), (sent + answered, 2.4)):
        yield 3, seconds, f"{CHAT}{words}</div>", "#fff"
    page.locator("#chat-answer").fill(answer)
    yield 3, 0.9, picture(page.screenshot()), "#fff"
    page.locator("#chat-take").click()
    page.locator("#chat-said", has_text="1 of 1").wait_for()
    page.keyboard.press("Escape")
    page.locator(CARD, has_text=front).or_(page.locator(f"{CARD} iframe")).wait_for()
    settle(page)
    page.wait_for_timeout(600)
    yield 3, 1.8, picture(page.screenshot()), "#fff"
    yield 3, 0.6, f"{picture(page.screenshot())}<kbd>Enter ↵</kbd>", "#fff"
    page.keyboard.press("Enter")
    page.locator(".ending h2").filter(has_not_text="Done.").wait_for()
    page.wait_for_timeout(1500)
    yield 3, 2.0, picture(page.screenshot()), "#fff"


def picture(shown: Any) -> str:
    """A picture as HTML."""
    if not isinstance(shown, bytes):
        data = io.BytesIO()
        shown.save(data, "PNG")
        shown = data.getvalue()
    return f'<img src="data:image/png;base64,{base64.b64encode(shown).decode()}" alt="">'


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
