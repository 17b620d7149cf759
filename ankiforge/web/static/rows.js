// Rows: all cards, below what was read about a question.
import { sides } from "./card.js";
import { openChat } from "./chat.js";
import { $, all, button, flat, h, linkTo, rich } from "./dom.js";
import { alone, attempt, isFree } from "./pace.js";
import { LONG, UNTIL_NEXT, number, tell } from "./say.js";
import { get, post } from "./server.js";

const PAUSE = 150; // ms without a key, after which is searched

// What is searched for stays when a person comes back: words, and by its name the value of each filter, a term of a query.
let words = "";
const filters = new Map();
let opened = ""; // the row that was opened last
const query = () => [...filters.values(), words].join(" ").trim();

// The rows of a list; several of all cards are decided on together.
export class Rows {
  #found = h("section", { className: "found", ariaLabel: "What you have read" });
  #body = h("ul", { className: "rows" });
  #told = h("p", { className: "told", role: "status" });
  #rest = button("outlined small rest", "", "", () => this.load(this.#body.children.length));
  #filters = h("div", { className: "filters" });
  #field = h("input", { type: "search", className: "search", dir: "auto", placeholder: "Ask what you have read, or search cards", ariaLabel: "Search", value: words,
    oninput: () => this.#searchSoon() });
  #turn = 0; // an answer to an older search is not shown
  #page;

  constructor(page) {
    this.#page = page;
    this.node = h("section", { className: "table", ariaLabel: "All cards" }, this.#field, this.#filters, this.#found,
      h("div", { className: "over-rows" }, this.#bar, this.#told), this.#body, this.#rest);
    this.#rest.hidden = true;
  }
  focusSearch() { this.#field.select(); }
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
    const reply = await get("list", { id: "all", start, words: query() }).catch((error) => ({ rows: [], told: error.message }));
    if (mine !== this.#turn) return;
    this.#page.counted(reply);
    if (!this.#filters.hasChildNodes()) this.#filters.append(...(reply.facets ?? []).map((facet) => this.#filter(facet)));
    const rows = reply.rows.map((entry) => row(entry, this.#page, () => this.#ticked()));
    this.node.classList.toggle("searching", Boolean(query()));
    if (start) this.#body.append(...rows);
    else this.#body.replaceChildren(...rows);
    if (!start) this.#showFound(reply);
    this.#told.textContent = reply.told;
    this.#rest.textContent = reply.more;
    this.#rest.hidden = !reply.more;
    this.#total = reply.total;
    this.#ticked();
    if (document.activeElement === document.body) document.getElementById(`row-${opened}`)?.focus();
  }
  async #searchSoon() {
    this.#turn += 1;
    const mine = this.#turn;
    words = this.#field.value;
    await new Promise((done) => setTimeout(done, PAUSE));
    if (mine === this.#turn) await this.load();
  }
  #filter({ label, options }) {
    return h("select", { ariaLabel: label, onchange: ({ target }) => {
      filters.set(label, target.value);
      this.#searchSoon();
    } }, [{ value: "", name: label }, ...options].map(({ value, name }) => h("option", { value, selected: value === filters.get(label) }, name)));
  }

  // ---- What was read about the words, and an answer in sentences.

  #showFound({ works = [], passages = [], said = "" }) {
    const shown = [...works.map((work) => this.#work(work)), ...passages.map((passage) => this.#passage(passage))];
    const asks = passages.length && button("outlined small", "Answer from these", "", () => this.answer());
    this.#found.replaceChildren(...(shown.length ? [h("div", { className: "over-rows" }, h("h2", { className: "told" }, said || "What you have read"), asks), h("ul", { className: "rows" }, shown)] : []));
  }
  #work({ title, place, query: terms }) {
    const narrow = () => {
      this.#field.value = terms;
      this.#searchSoon();
    };
    return h("li", {}, h("button", { type: "button", className: "row", onclick: narrow }, h("span", { className: "title", dir: "auto" }, title), h("span", { className: "place", dir: "auto" }, place)));
  }
  // A passage, its sentence in bold; above it what an answer says with it.
  #passage({ key, words: [before, sentence, after], place, cards, links, says }) {
    const state = cards.map(({ line, state: name }) => h("span", { className: "sub", dir: "auto" }, h("i", {}, `${name}: `), rich(line)));
    const make = !cards.length && button("outlined small", "Make a card", "", () => this.#open(key));
    const main = h("button", { type: "button", className: "row passage", dir: "auto", id: `row-${key}`, onclick: () => this.#open(key) }, says && h("span", { className: "says", dir: "auto" }, says),
      h("span", { className: "passage-words" }, rich(before), " ", h("b", {}, rich(sentence)), " ", rich(after)), h("span", { className: "place" }, place), state);
    main.dataset.key = key;
    return h("li", {}, main, h("span", { className: "doors" }, make, links.map(linkTo)));
  }
  #open(key) {
    opened = key;
    this.#page.openRow(key);
  }
  async answer() {
    const question = this.#field.value.trim();
    if (!question || !$(".passage", this.node) || !isFree()) return;
    tell("Reading …", { stays: UNTIL_NEXT });
    const show = (reply) => {
      this.#showFound({ ...reply, passages: reply.sentences });
      tell(reply.sentences.length ? "Each sentence stands over its quote." : reply.said);
    };
    await attempt(async () => {
      const reply = await post("answer", { question });
      if (!reply.ask) return show(reply);
      const asks = async () => ({ said: "Asks for an answer from your passages.", text: reply.ask });
      return openChat(asks, async (answer) => show(await post("answer", { question, reply: answer })), () => {});
    });
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
function row(entry, page, onTick) {
  const content = [
    h("span", { className: "title", dir: "auto" }, sides(entry)),
    h("span", { className: "place", dir: "auto" }, rich(entry.place)),
    entry.state && h("span", { className: "state", "data-state": entry.state }, entry.state),
  ];
  const open = () => {
    opened = entry.id;
    page.openRow(entry.id);
  };
  const main = h("button", { type: "button", className: "row", id: `row-${entry.id}`, onclick: open }, content);
  const tick = h("label", { className: "tick" },
    h("input", { type: "checkbox", value: entry.id, ariaLabel: `Select: ${flat(entry.line)}`, onchange: () => onTick() }));
  return h("li", {}, tick, main);
}
