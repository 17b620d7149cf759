// Messages, shown next to the buttons of a sitting or in a toast, and announced to screen readers.
import { $, h, makeKeyLabel } from "./dom.js";

const DEFAULT_TIME = 7000; // ms
export const LONG = 30000;
export const UNTIL_NEXT = 600000;

export const TEN = 10; // decisions per sitting

let timer = 0;
let undo = () => {};
export const setUndo = (run) => { undo = run; };

export const formatCount = (n, noun) => `${formatNumber(n)} ${noun}${n === 1 ? "" : "s"}`;
export const formatNumber = (n) => n.toLocaleString("en");

// A card's text, truncated by CSS and isolated from the surrounding text direction.
export const quote = (words) => ["“", h("bdi", {}, words), "”"];

// Show a message (text or nodes), optionally with text to copy, such as a path, and an undo button.
export function tell(text, { undoes = false, stays = DEFAULT_TIME, copy = "" } = {}) {
  const place = document.body.dataset.view === "sitting" ? $("#said") : $("#toast");
  hush();
  place.append(h("span", {}, ...[text].flat(3), copy && h("code", {}, ` ${copy}`)),
    undoes ? h("button", { id: "undo", className: "plain", type: "button", onclick: () => undo() }, "Undo ", makeKeyLabel("u")) : "");
  place.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { if (!place.matches(":hover, :focus-within")) hush(); }, stays);
}
export function hush() {
  $("#said").replaceChildren();
  $("#toast").replaceChildren();
  $("#toast").hidden = true;
}

// Announce to screen readers only.
export function announce(text) {
  $("#live").textContent = text;
}
