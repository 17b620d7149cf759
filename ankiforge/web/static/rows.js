// The rows of all cards, below what features show above them.
import { renderSides } from "./card.js";
import { findAll, makeButton, h } from "./dom.js";
import { runAlone, isFree } from "./pace.js";
import { above } from "./parts.js";
import { LONG, formatNumber, tell } from "./say.js";
import { get, post } from "./server.js";

const SEARCH_DELAY = 150; // ms without typing before the search starts

// The search, kept for the next visit: the words, and a query term for each filter by label.
let words = "";
const filters = new Map();
let opened = ""; // the id of the row opened last
const buildQuery = () => [...filters.values(), words].join(" ").trim();

// The list of all cards, with bulk decisions.
export class Rows {
  #body = h("ul", { className: "rows" });
  #summary = h("p", { className: "told", role: "status" });
  #moreButton = makeButton("outlined small rest", "", "", () => this.load(this.#body.children.length));
  #filters = h("div", { className: "filters" });
  field = h("input", { type: "search", className: "search", dir: "auto", placeholder: "Search cards", ariaLabel: "Search", value: words,
    oninput: () => this.#searchSoon() });
  #requestNumber = 0; // outdated responses are ignored
  #page;
  #above; // what features show above the rows

  constructor(page) {
    this.#page = page;
    this.#above = above.map((make) => make(this));
    this.node = h("section", { className: "table", ariaLabel: "All cards" }, this.field, this.#filters, this.#above.map(({ node }) => node),
      h("div", { className: "over-rows" }, this.#bar, this.#summary), this.#body, this.#moreButton);
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
    const partResults = Promise.all(start ? [] : this.#above.map((part) => part.read(buildQuery()).catch((error) => ({ said: error.message }))));
    const reply = await get("list", { id: "all", start, words: buildQuery() }).catch((error) => ({ rows: [], told: error.message }));
    const parts = await partResults;
    if (requestNumber !== this.#requestNumber) return;
    this.#page.counted(reply);
    if (!this.#filters.hasChildNodes()) this.#filters.append(...(reply.facets ?? []).map((facet) => this.#renderFilter(facet)));
    const rows = reply.rows.map((entry) => renderRow(entry, this, () => this.#updateBar()));
    this.node.classList.toggle("searching", Boolean(buildQuery()));
    if (start) this.#body.append(...rows);
    else this.#body.replaceChildren(...rows);
    const isShown = parts.map((part, i) => this.#above[i].show(part)).some(Boolean);
    this.#summary.textContent = isShown && !reply.total ? "" : reply.told;
    this.#moreButton.textContent = reply.more;
    this.#moreButton.hidden = !reply.more;
    this.#total = reply.total;
    this.#updateBar();
    if (document.activeElement === document.body) document.getElementById(`row-${opened}`)?.focus();
  }
  async #searchSoon() {
    this.#requestNumber += 1;
    const requestNumber = this.#requestNumber;
    words = this.field.value;
    await new Promise((done) => setTimeout(done, SEARCH_DELAY));
    if (requestNumber === this.#requestNumber) await this.load();
  }
  #renderFilter({ label, options }) {
    return h("select", { ariaLabel: label, onchange: ({ target }) => {
      filters.set(label, target.value);
      this.#searchSoon();
    } }, [{ value: "", name: label }, ...options].map(({ value, name }) => h("option", { value, selected: value === filters.get(label) }, name)));
  }

  // ---- Deciding on several cards: the ticked ones, or, if all rows shown are ticked, all that match.

  #total = 0;
  #all = h("input", { type: "checkbox", onchange: () => this.#tickAll() });
  #selectedText = h("span");
  #decideButtons = [makeButton("small filled", "Accept", "", () => this.#decide(true)), makeButton("small outlined", "Reject", "", () => this.#decide(false))];
  #bar = h("div", { className: "several", role: "group", ariaLabel: "Decide on several" }, h("label", { className: "check" }, this.#all, this.#selectedText), this.#decideButtons);

  get #boxes() { return findAll(".tick input", this.#body); }
  #tickAll() {
    for (const box of this.#boxes) box.checked = this.#all.checked;
    this.#updateBar();
  }
  #updateBar() {
    const boxes = this.#boxes;
    const n = boxes.filter((box) => box.checked).length;
    this.#all.checked = n > 0 && n === boxes.length;
    this.#all.indeterminate = n > 0 && n < boxes.length;
    this.#selectedText.textContent = n ? `${formatNumber(this.#all.checked ? this.#total : n)} selected` : "Select all";
    for (const each of this.#decideButtons) each.hidden = !n;
    this.#bar.hidden = !boxes.length;
  }
  async #decide(accepts) {
    if (!isFree()) return;
    const ids = this.#boxes.filter((box) => box.checked).map((box) => box.value);
    await runAlone(async () => {
      try {
        const reply = await post("decide-several", this.#all.checked ? { ids: [], accepts, words: buildQuery() } : { ids, accepts });
        this.#page.counted(reply);
        if (reply.undo) this.#page.undos.push({ id: reply.undo });
        tell(reply.said, { undoes: Boolean(reply.undo), stays: LONG });
        await this.load();
      } catch (error) {
        tell(`Not stored: ${accepts ? "accept" : "reject"} ${this.#selectedText.textContent}. ${error.message}`, { stays: LONG });
      }
    });
  }
}

// A row with a checkbox.
function renderRow(entry, list, onTick) {
  const content = [
    h("span", { className: "title", dir: "auto" }, renderSides(entry)),
    h("span", { className: "place", dir: "auto" }, entry.place),
    entry.state && h("span", { className: "state", "data-state": entry.state }, entry.state),
  ];
  const main = h("button", { type: "button", className: "row", id: `row-${entry.id}`, onclick: () => list.open(entry.id) }, content);
  const tick = h("label", { className: "tick" },
    h("input", { type: "checkbox", value: entry.id, ariaLabel: `Select: ${entry.title}`, onchange: () => onTick() }));
  return h("li", {}, tick, main);
}
