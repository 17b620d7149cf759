// Where cards stand: each place has a heading, a frame, and what the checks say below.

import { button } from "./dom.js";
import { looks } from "./looks.js";
import { Stage } from "./stage.js";

const SETTLES_MS = 3000;

export class Places {
  #all = [];

  constructor(element, heard) {
    this.element = element;
    this.heard = heard;
    looks.changed(() => this.#repaint());
  }

  get shown() {
    return this.#all.filter((place) => !place.element.hidden);
  }

  // All that is shown is drawn, formulas too; or it takes too long to wait for.
  get settled() {
    const drawn = Promise.all(this.shown.map((place) => place.stage.settled));
    return Promise.race([drawn, new Promise((resolve) => setTimeout(resolve, SETTLES_MS))]);
  }

  // `compared`: two versions of one thing, whose answers are shown first.
  show(slots, compared = false) {
    while (this.#all.length < slots.length) this.#add();
    this.element.dataset.count = slots.length;
    this.#all.forEach((place, number) => place.fill(slots[number], slots.length, compared));
  }

  // Whether there was anything to turn.
  flip() {
    const drawn = this.shown.filter((place) => place.faces.length);
    const turned = !drawn.some((place) => place.turned);
    for (const place of drawn) place.turn(turned);
    return drawn.length > 0;
  }

  // The next or the former card of the same note; as far as each note has any.
  step(by) {
    for (const place of this.shown) place.step(by);
  }

  #add() {
    const place = new Place(this.heard);
    this.#all.push(place);
    this.element.append(place.element);
  }

  #repaint() {
    for (const place of this.shown) place.turn(looks.answers || place.turned);
  }
}

class Place {
  slot = null;
  faces = [];
  face = 0;
  turned = false;
  compared = false;

  constructor(heard) {
    this.stage = new Stage(document.body.dataset.frame, heard);
    const drawn = document.getElementById("place").content.cloneNode(true);
    this.element = drawn.firstElementChild;
    this.#part("frame").append(this.stage.element);
    this.#part("turn").addEventListener("click", () => heard({ flip: true }));
  }

  fill(slot, count, compared) {
    this.element.hidden = !slot;
    if (!slot) return;
    this.slot = slot;
    this.compared = compared;
    this.#part("label").textContent = slot.label;
    this.#part("label").hidden = !slot.label;
    this.#part("head").innerHTML = slot.head;
    this.#part("foot").innerHTML = slot.foot;
    this.element.dataset.tone = slot.tone;
    this.element.dataset.unmade = slot.id ? "no" : "yes";
    this.stage.element.title = count > 1 ? `Card ${slot.label}` : "Card";
    this.preview(slot.faces, { turned: this.#first, face: 0, keeps: false });
  }

  // Other faces in the same frame, as while somebody types.
  preview(faces, { turned = this.turned, face = this.face, keeps = true } = {}) {
    this.faces = faces;
    this.element.dataset.blank = faces.length ? "no" : "yes";
    this.turned = turned;
    this.face = Math.min(face, Math.max(faces.length - 1, 0));
    this.#tabs();
    this.#paint(keeps);
  }

  turn(turned) {
    this.turned = turned;
    this.#paint(true);
  }

  step(by) {
    if (this.faces.length < 2) return;
    this.#choose((this.face + by + this.faces.length) % this.faces.length);
  }

  #choose(face) {
    this.preview(this.faces, { face, turned: this.#first, keeps: false });
  }

  // The side that is shown first.
  get #first() {
    return looks.answers || this.compared;
  }

  #tabs() {
    const tabs = this.faces.length < 2 ? [] : this.faces.map((_, number) => this.#tab(number));
    this.#part("faces").replaceChildren(...tabs);
  }

  #tab(number) {
    const ariaLabel = `Card ${number + 1} of ${this.faces.length} of this note`;
    const ariaPressed = String(number === this.face);
    return button(() => this.#choose(number), { ariaLabel, ariaPressed }, String(number + 1));
  }

  #paint(keeps) {
    const [question, answer] = this.faces[this.face] ?? ["", ""];
    const side = this.turned ? answer : question;
    this.#part("turn").setAttribute("aria-pressed", String(this.turned));
    this.stage.show(side, { ordinal: this.face, dark: looks.dark, keeps });
  }

  #part(name) {
    return this.element.querySelector(`[data-part=${name}]`);
  }
}
