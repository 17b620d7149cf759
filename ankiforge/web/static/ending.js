// The ending of a sitting belongs to its document: the cards that were made, tied to their marks, and where to go on.
import { $, button, h, rich } from "./dom.js";
import { harmless } from "./face.js";
import { TEN, WORDS, count } from "./say.js";
import { post } from "./server.js";

const QUIET = 1200; // ms without a key, after which it reacts
const EMPTY = {
  changed: "If a source or Anki changes a card, both versions appear here.",
  questions: "A question appears here when only you can answer it.",
  none: "Every passage has a card or a draft, or you decided that it needs none.",
};

export class Ending {
  chosen = null; // the row of a card
  key = ""; // of its mark
  #sitting;
  #page;
  #isQuiet = false;
  #timer = 0;
  #next = null; // what comes after this document or list: {label, run}
  #rest = null; // what is left of it
  #told = h("p", { className: "told" });
  #list = h("ol", { className: "made-cards" });
  #heading = h("h2", { tabIndex: -1 }, "Done.");

  constructor(sitting, page) {
    this.#sitting = sitting;
    this.#page = page;
    this.node = h("section", { className: "ending", ariaLabel: "Done" }, this.#heading, this.#told, this.#list,
      h("p", { className: "told minutes" }), sitting.origin.list === "changed" && page.patchOffer());
  }
  get rows() { return [...this.#list.children]; }

  begin() {
    this.#heading.focus({ preventScroll: true });
    this.seconds = Math.round((performance.now() - this.#sitting.began) / 1000);
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
    const { origin, actions, results } = this.#sitting;
    const [{ cards, lines }, rest] = await Promise.all([
      post("ending", { actions, decided: results.length }), origin.read(), this.#page.shelf.load(), this.#page.foresee(),
    ]).catch(() => [{ cards: [], lines: [] }, null]);
    if (this.#sitting.ending !== this || !rest) return;
    this.#rest = rest;
    this.#sitting.waiting = rest.waiting;
    this.#next = this.#page.after(origin);
    const n = cards.reduce((sum, card) => sum + cardsOf(card), 0);
    const left = rest.waiting;
    const leftTold = origin.entry ? (left ? `${count(left, "mark")} left` : "no mark left") : left ? `${left} left` : "nothing left";
    const isEmpty = !results.length;
    this.#heading.textContent = isEmpty ? (left ? "All put off for later." : "Nothing waits here.") : `${n ? count(n, "card") : "No card"}, ${leftTold}.`;
    const minutes = lines.find((line) => line.startsWith("About"));
    const time = this.seconds < 90 ? count(this.seconds, "second") : `${Math.round(this.seconds / 60)} minutes`;
    const decided = String(WORDS[results.length] ?? results.length);
    this.#told.textContent = isEmpty ? EMPTY[origin.list] ?? "" : [`${decided[0].toUpperCase()}${decided.slice(1)} decided in ${time}.`, minutes].filter(Boolean).join(" ");
    $(".minutes", this.node).textContent = this.#page.minutes;
    const marks = this.#sitting.paper?.marks ?? [];
    const order = new Map(marks.map(({ key }, i) => [key, i]));
    cards.sort((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0));
    this.#list.replaceChildren(...cards.map((card) => this.#row(card)));
    if (n) this.#choose(0);
    this.rest();
    this.#sitting.strip();
  }
  #row(card) {
    const isQuestion = card.fields.some(([name]) => name === "Front");
    const words = card.figure ? [h("b", {}, count(cardsOf(card), "card")), `: ${card.title}`] : isQuestion ? rich(card.line, 140) : gapped(card);
    const row = h("li", { onclick: () => this.#choose(this.rows.indexOf(row)) }, h("span", { className: "place" }, card.page ? `p. ${card.page}` : ""),
      h("span", { className: "q", dir: "auto" }, words), isQuestion && h("b", { dir: "auto" }, rich(card.answer_line, 80)));
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
  step(by) { this.#choose(this.rows.indexOf(this.chosen) + by); }
  show(key) {
    const row = this.rows.findIndex((each) => each.dataset.key === key);
    if (row >= 0) this.#choose(row);
    else this.#sitting.paper?.goTo(key);
  }

  #buttons() {
    const made = [];
    const add = (label, key, run) => {
      const isMain = !made.length;
      made.push(button(isMain ? "filled quiet" : "outlined", label, isMain ? "⏎" : key, () => this.#isQuiet && run(), { ariaDisabled: String(isMain && !this.#isQuiet) }));
    };
    const left = this.#rest?.waiting ?? 0;
    if (left > 0) add(left > TEN ? "Ten more" : `The last ${WORDS[left]}`, "⏎", () => this.#sitting.again(Promise.resolve(this.#rest)));
    if (this.#next) add(left > 0 && this.#sitting.origin.entry ? "Next paper" : this.#next.label, "⇧⏎", () => this.#next.run());
    if (!left && !this.#next) add("Back to the shelf", "⏎", () => this.#page.leave());
    if (this.#page.ready) add("Open in Anki", "o", () => this.#page.send());
    $("#buttons").replaceChildren(...made);
  }
}

const cardsOf = (card) => (card.figure ? card.figure.masks.filter(({ on }) => on).length : 1);

// A cloze on one line, its gaps in bold.
function gapped(card) {
  const [, , pieces] = card.fields.find(([name]) => name === "Text");
  const drawn = (piece) => {
    if (typeof piece === "string") return [piece];
    if (piece.html !== undefined) return [...harmless(piece.html).childNodes];
    const kids = piece.kids.flatMap(drawn);
    return piece.numbers ? [h("b", {}, kids)] : kids;
  };
  return pieces.flatMap(drawn);
}
