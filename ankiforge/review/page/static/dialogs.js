// What opens above the page: the field for a few words, and the list of keys.

import { made } from "./dom.js";

const at = (id) => document.getElementById(id);

// `left`: called when it is left; Escape is heard at once, for the next key may come before `close` does,
// and may have opened the dialog again by then.
export function openUntil(dialog, left, closed = left) {
  dialog.oncancel = () => left();
  dialog.onclose = () => dialog.open || closed();
  dialog.showModal();
}

// Asks for the words of an act; `done` gets them, or null where the person would rather not.
export function askWords(act, done) {
  const dialog = at("words");
  const field = at("words-field");
  at("words-title").textContent = act.label;
  at("words-label").textContent = act.asks;
  at("words-send").textContent = act.label;
  field.required = act.needs;
  field.value = "";
  dialog.returnValue = "";
  let left = false;
  const leave = (words) => {
    if (!left) done(words);
    left = true;
  };
  const said = () => leave(dialog.returnValue === "send" ? field.value.trim() : null);
  openUntil(dialog, () => leave(null), said);
}

// Enter sends, Shift+Enter begins a line; while an input method composes, Enter is its own.
export function wireWords() {
  const field = at("words-field");
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit(at("words-send"));
  });
  at("words-leave").addEventListener("click", () => at("words").close(""));
}

// `rows`: [keys, what they do] in groups of [title, rows].
export function showHelp(groups, done) {
  at("help-keys").replaceChildren(...groups.filter(([, rows]) => rows.length).map(group));
  openUntil(at("help"), done);
}

function group([title, rows]) {
  return made("section", {}, made("h3", {}, title), made("dl", {}, ...rows.flatMap(row)));
}

function row([key, label]) {
  return [made("dt", {}, made("kbd", {}, keyName(key))), made("dd", {}, label)];
}

const NAMES = { " ": "Space", ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→" };

export function keyName(key) {
  return NAMES[key] ?? key;
}
