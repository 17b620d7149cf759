// The end of a sitting: the new cards, connected to their highlights, and where to continue.
import { renderSides } from "./card.js";
import { $, makeButton, h } from "./dom.js";
import { SAVING_TEXT, markPainted, mayLeaveEnding, refuse } from "./pace.js";
import { TEN, announce } from "./say.js";
import { get } from "./server.js";

export class Ending {
  chosen = null; // the selected card's row
  key = ""; // the key of its highlight
  #sitting;
  #page;
  #nextEntry = null; // the next document or list: {label, run}
  #remaining = null; // the rest of this document or list
  #chatLabel = ""; // the label of the button for a chat, if there is anything to ask
  #message = h("p", { className: "told" });
  #list = h("ol", { className: "made-cards", ariaLabel: "Your new cards" });
  #heading = h("h2", { tabIndex: -1 }, "Done.");

  constructor(sitting, page) {
    this.#sitting = sitting;
    this.#page = page;
    this.node = h("section", { className: "ending", ariaLabel: "Done" }, this.#heading, this.#message, this.#list);
  }
  get rows() { return [...this.#list.children]; }

  begin() {
    this.#heading.focus({ preventScroll: true });
    $("#buttons").replaceChildren(); // until it is known what is left
    if (!this.#sitting.isStoring) this.fill(); // otherwise called once the last decision is stored
  }
  enter() {
    const button = $("#buttons .filled");
    if (button) button.click();
    else refuse(SAVING_TEXT);
  }
  nextDocument() {
    if (mayLeaveEnding()) this.#nextEntry?.run();
  }

  // ---- The decisions made, and the next document; both are requested in parallel.

  async fill() {
    const { origin, number } = this.#sitting;
    const [reply, rest] = await Promise.all([get("ending", { sitting: number }), origin.read(), this.#page.shelf.load()])
      .catch(() => [null, null]);
    if (this.#sitting.ending !== this) return;
    if (!rest) return this.#drawButtons();
    this.#remaining = rest;
    this.#nextEntry = this.#page.after(origin, this.#sitting.paper);
    this.#chatLabel = reply.chat ?? "";
    this.#heading.textContent = reply.heading;
    this.#message.textContent = reply.told;
    this.#list.replaceChildren(...reply.cards.map((card) => this.#renderRow(card)));
    if (reply.cards.length) this.#select(0);
    this.#drawButtons();
    this.#sitting.strip();
    markPainted();
  }
  #renderRow(card) {
    const words = card.cards ? h("span", { className: "q" }, h("b", {}, card.cards), `: ${card.title}`) : renderSides(card);
    const row = h("li", { onclick: () => this.#select(this.rows.indexOf(row)) }, h("span", { className: "place" }, card.page ? `p. ${card.page}` : ""), words);
    row.dataset.key = card.key;
    return row;
  }
  #select(to) {
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
    this.#select(this.rows.indexOf(this.chosen) + by);
    announce(this.chosen?.innerText ?? "");
  }
  // Select the card of a highlight, and return whether the ending lists one.
  show(key) {
    const row = this.rows.findIndex((each) => each.dataset.key === key);
    if (row >= 0) this.#select(row);
    return row >= 0;
  }

  #drawButtons() {
    const made = [];
    const add = (label, key, run) => {
      const isMain = !made.length;
      made.push(makeButton(isMain ? "filled" : "outlined", label, isMain ? "⏎" : key, () => mayLeaveEnding() && run()));
    };
    const left = this.#remaining?.without ? 0 : this.#remaining?.ids.length ?? 0;
    if (left > 0) add(this.#remaining.more ? "More" : left === TEN ? "Ten more" : left === 1 ? "The last one" : `The last ${left}`, "⏎", () => this.#sitting.again(Promise.resolve(this.#remaining)));
    if (this.#nextEntry) add(left > 0 ? "Next document" : this.#nextEntry.label, "n", () => this.#nextEntry.run());
    if (!made.length) add("Back to the shelf", "⏎", () => this.#page.leave());
    if (this.#chatLabel) add(this.#chatLabel, "m", () => this.#page.chat());
    if (this.#page.ready) add("Open in Anki", "o", () => this.#page.send());
    $("#buttons").replaceChildren(...made);
  }
}
