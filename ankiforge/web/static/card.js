// A card beside its highlight: a sentence with gaps, drafts as in Anki, lines to tick, or text to select from, plus the question
// field and the editor. This module stores nothing; `readDecision` returns what an action would send.
import { $, makeButton, h, makeKeyLabel, makeLink } from "./dom.js";
import { makeEditor } from "./edit.js";
import { makeFace, removeScripts, renderQuestion } from "./face.js";
import { foldLetters } from "./letters.js";
import { faces, parts } from "./parts.js";
import { makeQuestionEditor } from "./question.js";
import { makeSentenceView } from "./sentence.js";
import { post } from "./server.js";
import { MODE, RESULT } from "./states.js";

// A card in a list: its question and answer, or its text with its gaps.
export const renderSides = ({ question, answer }) => [h("span", { className: "q", dir: "auto" }, removeScripts(question)), answer && h("b", { dir: "auto" }, removeScripts(answer))];

const PASSAGE_CHOICE = -1; // the `choice` of a card made from the passage rather than a draft
const MAKE_ACTION = { act: "make", becomes: RESULT.CARD, said: "Made" };

export class Card {
  /** @type {string} */
  mode = MODE.LOOK;
  row = ""; // the id of the shelf's row that says that this card has unsaved words
  picked = 0;
  sentence = null;
  drawn = undefined; // what a feature draws instead of the two sides, see `parts.js`
  #onChange;
  #editor = null; // the question or editor, with what the user typed
  #usesPassage = false; // whether the text is selected in the passage instead of the draft

  // `onChange` is called when the selection changes, `press` with the key of an action.
  constructor(item, onChange, press) {
    this.item = item;
    this.#onChange = onChange;
    const { why } = item;
    const about = why && renderRemark(why);
    this.context = h("span", { className: "context", dir: "auto" });
    this.face = h("div", { className: "face-of-card" });
    this.others = h("ol", { className: "others", ariaLabel: "Other words for the same fact" });
    this.remark = h("p", { className: "why caution", role: "status", hidden: true });
    this.node = h("article", { className: "card item", tabIndex: -1, ariaLabel: item.ask ?? item.title },
      h("header", {}, this.context),
      item.ask && h("h2", { className: "ask", dir: "auto" }, item.ask), this.face, item.lines && [about, this.#renderLines()], this.others, ...parts.map((part) => part(item, press)), this.remark,
      !item.lines && about, ...this.#renderDetails());
    Object.assign(this.node.dataset, { id: item.id, title: item.title });
    this.face.lang = this.others.lang = item.source?.lang ?? "";
    this.node.classList.toggle("beside", Boolean(item.beside));
    this.node.classList.toggle("fails", Boolean(item.repairs));
    this.#show(0);
  }

  get card() { return this.item.cards?.[this.picked]; }
  // The action of the filled button. A warning concerns only the first gap, so any other gap can be accepted.
  get main() {
    const isOther = this.card?.gaps && this.sentence && (this.sentence.isOwn() || this.sentence.number() !== 1);
    return (isOther && this.item.actions.find(({ act, look }) => act === "accept" && look !== "more")) || this.actions.find(({ look }) => look === "filled") || this.actions[0];
  }
  // Actions that need a drawing are only available if a feature draws.
  get actions() { return this.item.actions.filter(({ needs }) => needs !== "drawing" || this.drawn?.readDecision); }
  get editing() { return this.item.actions.find(({ needs }) => needs === "edit"); }

  // Further details: the option of a form, the previous text, a comment, links.
  #renderDetails() {
    const { source, cards = [] } = this.item;
    return [
      ...(this.item.passages ?? []).map(({ label, runs }, now) => h("p", { className: "why passage", dir: "auto" }, h("b", {}, `${label}: `), runs.map(([differs, words]) => differs ? h(now ? "ins" : "del", {}, words) : words))),
      source?.before && h("p", { className: "why", dir: "auto" }, h("b", {}, "Before: "), source.before),
      source?.said && foldLetters(source.said) !== foldLetters(cards[0]?.title ?? "") && h("p", { className: "why said", dir: "auto" }, h("b", {}, "Your comment: "), source.said),
      source?.links.length && h("p", { className: "links" }, source.links.map(makeLink)),
    ].filter(Boolean);
  }
  // Possible cards as lines.
  #renderLines() {
    return h("ul", { className: "lines", ariaLabel: "Lines" }, this.item.lines.map((line) => {
      const words = [h("span", { className: "a", dir: "auto" }, removeScripts(line.question)), h("span", { className: "b", dir: "auto" }, removeScripts(line.answer)),
        line.at && h("span", { className: "at" }, line.at), line.note && h("span", { className: "note" }, line.note)];
      return h("li", {}, h("div", { className: "line" }, words));
    }));
  }

  // ---- Rendering.

  warn(words) {
    this.remark.textContent = words;
    this.remark.hidden = !words;
  }
  // Show the item as proposed, with one of its drafts.
  #show(at) {
    const { item } = this;
    const { cards = [], compose, beside } = item;
    this.#usesPassage = false;
    if (compose) this.#showSentence(makeSentenceView({ parts: compose, code: item.code }, item.id, this.#onChange));
    else if (beside) this.face.replaceChildren(h("div", { className: "two" }, cards.map(renderCard)));
    else if (cards.length) this.#pick(at);
  }
  #showSentence(shown) {
    this.sentence = shown;
    this.face.replaceChildren(shown.node);
  }
  #pick(at) {
    const { item } = this;
    this.picked = at;
    this.sentence = null;
    const { card } = this;
    this.drawn = drawByFeature(card, item.masks && (() => this.#onChange()));
    this.context.textContent = card.place ?? "";
    this.warn("");
    if (card.gaps) this.#showSentence(makeSentenceView({ ...card, first: card.number ?? 1 }, item.id, this.#onChange));
    else if (this.drawn) this.face.replaceChildren(this.drawn.node);
    else this.face.replaceChildren(...[card.note && h("p", { className: "label" }, card.note), makeFace(card.back, card.title)].filter(Boolean));
    this.others.replaceChildren(...item.cards.flatMap((other, i) => (i === at ? [] : [this.#renderDraft(other, i)])));
    if (item.choose && card.why) this.warn(card.why.text);
    this.#onChange();
  }
  #renderDraft(card, i) {
    return h("li", {}, h("button", { type: "button", className: "other-draft", onclick: () => this.#show(i) }, makeKeyLabel(String(card.number ?? i + 1)), renderSides(card)));
  }

  // The sentences that the card is about, to be found in the document.
  get sentences() {
    if (this.sentence && this.card?.gaps && !this.#usesPassage) return this.sentence.sentences();
    const { asked } = this.item.source ?? {};
    return asked && this.picked === 0 ? [asked] : [];
  }

  // ---- Selecting.

  // Choose a draft or a gap by its key.
  choose(key) {
    const { cards = [] } = this.item;
    if (this.mode !== MODE.LOOK || this.item.beside) return;
    const at = cards.findLastIndex(({ number = 1, gaps }) => number === key || (gaps && number <= key && key < number + gaps.length));
    if (at < 0) return;
    if (at !== this.picked || this.#usesPassage) this.#show(at);
    this.sentence?.gap(Number(key) - (cards[at].number ?? 1) + 1);
  }
  // Blank out text selected in the document. If the card's sentence doesn't contain it, use the passage returned by `words`.
  async take(text, words) {
    this.leave();
    if (this.sentence && this.sentence.take(text)) return true;
    const shown = makeSentenceView(await words(), `${this.item.id}-own`, this.#onChange);
    if (!shown.take(text)) return false;
    this.#usesPassage = true;
    this.#editor = null;
    this.others.replaceChildren();
    this.#showSentence(shown);
    return true;
  }

  // ---- Typing a question instead.

  // Whether the user can type a question instead.
  get mayAsk() { return Boolean(this.sentence || this.editing); }
  ask() {
    if (this.mode === MODE.ASK) return this.leave();
    if (this.mode === MODE.KEPT) return this.#open(this.#editor);
    if (this.item.cards?.some(({ number }) => number === "q") && !this.#usesPassage) return this.choose("q");
    if (this.mode !== MODE.LOOK) return;
    // what the user types next is meant as a question, not as keys
    if (!this.sentence?.answer()) return this.edit();
    this.#open(makeQuestionEditor(this.sentence, () => this.#onChange()));
  }
  #open(part) {
    this.#editor = part;
    this.mode = part.mode;
    this.face.replaceChildren(part.node);
    this.others.hidden = true;
    this.warn("");
    part.focus();
    this.#onChange();
  }

  // ---- The editor. What the user types is kept until it is stored or dropped.

  async edit() {
    const { item } = this;
    if (this.mode === MODE.KEPT) return this.#open(this.#editor);
    if (!this.editing || this.mode !== MODE.LOOK) return;
    const { fields, gap } = await this.#loadFields();
    const asks = { id: item.id, turn: item.turn, act: this.editing.act, choice: this.picked, gap };
    this.#open(makeEditor(fields, asks, this.card?.used ?? 0, () => this.#onChange()));
  }
  async #loadFields() {
    const { item, sentence: shown } = this;
    if (shown && !this.#usesPassage && this.card?.gaps) {
      const gap = shown.number();
      if (!shown.isOwn()) return { gap, fields: this.card.views[gap - 1] };
      const asked = { id: item.id, turn: item.turn, act: "make", choice: this.picked, ...shown.readSelection() };
      return { gap, ...await post("preview", asked) };
    }
    return { gap: 1, fields: (item.beside ? item.cards[item.edits ?? 0] : this.card)?.fields ?? item.blank };
  }
  // Close the question or editor, and return whether one was open. Changed text is kept and shown as such.
  leave() {
    const { mode } = this;
    if (mode === MODE.LOOK && this.#usesPassage) this.#show(this.picked);
    else if (mode === MODE.LOOK || mode === MODE.KEPT) return false;
    else if (this.#editor.isChanged()) {
      this.mode = MODE.KEPT;
      this.face.replaceChildren(this.#editor.kept());
      this.node.focus({ preventScroll: true });
    } else this.drop();
    this.#onChange();
    return true;
  }
  // Drop what the user typed.
  drop() {
    this.#editor = null;
    this.mode = MODE.LOOK;
    this.others.hidden = false;
    if (this.sentence) this.#showSentence(this.sentence);
    else this.#show(this.picked);
    this.node.focus({ preventScroll: true });
    this.#onChange();
  }

  // ---- Enter: return the action and what to send with it, or focus what is missing and return null.

  readDecision() {
    const choice = this.#usesPassage ? PASSAGE_CHOICE : this.item.beside ? 0 : this.picked;
    const isTyped = this.mode !== MODE.LOOK;
    const isMade = isTyped ? this.#editor.mode === MODE.ASK : this.#usesPassage;
    const action = isMade ? { ...MAKE_ACTION, label: this.says } : isTyped ? this.editing : this.main;
    const given = isTyped ? this.#editor.readDecision() : this.readInput(action);
    return given && { action, given: { choice, ...given } };
  }
  // Return what to send with an action, or null if something is missing.
  readInput({ act }) {
    if (this.drawn?.readDecision && ["accept", "masks"].includes(act)) return this.drawn.readDecision();
    if (this.sentence && ["accept", "make"].includes(act)) return this.sentence.readDecision();
    return {};
  }
  get title() {
    if (this.#editor?.mode === MODE.ASK) return this.#editor.text();
    return this.sentence ? this.item.title : renderQuestion(this.card ?? this.item); // the question shows the first gap
  }

  // The label of the filled button.
  get says() {
    if (this.mode !== MODE.LOOK) return this.#editor.mode === MODE.ASK ? "Make the card" : this.editing.save;
    const { main } = this;
    if (main.needs === "words" && !this.sentence.answer()) return "Choose words";
    if (this.#usesPassage || (this.sentence && this.card?.gaps && this.sentence.isOwn())) return "Accept";
    if (this.drawn?.says && main.act === "accept") return this.drawn.says();
    return main.label;
  }

  // ---- A decision failed: show the error in the card, and offer to try again.

  fail(error, label, again) {
    $(".error", this.node)?.remove();
    const isLost = !error.status || error.status >= 500;
    const words = isLost ? `${error.message} Earlier decisions are stored.` : error.message;
    this.node.append(h("div", { className: "why stop error", role: "alert" },
      isLost && h("b", {}, `Not stored: ${label.replace("…", "").toLowerCase()} “${this.item.title}”`), h("p", {}, words),
      isLost && makeButton("outlined small", "Try again", "", () => again({})),
      error.insist && makeButton("outlined small", "Do it anyway", "", () => again({ forced: true }))));
    (this.mode === MODE.EDIT ? $(".written", this.node) : this.node).focus({ preventScroll: true });
  }
}

// A remark about a card in one line, with expandable details.
const renderRemark = ({ text, tone, details }) => h(details ? "details" : "p", { className: `why ${tone}`, dir: "auto" },
  details ? [h("summary", {}, text, " ", h("u", {}, "Why?")), details] : text);

// A card as drawn by a feature, or undefined.
const drawByFeature = (card, onChange = null) => faces.map((draw) => draw(card, onChange)).find(Boolean);

// One of two cards side by side.
const renderCard = (card) => h("section", { className: "held", ariaLabel: card.label ?? "Card" },
  (card.label || card.note) && h("p", { className: "label" }, card.label && h("b", {}, card.label), card.note && ` · ${card.note}`),
  drawByFeature(card)?.node ?? makeFace(card.context + card.back, card.title));
