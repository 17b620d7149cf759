// A note as its text, with its marks where their words stand.
import { h } from "./dom.js";
import { harmless } from "./face.js";
import { lettersOf, lettersOfAll, textsIn } from "./letters.js";

const FORMULA = /\$\$[^$]+\$\$|\$[^$\n]+\$/g; // is drawn, so its letters are others
const NEAR = 24; // letters before a mark by which it is found if it has none of its own
const BLOCKS = "p, li, td, th, h1, h2, h3, h4, h5, h6, pre, blockquote";

export function note({ html, marks }) {
  const node = h("div", { className: "note-text", dir: "auto" }, harmless(html));
  const texts = textsIn(node);
  const { letters, places } = lettersOfAll(texts.map(({ data }) => data));

  // where each mark is, among the letters: behind the one before, if it stands there, too
  let after = 0;
  const spans = [];
  for (const mark of marks) {
    const wanted = lettersOf(mark.exact.replace(FORMULA, " "));
    const from = wanted ? within(letters, wanted, after) : -1;
    if (from >= 0) {
      after = from + wanted.length;
      spans.push({ mark, from, to: after - 1 });
      continue;
    }
    // a formula, or words that are written otherwise: the block behind what stands before
    const before = lettersOf(mark.before.replace(FORMULA, " ")).slice(-NEAR);
    const beside = before ? within(letters, before, Math.max(after - before.length, 0)) : -1;
    const place = beside >= 0 && places[beside + before.length - 1];
    const block = place && /** @type {HTMLElement} */ (texts[place[0]].parentElement.closest(BLOCKS));
    if (block && !block.dataset.key) block.dataset.key = mark.key;
  }

  // the last ones first: what stands before them stays as it is
  spans.sort((a, b) => b.from - a.from);
  for (const { mark, from, to } of spans) {
    const [[first, start], [last, end]] = [places[from], places[to]];
    for (let i = last; i >= first; i -= 1) {
      const stop = texts[i].data[end + 1] === mark.exact.at(-1) ? end + 2 : end + 1; // with its full stop
      wrap(texts[i], i === first ? start : 0, i === last ? stop : Infinity, mark.key);
    }
  }
  return node;
}

// The place of letters behind another place, else anywhere.
function within(letters, wanted, after) {
  const behind = letters.indexOf(wanted, after);
  return behind >= 0 ? behind : letters.indexOf(wanted);
}

function wrap(text, start, end, key) {
  if (!text.data.trim() || start >= text.length) return;
  const rest = start ? text.splitText(start) : text;
  if (end - start < rest.length) rest.splitText(end - start);
  const made = h("span", { className: "mark-in-text" });
  made.dataset.key = key;
  rest.replaceWith(made);
  made.append(rest);
}
