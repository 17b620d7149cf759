// A sitting: up to ten pending items of one document or list. The document stays on screen, with the card level with its
// highlight. The server keeps track of the remaining items, but the next card is shown before the server has answered.
import { drawButtons } from "./bar.js";
import { Card } from "./card.js";
import { $, h } from "./dom.js";
import { Ending } from "./ending.js";
import { fillFrame, renderQuestion } from "./face.js";
import { runAlone, attempt, isFree, mayDecide, markPainted } from "./pace.js";
import { forgetPaper, getPaper } from "./paper.js";
import { TEN, UNTIL_NEXT, announce, quote, tell } from "./say.js";
import { get, post } from "./server.js";
import { MODE, PENDING, RESULT } from "./states.js";
import { drawStrip, drawView } from "./strip.js";
import { hideTie, levelCard, tieToCard, tieToRow } from "./tie.js";

const REFRESH_DELAY = 150; // ms to wait after a decision, so that the next one isn't delayed

// The state of a highlight whose item is pending.
const getPendingState = ({ suggested }) => (suggested ? PENDING.SUGGESTED : PENDING.ASKS);

export class Sitting {
  // The target of the sitting: its `title`; `read`, which requests the sitting; its `entry` on the shelf; the `key` of a
  // document; `single` for an item opened from a row, and `back`, the location of that row.
  origin;
  number = 0; // the server's id of the sitting
  items = []; // the remaining items
  at = 0;
  results = []; // the `RESULT` of each decision
  opened = null; // an item outside the sitting, shown instead
  isStoring = false; // whether a decision is being stored
  card = null;
  paper = null;
  ending = null;
  resizes = new ResizeObserver(() => this.level());
  #known = new Map(); // items by id
  #cards = new Set(); // the cards shown, but for those decided on
  #page;

  constructor(origin, page) {
    this.origin = origin;
    this.#page = page;
  }

  async load(read = this.origin.read()) {
    const reply = await read;
    Object.assign(this, { at: 0, opened: reply.opened ?? null, ending: null });
    this.#take(reply);
  }
  // Apply the server's state and new items, and show the requested item.
  #take({ number, ids, results, items }, wanted = this.item?.id) {
    for (const item of items) {
      const known = this.#known.get(item.id);
      // items that are already shown, or shown again, keep the user's input
      if (known?.isAhead || known?.turn === item.turn) Object.assign(known, item, { isAhead: false });
      else this.#known.set(item.id, item);
    }
    Object.assign(this, { number, results, items: ids.map((id) => this.#known.get(id)) });
    const at = this.items.findIndex(({ id }) => id === wanted);
    this.at = at < 0 ? Math.max(Math.min(this.at, ids.length - 1), 0) : at;
    if (this.paper) this.paper.ten = this.#marks;
  }
  get #marks() { return new Set(this.items.map(({ source }) => source?.key)); }
  async begin() {
    this.observe();
    await this.show(false);
  }
  observe() { this.resizes.observe($("#margin")); }
  close() {
    for (const card of this.#cards) this.#keepTypedText(card);
    this.#leavePaper();
    this.resizes.disconnect();
    document.body.classList.remove("ended", "alone");
    hideTie();
  }
  // Close what the user types in a card; what isn't stored is kept for the next time that the card is shown.
  #keepTypedText(card) {
    const { kept } = this.#page;
    kept.delete(card.item.id);
    if (card.mode !== MODE.LOOK) card.leave();
    if (card.mode !== MODE.KEPT) return;
    card.row = this.origin.entry?.id ?? card.item.source?.document;
    kept.set(card.item.id, card);
  }

  get item() { return this.opened ?? this.items[this.at]; }
  get size() { return this.items.length + this.results.length; }
  // Whether the card's own actions can be chosen: it is on screen, and nothing is typed.
  get #isLooking() { return !this.ending && this.card?.mode === MODE.LOOK; }
  // The card's current actions, except that of the filled button.
  get actions() { return this.#isLooking ? this.card.actions.filter((action) => action !== this.card.main) : []; }
  // The action with a key or name, if it can be chosen.
  actionOf(key) { return this.#isLooking ? this.card.actions.find((action) => action.key === key || action.act === key) : undefined; }

  // ---- Rendering.

  async show(glides = true) {
    const { item } = this;
    document.body.classList.toggle("ended", !item);
    if (!item) return this.end();
    this.ending = null;
    item.card ??= this.#findShownCard(item) ?? this.#makeCard(item);
    this.card = item.card;
    this.#cards.add(this.card);
    $("#fold input").checked = false;
    $("#margin").replaceChildren(this.card.node);
    $("#margin").scrollTop = 0;
    for (const frame of this.card.node.querySelectorAll("iframe")) fillFrame(frame);
    this.resizes.observe(this.card.node);
    this.card.node.focus({ preventScroll: true });
    this.count();
    this.onCardChange();
    markPainted();
    const paper = item.source ? getPaper(item.source.document) : null;
    if (paper && !paper.body) await paper.ready.catch(() => {});
    if (this.item !== item || this.ending) return;
    const isOther = this.#enter(paper?.body ? paper : null);
    this.#look(glides && !isOther);
    this.onCardChange();
    this.strip();
    // open the next item's document ahead of time
    const next = this.items[(this.at + 1) % this.items.length]?.source;
    if (next) setTimeout(() => getPaper(next.document), REFRESH_DELAY);
  }
  // The card of an item that was shown before and hasn't changed since, with what the user typed.
  #findShownCard({ id, turn }) {
    const cards = [...this.#cards, ...this.#page.kept.values()];
    return cards.find(({ item }) => item.id === id && item.turn === turn);
  }
  // A card may outlive its sitting, so it reports to the current one.
  #makeCard(item) {
    return new Card(item, () => this.#page.sitting?.onCardChange(), (key) => this.#page.sitting?.press(key));
  }
  #look(glides) {
    const { paper, card } = this;
    if (!paper) return;
    paper.ask(card.item.source.key, card.sentences);
    paper.goTo(card.item.source.key, glides);
  }
  // Show a document beside the card, and return whether it has changed.
  #enter(paper) {
    document.body.classList.toggle("alone", !paper);
    if (paper === this.paper) return false;
    this.#leavePaper();
    this.paper = paper;
    $("#title").textContent = this.origin.title || paper?.title || "";
    if (!paper) return true;
    paper.moved = () => this.level();
    paper.chosen = (key) => this.goToMark(key);
    paper.ten = this.#marks;
    paper.enter();
    if (this.origin.entry?.list) $("#title").textContent += ` · ${paper.title}`;
    if (this.origin.single) $("#title").textContent = paper.title;
    return true;
  }
  #leavePaper() {
    this.paper?.leave();
    if (this.paper) this.paper.isOver = false;
    this.paper = null;
  }

  // Update the buttons and the emphasis in the document after a change of selection.
  onCardChange() {
    const { card, paper } = this;
    if (!card || this.ending) return;
    this.bar();
    const asked = card.sentences;
    if (paper && paper.now === card.item.source?.key && asked.join() !== paper.asked.join()) paper.ask(paper.now, asked);
    requestAnimationFrame(() => this.level());
  }
  count() {
    const now = this.results.length; // so that it never runs backwards
    const isAside = this.ending || this.opened;
    $("#count").textContent = isAside || this.size < 2 ? "" : `${now + 1} of ${this.size}`;
    $("#ticks").replaceChildren(...Array.from({ length: this.size }, (_, i) => {
      const tick = h("li");
      tick.dataset.s = this.results[i] ?? (i === now && !isAside ? "now" : "open");
      return tick;
    }));
  }

  bar() { drawButtons(this.#listButtons()); }
  // The current buttons: {look, label, key, run}.
  #listButtons() {
    const { card } = this;
    const main = { look: "filled", label: card.says, key: "⏎", run: () => this.enter() };
    const back = { label: "Back", key: "Esc", run: () => this.escape() };
    const drop = { label: "Discard", key: "", run: () => card.drop() };
    switch (card.mode) {
      case MODE.ASK: return [main, back];
      case MODE.EDIT: return [{ ...main, key: "Ctrl ⏎" }, { ...back, label: "Keep for later" }, drop];
      case MODE.KEPT: return [main, { label: "Go on", key: "e", run: () => this.edit() }, drop];
    }
    const [first, ...others] = card.actions.filter((action) => this.#hasButton(action)).map((action) => (action === card.main
      ? main : { ...action, look: action.look.replace("filled", "outlined"), run: () => this.do(action) }));
    const isBesideSitting = this.opened && this.items.length > 0;
    return isBesideSitting ? [first, back, ...others] : [first, ...others];
  }
  // Whether an action has a button, not only an entry of the menu. A question needs words that it asks about.
  #hasButton({ act, look }) { return look !== "more" && (act !== "ask" || this.card.sentence); }

  // ---- The card is level with its highlight, and connected to it by a line.

  level() {
    const { paper, ending, card } = this;
    hideTie();
    if (!paper) {
      if (card) card.node.style.translate = "";
      return;
    }
    drawView(paper);
    const node = ending ? ending.chosen : card?.node;
    const mark = paper.getScreenPosition(ending ? ending.key : paper.now);
    if (!node?.isConnected || !mark) return;
    if (ending) {
      tieToRow(node, mark);
    } else {
      levelCard(node, mark);
      tieToCard(node, mark);
    }
  }
  strip() {
    const { paper } = this;
    if (paper) drawStrip(paper, this.ending ? null : paper.now, (key) => this.goToMark(key));
  }

  // ---- Navigation.

  step(by) {
    if (this.ending) return this.ending.step(by);
    if (this.items.length < 2 && !this.opened) return;
    this.at = this.opened ? this.at : (this.at + by + this.items.length) % this.items.length;
    this.opened = null;
    this.show();
  }
  // Go to the next highlight, or from the ending to the next document.
  next() { return this.ending ? this.ending.nextDocument() : this.stepMark(1); }
  // Go to the next highlight of the document in any state, wrapping around at the end.
  stepMark(by) {
    const { marks = [], now } = this.paper ?? {};
    const at = marks.findIndex(({ key }) => key === now) + by;
    if (marks.length) this.goToMark(marks[(at + marks.length) % marks.length].key);
  }
  async goToMark(key) {
    if (this.ending?.show(key) || !isFree()) return;
    const known = this.items.findIndex(({ source }) => source?.key === key);
    if (known >= 0) {
      this.#goOn();
      [this.opened, this.at] = [null, known];
      return this.show();
    }
    await this.#showMark(key, await runAlone(() => this.#readMark(key), { bringsCard: true }));
  }
  #readMark(key) { return get("item", { id: key, sitting: this.number }).catch(() => ({})); }
  async #showMark(key, { item, sitting }) {
    if (!item) {
      this.paper.ask(key, []);
      this.paper.goTo(key);
      this.strip();
      return tell("There is nothing to do here.");
    }
    this.#goOn();
    // a pending item joins the sitting
    this.opened = sitting ? null : item;
    if (sitting) this.#take(sitting, item.id);
    await this.show();
  }
  escape() {
    if (this.getSelectedText()) return getSelection().removeAllRanges();
    if (this.ending || !this.card?.leave()) {
      if (this.opened && this.items.length) {
        this.opened = null;
        this.show();
      } else this.#page.leave();
    }
  }
  // Whether the card's highlight was made on this page, so that it can be taken out again.
  get isMadeHere() { return !this.ending && this.paper?.mark(this.item?.source?.key)?.made; }
  // The text selected in the document and the key of its highlight, or null.
  getSelectedText() { return this.paper?.body ? this.paper.getSelectedText() : null; }
  // Blank out the selected text, or ask about it; text outside any highlight becomes a new highlight.
  async take(how) {
    const { key, text, before, page } = this.getSelectedText();
    if (!key) return this.#mark(how, { text, before, page });
    if (this.ending) return;
    if (key !== this.item.source.key) await this.goToMark(key);
    const { card } = this;
    if (card?.item.source?.key !== key) return;
    const isTaken = await card.take(text, () => get("words", { key }));
    getSelection().removeAllRanges();
    if (!isTaken) return tell("Select words of the highlight itself.");
    if (how === "q") this.card.ask();
  }

  // Highlight the text, and show the suggestion beside it.
  async #mark(how, words) {
    if (!isFree()) return;
    const { paper } = this;
    let key = "";
    const from = this.ending ? "" : this.item?.source?.key;
    getSelection().removeAllRanges();
    await attempt(async () => {
      const reply = await post("mark", { id: paper.id, ...words });
      this.#page.counted(reply);
      this.#page.undos.push({ id: reply.undo, sitting: this, isMark: true, from });
      await paper.renew();
      key = reply.key;
    }, { bringsCard: true });
    if (!key) return;
    this.#goOn();
    await this.goToMark(key);
    tell("Marked here. The file stays as it is.", { undoes: true });
    if (how === "q") this.card?.ask();
  }
  // Delete the highlight of this card, if it was made on this page.
  async unmark() {
    const key = this.item?.source?.key;
    if (!key || !isFree()) return;
    await attempt(async () => {
      const reply = await post("unmark", key);
      this.#page.counted(reply);
      if (reply.undo) this.#page.undos.push({ id: reply.undo, sitting: this, isMark: true, from: key });
      tell("The highlight is taken out.", { undoes: Boolean(reply.undo) });
      if (this.paper.marks.length === 1) await this.#page.openShelf();
      else await this.reload();
    }, { bringsCard: true });
  }
  // After adding or removing a highlight, show the current items, first that of the highlight `key`.
  async reload(key = "") {
    if (this.paper) await this.paper.renew();
    else forgetPaper(this.origin.entry?.id);
    await this.load();
    this.#goOn();
    const at = this.items.findIndex(({ source }) => source?.key === key);
    if (at >= 0) this.at = at;
    if (at >= 0 || !key) return this.show();
    return this.#showMark(key, await this.#readMark(key));
  }
  #goOn() {
    this.ending = null;
    if (this.paper) this.paper.isOver = false;
  }

  // ---- Decisions, one at a time. The next card is shown at once; if the server refuses, the card comes back with the reason.

  edit() { attempt(() => this.card.edit()); }
  ask() { this.card.ask(); }
  press(key) {
    const action = this.actionOf(key);
    if (action) this.do(action);
  }
  enter() {
    if (this.ending) return this.ending.enter();
    const { card } = this;
    if (card.mode === MODE.LOOK && card.main.needs === "edit") return this.edit();
    if (!mayDecide()) return;
    const decision = card.readDecision();
    if (decision) this.#store(decision.action, decision.given);
  }
  do(action) {
    if (action === this.card.main) return this.enter();
    if (action.act === "ask") return this.ask();
    if (action.act === "chat") return this.#page.chat();
    if (action.needs === "edit") return this.edit();
    if (!mayDecide()) return;
    const given = this.card.readInput(action);
    if (!given) return;
    this.#store(action, { choice: this.card.item.beside ? 0 : this.card.picked, ...given });
  }

  async #store(action, given) {
    const { item, opened } = this;
    if (action.stays) tell(action.stays, { stays: UNTIL_NEXT });
    await runAlone(() => this.#send(action, given), { bringsCard: Boolean(opened || action.stays) });
    // after an item outside the sitting, continue with the next highlight
    const isBeside = opened && !this.origin.single && !action.stays && !this.opened;
    if (isBeside && this.paper?.marks.some(({ key }) => key === item.source?.key)) {
      this.paper.now = item.source.key;
      this.stepMark(1);
    }
  }
  async #send(action, given) {
    const { item, items, at, results, opened, card } = this;
    const decision = { id: item.id, turn: item.turn, act: action.act, sitting: opened ? 0 : this.number, ...given, ...action.sends };
    const name = card.title;
    this.isStoring = true;
    if (!opened && !action.stays) this.#goAhead(action);
    try {
      const reply = await post("decide", decision);
      this.#page.counted(reply);
      this.isStoring = false;
      this.#cards.delete(card);
      this.#page.kept.delete(item.id);
      this.#stored(reply, action);
      if (action.stays) tell(reply.said);
      else tell([...this.#describeDecision(action, card, name), ` ${reply.said ?? ""}`], { undoes: true });
      announce($("#count").textContent); // the message about the decision is announced separately
    } catch (error) {
      Object.assign(this, { items, at, results, isStoring: false });
      await this.#showRefusal(error, item, action.label, (more) => this.#store(action, { ...given, ...more }));
    }
    this.#refresh();
  }
  // The parts of a message about a decision on a card, which is called `name` unless its name is on screen.
  #describeDecision(action, card, name) {
    if (action.act === "accept" && card.drawn?.told) return [`${card.drawn.told()} from “${this.paper?.title ?? card.item.title}”`];
    if (this.ending) return [`${action.said}.`];
    return [`${action.said}: `, quote(name)];
  }
  // A decision was refused: show the item's current state again with the reason, or remove it if it isn't pending any more.
  async #showRefusal(error, item, label, again) {
    const isStale = error.status === 409;
    if (error.sitting) this.#take(error.sitting, item.id);
    else if (isStale) this.opened = error.item;
    await this.show();
    if (isStale && !error.item) tell([`${error.message} `, quote(renderQuestion(item)), " was not decided on again."]);
    else this.card.fail(error, label, again);
  }
  // Show the next item: another fact of the same highlight, in place of the last item, or else the next highlight.
  #goAhead({ becomes }) {
    const { items, at } = this;
    const { source, beside, then } = items[at];
    const next = becomes === RESULT.CARD && then ? [then] : [];
    for (const each of next) this.#known.set(each.id, Object.assign(each, { isAhead: true }));
    if (source && !beside) this.paper?.recolour({ [source.key]: becomes === RESULT.LATER ? getPendingState(items[at]) : becomes });
    this.results = [...this.results, becomes];
    this.items = items.toSpliced(at, 1, ...next).slice(0, TEN - this.results.length);
    if (at >= this.items.length) this.at = 0;
    this.show();
  }
  // After a decision is stored, switch to the server's next item if another item is shown.
  #stored(reply, action) {
    const { item } = this;
    if (reply.undo) this.#page.undos.push({ id: reply.undo, sitting: this });
    if (!reply.sitting) this.opened = action.stays || this.origin.single ? reply.item ?? null : null;
    else this.#take(reply.sitting, action.stays ? reply.item.id : item?.id);
    if (action.stays || this.item !== item) this.show();
    this.ending?.fill();
  }
  #refresh() { setTimeout(() => this.paper?.refresh().then(() => this.strip()), REFRESH_DELAY); }

  // Show an item again after its decision was undone.
  putBack({ item, sitting }) {
    this.#goOn();
    this.opened = sitting ? null : item;
    if (sitting) this.#take(sitting, item.id);
    if (item.source) this.paper?.recolour({ [item.source.key]: getPendingState(item) });
    this.show();
    this.#refresh();
  }

  // ---- The ending.

  end() {
    if (this.origin.single) return this.#page.leave();
    this.card = null;
    if (this.ending) return undefined;
    if (this.paper) this.paper.isOver = true;
    document.body.classList.toggle("alone", !this.paper);
    this.ending = new Ending(this, this.#page);
    $("#margin").replaceChildren(this.ending.node);
    $("#margin").scrollTop = 0;
    this.count();
    this.ending.begin();
    markPainted();
    this.level();
    // show the document even if it had no pending items
    const { entry } = this.origin;
    const paper = entry && !entry.list && !this.paper ? getPaper(entry.id) : null;
    paper?.ready.then(() => {
      if (!this.ending || this.paper || !paper.body) return;
      this.#enter(paper);
      paper.isOver = true;
      paper.goTo(paper.first);
      this.strip();
    }).catch(() => {});
    return undefined;
  }
  async again(read) {
    if (this.paper) this.paper.isOver = false;
    await this.load(read);
    await this.show();
  }
}
