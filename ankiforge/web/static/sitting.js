// A sitting: what waits in one document, or in a list, ten at a time. The document stays; the card stands level with its mark.
import { Card } from "./card.js";
import { $, button, h, menuOf } from "./dom.js";
import { Ending } from "./ending.js";
import { fill } from "./face.js";
import { alone, attempt, isFree, mayDecide, painted } from "./pace.js";
import { paperOf } from "./paper.js";
import { TEN, UNTIL_NEXT, WORDS, announce, askText, count, number, quoted, tell } from "./say.js";
import { get, post } from "./server.js";
import { recalled } from "./settings.js";
import { svg } from "./shapes.js";

const LATER = 150; // ms after a decision, in which another one is not delayed
// How the mark of an item stands after a decision, and what became of the decision.
const STATES_AFTER = { reject: "none", none: "none", passage: "none", later: "asks", suspend: "none", leave: "asks" };
const narrow = matchMedia("(max-width: 699px)");

export class Sitting {
  // What is decided on: `title`, `read` returns {items, waiting}; of a document its `entry` of the shelf, of a list its id `list`;
  // `single` if it is one item that was opened from a row.
  origin;
  items = [];
  at = 0;
  opened = null; // the item of another mark, which is shown instead
  results = []; // of each decision: card, none, later
  actions = []; // what takes decisions back
  waiting = 0;
  isStoring = false; // whether a decision is on its way
  notices = []; // rows of what sources changed
  card = null;
  paper = null;
  ending = null;
  #cards = new Map();
  #page;

  constructor(origin, page) {
    this.origin = origin;
    this.#page = page;
  }

  async load(read = this.origin.read()) {
    const { items, waiting, rows = [] } = await read;
    Object.assign(this, { items, waiting, notices: rows, at: 0, opened: null, results: [], actions: [], ending: null, size: Math.min(items.length, TEN) });
  }
  async begin() {
    this.began = performance.now();
    this.resizes = new ResizeObserver(() => (this.ending ? this.level() : this.changed()));
    this.resizes.observe($("#margin"));
    await this.show(false);
  }
  close() {
    this.#leavePaper();
    this.ending?.stop();
    this.resizes?.disconnect();
    document.body.classList.remove("ended", "alone", "noticed");
    $("#tie").style.visibility = "hidden";
  }

  get item() { return this.opened ?? this.items[this.at]; }
  get isOver() { return !this.opened && this.results.length >= this.size; }
  get waits() { return this.origin.single ? "" : `${number(this.waiting)} wait ${this.origin.entry ? "in this document" : "here"}`; }
  get why() { return this.card?.item.actions.find(({ needs }) => needs === "text"); }
  // The action of a key, if it can be done now.
  actionOf(key) { return this.ending || this.card?.mode !== "look" ? undefined : this.card.item.actions.find((action) => action.key === key); }

  // ---- What is shown.

  async show(glides = true) {
    const { item } = this;
    document.body.classList.toggle("ended", !item || this.isOver);
    if (!item || this.isOver) return this.end();
    this.ending = null;
    this.card = this.#cardOf(item);
    if (recalled("recall")) document.body.classList.add("hiding");
    $("#margin").replaceChildren(this.card.node, this.#notices());
    $("#margin").scrollTop = 0;
    for (const frame of this.card.node.querySelectorAll("iframe")) fill(frame);
    this.sized?.disconnect();
    this.sized = new ResizeObserver(() => this.level());
    this.sized.observe(this.card.node);
    this.card.node.focus({ preventScroll: true });
    this.count();
    this.changed();
    painted();
    const paper = item.source ? paperOf(item.source.key, item.source.document, $("#paper")) : null;
    if (paper && !paper.body) await paper.ready.catch(() => {});
    if (this.item !== item || this.ending) return;
    const isOther = this.#enter(paper?.body ? paper : null);
    this.#look(glides && !isOther);
    this.changed();
    this.strip();
    // the document of the next item is opened before it is needed
    const next = this.items[(this.at + 1) % this.items.length]?.source;
    if (next) setTimeout(() => paperOf(next.key, next.document, $("#paper")), LATER);
  }
  // A card that was shown before has what was typed into it, also after an undo.
  #cardOf(item) {
    const known = `${item.id} ${item.turn}`;
    if (!this.#cards.has(known)) this.#cards.set(known, new Card(item, () => this.changed(), (key) => this.press(key)));
    return this.#cards.get(known);
  }
  #look(glides) {
    const { paper, card } = this;
    if (!paper) return;
    paper.ask(card.item.source.key, card.sentences);
    paper.goTo(card.item.source.key, glides);
  }
  // Show a document beside the card. Return whether it is another one.
  #enter(paper) {
    document.body.classList.toggle("alone", !paper);
    if (paper === this.paper) return false;
    this.#leavePaper();
    this.paper = paper;
    $("#title").textContent = this.origin.title;
    if (!paper) return true;
    paper.moved = () => this.level();
    paper.chosen = (key) => this.goToMark(key);
    paper.ten = new Set(this.items.map(({ source }) => source?.key));
    paper.enter();
    if (!this.origin.entry) $("#title").textContent += ` · ${paper.title}`;
    return true;
  }
  #leavePaper() {
    this.paper?.leave();
    if (this.paper) this.paper.isOver = false;
    this.paper = null;
  }
  // What sources changed, below the first conflict.
  #notices() {
    document.body.classList.toggle("noticed", this.notices.length > 0);
    return this.notices.length ? this.#page.notices(this.notices) : "";
  }

  // What is chosen has changed: the buttons say so, and the document shows what is asked.
  changed() {
    const { card, paper } = this;
    if (!card || this.ending) return;
    this.bar();
    const asked = card.sentences;
    if (paper && paper.now === card.item.source?.key && asked.join() !== paper.asked.join()) paper.ask(paper.now, asked);
    requestAnimationFrame(() => this.level());
  }
  count() {
    const n = this.results.length;
    const of = WORDS[this.size] ?? this.size;
    $("#count").textContent = this.ending || this.origin.single || this.opened ? "" : `${Math.min(n + 1, this.size)} of ${of}`;
    $("#ticks").replaceChildren(...Array.from({ length: this.origin.single ? 0 : this.size }, (_, i) => {
      const tick = h("li");
      tick.dataset.s = this.results[i] ?? (i === n && !this.ending ? "now" : "open");
      return tick;
    }));
  }

  // The buttons, the blue one first; those that have no room are in the menu.
  bar() {
    const [shown, rest] = this.#choices();
    const drawn = ({ look, label, key, run }) => button(look, label, key, run, { "aria-keyshortcuts": key && key.replace(/^[A-Z]$/, "Shift+$&") });
    for (let room = shown.length; room > 0; room -= 1) {
      const more = [...shown.slice(room), ...rest];
      $("#buttons").replaceChildren(...shown.slice(0, room).map(drawn), ...(more.length ? [menuOf(more)] : []));
      if ($("#buttons").scrollWidth <= $("#buttons").clientWidth) break;
    }
    const { figure, item } = this.card;
    $("#hint").textContent = this.card.mode === "look" ? item.hint ?? "" : "";
    if (figure && !figure.left()) $("#buttons .filled").ariaDisabled = "true";
  }
  // What can be done now, {look, label, key, run}: what has a button, and what is in the menu.
  #choices() {
    const { card } = this;
    const { actions } = card.item;
    const isEdited = card.mode === "edit";
    const main = { look: "filled", label: card.says, key: isEdited ? "Ctrl ⏎" : "⏎", run: () => this.enter() };
    const back = (label) => ({ look: "outlined", label, key: "Esc", run: () => this.escape() });
    const drop = { look: "text", label: "Discard", key: "", run: () => card.drop() };
    const goOn = { look: "outlined", label: "Go on editing", key: "e", run: () => this.edit() };
    if (card.mode === "ask") return [[main, back("Back to the sentence")], []];
    if (card.mode !== "look") return [[main, isEdited ? back("Keep for later") : goOn, drop], []];
    const chosen = (action) => ({ ...action, look: "outlined", run: () => this.#do(action) });
    const others = actions.filter((action) => action !== card.main && (action.act !== "ask" || card.sentence));
    const shown = ["outlined", "text"].flatMap((look) => others.filter((action) => action.look === look)).map(chosen);
    const { sentence } = card;
    const ends = [{ label: "End a clause earlier", key: ".", run: sentence?.cutTail }, { label: "Begin a clause later", key: ",", run: sentence?.cutHead }];
    const rest = [...others.filter(({ look }) => look === "more").map(chosen), ...(sentence?.card.gaps ? ends : []), { label: "Undo", key: "u", run: () => this.undo() }];
    return [[main, ...(this.opened && this.items.length ? [back("Back to the ten")] : []), ...shown], rest];
  }

  // ---- The card stands level with its mark, tied by a line.

  level() {
    const { paper, ending } = this;
    const tie = $("#tie");
    tie.style.visibility = "hidden";
    if (!paper) {
      if (this.card) this.card.node.style.translate = "";
      return;
    }
    this.#foot();
    const node = ending ? ending.chosen : this.card?.node;
    const mark = paper.onScreen(ending ? ending.key : paper.now);
    if (!node?.isConnected || !mark) return;
    const margin = $("#margin").getBoundingClientRect();
    const isTied = !narrow.matches && !document.body.classList.contains("noticed");
    if (!ending) {
      const most = margin.height - node.offsetHeight - 16;
      const y = Math.max(Math.min(mark.top - margin.top - 22, most), 12);
      node.style.translate = isTied ? `0 ${y.toFixed(1)}px` : "";
    }
    if (!isTied) return; // on a phone the card is below
    const curve = (x, y, toX, toY) => `M${x} ${y}C${(x + toX) / 2} ${y} ${(x + toX) / 2} ${toY} ${toX} ${toY}`;
    const turn = mark.paneRight - 4;
    // at the ending all cards are tied to their marks, the chosen one most
    $(".others", tie).replaceChildren(...(ending?.rows ?? []).flatMap((row) => {
      const from = row !== node && paper.onScreen(row.dataset.key);
      const { top, height, bottom, left } = row.getBoundingClientRect();
      if (!from || !from.isSeen || top > margin.bottom - 10 || bottom < margin.top) return [];
      return [svg("path", { d: curve(turn, from.y + 1.5, left, Math.min(top + height / 2, margin.bottom - 4)) })];
    }));
    const { left, top, bottom } = node.getBoundingClientRect();
    const y = mark.y + 1.5; // between the lines
    const end = Math.min(Math.max(y, top + 18), bottom - 18);
    $(".across", tie).setAttribute("d", `M${mark.x + 2} ${y}H${turn}`);
    $(".gutter", tie).setAttribute("d", curve(turn, y, left, end));
    $("circle", tie).setAttribute("cx", left);
    $("circle", tie).setAttribute("cy", end);
    tie.style.visibility = mark.isSeen ? "visible" : "hidden";
  }
  // Where one is in the document: page, zoom, mark; and on the strip what is in view.
  #foot() {
    const { paper } = this;
    const seen = paper.inView();
    $("#where").textContent = seen ? `p. ${seen.page} of ${seen.of}` : paper.kind === "list" ? "book" : "note";
    $("#percent").textContent = `${Math.round(100 * paper.zoom)} %`;
    const at = paper.marks.findIndex(({ key }) => key === paper.now);
    $("#nth").textContent = at >= 0 ? `mark ${at + 1} of ${paper.marks.length}` : count(paper.marks.length, "mark");
    const { scrollTop, clientHeight, scrollHeight } = paper.pane;
    const view = $("#strip b");
    if (!view) return;
    view.style.top = `${(100 * scrollTop) / scrollHeight}%`;
    view.style.height = `${(100 * clientHeight) / scrollHeight}%`;
  }
  // The strip: all marks of the document.
  strip() {
    const { paper } = this;
    if (!paper) return;
    const tall = paper.pane.scrollHeight;
    $("#strip").replaceChildren(h("b"), ...paper.marks.map((mark) => {
      const tick = h("i", { title: mark.words, onclick: () => this.goToMark(mark.key) });
      Object.assign(tick.dataset, { s: mark.key === paper.now && !this.ending ? "now" : mark.state, ten: String(paper.ten.has(mark.key)), key: mark.key, state: mark.state });
      tick.style.top = `${(100 * paper.topOf(mark)) / tall}%`;
      return tick;
    }));
    this.#foot();
  }

  // ---- Going elsewhere.

  pressed() { this.ending?.pressed(); }
  step(by) {
    if (this.ending) return this.ending.step(by);
    if (this.items.length < 2 && !this.opened) return;
    this.at = this.opened ? this.at : (this.at + by + this.items.length) % this.items.length;
    this.opened = null;
    this.show();
  }
  // To the next mark of the document, whatever its state.
  stepMark(by) {
    const { marks = [], now } = this.paper ?? {};
    const next = marks[marks.findIndex(({ key }) => key === now) + by];
    if (next) this.goToMark(next.key);
  }
  async goToMark(key) {
    if (this.ending) return this.ending.show(key);
    if (!isFree()) return;
    const known = this.items.findIndex(({ source }) => source?.key === key);
    if (known >= 0) {
      [this.opened, this.at] = [null, known];
      return this.show();
    }
    const { item } = await alone(() => get("item", { id: key }), { bringsCard: true }).catch(() => ({ item: null }));
    if (!item) {
      this.paper.ask(key, []);
      this.paper.goTo(key);
      this.strip();
      return tell("Nothing is to be done here.");
    }
    if (this.origin.entry && !item.beside && item.cards && item.actions.some(({ act }) => act === "accept")) this.#insert(item);
    else this.opened = item;
    await this.show();
  }
  // One that waits joins the ten, in reading order, in the place of the last of them.
  #insert(item) {
    const order = new Map(this.paper.marks.map(({ key }, i) => [key, i]));
    const at = this.items.findIndex(({ source }) => order.get(source.key) > order.get(item.source.key));
    this.items.splice(at < 0 ? this.items.length : at, 0, item);
    const others = this.items.filter((each) => each !== item);
    if (this.items.length + this.results.length > this.size && others.length) this.items = this.items.filter((each) => each !== others.at(-1));
    this.opened = null;
    this.at = this.items.indexOf(item);
    this.paper.ten.add(item.source.key);
  }
  escape() {
    if (this.ending || !this.card?.leave()) {
      if (this.opened && this.items.length) {
        this.opened = null;
        this.show();
      } else this.#page.leave();
    }
  }
  // The words that are selected in the document, and the key of their mark; null if none are.
  selected() { return this.ending ? null : this.paper?.selected() ?? null; }
  // Hide words that are selected in the document, or ask about them.
  async take(how) {
    const { key, text } = this.selected();
    if (!key) return tell("Only marked words so far. Select words of a mark.");
    if (key !== this.item.source.key) await this.goToMark(key);
    const { card } = this;
    if (card?.item.source?.key !== key) return;
    const isTaken = await card.take(text, async () => (await get("words", { key })).parts);
    getSelection().removeAllRanges();
    if (!isTaken) return tell("Select words of the mark itself.");
    if (how === "q") card.ask();
  }

  // ---- Decisions, one at a time. The next card is shown at once; if the server refuses, the card comes back with the reason.

  edit() {
    if (!this.ending) attempt(() => this.card?.edit());
  }
  ask() {
    if (!this.ending) this.card?.ask();
  }
  press(key) {
    const action = this.actionOf(key);
    if (action) this.#do(action);
  }
  reason() {
    if (this.why) this.#do(this.why);
  }
  enter() {
    if (this.ending) return this.ending.enter();
    const { card } = this;
    // as long as the answer is hidden, it shows the answer; the same key decides next: not before that can be seen
    if (document.body.classList.contains("hiding") && card.mode === "look" && card.item.cards) {
      this.#page.flip(false);
      return painted();
    }
    if (card.mode === "look" && card.main.needs === "edit") return this.edit();
    if (!mayDecide()) return;
    const made = card.made();
    if (made) this.#store(made.action, made.given);
  }
  async #do(action) {
    if (action === this.card.main) return this.enter();
    if (action.act === "ask") return this.ask();
    if (action.needs === "edit") return this.edit();
    if (!mayDecide()) return;
    const given = this.card.given(action);
    if (!given) return;
    if (action.needs === "text") {
      const text = await askText(action.ask, action.label.replace("…", ""));
      if (text === null) return;
      given.text = text;
    }
    this.#store(action, { choice: action.choice ?? (this.card.item.beside ? 0 : this.card.picked), ...given });
  }

  async #store(action, given) {
    const { item, card } = this;
    const name = card.title;
    const decision = { id: item.id, turn: item.turn, act: action.act, ...given };
    if (action.stays) return this.#stays(item, decision, action);
    const again = (more) => this.#store(action, { ...given, ...more });
    const { items, at, opened } = this;
    const before = { items: [...items], at, opened, results: [...this.results] };
    const isOpened = Boolean(opened) || this.origin.single;
    const state = STATES_AFTER[decision.act] ?? "card";
    const follows = !isOpened && state === "card" && item.then;
    await alone(async () => {
      this.isStoring = true;
      if (!isOpened) {
        if (!item.beside && item.source) this.paper?.recolour({ [item.source.key]: state });
        this.results.push(state === "asks" ? "later" : state);
        // a further fact of a mark comes once its first was accepted, in the place of the last of the ten
        this.items = [...items.slice(0, at), ...(follows ? [item.then] : []), ...items.slice(at + 1)];
        if (follows && this.items.length + this.results.length > TEN) this.items.pop();
        if (follows) this.size = Math.min(this.items.length + this.results.length, TEN);
        if (this.at >= this.items.length) this.at = 0;
        this.show();
      }
      try {
        const reply = await post("decide", decision);
        this.isStoring = false;
        this.#page.counted(reply);
        await this.#stored({ item, at, reply, follows, decision, isOpened });
        const figure = state === "card" && decision.act !== "masks" && card.figure?.left();
        const what = figure ? [`${count(figure, "card")} from “${this.paper?.title ?? name}”`] : [`${action.said.replace(/:$/, "")}: `, quoted(name)];
        tell([...what, ` ${reply.said ?? ""}`], { undoes: true });
        announce($("#count").textContent); // what was done is a status itself
      } catch (error) {
        Object.assign(this, before);
        this.isStoring = false;
        await this.#takeBack(item, error, action, again);
      }
    }, { bringsCard: isOpened });
  }
  // A decision is stored.
  async #stored({ item, at, reply, follows, decision, isOpened }) {
    if (reply.undo) this.actions.push(reply.undo);
    this.#page.undos.push({ id: reply.undo, sitting: this, item, at, counts: !isOpened });
    const left = this.origin.list && reply.lists?.find(({ id }) => id === this.origin.list)?.left;
    this.waiting = left ?? Math.max(this.waiting - (reply.item || isOpened || decision.act === "later" ? 0 : 1), 0);
    setTimeout(() => this.paper?.refresh().then(() => this.strip()), LATER);
    if (this.origin.single && !reply.item) return this.#page.leave();
    if (isOpened) {
      this.opened = null;
      return this.show();
    }
    // it is asked as it stands now; if nothing of it is left, the next one is shown
    const place = follows ? this.items.indexOf(item.then) : -1;
    if (place >= 0 && reply.item?.id === item.then.id) {
      const { turn, facts, several } = reply.item;
      const card = this.#cardOf(item.then);
      Object.assign(item.then, { turn, facts, several });
      this.#cards.set(`${item.then.id} ${turn}`, card);
    } else if (place >= 0) {
      this.items.splice(place, 1, ...(reply.item ? [reply.item] : []));
      if (this.at === place) this.show();
    }
    this.ending?.fill();
  }
  // The item comes back, as it is now, with the reason; one that no longer waits goes.
  async #takeBack(item, error, action, again) {
    let shown = item;
    if (error.status === 409) {
      const known = this.items.indexOf(item);
      if (this.opened) this.opened = error.item;
      else if (known >= 0) this.items.splice(known, 1, ...(error.item ? [error.item] : []));
      this.at = Math.min(this.at, Math.max(this.items.length - 1, 0));
      shown = error.item;
    }
    if (item.source) this.paper?.recolour({ [item.source.key]: "asks" });
    if (!shown && this.origin.single) this.#page.leave();
    else await this.show();
    if (shown) this.card.fail(error, action.label, again);
    else tell([`${error.message} `, quoted(item.line ?? item.title), " was not decided on again."]);
  }
  // Something is done after which the item stays, as it is then: a model drafts others, or Anki does something with the card.
  async #stays(item, decision, action) {
    tell(action.stays, { stays: UNTIL_NEXT });
    await attempt(async () => {
      const reply = await post("decide", decision);
      this.#page.counted(reply);
      if (this.opened) this.opened = reply.item;
      else this.items.splice(this.items.indexOf(item), 1, reply.item);
      this.show();
      tell(reply.said);
    });
  }

  undo() { this.#page.undo(); }
  // What was decided here waits again.
  putBack(item, replaced, { at, counts }) {
    const ids = new Set([item.id, ...replaced]);
    this.items = this.items.filter(({ id }) => !ids.has(id));
    at = Math.min(at, this.items.length);
    if (counts) this.items.splice(at, 0, item);
    else this.opened = item;
    if (counts) [this.at, this.opened] = [at, null];
    if (counts) this.results.pop();
    this.actions.pop();
    this.waiting += 1;
    if (this.paper) this.paper.isOver = false;
    if (item.source) this.paper?.recolour({ [item.source.key]: "asks" });
    this.ending?.stop();
    this.ending = null;
    this.size = Math.max(this.size, this.results.length + this.items.length > 0 ? Math.min(TEN, this.results.length + this.items.length) : 0);
    this.show();
    setTimeout(() => this.paper?.refresh().then(() => this.strip()), LATER);
  }

  // ---- The ending.

  end() {
    if (this.origin.single) return this.#page.leave();
    this.card = null;
    if (this.ending) return undefined;
    if (this.paper) this.paper.isOver = true;
    document.body.classList.toggle("alone", !this.paper);
    this.ending = new Ending(this, this.#page);
    $("#margin").replaceChildren(this.ending.node, this.#notices());
    $("#margin").scrollTop = 0;
    this.count();
    this.ending.begin();
    painted();
    this.level();
    return undefined;
  }
  nextDocument() { this.ending?.nextDocument(); }
  async again(read) {
    if (this.paper) this.paper.isOver = false;
    this.ending.stop();
    await this.load(read);
    if (this.paper) this.paper.ten = new Set(this.items.map(({ source }) => source?.key));
    this.began = performance.now();
    await this.show();
  }
}
