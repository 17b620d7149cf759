// The strip beside a document: a tick for each highlight, and the part of the document in view.
import { $, h } from "./dom.js";

const toPercent = (part, whole) => `${(100 * part) / whole}%`;

// Draw the strip of a document. `now` is the key of the current highlight, or null after the last decision; `open` is called
// with the key of a clicked tick.
export function drawStrip(paper, now, open) {
  const states = new Set(paper.marks.map(({ state }) => state));
  for (const each of $("#legend").children) each.hidden = !states.has(each.dataset.s);
  $("#strip").replaceChildren(h("b"), ...paper.marks.map((mark) => renderTick(paper, mark, now, open)));
  drawView(paper);
}

function renderTick(paper, mark, now, open) {
  const { key, state, words } = mark;
  const tick = h("i", { title: words, onclick: () => open(key) });
  Object.assign(tick.dataset, { s: key === now ? "now" : state, ten: String(paper.ten.has(key)), key, state });
  tick.style.top = toPercent(paper.getTop(mark), paper.tall);
  return tick;
}

// Show the page and zoom, and on the strip the part of the document in view.
export function drawView(paper) {
  $("#where").textContent = paper.body.formatPosition?.() ?? "";
  const view = $("#strip b");
  if (!view) return;
  view.style.top = toPercent(paper.pane.scrollTop, paper.tall);
  view.style.height = toPercent(paper.pane.clientHeight, paper.tall);
}
