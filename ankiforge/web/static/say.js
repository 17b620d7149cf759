// What the page says: beside the buttons of a sitting, else in a toast; the words for screen readers.
import { $, h, kbd, rich } from "./dom.js";

const STAYS = 7000; // ms
export const LONG = 30000;
export const UNTIL_NEXT = 600000;

export const TEN = 10; // decisions of a sitting

let timer = 0;
let undo = () => {};
export const undoWith = (run) => { undo = run; };

export const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;
export const number = (n) => n.toLocaleString("en");

// A card's words, cut by the style, apart from the direction of what stands around them.
export const quoted = (words) => ["“", h("bdi", {}, rich(words)), "”"];

// Say a text or nodes, and what is to be copied, such as a path; with a button that takes back what was done.
export function tell(text, { undoes = false, stays = STAYS, copy = "" } = {}) {
  const place = document.body.dataset.view === "sitting" ? $("#said") : $("#toast");
  hush();
  place.append(h("span", {}, ...[text].flat(3), copy && h("code", {}, ` ${copy}`)),
    undoes ? h("button", { id: "undo", className: "plain", type: "button", onclick: () => undo() }, "Undo ", kbd("u")) : "");
  place.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { if (!place.matches(":hover, :focus-within")) hush(); }, stays);
}
export function hush() {
  $("#said").replaceChildren();
  $("#toast").replaceChildren();
  $("#toast").hidden = true;
}

// Only for who listens.
export function announce(text) {
  $("#live").textContent = text;
}
