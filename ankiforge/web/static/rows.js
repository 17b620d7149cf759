// Rows: all cards, and what was decided.
import { $, button, choice, flat, h, rich } from "./dom.js";
import { alone, isFree } from "./pace.js";
import { LONG, count, number, tell } from "./say.js";
import { get, post } from "./server.js";

const PAUSE = 150; // ms without a key, after which is searched
const ALL = "all"; // the list with a field to search in
const MORE = 100; // rows that the server sends at once

// What is searched for; it stays when a person comes back to the list.
let words = "";
let onlyState = "";
let opened = ""; // the row that was opened last

// The fields of a query to which the list is narrowed, and their values.
const narrowed = { document: "", deck: "", kind: "", added: "" };
const LABELS = { document: "All documents", deck: "All decks", kind: "All kinds", added: "Any date" };
const NAMES = {
  kind: { cloze: "Gaps", basic: "Questions", "two-way": "Both ways", occlusion: "Figures" },
  added: { 1: "Added today", 7: "In the last 7 days", 30: "In the last 30 days", 365: "In the last year" },
};

const search = () => {
  const terms = Object.entries(narrowed).filter(([, value]) => value).map(([name, value]) => `${name}:"${value}"`);
  return { words: [...terms, words].join(" ").trim(), state: onlyState };
};

// The rows of a list: all cards, with a field to search, several of which are decided on together; or what was decided.
export class Rows {
  #body = h("ul", { className: "rows" });
  #told = h("p", { className: "told", role: "status" });
  #rest = button("outlined small rest", "", "", () => this.#showMore());
  #chips = h("div", { className: "modes", role: "radiogroup", ariaLabel: "State" });
  #narrow = h("div", { className: "narrow" });
  #field = h("input", { type: "search", className: "search", placeholder: "Search cards", ariaLabel: "Search cards", value: words, oninput: () => this.#searchNow() });
  #several = null;
  #length = 0;
  #turn = 0; // an answer to an older search is not shown
  #page;

  constructor(id, page) {
    this.id = id;
    this.#page = page;
    const hasSearch = id === ALL;
    if (hasSearch) this.#several = decideSeveral(this.#body, () => this.load(), page);
    this.node = h("section", { className: "table", ariaLabel: hasSearch ? "All cards" : "Recent" },
      hasSearch && [this.#field, h("div", { className: "filters" }, this.#chips, this.#narrow)],
      h("div", { className: "over-rows" }, this.#told, this.#several?.bar), this.#body, this.#rest);
    this.#rest.hidden = true;
  }
  focusSearch() { this.#field.select(); }

  // Read the rows anew; the row that was opened last has the focus again.
  async load() {
    this.#turn += 1;
    const mine = this.#turn;
    if (!this.#length) this.#told.textContent = "Reading …";
    const failed = (error) => ({ rows: [], total: 0, empty: error.message });
    const found = await get("list", { id: this.id, ...(this.id === ALL ? search() : {}) }).catch(failed);
    if (mine !== this.#turn) return;
    this.#page.counted(found);
    if (!this.#chips.hasChildNodes()) this.#showStates(found.states, found.facets);
    this.#fill(found);
    if (document.activeElement === document.body) document.getElementById(`row-${opened}`)?.focus();
  }
  #fill({ rows, total, empty }, isMore = false) {
    const made = rows.map((entry) => row(entry, this.#page, this.#several?.changed));
    if (isMore) this.#body.append(...made);
    else this.#body.replaceChildren(...made);
    this.#length = isMore ? this.#length + rows.length : rows.length;
    const length = this.#length;
    const all = total > length ? `${number(total)} cards; the first ${number(length)} are shown` : count(length, "card");
    this.#told.textContent = total === undefined ? "" : all;
    if (!length) this.#told.textContent = empty;
    this.#several?.of(total ?? length);
    this.#rest.hidden = !(total > length);
    this.#rest.textContent = `Show ${Math.min(MORE, total - length)} more`;
    this.#several?.changed();
  }
  async #showMore() {
    const mine = this.#turn;
    try {
      const reply = await get("list", { id: this.id, ...search(), start: this.#length });
      if (mine === this.#turn) this.#fill(reply, true);
    } catch (error) {
      tell(error.message, { stays: LONG });
    }
  }
  async #searchNow() {
    this.#turn += 1;
    const mine = this.#turn;
    words = this.#field.value;
    onlyState = $("input:checked", this.#chips)?.value ?? onlyState;
    await new Promise((done) => setTimeout(done, PAUSE));
    if (mine === this.#turn) await this.load();
  }
  #showStates(states, facets) {
    if (!states) return;
    this.#narrow.replaceChildren(...Object.entries(facets).filter(([, values]) => values.length > 1).map(([name, values]) => {
      const option = (value) => h("option", { value, selected: value === narrowed[name] }, NAMES[name]?.[value] ?? (value || LABELS[name]));
      const change = (e) => {
        narrowed[name] = e.target.value;
        this.#searchNow();
      };
      return h("select", { ariaLabel: LABELS[name], onchange: change }, ["", ...values].map(option));
    }));
    const chip = (state) => choice("only", state, state || "All", "", state === onlyState, () => this.#searchNow());
    this.#chips.replaceChildren(...["", ...states].map(chip));
  }
}

// A bar with which the ticked rows of a table are decided on together.
function decideSeveral(body, showAgain, page) {
  const all = h("input", { type: "checkbox", ariaLabel: "Select all that are shown", onchange: tickAll });
  const said = h("span", {}, "Select all");
  const buttons = [
    button("small filled", "Accept", "", () => decide(true), { hidden: true }),
    button("small outlined", "Reject", "", () => decide(false), { hidden: true }),
  ];
  const bar = h("div", { className: "several", role: "group", ariaLabel: "Decide on several" },
    h("label", { className: "check" }, all, said), buttons);

  // with more cards than are shown: all that match
  let total = 0;
  let isWhole = false;
  const more = h("button", { type: "button", className: "link", hidden: true, onclick: () => { isWhole = true; changed(); } });
  bar.append(more);

  const boxes = () => [...body.querySelectorAll(".tick input")];
  const chosen = () => boxes().filter((box) => box.checked).map((box) => box.value);

  function of(n) {
    total = n;
    isWhole = false;
  }

  function tickAll() {
    for (const box of boxes()) box.checked = all.checked;
    isWhole = false;
    changed();
  }

  function changed() {
    const n = chosen().length;
    all.checked = n > 0 && n === boxes().length;
    all.indeterminate = n > 0 && !all.checked;
    isWhole &&= n === boxes().length;
    said.textContent = n ? `${number(isWhole ? total : n)} selected` : "Select all";
    more.textContent = `Select all ${number(total)} that match`;
    more.hidden = isWhole || !n || n < boxes().length || total <= n;
    for (const button of buttons) button.hidden = !n;
    bar.hidden = !boxes().length;
  }

  async function decide(accepts) {
    const ids = chosen();
    if (!ids.length || !isFree()) return;
    await alone(async () => {
      try {
        const reply = await post("decide-several", isWhole ? { ids: [], accepts, ...search() } : { ids, accepts });
        page.counted(reply);
        if (reply.undo) page.undos.push({ id: reply.undo });
        tellSeveral(reply, accepts);
        await showAgain();
      } catch (error) {
        const what = `${accepts ? "accept" : "reject"} ${count(isWhole ? total : ids.length, "card")}`;
        tell(`Not stored: ${what}. ${error.message}`, { stays: LONG });
      }
    });
  }

  return { bar, changed, of };
}

function tellSeveral({ done, asked, undo, refused }, accepts) {
  const said = `${accepts ? "Accepted" : "Rejected"} ${count(done, "card")}.`;
  const left = asked - done;
  if (!left) return tell(said, { undoes: Boolean(undo) });
  const why = `${count(left, "card")} left as ${left === 1 ? "it was" : "they were"}: ${refused[0]}`;
  tell(`${said} ${why}`, { undoes: Boolean(undo), stays: LONG });
}

// One row; with `onTick`, it has a box.
export function row(entry, page, onTick = null) {
  const content = [
    h("span", { className: "title", dir: "auto" }, rich(entry.title)),
    h("span", { className: "sub", dir: "auto" }, rich(entry.sub)),
    entry.place && h("span", { className: "place", dir: "auto" }, entry.place),
    h("span", { className: "state", "data-state": entry.state }, entry.state),
  ];
  const opens = !entry.undo || entry.open;
  const main = opens
    ? h("button", { type: "button", className: "row", id: `row-${entry.id}`, onclick: () => {
      opened = entry.id;
      page.openRow(entry.id);
    } }, content)
    : h("div", { className: "row" }, content);
  const undo = entry.undo && h("button", { className: "link", type: "button",
    ariaLabel: `Undo: ${entry.state} ${flat(entry.title)}`, onclick: () => page.undo(entry.undo) }, "Undo");
  const tick = onTick && h("label", { className: "tick" },
    h("input", { type: "checkbox", value: entry.id, ariaLabel: `Select: ${flat(entry.title)}`, onchange: onTick }));
  return h("li", { className: entry.undo ? "acted" : "" }, tick, main, undo);
}
