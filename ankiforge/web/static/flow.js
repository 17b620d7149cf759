// A note, or the highlights of a book: text in the page, with highlights drawn over it.
import { $, findAll, fitFormulas, h } from "./dom.js";
import { removeScripts } from "./face.js";
import { foldLetters, foldAllLetters, findTextNodes } from "./letters.js";
import { makeSvg } from "./shapes.js";

const FORMULA = /\$\$[^$]+\$\$|\$[^$\n]+\$/g; // rendered with characters that differ from the source
const MIN_LETTERS = 12; // shorter highlights are found only through the note's own markup
const UNSPACED = /[\u3040-\u30ff\u4e00-\u9fff]/; // scripts whose characters are syllables or words

export function makeTextLayout(paper, { kind, html, lang }) {
  const content = h("div", { className: "note-text", dir: "auto", lang }, removeScripts(html));
  const find = () => (kind === "list" ? findQuotes(content) : findRanges(content, paper.marks));
  const layer = makeSvg("svg", { class: "marks", "aria-hidden": true });
  const node = h("div", { className: "flow" }, content);
  node.prepend(layer);
  content.addEventListener("load", () => paper.layout(), true); // a loaded picture moves the text below it
  let ranges = new Map();
  const relativeBoxes = (range) => {
    const o = node.getBoundingClientRect();
    return findBoxes(range).map(([l, t, r, b]) => [l - o.left, t - o.top, r - o.left, b - o.top]);
  };
  // The left and right edges of the paragraph, list item or cell in which a highlight starts.
  const findEdges = ({ startContainer: first }) => {
    const block = (first instanceof Element ? first : first.parentElement).closest("p, li, td, th, dd, blockquote, h1, h2, h3, h4, .note-text");
    const { paddingLeft, paddingRight } = getComputedStyle(block);
    const { left, right } = block.getBoundingClientRect();
    const o = node.getBoundingClientRect();
    return [left + parseFloat(paddingLeft) - o.left, right - parseFloat(paddingRight) - o.left];
  };
  const positions = new Map(); // the position of each highlight, until the next layout
  const getPosition = (key) => {
    const range = ranges.get(key);
    if (!positions.has(key)) positions.set(key, { boxes: relativeBoxes(range), edges: findEdges(range) });
    return positions.get(key);
  };
  const getCurrentBoxes = (key) => (key === paper.now && ranges.has(key) ? paper.asked.flatMap((sentence) => {
    const range = findSentence(ranges.get(key), sentence);
    return range ? relativeBoxes(range) : [];
  }) : []);
  new ResizeObserver(() => fitFormulas(content)).observe(content);
  return {
    node,
    layout() {
      content.style.fontSize = `${paper.zoom * 1.0625}rem`;
      fitFormulas(content);
      positions.clear();
      // ranges collapse when their text is removed from the page, so find them again
      const [one] = ranges.values();
      if (!one || !content.contains(one.startContainer)) ranges = find();
    },
    draw() {
      layer.setAttribute("viewBox", `0 0 ${node.clientWidth} ${node.clientHeight}`);
      const all = paper.marks.filter((mark) => ranges.has(mark.key));
      layer.replaceChildren(...all.flatMap((mark) => paper.makeShapes(mark, getPosition(mark.key).boxes, getCurrentBoxes(mark.key), () => getPosition(mark.key).edges)));
    },
    async renew() {
      positions.clear();
      ranges = find();
    },
    getBoxes: (key) => (ranges.has(key) ? { origin: node, boxes: getPosition(key).boxes, asked: getCurrentBoxes(key), findHome: () => getPosition(key).edges } : null),
  };
}

// The boxes of the content of a range: of its text, and of whole formulas.
function findBoxes(range) {
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
    const margin = each instanceof Element ? 3 : 0; // formulas are taller than their line
    for (const { left, top, right, bottom } of boxes) found.push([left, top - margin, right, bottom + margin]);
  }
  return found;
}

// The range of a sentence within a highlight, from the first to the last text outside formulas, because rendered formulas
// differ from their source.
function findSentence(range, sentence) {
  const texts = findTextNodes(range.commonAncestorContainer.parentElement).filter((each) => range.intersectsNode(each));
  const letters = foldAllLetters(texts.map(({ data }) => data));
  const plainParts = sentence.split(/\ufffc+/).map(foldLetters).filter((each) => each.length > 2);
  if (!plainParts.length) return null;
  const from = letters.letters.indexOf(plainParts[0]);
  const last = plainParts.at(-1);
  const lastAt = letters.letters.indexOf(last, from);
  if (from < 0 || lastAt < 0) return null;
  return makeRange(texts, letters.places[from], letters.places[lastAt + last.length - 1]);
}
// The range from one letter to another, including the punctuation after it.
function makeRange(texts, [first, start], [last, end]) {
  const made = new Range();
  made.setStart(texts[first], start);
  made.setEnd(texts[last], end + (/^[\p{P}\p{S}]/u.test(texts[last].data.slice(end + 1)) ? 2 : 1));
  return made;
}

// The quotes of a book, each of which is a highlight.
const findQuotes = (content) => new Map(findAll("[data-key]", content).map((node) => [node.dataset.key, rangeAround($("blockquote", node))]));
function rangeAround(node) {
  const range = new Range();
  range.selectNodeContents(node);
  return range;
}

// Find the ranges of the highlights in a note by its own markup. Only long texts are searched for elsewhere, because a wrong
// position is worse than none. Short bold text is found if it makes up a whole cell, list item or paragraph. A highlight that
// is a formula has no letters to search for.
function findRanges(content, marks) {
  const ranges = new Map();
  const withLetters = (node) => ({ node, letters: foldLetters(findTextNodes(node).map(({ data }) => data).join("")) });
  const markNodes = findAll("mark", content).map(withLetters);
  const boldBlocks = findAll("td, th, li, p", content).filter((node) => $("strong", node)).map(withLetters);
  const texts = findTextNodes(content);
  const { letters, places } = foldAllLetters(texts.map(({ data }) => data));
  let next = 0;
  let after = 0;
  for (const mark of marks) {
    const highlightLetters = foldLetters(mark.exact.replace(FORMULA, " "));
    const at = markNodes.findIndex((each, i) => i >= next && (each.letters ? highlightLetters.includes(each.letters) : /\$.+\$/s.test(mark.exact)));
    const isWhole = at >= 0 && markNodes[at].letters === highlightLetters;
    const from = isWhole || isShort(highlightLetters) ? -1 : letters.indexOf(highlightLetters, after);
    if (at >= 0) next = at + 1;
    if (from >= 0) {
      after = from + highlightLetters.length;
      ranges.set(mark.key, makeRange(texts, places[from], places[after - 1]));
    } else if (at >= 0) ranges.set(mark.key, rangeAround(markNodes[at].node));
    else {
      const block = boldBlocks.findIndex((each) => each.letters === highlightLetters);
      if (block >= 0) ranges.set(mark.key, rangeAround(boldBlocks.splice(0, block + 1).at(-1).node));
    }
  }
  return ranges;
}
const isShort = (letters) => letters.length < (UNSPACED.test(letters) ? MIN_LETTERS / 3 : MIN_LETTERS);
