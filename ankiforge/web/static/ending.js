// The ending of a sitting belongs to its document: the cards that were made, tied to their marks, and where to go on.
import { sides } from "./card.js";
import { $, button, h } from "./dom.js";
import { TEN, announce } from "./say.js";
import { get } from "./server.js";
import { CHOOSE } from "./shelf.js";

const QUIET = 1200; // ms without a key, after which it reacts

export class Ending {
  chosen = null; // the row of a card
  key = ""; // of its mark
  #sitting;
  #page;
  #isQuiet = false;
  #timer = 0;
  #next = null; // what comes after this document or list: {label, run}
  #rest = null; // what is left of it
  #isUnmarked = false; // whether nothing is marked in the document
  #told = h("p", { className: "told" });
  #list = h("ol", { className: "made-cards", ariaLabel: "Your new cards" });
  #heading = h("h2", { tabIndex: -1 }, "Done.");

  constructor(sitting, page) {
    this.#sitting = sitting;
    this.#page = page;
    this.node = h("section", { className: "ending", ariaLabel: "Done" }, this.#heading, this.#told, this.#list);
  }
  get rows() { return [...this.#list.children]; }

  begin() {
    this.#heading.focus({ preventScroll: true });
    this.rest();
    if (!this.#sitting.isStoring) this.fill(); // else once the last decision is stored
  }
  stop() { clearTimeout(this.#timer); }

  // ---- Nothing reacts until no key was pressed for a while.

  rest() {
    this.#isQuiet = false;
    clearTimeout(this.#timer);
    this.#buttons();
    this.#timer = setTimeout(() => {
      this.#isQuiet = true;
      if (this.#sitting.ending === this) this.#buttons();
    }, QUIET);
  }
  pressed() {
    if (!this.#isQuiet) this.rest();
  }
  get mayAct() { return this.#isQuiet; }
  enter() {
    if (this.#isQuiet) $("#buttons .filled")?.click();
  }
  nextDocument() {
    if (this.#isQuiet) this.#next?.run();
  }

  // ---- What was decided, and what comes next; both are asked for together.

  async fill() {
    const { origin, number } = this.#sitting;
    const [reply, rest] = await Promise.all([get("ending", { sitting: number }), origin.read(), this.#page.shelf.load()])
      .catch(() => [null, null]);
    if (this.#sitting.ending !== this || !rest) return;
    this.#rest = rest;
    this.#next = this.#page.after(origin);
    this.#isUnmarked = Boolean(reply.chat);
    this.#heading.textContent = reply.heading;
    this.#told.textContent = reply.told;
    this.#list.replaceChildren(...reply.cards.map((card) => this.#row(card)));
    if (reply.cards.length) this.#choose(0);
    this.rest();
    this.#sitting.strip();
  }
  #row(card) {
    const words = card.cards ? h("span", { className: "q" }, h("b", {}, card.cards), `: ${card.title}`) : sides(card);
    const row = h("li", { onclick: () => this.#choose(this.rows.indexOf(row)) }, h("span", { className: "place" }, card.page ? `p. ${card.page}` : ""), words);
    row.dataset.key = card.key;
    return row;
  }
  #choose(to) {
    const { rows } = this;
    if (!rows.length) return;
    const at = Math.min(Math.max(to, 0), rows.length - 1);
    rows.forEach((row, i) => row.classList.toggle("chosen", i === at));
    this.chosen = rows[at];
    this.key = this.chosen.dataset.key;
    const { paper } = this.#sitting;
    paper?.ask(this.key, []);
    paper?.goTo(this.key);
    this.chosen.scrollIntoView({ block: "nearest" });
    this.#sitting.level();
  }
  step(by) {
    this.#choose(this.rows.indexOf(this.chosen) + by);
    announce(this.chosen?.innerText ?? "");
  }
  // Show the card of a mark. Return whether it has got one here.
  show(key) {
    const row = this.rows.findIndex((each) => each.dataset.key === key);
    if (row >= 0) this.#choose(row);
    return row >= 0;
  }

  #buttons() {
    const made = [];
    const add = (label, key, run) => {
      const isMain = !made.length;
      made.push(button(isMain ? "filled quiet" : "outlined", label, isMain ? "⏎" : key, () => this.#isQuiet && run(), { ariaDisabled: String(isMain && !this.#isQuiet) }));
    };
    const left = this.#rest?.without ? 0 : this.#rest?.ids.length ?? 0;
    if (this.#isUnmarked) add(CHOOSE, "⏎", () => this.#page.chat());
    if (left > 0) add(left === TEN ? "Ten more" : left === 1 ? "The last one" : `The last ${left}`, "⏎", () => this.#sitting.again(Promise.resolve(this.#rest)));
    if (this.#next) add(left > 0 ? "Next document" : this.#next.label, "n", () => this.#next.run());
    if (!left && !this.#next && !this.#isUnmarked) add("Back to the shelf", "⏎", () => this.#page.leave());
    if (this.#page.ready) add("Open in Anki", "o", () => this.#page.send());
    $("#buttons").replaceChildren(...made);
  }
}
