// Rows: all cards, below what features show above them.
import { sides } from "./card.js";
import { all, button, flat, h, rich } from "./dom.js";
import { alone, isFree } from "./pace.js";
import { above } from "./parts.js";
import { LONG, number, tell } from "./say.js";
import { get, post } from "./server.js";

const PAUSE = 150; // ms without a key, after which is searched

// What is searched for stays when a person comes back: words, and by its name the value of each filter, a term of a query.
let words = "";
const filters = new Map();
let opened = ""; // the row that was opened last
const query = () => [...filters.values(), words].join(" ").trim();

// The rows of a list; several of all cards are decided on together.
export class Rows {
  #body = h("ul", { className: "rows" });
  #told = h("p", { className: "told", role: "status" });
  #rest = button("outlined small rest", "", "", () => this.load(this.#body.children.length));
  #filters = h("div", { className: "filters" });
  field = h("input", { type: "search", className: "search", dir: "auto", placeholder: "Search cards", ariaLabel: "Search", value: words,
    oninput: () => this.#searchSoon() });
  #turn = 0; // an answer to an older search is not shown
  #page;
  #above; // what features show above the rows

  constructor(page) {
    this.#page = page;
    this.#above = above.map((make) => make(this));
    this.node = h("section", { className: "table", ariaLabel: "All cards" }, this.field, this.#filters, this.#above.map(({ node }) => node),
      h("div", { className: "over-rows" }, this.#bar, this.#told), this.#body, this.#rest);
    this.#rest.hidden = true;
  }
  focusSearch() { this.field.select(); }
  // Search for other words.
  search(terms) {
    this.field.value = terms;
    this.#searchSoon();
  }
  // Open the item behind a row, or the passage with a key.
  open(id) {
    opened = id;
    this.#page.openRow(id);
  }
  // Focus a row that is so many rows from the one with the focus.
  step(by) {
    const rows = all("button.row", this.node);
    const at = rows.indexOf(document.activeElement);
    rows[Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
  }

  // Read the rows from a place on; the row that was opened last has the focus again.
  async load(start = 0) {
    this.#turn += 1;
    const mine = this.#turn;
    if (!this.#body.children.length) this.#told.textContent = "Reading …";
    const found = Promise.all(start ? [] : this.#above.map((part) => part.read(query()).catch((error) => ({ said: error.message }))));
    const reply = await get("list", { id: "all", start, words: query() }).catch((error) => ({ rows: [], told: error.message }));
    const parts = await found;
    if (mine !== this.#turn) return;
    this.#page.counted(reply);
    if (!this.#filters.hasChildNodes()) this.#filters.append(...(reply.facets ?? []).map((facet) => this.#filter(facet)));
    const rows = reply.rows.map((entry) => row(entry, this, () => this.#ticked()));
    this.node.classList.toggle("searching", Boolean(query()));
    if (start) this.#body.append(...rows);
    else this.#body.replaceChildren(...rows);
    const isShown = parts.map((part, i) => this.#above[i].show(part)).some(Boolean);
    this.#told.textContent = isShown && !reply.total ? "" : reply.told;
    this.#rest.textContent = reply.more;
    this.#rest.hidden = !reply.more;
    this.#total = reply.total;
    this.#ticked();
    if (document.activeElement === document.body) document.getElementById(`row-${opened}`)?.focus();
  }
  async #searchSoon() {
    this.#turn += 1;
    const mine = this.#turn;
    words = this.field.value;
    await new Promise((done) => setTimeout(done, PAUSE));
    if (mine === this.#turn) await this.load();
  }
  #filter({ label, options }) {
    return h("select", { ariaLabel: label, onchange: ({ target }) => {
      filters.set(label, target.value);
      this.#searchSoon();
    } }, [{ value: "", name: label }, ...options].map(({ value, name }) => h("option", { value, selected: value === filters.get(label) }, name)));
  }

  // ---- Several, decided on together: those that are ticked; with all that are shown, all that match.

  #total = 0;
  #all = h("input", { type: "checkbox", onchange: () => this.#tickAll() });
  #said = h("span");
  #decides = [button("small filled", "Accept", "", () => this.#decide(true)), button("small outlined", "Reject", "", () => this.#decide(false))];
  #bar = h("div", { className: "several", role: "group", ariaLabel: "Decide on several" }, h("label", { className: "check" }, this.#all, this.#said), this.#decides);

  get #boxes() { return all(".tick input", this.#body); }
  #tickAll() {
    for (const box of this.#boxes) box.checked = this.#all.checked;
    this.#ticked();
  }
  #ticked() {
    const boxes = this.#boxes;
    const n = boxes.filter((box) => box.checked).length;
    this.#all.checked = n > 0 && n === boxes.length;
    this.#all.indeterminate = n > 0 && n < boxes.length;
    this.#said.textContent = n ? `${number(this.#all.checked ? this.#total : n)} selected` : "Select all";
    for (const each of this.#decides) each.hidden = !n;
    this.#bar.hidden = !boxes.length;
  }
  async #decide(accepts) {
    if (!isFree()) return;
    const ids = this.#boxes.filter((box) => box.checked).map((box) => box.value);
    await alone(async () => {
      try {
        const reply = await post("decide-several", this.#all.checked ? { ids: [], accepts, words: query() } : { ids, accepts });
        this.#page.counted(reply);
        if (reply.undo) this.#page.undos.push({ id: reply.undo });
        tell(reply.said, { undoes: Boolean(reply.undo), stays: LONG });
        await this.load();
      } catch (error) {
        tell(`Not stored: ${accepts ? "accept" : "reject"} ${this.#said.textContent}. ${error.message}`, { stays: LONG });
      }
    });
  }
}

// One row, with a box.
function row(entry, list, onTick) {
  const content = [
    h("span", { className: "title", dir: "auto" }, sides(entry)),
    h("span", { className: "place", dir: "auto" }, rich(entry.place)),
    entry.state && h("span", { className: "state", "data-state": entry.state }, entry.state),
  ];
  const main = h("button", { type: "button", className: "row", id: `row-${entry.id}`, onclick: () => list.open(entry.id) }, content);
  const tick = h("label", { className: "tick" },
    h("input", { type: "checkbox", value: entry.id, ariaLabel: `Select: ${flat(entry.line)}`, onchange: () => onTick() }));
  return h("li", {}, tick, main);
}
