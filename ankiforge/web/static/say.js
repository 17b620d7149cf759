// What the page says: beside the buttons of a sitting, else in a toast; the words for screen readers; the question for a text.
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
  clear();
  place.append(h("span", {}, ...[text].flat(3), copy && h("code", {}, ` ${copy}`)),
    undoes ? h("button", { id: "undo", className: "plain", type: "button", onclick: () => undo() }, "Undo ", kbd("u")) : "");
  place.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { if (!place.matches(":hover, :focus-within")) clear(); }, stays);
}
function clear() {
  $("#said").replaceChildren();
  $("#toast").replaceChildren();
  $("#toast").hidden = true;
}

// Only for who listens.
export function announce(text) {
  $("#live").textContent = text;
}

// Ask for a text; null if the person cancels.
export function askText(question, button) {
  const dialog = $("#say");
  $("#say-name").textContent = question;
  $("#say-yes").textContent = button;
  $("#say-text").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  const answer = () => (dialog.returnValue === "yes" ? $("#say-text").value : null);
  return new Promise((done) => dialog.addEventListener("close", () => done(answer()), { once: true }));
}
