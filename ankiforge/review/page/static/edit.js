// Rewording a card in its place: fields as Markdown, the card above them as it would be.

import { button, made } from "./dom.js";
import { register } from "./own.js";
import { say } from "./talk.js";
import { wrapGap } from "./gap.js";

const PAUSE_MS = 120;
const KEPT = "words:";
let editor = null;

// What was typed outlives a reload: it is kept until it is saved or left.
const kept = {
  of: (name) => JSON.parse(sessionStorage.getItem(KEPT + name) ?? "null"),
  keep: (name, words) => sessionStorage.setItem(KEPT + name, JSON.stringify(words)),
  forget: (name) => sessionStorage.removeItem(KEPT + name),
};

class Editor {
  #turn = 0;
  #timer = 0;
  #sure = false;

  // `what`: the decision that saves; `slot`: the draft that is reworded, "" of a new card; `accepts`:
  // whether saving may accept the card as well.
  constructor(page, place, { what, slot, fields, focus, title, accepts = false }) {
    Object.assign(this, { page, place, what, slot, item: page.item.id, passage: page.item.group, title, accepts });
    this.name = slot || this.item;
    this.before = fields;
    this.hidden = Object.fromEntries(Object.entries(fields).filter(([name]) => name === "Reverse"));
    this.form = this.#draw({ ...fields, ...kept.of(this.name)?.fields });
    this.wake = page.hold();
    place.element.append(this.form);
    this.field(focus).focus();
    this.preview().then(() => this.#inSight());
  }

  get words() {
    const typed = [...this.form.querySelectorAll("textarea")].map((one) => [one.name, one.value]);
    return { ...Object.fromEntries(typed), ...this.hidden };
  }

  get changed() {
    return Object.entries(this.words).some(([name, text]) => text !== (this.before[name] ?? ""));
  }

  field(name) {
    return this.form.querySelector(`[name="${name}"]`) ?? this.form.querySelector("textarea");
  }

  // What the server makes of a selection, where nobody has typed meanwhile.
  fill(fields) {
    if (editor !== this) return;
    const hidden = Object.keys(this.hidden);
    for (const [name, text] of Object.entries(fields).filter(([name]) => !hidden.includes(name))) {
      const field = this.field(name);
      if (field.value === (this.before[name] ?? "")) field.value = text;
    }
    this.before = { ...this.before, ...fields };
    this.typed();
  }

  // --- while somebody types ------------------------------------------------------------------

  typed() {
    this.#sure = false;
    kept.keep(this.name, { what: this.what, slot: this.slot, title: this.title, accepts: this.accepts, fields: this.words });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.preview(), PAUSE_MS);
  }

  async preview() {
    const turn = ++this.#turn;
    const words = { at: this.passage, slot: this.slot, fields: this.words };
    const found = await say("/api/preview", words).catch((error) => ({ wrong: error.message }));
    if (turn !== this.#turn || editor !== this) return;
    if (found.wrong) return this.tell([found.wrong]);
    // Of words nobody has changed yet the checks say what they have said.
    const { tone, foot } = this.slot && !this.changed ? this.place.slot : found;
    this.place.element.dataset.tone = tone;
    this.place.element.querySelector("[data-part=foot]").innerHTML = foot;
    this.place.preview(found.faces);
    await this.place.stage.settled;
    if (turn === this.#turn) this.tell(this.place.stage.broken.map((one) => `This formula cannot be read: ${one}`));
  }

  tell(lines) {
    const told = this.form.querySelector(".wrong");
    told.replaceChildren(...lines.map((line) => made("li", {}, line)));
    if (lines.length) this.#inSight();
  }

  // The buttons, too.
  #inSight() {
    this.form.scrollIntoView({ block: "nearest" });
  }

  // --- the end of it --------------------------------------------------------------------------

  save(accept) {
    this.page.act({ what: ":save", label: "Save", args: accept ? { accept: "yes" } : {} });
  }

  // Once what the fields begin with has come: Enter may be quicker.
  get #said() {
    const words = Object.entries(this.words).map(([name, text]) => [`field:${name}`, text]);
    return { ...Object.fromEntries(words), ...(this.slot ? { slot: this.slot } : {}) };
  }

  // Refused: what was typed stays below the card as it stands now.
  async send(args) {
    const found = await this.page.decide(this.what, { ...this.#said, ...args });
    if (!found.refused) return this.close();
    if (this.page.item?.id !== this.item) return undefined;
    const now = this.page.places.find((one) => one === this.place)?.slot;
    if (this.slot && now?.id) this.slot = now.id;
    this.tell([`Not saved: ${found.refused}. Your words are still here.`]);
    return this.field("").focus();
  }

  leave() {
    if (this.changed && !this.#sure) {
      this.#sure = true;
      return this.tell(["Press Escape once more to discard what you typed."]);
    }
    this.close();
    return this.page.redraw();
  }

  close() {
    kept.forget(this.name);
    this.end();
  }

  end() {
    clearTimeout(this.#timer);
    this.form.remove();
    this.wake();
    if (editor === this) editor = null;
  }

  // --- what it is made of ---------------------------------------------------------------------

  #draw(fields) {
    const names = Object.keys(fields).filter((name) => !(name in this.hidden));
    const told = made("ul", { className: "wrong", role: "status" });
    const rows = names.map((name) => labelled(name, fields[name]));
    const form = made("form", { className: "edit", ariaLabel: this.title }, ...rows, told, this.#buttons());
    form.addEventListener("input", () => this.typed());
    form.addEventListener("keydown", (event) => this.#pressed(event));
    form.addEventListener("submit", (event) => event.preventDefault());
    return form;
  }

  #buttons() {
    const named = (name, ariaKeyShortcuts, does) => button(does, { ariaKeyShortcuts }, name);
    return made(
      "p",
      { className: "buttons" },
      ...(this.accepts ? [named("Save and accept", "Control+Enter", () => this.save(true))] : []),
      named("Save", this.accepts ? "Control+Shift+Enter" : "Control+Enter", () => this.save(false)),
      named("Cancel", "Escape", () => this.leave()),
    );
  }

  #pressed(event) {
    const control = event.ctrlKey || event.metaKey;
    if (event.isComposing) return;
    if (event.key === "Escape") this.leave();
    else if (event.key === "Enter" && (control || this.#isLine(event))) this.save(this.accepts && !event.shiftKey);
    else if (control && event.shiftKey && event.code === "KeyC") wrapGap(event.target, event.altKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // A new question is one line: Enter makes the card.
  #isLine(event) {
    return !this.slot && !event.shiftKey && event.target.name === "Front";
  }
}

function labelled(name, value) {
  const rows = name === "Extra" ? 1 : Math.min(2 + value.length / 60, 8);
  return made("label", {}, name, made("textarea", { name, value, rows, spellcheck: true }));
}

// --- the page's doors to it -------------------------------------------------------------------

export function write(page, place, wanted) {
  editor?.end();
  editor = new Editor(page, place, wanted);
  return editor;
}

function reword(page, place) {
  const { id, fields, label } = place.slot;
  const accepts = page.item.acts.some((act) => act.what === ":edit" && act.args.accept);
  write(page, place, { what: "edit", slot: id, fields, focus: "", title: `Edit ${label}`.trim(), accepts });
}

// Of several candidates the one that has the focus, else the one whose number is pressed.
function edit(page) {
  const places = page.places.filter((place) => Object.keys(place.slot.fields ?? {}).length);
  const here = places.find((place) => place.element.contains(document.activeElement));
  if (!places.length) return page.tell("There is nothing to edit here", "refused");
  if (here || places.length === 1) return reword(page, here ?? places[0]);
  const wake = page.hold();
  page.tell(`Which one? Press its number, 1 to ${places.length}`);
  return addEventListener("keydown", (event) => {
    wake();
    event.preventDefault();
    event.stopPropagation();
    if (places[event.key - 1]) reword(page, places[event.key - 1]);
    else page.tell("Nothing is edited");
  }, { once: true, capture: true });
}

// Another item is shown: its own words come back, if some were typed before a reload.
function shown(item, page) {
  if (editor && editor.item === item?.id) return;
  editor?.end();
  if (!item) return;
  for (const place of page.places) {
    const { id, fields } = place.slot;
    const words = id && kept.of(id);
    if (words) return void write(page, place, { ...words, slot: id, fields });
  }
  const begun = kept.of(item.id);
  if (begun) write(page, page.places[0], begun);
}

export function wireEdit(page) {
  register("edit", edit);
  register("save", (_, act) => editor?.send(act.args));
  page.shown(shown);
}
