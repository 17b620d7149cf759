// What is shown, going on from it, and deciding about it.

import { Places } from "./places.js";
import { own } from "./own.js";
import { ask, say } from "./talk.js";
import { Turns } from "./turns.js";

export class Review {
  found = null;
  view = "";
  query = "";
  toggles = {};
  keys = [];
  #turns = new Turns((busy) => this.#busy(busy));
  #holds = 0;
  #listeners = [];

  // `desk` speaks with the person: tell(words, tone), ask(act, done), decided(found, item),
  // failed(error), focus().
  constructor(places, desk) {
    this.stages = new Places(places, (message) => this.#heard(message));
    this.desk = desk;
  }

  get item() {
    return this.found?.item ?? null;
  }

  get places() {
    return this.stages.shown;
  }

  get held() {
    return this.#holds > 0;
  }

  get idle() {
    return this.#turns.idle;
  }

  // What list is gone through, as the server is asked for it.
  get asked() {
    return { view: this.view, query: this.query, ...this.toggles };
  }

  tell(words, tone = "") {
    this.desk.tell(words, tone);
  }

  focus() {
    this.desk.focus();
  }

  shown(work) {
    this.#listeners.push(work);
  }

  hold() {
    this.#holds += 1;
    this.#turns.drop();
    return once(() => (this.#holds -= 1));
  }

  // --- showing ------------------------------------------------------------------------------

  show(found) {
    this.found = found;
    this.view = found.view;
    this.redraw();
  }

  redraw() {
    this.stages.show(this.item?.slots ?? [], this.item?.compared);
    for (const listener of this.#listeners) listener(this.item, this);
  }

  async go(step, at = this.item?.id ?? "") {
    this.show(await ask("/api/item", { ...this.asked, at, step }));
    await this.stages.settled;
  }

  // Another list: { view, query, toggles }. Where the server refuses it, all stays as it is.
  visit(wanted, at = "", failed = this.desk.failed, done = () => {}) {
    this.#turns.drop();
    const { view, query, toggles } = { ...this, ...wanted };
    this.#take(async () => {
      const found = await ask("/api/item", { view, query, ...toggles, at, step: "" });
      Object.assign(this, { query, toggles });
      this.show(found);
      done();
      await this.stages.settled;
    }, failed);
  }

  // --- deciding -----------------------------------------------------------------------------

  // One decision; it is in the ledger when this resolves, and the next item is on the screen.
  async decide(what, args = {}) {
    const { id: at = "", stamp = "" } = this.item ?? {};
    const before = this.item;
    const next = this.found?.next ?? "";
    const found = await say("/api/decide", { ...this.asked, what, at, stamp, next, args });
    this.show(found);
    if (found.refused) this.#refuse([found.refused, found.hint].filter(Boolean).join("; "));
    else this.desk.decided(found, what === "undo" ? this.item : before);
    await this.stages.settled;
    return found;
  }

  #refuse(words) {
    this.#turns.drop();
    this.tell(`Not done: ${words}`, "refused");
  }

  async #perform(act) {
    const work = own(act.what);
    if (work) return work(this, act);
    if (act.what.startsWith(":")) return this.tell(`${act.label} is not possible here`, "refused");
    if (act.asks) return this.#ask(act);
    return this.decide(act.what, act.args);
  }

  // Keys sleep while somebody types; what was typed is an act like any other.
  #ask(act) {
    const wake = this.hold();
    this.desk.ask(act, (words) => {
      wake();
      if (words !== null) this.act({ ...act, asks: "", args: { ...act.args, words } });
    });
  }

  // --- taking turns -------------------------------------------------------------------------

  act(act) {
    const stamp = this.item?.stamp;
    this.#take(() => this.item?.stamp === stamp && this.#perform(act));
  }

  press(key, repeated = false) {
    if (this.held || (repeated && !this.#repeats(key))) return false;
    if (!this.#named(key)) return this.#inert(key);
    this.#take(() => this.held || (this.#named(key) ?? (() => this.#inert(key)))());
    return true;
  }

  // Some key that the item brings, else one of the page's own.
  #named(key) {
    const act = this.item?.acts.find((one) => one.key === key);
    if (act) return () => this.#perform(act);
    const row = this.keys.find((one) => one.key === key && (one.when?.(this) ?? true));
    return row && (() => row.does(this));
  }

  // A key that does nothing says why.
  #inert(key) {
    if (!/^[\p{L}\d]$/u.test(key)) return false;
    const forced = key === "a" && this.item?.acts.find((act) => act.args.force);
    const why = forced ? `A check blocks this card; ${forced.key} accepts it anyway` : `${key} does nothing here; ? lists the keys`;
    this.tell(why, "refused");
    return false;
  }

  #repeats(key) {
    return this.idle && this.keys.some((one) => one.key === key && one.repeats);
  }

  #heard({ key, repeated, flip }) {
    if (key === "Escape") this.focus();
    else if (key) this.press(key, repeated);
    if (flip) this.press(" ");
  }

  #take(work, failed = this.desk.failed) {
    this.#turns.take(async () => {
      try {
        await work();
      } catch (error) {
        this.#turns.drop();
        failed(error);
      }
    });
  }

  // `data-shown`: something was shown; `aria-busy`: something else is about to be.
  #busy(busy) {
    if (busy) return document.body.setAttribute("aria-busy", "true");
    document.body.removeAttribute("aria-busy");
    document.body.dataset.shown = "yes";
    return undefined;
  }
}

function once(work) {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}
