// The rows of all cards, below what features show above them.
import { renderSides } from "./card.js";
import { findAll, makeButton, h } from "./dom.js";
import { above } from "./parts.js";
import { get } from "./server.js";

const SEARCH_DELAY = 150; // ms without typing before the search starts

let words = ""; // of the search, kept for the next visit
let opened = ""; // the id of the row opened last

// The list of all cards.
export class Rows {
  #body = h("ul", { className: "rows" });
  #summary = h("p", { className: "told", role: "status" });
  #moreButton = makeButton("outlined small rest", "", "", () => this.load(this.#body.children.length));
  #heading = ""; // the title above the last rows
  field = h("input", { type: "search", className: "search", dir: "auto", placeholder: "Search cards", ariaLabel: "Search", value: words,
    oninput: () => this.#searchSoon() });
  #requestNumber = 0; // outdated responses are ignored
  #page;
  #above; // what features show above the rows

  constructor(page) {
    this.#page = page;
    this.#above = above.map((make) => make(this));
    this.node = h("section", { className: "table", ariaLabel: "All cards" }, this.field, this.#above.map(({ node }) => node),
      h("div", { className: "over-rows" }, this.#summary), this.#body, this.#moreButton);
    this.#moreButton.hidden = true;
  }
  focusSearch() { this.field.select(); }
  // Start another search.
  search(terms) {
    this.field.value = terms;
    this.#searchSoon();
  }
  // Open the item of a row, or the passage with a key.
  open(id) {
    opened = id;
    this.#page.openRow(id);
  }
  // Move the focus by some rows.
  step(by) {
    const rows = findAll("button.row", this.node);
    const at = rows.indexOf(document.activeElement);
    rows[Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
  }

  // Load the rows from index `start` on, and focus the row opened last.
  async load(start = 0) {
    this.#requestNumber += 1;
    const requestNumber = this.#requestNumber;
    if (!this.#body.children.length) this.#summary.textContent = "Reading …";
    const partResults = Promise.all(start ? [] : this.#above.map((part) => part.read(words.trim()).catch((error) => ({ said: error.message }))));
    const reply = await get("list", { id: "all", start, words }).catch((error) => ({ rows: [], told: error.message }));
    const parts = await partResults;
    if (requestNumber !== this.#requestNumber) return;
    this.#page.counted(reply);
    if (!start) this.#heading = "";
    const rows = reply.rows.map((entry) => this.#renderRow(entry));
    if (start) this.#body.append(...rows);
    else this.#body.replaceChildren(...rows);
    const isShown = parts.map((part, i) => this.#above[i].show(part)).some(Boolean);
    this.#summary.textContent = isShown && !reply.total ? "" : reply.told;
    this.#moreButton.textContent = reply.more;
    this.#moreButton.hidden = !reply.more;
    if (document.activeElement === document.body) document.getElementById(`row-${opened}`)?.focus();
  }
  // A row, below the title of its document if that of the row before is another.
  #renderRow(entry) {
    const heading = entry.place === this.#heading ? null : h("h2", { dir: "auto" }, entry.place);
    this.#heading = entry.place;
    const content = [
      h("span", { className: "title", dir: "auto" }, renderSides(entry)),
      entry.state && h("span", { className: "state", "data-state": entry.state }, entry.state),
    ];
    return h("li", {}, heading, h("button", { type: "button", className: "row", id: `row-${entry.id}`, onclick: () => this.open(entry.id) }, content));
  }
  async #searchSoon() {
    this.#requestNumber += 1;
    const requestNumber = this.#requestNumber;
    words = this.field.value;
    await new Promise((done) => setTimeout(done, SEARCH_DELAY));
    if (requestNumber === this.#requestNumber) await this.load();
  }
}
