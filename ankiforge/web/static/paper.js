// The document of a sitting: the pages of a PDF, a note, or the marks of a book. It is opened once, and never drawn white.
// Every kind says where its marks are, as boxes; this module draws them, goes to them, and says where they stand on screen.
import { h } from "./dom.js";
import { text } from "./flow.js";
import { get, until } from "./server.js";
import { around, columnsOf, linesOf, outline, svg } from "./shapes.js";
import { sheets } from "./sheets.js";

const [SMALLEST, LARGEST] = [0.5, 5]; // of the size that fits
const GLIDE = 300; // ms
const [LEVEL, FIRST] = [0.24, 0.6]; // of the pane's height: where the asked mark stands; a mark that ends above leaves a document at its beginning
const KEPT = 3; // documents
const NEAR = 60; // pixels; lines that are no farther from a mark tell how wide its column is
const LEAD = 60; // characters before chosen words by which their place is told
const pinchOf = ([one, other]) => other && { apart: Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY),
  clientX: (one.clientX + other.clientX) / 2, clientY: (one.clientY + other.clientY) / 2 };
const isGentle = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

const papers = new Map(); // those that were shown last, by their ids

// The document of a mark. It is opened before it is shown, and kept.
export function paperOf(key, id, pane) {
  const paper = papers.get(id) ?? new Paper(key, pane);
  papers.delete(id);
  papers.set(id, paper);
  for (const [old, each] of papers) {
    if (papers.size <= KEPT) break;
    if (!each.node.isConnected && each !== paper) papers.delete(old);
  }
  return paper;
}

export class Paper {
  id = ""; title = ""; kind = "";
  observer = new ResizeObserver(() => this.layout());
  marks = [];
  key;
  node = h("div", { className: "paper" });
  pane;
  zoom = 1;
  now = ""; // the key of the asked mark
  asked = []; // the sentences of it that are asked
  ten = new Set();
  isOver = false; // whether the ending is shown
  moved = () => {}; // is told when marks stand elsewhere on screen
  chosen = (_key) => {}; // is told of a mark that was clicked
  body = null;
  ready;
  #frame = 0;
  #pinch = null; // how far two fingers are apart, and what is between them
  #drawing = 0;

  constructor(key, pane) {
    this.key = key;
    this.pane = pane;
    this.ready = this.#load();
  }

  async #load() {
    const shown = await until(`document?${new URLSearchParams({ key: this.key })}`);
    Object.assign(this, { id: shown.id, title: shown.title, kind: shown.kind, marks: shown.marks });
    const body = (shown.kind === "sheets" ? sheets : text)(this, shown);
    this.node.classList.add(shown.kind);
    this.node.append(body.node);
    await body.begin();
    this.body = body;
  }

  mark(key) { return this.marks.find((mark) => mark.key === key); }

  // Show it in the pane.
  enter() {
    this.pane.replaceChildren(this.node);
    this.pane.onscroll = () => this.moved();
    this.pane.onclick = (e) => this.#clicked(e);
    this.pane.onwheel = (e) => this.#wheeled(e);
    this.pane.ontouchstart = this.pane.ontouchend = ({ touches }) => { this.#pinch = pinchOf(touches); };
    this.pane.ontouchmove = (e) => this.#pinched(e);
    this.layout();
    this.observer.observe(this.pane);
  }
  leave() { this.observer.disconnect(); }
  #clicked({ clientX, clientY, target }) {
    if (!getSelection().isCollapsed || target.closest("a")) return;
    const key = this.#markAt(clientX, clientY);
    if (key && key !== this.now) this.chosen(key);
  }
  // The words that are selected in it, and the key of their mark, "" if they are in none; null if none are selected.
  selected() {
    const selection = getSelection();
    if (selection.isCollapsed || !this.node.contains(selection.anchorNode)) return null;
    const boxes = [...selection.getRangeAt(0).getClientRects()];
    const keys = boxes.map(({ left, top, width, height }) => this.#markAt(left + width / 2, top + height / 2));
    const { startContainer, startOffset } = selection.getRangeAt(0);
    const whole = startContainer.parentElement.closest(".sheet-of-paper, .note-text");
    const before = new Range();
    before.setStart(whole, 0);
    before.setEnd(startContainer, startOffset);
    return { text: selection.toString(), key: keys.find(Boolean) ?? "", before: before.toString().slice(-LEAD),
      page: (this.body.pages ?? []).findIndex(({ node }) => node === whole) };
  }
  // Take the marks as they are now; a document without marks has another name until then.
  async renew(key) {
    const { id, marks } = await until(`document?${new URLSearchParams({ key })}`);
    papers.delete(this.id);
    Object.assign(this, { id, key, marks });
    papers.set(id, this);
    await this.body.renew();
    this.draw();
  }

  layout() {
    if (!this.node.isConnected) return;
    this.body.layout();
    this.node.classList.toggle("whole", this.tall <= this.pane.clientHeight);
    this.draw();
    this.#show(this.now, false);
    this.moved();
  }

  // Zoom to a size, 1 = fit the text; what is at a place on screen stays there.
  zoomTo(zoom, place = null) {
    const by = Math.min(Math.max(zoom, SMALLEST), LARGEST) / this.zoom;
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
  // A trackpad that is pinched turns a wheel with Ctrl.
  #wheeled(e) {
    if (!e.ctrlKey) return;
    e.preventDefault();
    this.zoomTo(this.zoom * Math.exp(-e.deltaY / 100), e);
  }
  #pinched(e) {
    const now = pinchOf(e.touches);
    if (!now || !this.#pinch) return;
    e.preventDefault();
    this.zoomTo((this.zoom * now.apart) / this.#pinch.apart, now);
    this.#pinch = now;
  }

  // ---- The marks.

  // Once before the next frame, however much has changed.
  draw() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.body.draw();
    });
  }

  // Show which mark and which of its sentences is asked.
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
    const states = await get("states", { key: this.key }).catch(() => null);
    if (states) this.recolour(states);
  }

  // The nodes of a mark: one shape, and in the margin of each of its columns a bar; of the asked mark its sentence once more.
  // `homeOf` says between which edges the text of lines stands.
  shapesOf(mark, boxes, askedBoxes, homeOf) {
    const lines = linesOf(boxes);
    if (!lines.length) return [];
    const isNow = mark.key === this.now;
    const state = isNow && !this.isOver ? "now" : mark.state;
    const shape = svg("path", { class: mark.frame ? "mark frame" : "mark", d: outline(lines), "data-key": mark.key, "data-s": state, "data-ten": this.ten.has(mark.key), "data-chosen": isNow && this.isOver });
    const made = [shape];
    // what the card rests on is stronger than the rest of its mark; if that cannot be told apart, all of it is
    const asked = askedBoxes.length ? linesOf(askedBoxes) : lines;
    if (state === "now" && !mark.frame) made.push(svg("path", { class: "asked", d: outline(asked) }));
    const isRightToLeft = /^[^\p{L}]*[\u0590-\u08ff]/u.test(mark.words);
    for (const column of mark.frame ? [] : columnsOf(lines, true)) {
      const [, top, , bottom] = around(column);
      const [left, right] = homeOf(column);
      made.push(svg("path", { class: "side", d: `M${isRightToLeft ? right + 7 : left - 7} ${top + 1}V${bottom - 1}`, "data-s": state }));
    }
    return made;
  }

  // ---- Where a mark stands.

  #placeOf(key) {
    const place = this.body.boxesOf(key);
    if (!place) return null;
    const { origin, boxes, asked, homeOf } = place;
    const lines = linesOf(key === this.now && asked.length ? asked : boxes);
    if (!lines.length) return null;
    const pane = this.pane.getBoundingClientRect();
    const o = origin.getBoundingClientRect();
    const dx = o.left - pane.left + this.pane.scrollLeft;
    const dy = o.top - pane.top + this.pane.scrollTop;
    const [l, t, r, b] = around(linesOf(boxes));
    const column = homeOf([[l, t - NEAR, r, b + NEAR]]);
    const isColumn = column[1] - column[0] <= this.pane.clientWidth;
    const [left, right] = isColumn ? column : homeOf(linesOf(boxes));
    const [, top, , below] = lines[0];
    // the line to the card begins at the end of the first line of text, but near the upper edge of a figure
    const y = Math.min(below, top + 60);
    return { left: left + dx, right: right + dx, top: top + dy, y: y + dy, bottom: lines.at(-1)[3] + dy, isColumn };
  }

  // On screen: {x, y} of where the line to its card begins, and whether that is in view; null if it is not drawn.
  onScreen(key = this.now) {
    const place = this.#placeOf(key);
    if (!place) return null;
    const pane = this.pane.getBoundingClientRect();
    const [y, top] = [place.y, place.top].map((each) => each - this.pane.scrollTop + pane.top);
    const { right } = this.body.node.firstElementChild.getBoundingClientRect();
    return { x: Math.min(right, pane.right - 4), y, top, isSeen: y > pane.top + 4 && top < pane.bottom };
  }

  // Glide so that a mark stands at its level.
  async goTo(key, glides = true) {
    const mark = this.mark(key);
    if (!mark) return;
    await this.body.near(mark);
    this.#show(key, glides && isGentle());
  }
  // Move the pane so that a mark stands at its level, and the whole of its column is seen.
  #show(key, glides) {
    const place = this.#placeOf(key);
    if (!place) return;
    const { clientHeight: tall, clientWidth: wide, scrollWidth } = this.pane;
    const long = place.bottom - place.top;
    const level = Math.max(Math.min(LEVEL * tall, tall - long - 24), 12);
    const middle = place.right - place.left > wide ? place.left - 14 : (place.left + place.right - wide) / 2;
    const x = Math.min(Math.max(middle, 0), scrollWidth - wide);
    this.#glide(x, place.bottom < FIRST * tall ? 0 : Math.max(place.top - level, 0), glides);
  }

  #glide(x, y, glides) {
    cancelAnimationFrame(this.#frame);
    const [x0, y0] = [this.pane.scrollLeft, this.pane.scrollTop];
    const far = 1.6 * this.pane.clientHeight; // a mark that is farther away is not glided to all the way
    const from = Math.abs(y - y0) > far ? y - Math.sign(y - y0) * far : y0;
    const began = performance.now();
    const step = (time) => {
      const part = glides ? Math.min(Math.max(time - began, 0) / GLIDE, 1) : 1;
      const eased = 1 - (1 - part) ** 3;
      this.pane.scrollTo(x0 + (x - x0) * eased, from + (y - from) * eased);
      this.moved();
      if (part < 1) this.#frame = requestAnimationFrame(step);
    };
    if (glides) this.#frame = requestAnimationFrame(step);
    else step(0);
  }

  // Its height on screen, without what is left empty below it.
  get tall() { return this.body.node.offsetTop + this.body.node.offsetHeight + 12; }

  #markAt(x, y) {
    const under = document.elementsFromPoint(x, y);
    return under.map((node) => /** @type {HTMLElement} */ (node.closest("[data-key]"))?.dataset.key).find(Boolean);
  }
  // How far down the pane a mark is, or the page of one that is not drawn.
  topOf(mark) {
    const place = this.#placeOf(mark.key);
    if (place) return place.top;
    const page = this.body.pages?.[mark.page];
    return page ? page.node.offsetTop + mark.at * page.node.offsetHeight : 0;
  }
}
