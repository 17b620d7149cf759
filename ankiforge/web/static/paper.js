// The document of a sitting: a PDF, a note, or the highlights of a book. It is loaded once, before it is shown. The module of
// each kind returns the boxes of highlights; this module draws them, scrolls to them, and locates them on screen.
import { $, h } from "./dom.js";
import { makeTextLayout } from "./flow.js";
import { selectedText } from "./letters.js";
import { get } from "./server.js";
import { computeBounds, groupIntoColumns, groupIntoLines, makeOutline, makeSign, makeSvg } from "./shapes.js";
import { makeSheetLayout } from "./sheets.js";

const [MIN_ZOOM, MAX_ZOOM] = [0.5, 5]; // zoom limits, relative to the size that fits
const [HIGHLIGHT_HEIGHT, BEGINNING_HEIGHT] = [0.24, 0.6]; // fractions of the pane's height: the position of the current highlight, and the height above which a document is shown from its beginning
const GLIDE_TIME = 700; // ms of a smooth scroll
const MAX_CACHED = 3; // documents
const COLUMN_DISTANCE = 60; // pixels; lines this close to a highlight determine the width of its column
const CONTEXT_CHARS = 60; // characters before the selected text that are sent to locate it
const allowsMotion = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

const cache = new Map(); // the documents shown last, by id

// Return a document, loaded or from the cache.
export function getPaper(id) {
  const paper = cache.get(id) ?? new Paper(id);
  cache.delete(id);
  cache.set(id, paper);
  for (const [old, other] of cache) if (cache.size > MAX_CACHED && !other.node.isConnected && other !== paper) cache.delete(old);
  return paper;
}

export const forgetPaper = (id) => cache.delete(id);

export class Paper {
  title = ""; kind = "";
  first = ""; // the key of the highlight to show first
  observer = new ResizeObserver(() => this.layout());
  marks = [];
  id;
  node = h("div", { className: "paper" });
  pane = $("#paper");
  zoom = 1;
  now = ""; // the key of the current highlight
  asked = []; // the current sentences of this highlight
  ten = new Set();
  isOver = false; // whether the ending is shown
  moved = () => {}; // called when highlights move on screen
  chosen = (_key) => {}; // called with the key of a clicked highlight
  body = null;
  ready;
  #drawing = 0;
  #glidesUntil = 0;

  constructor(id) {
    this.id = id;
    this.ready = this.#load();
    this.ready.catch(() => {}); // a document may be loaded ahead of time; whoever shows it handles the error
  }

  async #load() {
    const shown = await get("document", { id: this.id });
    Object.assign(this, { first: shown.key, title: shown.title, kind: shown.kind, marks: shown.marks });
    /** @type {any} */
    const body = (shown.kind === "sheets" ? makeSheetLayout : makeTextLayout)(this, shown);
    this.node.classList.add(shown.kind);
    this.node.append(body.node);
    await body.begin?.();
    this.body = body;
  }

  mark(key) { return this.marks.find((mark) => mark.key === key); }

  // Show the document in the pane.
  enter() {
    this.pane.replaceChildren(this.node);
    this.pane.onscroll = () => this.moved();
    this.pane.onclick = (e) => this.#onClick(e);
    this.pane.onwheel = (e) => this.#onWheel(e);
    this.layout();
    this.observer.observe(this.pane);
  }
  leave() { this.observer.disconnect(); }
  #onClick({ clientX, clientY, target }) {
    if (!getSelection().isCollapsed || target.closest("a")) return;
    const key = this.#highlightAt(clientX, clientY);
    if (key && key !== this.now) this.chosen(key);
  }
  // The selected text and the key of its highlight ("" if it has none), or null if nothing is selected.
  getSelectedText() {
    const selection = getSelection();
    if (selection.isCollapsed || !this.node.contains(selection.anchorNode)) return null;
    const boxes = [...selection.getRangeAt(0).getClientRects()];
    const keys = boxes.map(({ left, top, width, height }) => this.#highlightAt(left + width / 2, top + height / 2));
    const { startContainer, startOffset } = selection.getRangeAt(0);
    const whole = startContainer.parentElement.closest(".sheet-of-paper, .note-text");
    const before = new Range();
    before.setStart(whole, 0);
    before.setEnd(startContainer, startOffset);
    return { text: selectedText(selection), key: keys.find(Boolean) ?? "", before: before.toString().slice(-CONTEXT_CHARS),
      page: (this.body.pages ?? []).findIndex(({ node }) => node === whole) };
  }
  // Reload the highlights.
  async renew() {
    const { marks } = await get("document", { id: this.id });
    this.marks = marks;
    await this.body.renew();
    this.draw();
  }

  // Lay the document out again. The current highlight comes into view, unless there is none or what is on screen `stays`.
  layout(stays = false) {
    if (!this.node.isConnected) return;
    const restore = (stays || !this.mark(this.now)) && this.body.holdPlace?.();
    this.body.layout(stays);
    this.node.classList.toggle("whole", this.tall <= this.pane.clientHeight);
    this.draw();
    if (restore) restore();
    else this.#show(this.now, false);
    this.moved();
  }

  // Zoom; 1 fits the text. The point under the pointer stays in place.
  zoomTo(zoom, place = null) {
    const by = Math.min(Math.max(zoom, MIN_ZOOM), MAX_ZOOM) / this.zoom;
    this.zoom *= by;
    if (!place) return this.layout();
    const { left, top } = this.pane.getBoundingClientRect();
    const [x, y] = [place.clientX - left, place.clientY - top];
    const [toX, toY] = [(this.pane.scrollLeft + x) * by - x, (this.pane.scrollTop + y) * by - y];
    this.body.layout();
    this.pane.scrollTo(toX, toY);
    this.draw();
    this.moved();
  }
  // Pinching a trackpad sends wheel events with Ctrl.
  #onWheel(e) {
    if (!e.ctrlKey) return;
    e.preventDefault();
    this.zoomTo(this.zoom * Math.exp(-e.deltaY / 100), e);
  }

  // ---- Highlights.

  // Schedule a single redraw before the next frame.
  draw() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.body.draw();
    });
  }

  // Mark a highlight, and some of its sentences, as the current ones.
  ask(key, sentences) {
    this.now = key;
    this.asked = sentences;
    this.draw();
  }
  recolour(states) {
    for (const mark of this.marks) mark.state = states[mark.key] ?? mark.state;
    this.draw();
  }
  async refresh() {
    const states = await get("states", { id: this.id }).catch(() => null);
    if (states) this.recolour(states);
  }

  // Create the nodes of a highlight: one shape, a bar beside each column, and for the current highlight its sentences.
  // `findHome` returns the left and right edges of the text around the given lines.
  makeShapes(mark, boxes, askedBoxes, findHome) {
    const lines = groupIntoLines(boxes);
    if (!lines.length) return [];
    const isNow = mark.key === this.now;
    const state = isNow && !this.isOver ? "now" : mark.state;
    const shape = makeSvg("path", { class: mark.frame ? "mark frame" : "mark", d: makeOutline(lines), "data-key": mark.key, "data-s": state, "data-ten": this.ten.has(mark.key), "data-chosen": isNow && this.isOver });
    const made = [shape];
    // emphasize the sentences that the card is based on, or the whole highlight if they can't be found
    const asked = askedBoxes.length ? groupIntoLines(askedBoxes) : lines;
    if (state === "now" && !mark.frame) made.push(makeSvg("path", { class: "asked", d: makeOutline(asked) }));
    const isRightToLeft = /^[^\p{L}]*[\u0590-\u08ff]/u.test(mark.words);
    for (const column of mark.frame ? [] : groupIntoColumns(lines, true)) {
      const [, top, , bottom] = computeBounds(column);
      const [left, right] = findHome(column);
      made.push(makeSvg("path", { class: "side", d: makeSign(state, isRightToLeft ? right + 7 : left - 7, top + 1, bottom - 1), "data-s": state }));
    }
    return made;
  }

  // ---- Locating a highlight.

  #locate(key) {
    const place = this.body.getBoxes(key);
    if (!place) return null;
    const { origin, boxes, asked, findHome } = place;
    const lines = groupIntoLines(key === this.now && asked.length ? asked : boxes);
    if (!lines.length) return null;
    const pane = this.pane.getBoundingClientRect();
    const o = origin.getBoundingClientRect();
    const dx = o.left - pane.left + this.pane.scrollLeft;
    const dy = o.top - pane.top + this.pane.scrollTop;
    const [l, t, r, b] = computeBounds(groupIntoLines(boxes));
    const column = findHome([[l, t - COLUMN_DISTANCE, r, b + COLUMN_DISTANCE]]);
    const isColumn = column[1] - column[0] <= this.pane.clientWidth;
    const [left, right] = isColumn ? column : findHome(groupIntoLines(boxes));
    const [, top, , below] = lines[0];
    // the line to the card starts at the first line of text, but near the upper edge of a figure
    const y = Math.min(below, top + 60);
    return { left: left + dx, right: right + dx, top: top + dy, y: y + dy, bottom: lines.at(-1)[3] + dy, isColumn };
  }

  // The screen position {x, y} where the line to the card starts, and whether it is in view; null if there is no line.
  getScreenPosition(key = this.now) {
    const place = this.#locate(key);
    if (!place) return null;
    const pane = this.pane.getBoundingClientRect();
    const [y, top] = [place.y, place.top].map((each) => each - this.pane.scrollTop + pane.top);
    const { right } = this.body.node.firstElementChild.getBoundingClientRect();
    return { x: Math.min(right, pane.right - 4), y, top, isSeen: y > pane.top + 4 && top < pane.bottom };
  }

  // Scroll smoothly to a highlight.
  async goTo(key, glides = true) {
    const mark = this.mark(key);
    if (!mark) return;
    await this.body.drawAround?.(mark);
    this.#show(key, glides && allowsMotion());
  }
  // Scroll so that a highlight is at its usual height, with its whole column in view.
  #show(key, glides) {
    const place = this.#locate(key);
    if (!place) return;
    const { clientHeight: tall, clientWidth: wide, scrollWidth } = this.pane;
    const long = place.bottom - place.top;
    const level = Math.max(Math.min(HIGHLIGHT_HEIGHT * tall, tall - long - 24), 12);
    const middle = place.right - place.left > wide ? place.left - 14 : (place.left + place.right - wide) / 2;
    const x = Math.min(Math.max(middle, 0), scrollWidth - wide);
    this.#scrollTo(x, place.bottom < BEGINNING_HEIGHT * tall ? 0 : Math.max(place.top - level, 0), glides);
  }

  #scrollTo(left, top, glides) {
    const { clientHeight, scrollTop } = this.pane;
    const far = 1.6 * clientHeight; // beyond this distance, only the last part is animated
    if (glides) this.#glidesUntil = performance.now() + GLIDE_TIME;
    if (glides && Math.abs(top - scrollTop) > far) this.pane.scrollTop = top - Math.sign(top - scrollTop) * far;
    this.pane.scrollTo({ left, top, behavior: glides ? "smooth" : "instant" });
    this.moved();
  }

  // The height on screen, without the empty space below.
  get tall() { return this.body.node.offsetTop + this.body.node.offsetHeight + 12; }

  get isGliding() { return performance.now() < this.#glidesUntil; }

  #highlightAt(x, y) {
    const under = document.elementsFromPoint(x, y);
    return under.map((node) => /** @type {HTMLElement} */ (node.closest("[data-key]"))?.dataset.key).find(Boolean);
  }
  // The distance of a highlight, or of its undrawn page, from the top.
  getTop(mark) {
    const place = this.#locate(mark.key);
    if (place) return place.top;
    const page = this.body.pages?.[mark.page];
    return page ? page.node.offsetTop + (mark.box?.[1] ?? 0) * page.node.offsetHeight : 0;
  }
}
