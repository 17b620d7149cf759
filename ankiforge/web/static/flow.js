// A note, and the marks of a book: text in the page, with marks where their words stand.
import { $, all, fit, h } from "./dom.js";
import { harmless } from "./face.js";
import { lettersOf, lettersOfAll, occurrences, textsIn } from "./letters.js";
import { svg } from "./shapes.js";

const FORMULA = /\$\$[^$]+\$\$|\$[^$\n]+\$/g; // is drawn, so its letters are others
const SHORT = 12; // letters; a shorter mark is found only where it is marked
const WITHOUT_BLANKS = /[\u3040-\u30ff\u4e00-\u9fff]/; // scripts in which a letter is a syllable or word

export function text(paper, { kind, html, marks, lang }) {
  const content = h("div", { className: "note-text", dir: "auto", lang }, harmless(html));
  return flowing(paper, content, () => (kind === "list" ? quotesIn(content) : rangesIn(content, marks)));
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
  const known = new Map(); // the boxes of each mark, until the text is laid out anew
  const boxesOf = (key) => {
    if (!known.has(key)) known.set(key, boxes(ranges.get(key)));
    return known.get(key);
  };
  const asked = (key) => (key === paper.now && ranges.has(key) ? paper.asked.flatMap((sentence) => {
    const range = sentenceIn(ranges.get(key), sentence);
    return range ? boxes(range) : [];
  }) : []);
  return {
    node,
    begin: async () => {},
    async search(words) {
      const texts = textsIn(content);
      return occurrences(lettersOfAll(texts.map(({ data }) => data)), words).map(([[first, start], [last, end]]) => () => {
        const range = new Range();
        range.setStart(texts[first], start);
        range.setEnd(texts[last], end + 1);
        if (window.Highlight) CSS.highlights.set("found", new Highlight(range));
        texts[first].parentElement.scrollIntoView({ block: "center", behavior: "instant" });
      });
    },
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
      layer.replaceChildren(...all.flatMap((mark) => paper.shapesOf(mark, boxesOf(mark.key), asked(mark.key), begins(ranges.get(mark.key)))));
    },
    near: async () => {},
    boxesOf: (key) => (ranges.has(key) ? { origin: node, boxes: boxesOf(key), asked: asked(key) } : null),
  };
}

// Whether a range begins its paragraph, item or cell.
function begins(range) {
  const { startContainer: first } = range;
  const before = new Range();
  before.setStart((first instanceof Element ? first : first.parentElement).closest("p, li, td, th, dd, blockquote, h1, h2, h3, h4") ?? first, 0);
  before.setEnd(first, range.startOffset);
  return !before.toString().trim();
}

// The boxes of what is drawn in a range: its letters, and its formulas as wholes.
function boxesIn(range) {
  const found = [];
  const root = range.commonAncestorContainer.nodeType === Node.TEXT_NODE ? range.commonAncestorContainer.parentElement : range.commonAncestorContainer;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (each) => {
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
  const texts = textsIn(range.commonAncestorContainer.nodeType === Node.TEXT_NODE ? range.commonAncestorContainer.parentElement : range.commonAncestorContainer).filter((each) => range.intersectsNode(each));
  const letters = lettersOfAll(texts.map(({ data }) => data));
  const pieces = sentence.split(/\ufffc+/).map(lettersOf).filter((each) => each.length > 2);
  if (!pieces.length) return null;
  const from = letters.letters.indexOf(pieces[0]);
  if (from < 0) return null;
  const last = pieces.at(-1);
  const lastAt = letters.letters.indexOf(last, from);
  if (lastAt < 0) return null;
  const made = new Range();
  const [first, start] = letters.places[from];
  const [end, stop] = letters.places[lastAt + last.length - 1];
  made.setStart(texts[first], start);
  made.setEnd(texts[end], Math.min(stop + 2, texts[end].length));
  return made;
}

// The quotes of a book, each of which is a mark.
const quotesIn = (content) => new Map(all("[data-key]", content).map((node) => {
  const range = new Range();
  range.selectNodeContents($("blockquote", node));
  return [node.dataset.key, range];
}));

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
    const range = new Range();
    if (at >= 0) next = at + 1;
    if (from >= 0) {
      after = from + wanted.length;
      const [[first, start], [last, end]] = [places[from], places[after - 1]];
      range.setStart(texts[first], start);
      range.setEnd(texts[last], Math.min(end + 2, texts[last].length));
    } else if (at >= 0) range.selectNodeContents(marked[at].node);
    else continue;
    found.set(mark.key, range);
  }
  return found;
}
const isShort = (letters) => letters.length < (WITHOUT_BLANKS.test(letters) ? SHORT / 3 : SHORT);
