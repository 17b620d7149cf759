"""Measure how many words that are dragged over in a real browser become the same words of a mark.

    python -m benchmarks.dragged FILE... [--marks 1000]      PDFs, notes, saved web pages, EPUBs

Each file is opened on the page of `ankiforge review` in headless Chromium. A mouse is pressed on
a random word, moved over two to thirty words, and let go; Enter makes a mark of them. In three of
ten drags it is pressed or let go within a word, which is then meant whole. A mark is right if it
has the letters of what the browser said is selected: no word more or less. Tags of HTML and attributes
that stand in a note, `{: .class}`, are no words.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import playwright.sync_api as playwright

from ankiforge.draft.choose_passages import blank_attributes
from ankiforge.text.elements import convert_html_elements
from ankiforge.text.normalize import fold_alphanumerics

QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
PICK = """([at, from, number, within]) => {
  const pages = [...document.querySelectorAll("#paper .sheet-of-paper, #paper .note-text")];
  const drawn = pages.filter((each) => each.matches(".note-text") || each.querySelector(".page-words"));
  const some = at < 0.3 ? pages : drawn; // mostly those that need not be waited for
  const page = some[Math.floor(at < 0.3 ? (at / 0.3) * some.length : ((at - 0.3) / 0.7) * some.length)];
  if (page.matches(".sheet-of-paper") && !page.querySelector(".page-words")) {
    page.scrollIntoView({ block: "start", behavior: "instant" });
    return "later";
  }
  const blocks = page.matches(".note-text") ? [...page.querySelectorAll("p, li, h1, h2, h3, td")] : [page];
  const block = blocks[Math.floor(from * blocks.length)];
  if (!block) return null;
  block.scrollIntoView({ block: "start", behavior: "instant" });
  const words = [];
  const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest("annotation, .katex-mathml, svg:not(.page-words)")) continue;
    for (const found of node.data.matchAll(/\\S+/g)) {
      const range = new Range();
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      const [box, more] = range.getClientRects();
      if (box && !more && box.width > 2) words.push({ word: found[0], box });
    }
  }
  const pane = document.querySelector("#paper").getBoundingClientRect();
  const isSeen = ({ box }) => box.top > pane.top + 8 && box.bottom < pane.bottom - 8 && box.left > pane.left && box.right < pane.right;
  const marks = [...document.querySelectorAll("#paper path.mark")].map((mark) => mark.getBoundingClientRect());
  const isMarked = ({ box }) => marks.some((mark) => box.left < mark.right && box.right > mark.left && box.top < mark.bottom && box.bottom > mark.top);
  const starts = words.map((_, place) => place).filter((place) => isSeen(words[place]));
  if (starts.length < 3) return null;
  const first = starts[Math.floor(from * (starts.length - 2))];
  let last = first;
  while (last + 1 < words.length && last - first < number && isSeen(words[last + 1])) last++;
  const chosen = words.slice(first, last + 1);
  if (chosen.length < 2 || chosen.some(isMarked)) return null;
  const isRight = getComputedStyle(block).direction === "rtl" || /[\\u0590-\\u07ff]/.test(words[first].word);
  const y = ({ top, height }) => top + height / 2;
  const edge = isRight ? 2 : 0.6;
  const inside = (box) => Math.min(0.4 * box.width, 12);
  const begin = ({ left, right }, by) => (isRight ? right - by : left + by);
  const end = ({ left, right }, by) => (isRight ? left + by : right - by);
  const [a, b] = [words[first].box, words[last].box];
  return { from: [begin(a, within === 1 ? inside(a) : edge), y(a)], to: [end(b, within === 2 ? inside(b) : edge), y(b)],
    words: chosen.map(({ word }) => word).join(" ") };
}"""
SELECTED = """() => {
  const selection = getSelection();
  if (selection.isCollapsed) return { text: "", before: "" };
  const range = selection.getRangeAt(0);
  const before = new Range();
  before.setStart(range.startContainer.parentElement.closest(".sheet-of-paper, .note-text"), 0);
  before.setEnd(range.startContainer, range.startOffset);
  return { text: selection.toString(), before: before.toString().slice(-80) };
}"""
SHOW = """
import ankiforge, json
with ankiforge.Workspace(".", read_only=True) as workspace:
    every = [each.highlight for each in workspace.highlights()]
    print(json.dumps({each.key: each.exact for each in every}))
"""


def is_right(chosen: str, marked: str) -> bool:
    """Return whether a mark has the letters of a choice, and else at most the rest of its ends."""
    wanted, letters = (
        fold_alphanumerics(blank_attributes(convert_html_elements(each)))
        for each in (chosen, marked)
    )
    words = marked.split() or [""]
    start = letters.find(wanted)
    more = len(letters) - start - len(wanted)
    begins = not start or start < len(fold_alphanumerics(words[0]))
    ends = not more or more < len(fold_alphanumerics(words[-1]))
    return bool(wanted) and start >= 0 and begins and ends


def dragged(page: Any, number: int) -> list[dict[str, str]]:
    """Drag over words of a document so many times; return each choice with its mark."""
    made = []
    misses = 0
    while len(made) < number and misses < 5 * number:
        within = random.choice((0, 0, 0, 0, 0, 0, 0, 1, 2, 2))
        asked = [random.random(), random.random(), random.randint(2, 30), within]
        span = page.evaluate(PICK, asked)
        for _ in range(40):  # until the page is drawn
            if span != "later":
                break
            page.wait_for_timeout(100)
            span = page.evaluate(PICK, asked)
        if isinstance(span, dict):  # after it has scrolled
            page.wait_for_timeout(120)
            span = page.evaluate(PICK, asked)
        if not isinstance(span, dict):
            misses += 1
            page.wait_for_timeout(60)
            continue
        page.mouse.move(*span["from"])
        page.mouse.down()
        page.mouse.move(*span["to"], steps=6)
        page.mouse.up()
        choice = {**page.evaluate(SELECTED), "words": span["words"]}
        try:
            with page.expect_response("**/api/mark", timeout=60_000) as answered:
                page.keyboard.press("Enter")
            reply = answered.value.json()
            choice["key"] = reply.get("key", "")
            choice["error"] = "" if choice["key"] else str(reply)
        except playwright.TimeoutError:
            choice |= {"key": "", "error": "nothing was asked"}
            page.keyboard.press("Escape")
        made.append(choice)
        page.wait_for_timeout(350)
        page.wait_for_selector("body[aria-busy=true]", state="detached")
    return made


def outcome(choice: dict[str, str], marks: dict[str, str]) -> str:
    """Return what became of a choice."""
    if not fold_alphanumerics(choice["text"]):
        return "nothing selected"
    mark = marks.get(choice["key"])
    if mark is None:
        return f"refused: {choice['error'][:60]}"
    if not is_right(choice["text"], mark):
        return "other words"
    same = fold_alphanumerics(choice["text"]) == fold_alphanumerics(mark)
    return "the same letters" if same else "the same words"


def of_file(
    browser: Any, path: Path, number: int
) -> list[tuple[str, dict[str, str], str]]:
    """Return the outcome of each drag in a file, with the choice and the words of its mark."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, folder)
        Path(folder, "ankiforge.yaml").write_text("anki: {collection: none}\n", "utf-8")
        command = [sys.executable, "-m", "ankiforge"]
        run: Any = {
            "cwd": folder,
            "text": True,
            "env": {**os.environ, "HOME": folder, "ANKIFORGE_TRUST": folder},
        }
        served = subprocess.Popen(
            [*command, "-q", "review", path.name, "--no-open"],
            stdout=subprocess.PIPE,
            **run,
        )
        try:
            assert served.stdout
            address = served.stdout.readline().strip()
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector(
                "#paper .page-words, #paper .note-text", timeout=60_000
            )
            page.wait_for_timeout(500)
            made = dragged(page, number)
            context.close()
        finally:
            served.terminate()
            served.wait()
        shown = subprocess.run(
            [sys.executable, "-c", SHOW], capture_output=True, check=True, **run
        )
        marks: dict[str, str] = json.loads(shown.stdout)
    return [(outcome(each, marks), each, marks.get(each["key"], "")) for each in made]


def main() -> None:
    """Print how many drags of each file are right, and those that are not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--marks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    random.seed(asked.seed)
    of_each = -(-asked.marks // len(asked.files))
    counts: Counter[str] = Counter()
    with playwright.sync_playwright() as started:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = started.chromium.launch(executable_path=program, args=QUIET)
        for path in asked.files:
            every = of_file(browser, path.resolve(), of_each)
            of_this = Counter(result for result, _, _ in every)
            counts.update(of_this)
            print(f"{path.name[:40]:40} {dict(of_this)}", flush=True)
            for result, choice, exact in every:
                if not result.startswith("the same"):
                    print(f"  {result}\n    {choice['words']!r}\n    {choice['text']!r}\n    {exact!r}", flush=True)  # fmt: skip
        browser.close()
    right = counts["the same letters"] + counts["the same words"]
    print(f"{dict(counts)}; right: {right} of {counts.total()}")


if __name__ == "__main__":
    main()
