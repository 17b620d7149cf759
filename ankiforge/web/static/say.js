// What the page says: the toast, the words for screen readers, and the question for a text.
import { $, h, rich } from "./dom.js";

const SHORT = 60; // characters of a card that are repeated
const STAYS = 7000; // ms
export const LONG = 30000;
export const UNTIL_NEXT = 600000;

let timer = 0;

export const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;
export const number = (n) => n.toLocaleString("en");

// The beginning of a card's words, apart from the direction of what stands around it.
export const quoted = (words) => h("bdi", {}, "“", rich(words, SHORT), "”");

// Show a toast: text or nodes, and what is to be copied, such as a path.
export function tell(text, { undo = false, stays = STAYS, copy = "" } = {}) {
  const toast = $("#toast");
  const words = [text].flat(2);
  $("#toast-text").replaceChildren(...words, copy && h("code", {}, copy));
  $("#undo").hidden = !undo;
  toast.hidden = false;
  if (!undo) announce(`${$("#toast-text").textContent} ${copy}`);
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (!toast.matches(":hover, :focus-within")) toast.hidden = true;
  }, stays);
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
  $("#say-text").onkeydown = (e) => {
    if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    $("#say-yes").click();
  };
  dialog.showModal();
  const answer = () => (dialog.returnValue === "yes" ? $("#say-text").value : null);
  return new Promise((done) => dialog.addEventListener("close", () => done(answer()), { once: true }));
}
