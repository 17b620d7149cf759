// A note, and the marks of a book: text in the page, with marks where their words stand.
import { $, all, fit, h } from "./dom.js";
import { harmless } from "./face.js";
import { lettersOf, lettersOfAll, textsIn } from "./letters.js";
import { svg } from "./shapes.js";

const FORMULA = /\$\$[^$]+\$\$|\$[^$\n]+\$/g; // is drawn, so its letters are others
const SHORT = 12; // letters; a shorter mark is found only where it is marked
const WITHOUT_BLANKS = /[\u3040-\u30ff\u4e00-\u9fff]/; // scripts in which a letter is a syllable or word

export function text(paper, { kind, html, lang }) {
  const content = h("div", { className: "note-text", dir: "auto", lang }, harmless(html));
  return flowing(paper, content, () => (kind === "list" ? quotesIn(content) : rangesIn(content, paper.marks)));
}

function flowing(paper, content, find) {
  const layer = svg("svg", { class: "marks", "aria-hidden": true });
  const node = h("div", { className: "flow" }, content);
  node.prepend(layer);
  content.addEventListener("load", () => paper.layout(), true); // a picture moves what is below it
  let ranges = new Map();
  const boxes = (range) => {
    const o = node.getBoundingClientRect();
    return boxesIn(range).map(([l, t, r, b]) => [l - o.left, t - o.top, r - o.left, b - o.top]);
  };
  // Between which edges the paragraph, item or cell stands in which a mark begins.
  const home = ({ startContainer: first }) => {
    const block = (first instanceof Element ? first : first.parentElement).closest("p, li, td, th, dd, blockquote, h1, h2, h3, h4, .note-text");
    const { paddingLeft, paddingRight } = getComputedStyle(block);
    const { left, right } = block.getBoundingClientRect();
    const o = node.getBoundingClientRect();
    return [left + parseFloat(paddingLeft) - o.left, right - parseFloat(paddingRight) - o.left];
  };
  const known = new Map(); // where each mark is, until the text is laid out anew
  const placeOf = (key) => {
    const range = ranges.get(key);
    if (!known.has(key)) known.set(key, { boxes: boxes(range), edges: home(range) });
    return known.get(key);
  };
  const asked = (key) => (key === paper.now && ranges.has(key) ? paper.asked.flatMap((sentence) => {
    const range = sentenceIn(ranges.get(key), sentence);
    return range ? boxes(range) : [];
  }) : []);
  return {
    node,
    begin: async () => {},
    layout() {
      content.style.fontSize = `${paper.zoom * 1.0625}rem`;
      fit(content);
      known.clear();
      // a range that was taken out of the page with its text has moved to what held it
      const [one] = ranges.values();
      if (!one || !content.contains(one.startContainer)) ranges = find();
    },
    draw() {
      layer.setAttribute("viewBox", `0 0 ${node.clientWidth} ${node.clientHeight}`);
      const all = paper.marks.filter((mark) => ranges.has(mark.key));
      layer.replaceChildren(...all.flatMap((mark) => paper.shapesOf(mark, placeOf(mark.key).boxes, asked(mark.key), () => placeOf(mark.key).edges)));
    },
    near: async () => {},
    async renew() {
      known.clear();
      ranges = find();
    },
    boxesOf: (key) => (ranges.has(key) ? { origin: node, boxes: placeOf(key).boxes, asked: asked(key), homeOf: () => placeOf(key).edges } : null),
  };
}

// The boxes of what is drawn in a range: its letters, and its formulas as wholes.
function boxesIn(range) {
  const found = [];
  const walker = document.createTreeWalker(range.commonAncestorContainer.parentElement, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (each) => {
    if (!range.intersectsNode(each)) return NodeFilter.FILTER_REJECT;
    if (each.nodeName.toLowerCase() === "math") return NodeFilter.FILTER_ACCEPT;
    if (each.parentElement?.closest("math")) return NodeFilter.FILTER_REJECT;
    return each.nodeType === Node.TEXT_NODE ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP;
  });
  while (walker.nextNode()) {
    const each = walker.currentNode;
    if (each.nodeType === Node.TEXT_NODE && !each.textContent.trim()) continue;
    const part = new Range();
    part.selectNode(each);
    if (each === range.startContainer) part.setStart(each, range.startOffset);
    if (each === range.endContainer) part.setEnd(each, range.endOffset);
    const boxes = each instanceof Element ? [each.getBoundingClientRect()] : part.getClientRects();
    const more = each instanceof Element ? 3 : 0; // a formula stands out of its line
    for (const { left, top, right, bottom } of boxes) found.push([left, top - more, right, bottom + more]);
  }
  return found;
}

// Where a sentence is within a mark; formulas have other letters, so it goes from its first to its last plain words.
function sentenceIn(range, sentence) {
  const texts = textsIn(range.commonAncestorContainer.parentElement).filter((each) => range.intersectsNode(each));
  const letters = lettersOfAll(texts.map(({ data }) => data));
  const pieces = sentence.split(/\ufffc+/).map(lettersOf).filter((each) => each.length > 2);
  if (!pieces.length) return null;
  const from = letters.letters.indexOf(pieces[0]);
  const last = pieces.at(-1);
  const lastAt = letters.letters.indexOf(last, from);
  if (from < 0 || lastAt < 0) return null;
  return rangeOf(texts, letters.places[from], letters.places[lastAt + last.length - 1]);
}
// From one letter of texts to another, with the sign that ends the words.
function rangeOf(texts, [first, start], [last, end]) {
  const made = new Range();
  made.setStart(texts[first], start);
  made.setEnd(texts[last], end + (/^[\p{P}\p{S}]/u.test(texts[last].data.slice(end + 1)) ? 2 : 1));
  return made;
}

// The quotes of a book, each of which is a mark.
const quotesIn = (content) => new Map(all("[data-key]", content).map((node) => [node.dataset.key, contentsOf($("blockquote", node))]));
function contentsOf(node) {
  const range = new Range();
  range.selectNodeContents(node);
  return range;
}

// Where the marks of a note are. The note says itself what is marked; only long words are looked for elsewhere, since a wrong
// place is worse than none. Formulas are drawn with other letters, so a mark may have none.
function rangesIn(content, marks) {
  const found = new Map();
  const marked = all("mark", content).map((node) => ({ node, letters: lettersOf(textsIn(node).map(({ data }) => data).join("")) }));
  const texts = textsIn(content);
  const { letters, places } = lettersOfAll(texts.map(({ data }) => data));
  let next = 0;
  let after = 0;
  for (const mark of marks) {
    const wanted = lettersOf(mark.exact.replace(FORMULA, " "));
    const at = marked.findIndex((each, i) => i >= next && (each.letters ? wanted.includes(each.letters) : /\$.+\$/s.test(mark.exact)));
    const isWhole = at >= 0 && marked[at].letters === wanted;
    const from = isWhole || isShort(wanted) ? -1 : letters.indexOf(wanted, after);
    if (at >= 0) next = at + 1;
    if (from >= 0) {
      after = from + wanted.length;
      found.set(mark.key, rangeOf(texts, places[from], places[after - 1]));
    } else if (at >= 0) found.set(mark.key, contentsOf(marked[at].node));
  }
  return found;
}
const isShort = (letters) => letters.length < (WITHOUT_BLANKS.test(letters) ? SHORT / 3 : SHORT);
