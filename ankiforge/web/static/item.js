// An item on screen: question, cards or lines, reason, actions, passage. It knows no kinds of item.
import { composer } from "./compose.js";
import { $, all, button, h, kbd, rich } from "./dom.js";
import { face } from "./face.js";
import { figure } from "./figure.js";
import { passage } from "./passage.js";
import { proposal } from "./propose.js";

const LOOKS = ["filled", "outlined", "text"];

export class ItemView {
  // The item as the server sends it.
  item;
  // Its element.
  node;
  // The proposal among its cards, the figure, or the words of its passage from which a person makes a card; null if it has none.
  proposal = null;
  figure = null;
  composer = null;
  // The words of the passage from which a person makes a card beside what was drafted.
  composing = null;
  // Closes the editor; null while nothing is edited.
  closeEditor = null;
  // {button, action} of each button that decides.
  #buttons = [];
  // (view, action, extra): does what a button or a key says.
  #act;

  constructor(item, act) {
    this.item = item;
    this.#act = act;
    const { cards = [] } = item;
    this.node = h("article", { className: "item", tabIndex: -1, ariaLabel: item.ask ?? item.title });
    this.node.dataset.id = item.id;
    this.node.dataset.title = item.title;
    this.node.classList.toggle("beside", Boolean(item.beside));
    this.node.classList.toggle("deciding-cards", cards.length > 0);
    this.node.append(this.#middle(), item.source ? passage(item.source) : "");
    this.relabel();
  }

  act(action, extra) {
    return this.#act(this, action, extra);
  }

  // ---- What is chosen.

  // The index of the chosen card.
  get picked() {
    return Number($("input.one:checked", this.node)?.value ?? 0);
  }

  get pickedCard() {
    return this.item.cards?.[this.picked];
  }

  // The ids of the ticked lines.
  get ticked() {
    return all(".lines input:checked", this.node).map((box) => box.value);
  }

  // The proposal, if it is the chosen card.
  get pickedProposal() {
    return this.pickedCard?.gaps ? this.proposal : null;
  }

  // Choose what has a number: a card, or a gap of a proposal.
  choose(n) {
    const { proposal } = this;
    if (proposal && proposal.first <= n && n < proposal.first + proposal.card.gaps.length) {
      proposal.gap(n - proposal.first + 1);
      proposal.node.scrollIntoView({ block: "nearest" });
      return;
    }
    const hasNumber = (card, i) => !card.gaps && (card.number ?? i + 1) === n;
    const index = this.item.cards?.findIndex(hasNumber) ?? -1;
    const radio = $(`input.one[value="${index}"]`, this.node);
    radio?.click();
    radio?.closest(".pick").scrollIntoView({ block: "nearest" });
  }

  // Make a card of words that are selected in the document, instead of what was drafted. Return whether they are of the passage.
  compose(parts, text, mode) {
    const made = composer({ id: `${this.item.id}-own`, compose: parts }, () => this.relabel());
    if (!made.take(text)) return false;
    this.closeComposing();
    this.composing = made;
    const place = $(".cards, .composer", this.node) ?? $(".middle h2", this.node);
    place.hidden = true;
    place.before(made.node);
    made.mode(mode);
    this.relabel();
    return true;
  }

  closeComposing() {
    if (!this.composing) return;
    this.composing.node.nextSibling.hidden = false;
    this.composing.node.remove();
    this.composing = null;
    this.relabel();
  }

  // The filled button says what it will do with what is chosen or ticked.
  relabel() {
    const { item, pickedProposal: proposal } = this;
    const main = this.#buttons.find(({ action }) => action.look === "filled");
    if (!main) return;
    let text = main.action.label;
    if (item.choose) text = this.pickedCard?.keep ?? text;
    if (proposal && item.choose) text = `Accept ${proposal.first + proposal.number() - 1}`;
    if (proposal) text = proposal.says() || text;
    if (this.figure) main.button.ariaDisabled = String(!this.figure.left());
    if (this.composing) text = "Make this card";
    if (this.composing) main.button.ariaDisabled = String(!this.composing.made());
    else if (this.composer) main.button.ariaDisabled = String(!this.composer.made());
    const ask = this.#buttons.find(({ action }) => action.act === "ask");
    if (ask) ask.button.hidden = !proposal;
    if (ask && proposal) ask.button.firstChild.textContent = proposal.asks() ? "Hide" : ask.action.label;
    if (item.lines && text.includes("{n}")) {
      const n = this.ticked.length;
      text = n ? text.replace("{n}", n).replace(/cards$/, n === 1 ? "card" : "cards") : main.action.none;
    }
    main.button.firstChild.textContent = text;
  }

  // ---- Its parts.

  #middle() {
    const { item } = this;
    const { cards = [] } = item;
    const middle = h("div", { className: "middle" },
      h("h2", { className: item.ask ? "ask" : "unseen", dir: "auto" }, item.ask ?? rich(item.line ?? item.title)));
    if (item.choose) middle.append(this.#choices(cards));
    else if (cards.length) middle.append(h("div", { className: "cards" }, cards.map((card) => this.#card(card))));
    if (item.lines) middle.append(this.#lines());
    if (item.compose) {
      this.composer = composer(item, () => this.relabel());
      middle.append(this.composer.node);
    }
    if (item.facts) middle.append(h("p", { className: "facts" }, item.facts));
    if (item.why) middle.append(h("p", { className: `why ${item.why.tone}`, dir: "auto" }, item.why.text));
    if (item.option) {
      const box = h("input", { type: "checkbox", checked: item.option.on, name: item.option.name });
      middle.append(h("label", { className: "check option" }, box, item.option.label));
    }
    if (cards.length && !item.beside)
      middle.append(button("filled reveal", "Show the answer", "⏎", () => this.act("flip")));
    middle.append(this.#actions());
    return middle;
  }

  #card(card) {
    if (card.gaps) return h("section", { className: "held", ariaLabel: "Card" }, label(card), this.#gaps(card), dropped(card));
    if (card.figure && this.item.masks) {
      this.figure = figure(card, () => this.relabel());
      return h("section", { className: "held", ariaLabel: "Figure" }, this.figure.node);
    }
    return h("section", { className: "held", ariaLabel: card.label ?? "Card" }, label(card), side(card), dropped(card));
  }

  #gaps(card) {
    const changed = (byPerson) => {
      const { item, node } = this;
      if (byPerson && item.choose) $(`input.one[value="${item.cards.indexOf(card)}"]`, node).checked = true;
      this.relabel();
    };
    this.proposal = proposal(this.item, card, changed);
    return this.proposal.node;
  }

  // Alternatives, of which one is chosen.
  #choices(cards) {
    const { item } = this;
    const radio = (card, i) => h("input", { type: "radio", className: "one", name: `pick-${item.id}`, value: i,
      checked: i === 0, onchange: () => this.relabel(),
      ariaLabel: `${card.number ?? i + 1}: ${card.label ?? ""} ${card.title}, answer: ${card.answer}` });
    const why = (card) => card.why && h("span", { className: `why ${card.why.tone}`, dir: "auto" }, card.why.text);
    const number = (card, i) => h("span", { className: "number", ariaHidden: "true" }, String(card.number ?? i + 1));
    const choice = (card, i) => (card.gaps
      ? h("div", { className: "held pick" }, h("label", { className: "take" }, radio(card, i)), label(card, "span"),
        this.#gaps(card), why(card), dropped(card))
      : h("label", { className: "held pick" }, radio(card, i), number(card, i), label(card, "span"), side(card), why(card)));
    return h("fieldset", { className: "cards choose" }, h("legend", { className: "unseen" }, item.ask), cards.map(choice));
  }

  #lines() {
    return h("ul", { className: "lines" }, this.item.lines.map((line) => {
      const words = [h("span", { className: "a", dir: "auto" }, rich(line.a)), h("span", { className: "b", dir: "auto" }, rich(line.b)),
        line.at && h("span", { className: "at" }, line.at), line.note && h("span", { className: "note" }, line.note)];
      const box = "on" in line &&
        h("input", { type: "checkbox", checked: line.on, value: line.id, onchange: () => this.relabel() });
      return h("li", {}, h(box ? "label" : "div", { className: "line" }, box || h("span"), words));
    }));
  }

  #actions() {
    const { item } = this;
    const deciding = (action) => {
      const { look, label, key } = action;
      const shortcut = /[A-Z]/.test(key) ? `Shift+${key}` : key;
      const made = button(look, label, key, () => this.act(action), { "aria-keyshortcuts": shortcut });
      if (look === "filled") made.append(kbd("⏎"));
      this.#buttons.push({ button: made, action });
      return made;
    };
    const flip = item.cards && button("more", "Hide or show the answer", "Space", () => this.act("flip"));
    const shown = LOOKS.flatMap((look) => item.actions.filter((action) => action.look === look));
    const more = item.actions.filter((action) => action.look === "more");
    const menu = h("details", { className: "menu", ontoggle: openUpwards },
      h("summary", { className: "button text" }, h("span", {}, "More")),
      h("div", { className: "sheet" }, more.map(deciding), flip));
    return h("div", { className: "actions", role: "group", ariaLabel: "Decide" }, shown.map(deciding), menu);
  }
}

// A menu that would leave the window opens the other way.
function openUpwards({ target: { lastChild: sheet, open, classList, offsetParent } }) {
  if (open && offsetParent) classList.toggle("up", sheet.getBoundingClientRect().bottom > innerHeight - 8);
}

const label = (card, tag = "p") => (card.label || card.note) && h(tag, { className: "label" },
  card.label && h("b", {}, card.label), card.note && ` ${card.note}`);
const side = (card) => (card.figure ? figure(card).node : face(card));

// The questions that a small model asked in vain; they give the answer away, so they are folded.
const dropped = (card) => card.dropped?.length && h("details", { className: "made" },
  h("summary", {}, "Questions that were dropped"),
  h("dl", {}, card.dropped.map(([name, words]) => [h("dt", {}, name), h("dd", { dir: "auto" }, words)]).flat()));
