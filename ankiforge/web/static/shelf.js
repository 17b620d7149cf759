// The shelf: a row for each document in which something waits or could be asked, best first. Enter opens the selected row.
import { $, h, makeButton, makeKeyLabel } from "./dom.js";
import { getPaper } from "./paper.js";
import { announce, formatNumber } from "./say.js";
import { get } from "./server.js";

const PRELOAD_DELAY = 60; // ms before a selected document is loaded ahead of time

export class Shelf {
  at = 0;
  documents = [];
  waiting = ""; // how many decisions wait in all documents and lists
  begins = ""; // the document or list that the page opens instead of the shelf
  lost = ""; // how many cards have lost their passage
  without = ""; // how many highlights have no card
  #page;
  #timer = 0;
  #hasMore = false; // whether the server has more documents
  #lastRow = new IntersectionObserver((rows) => rows.some((row) => row.isIntersecting) && this.loadMore(), { rootMargin: "100%" });

  constructor(page) {
    this.#page = page;
  }

  // Load the first documents, and the following ones up to the selected one, which stays selected wherever it is now.
  async load() {
    const id = this.documents[this.at]?.id;
    await this.#read(0);
    while (this.#hasMore && this.at >= this.documents.length) await this.#read(this.documents.length);
    const at = this.documents.findIndex((each) => each.id === id);
    this.at = at < 0 ? Math.min(this.at, Math.max(this.documents.length - 1, 0)) : at;
  }
  async #read(start) {
    const { documents, begins, lost, without, waiting, more, ready } = await get("shelf", { start });
    if (start > this.documents.length) return; // the shelf was reloaded meanwhile
    Object.assign(this, { documents: [...this.documents.slice(0, start), ...documents], begins, lost, without, waiting });
    this.#hasMore = more;
    this.#page.counted({ ready });
  }
  // Load the next documents, and show their rows below the others. Return whether there were any.
  async loadMore() {
    const { list, documents: { length } } = this;
    this.#lastRow.disconnect();
    if (!this.#hasMore) return false;
    await this.#read(length);
    if (list && list === this.list) this.#showRows(list.children.length);
    return this.documents.length > length;
  }
  #showRows(start) {
    this.list.append(...this.documents.slice(start).map((each, i) => this.#renderRow(each, start + i)));
    if (this.#hasMore) this.#lastRow.observe(this.list.lastElementChild);
  }

  show() {
    const { documents, without } = this;
    this.list = h("ol", { className: "documents", role: "listbox", ariaLabel: "Documents", tabIndex: 0 });
    this.#lastRow.disconnect();
    this.#showRows(0);
    const head = h("div", { className: "over-documents" }, h("h2", {}, "Shelf"), h("p", {}, this.waiting),
      this.lost && h("p", { className: "unsaved" }, `${this.lost}: `, h("button", { type: "button", className: "link", onclick: () => this.#page.openLost() }, "show")));
    $("#shelf").replaceChildren(h("div", { className: "shelf" },
      documents.length ? [head, this.list] : [this.lost && head, this.#renderNothing()], without && h("p", { className: "without" }, `${without} `, h("button", { type: "button", className: "link", onclick: () => this.#page.chat("") }, "Ask my chat"))));
    this.select(this.at, false);
    if (documents.length) this.list.focus({ preventScroll: true });
  }
  #renderRow(each, i) {
    const cover = h("span", { className: `cover ${each.list ? "own" : "list"}`, ariaHidden: "true" }, h("span", {}, each.cover ?? getInitials(each.title)));
    cover.style.setProperty("--hue", String([...each.title].reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 360, 7)));
    const onclick = ({ target }) => {
      this.select(i);
      if (target.closest(".outlined")) this.#page.chat(each.id);
      else this.enter();
    };
    return h("li", { role: "option", id: `doc-${i}`, className: each.list === "you" && "caution", "data-title": each.title, onclick }, cover,
      h("span", { className: "name" }, h("b", { dir: "auto" }, each.title), h("span", { className: "facts" }, joinFacts(this.#listFacts(each)))),
      h("span", { className: "go", ariaHidden: "true" }, h("span", { className: "button filled small" }, each.left ? `Continue, ${each.left} ` : "Open ", makeKeyLabel("⏎")),
        each.chat && h("span", { className: "button outlined small" }, `${each.chat} `, makeKeyLabel("m"))));
  }
  // What the second line of a row says. Each number is there once.
  #listFacts(entry) {
    const unsaved = [...this.#page.kept.values()].filter(({ row }) => row === entry.id).length;
    return [unsaved && h("span", { className: "unsaved" }, `${unsaved} edited, not saved`), entry.by && h("bdi", {}, entry.by), ...makeCounts(entry), entry.rest && h("span", {}, entry.rest)];
  }
  #renderNothing() {
    const copy = makeButton("outlined small", "Copy", "", () => navigator.clipboard.writeText("ankiforge run").then(() => { copy.textContent = "Copied"; }));
    const lines = ["Mark passages in a paper, a note or a book. A lecture needs no marks.", [h("code", {}, "ankiforge run"), copy, " reads it; for a new file or folder: ", h("code", {}, "ankiforge run PATH")], "Come back to this page: what waits is here."];
    return h("div", { className: "nothing" }, h("h2", {}, "Nothing waits."), h("ol", {}, lines.map((line) => h("li", {}, line))), this.#page.ready > 0 && makeButton("filled", "Open in Anki", "o", () => this.#page.send()));
  }
  get isOpened() { return this.documents.length === 1 && !this.documents[0].is_unmarked; }
  select(at, tells = true) {
    const { documents } = this;
    if (!documents.length) return;
    this.at = Math.min(Math.max(at, 0), documents.length - 1);
    const rows = [...this.list.children];
    rows.forEach((row, i) => { row.ariaSelected = String(i === this.at); });
    this.list.setAttribute("aria-activedescendant", `doc-${this.at}`);
    rows[this.at].scrollIntoView({ block: "nearest" });
    const entry = documents[this.at];
    if (tells) announce(entry.title);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (entry.list) return;
      getPaper(entry.id);
      entry.read ??= get("sitting", { id: entry.id });
    }, PRELOAD_DELAY);
  }
  step(by) { this.select(this.at + by); }
  enter() {
    clearTimeout(this.#timer); // it is about to be loaded
    const entry = this.documents[this.at];
    if (entry) this.#page.open(entry);
  }
}

// The number of decisions that wait, and of less certain suggestions.
const makeCounts = ({ waiting, more = 0 }) => [
  waiting > 0 && h("span", { className: "waiting sign", "data-s": "asks" }, `${formatNumber(waiting)} waiting`),
  more > 0 && h("span", { className: "more" }, `${formatNumber(more)} more`),
];
const joinFacts = (facts) => facts.filter(Boolean).flatMap((fact, i) => (i ? [" · ", fact] : [fact]));
// Two initials of a title, for a cover.
const getInitials = (title) => title.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 3 || /^\p{Lu}/u.test(word)).slice(0, 2).map(([first]) => first.toUpperCase()).join("") || [...title][0];
