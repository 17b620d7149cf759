"""In a real browser: what stands beside a title with bidirectional controls reads as it was written."""

RLO, PDI = "\u202e", "\u2069"
TITLE = f"Notes{PDI}{RLO}gnp"
LEFT_TO_RIGHT = """(word) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (let at = node.data.indexOf(word); at >= 0; at = node.data.indexOf(word, at + 1)) {
      const edges = [at, at + word.length - 1].map((place) => {
        const range = document.createRange();
        range.setStart(node, place);
        range.setEnd(node, place + 1);
        return range.getBoundingClientRect();
      });
      if (edges[0].width) found.push(edges[0].x < edges[1].x);
    }
  }
  return found;
}"""
"""Of each place where a word is shown: whether its first letter stands left of its last."""


def test_nothing_beside_a_title_is_turned_round(forge, review, tmp_path):
    vault = tmp_path / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    text = f"# Heading{RLO}\n\n## Energy\n\nThe ==mitochondrion== makes ATP in the cell.\n"
    (vault / f"{TITLE}.md").write_text(text, "utf-8")
    forge.ok("run", vault, "--accept", "review")
    page = review()
    for frame in page.frames:
        shown = frame.evaluate(LEFT_TO_RIGHT, "Energy")
        assert shown, "the line of context is not shown"
        assert all(shown)
    assert all(page.evaluate(LEFT_TO_RIGHT, "card from"))
    assert set(page.frames[1].evaluate(LEFT_TO_RIGHT, "gnp")) == {False}  # it turns its own letters
