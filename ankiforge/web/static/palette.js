// The command palette: every action with its key, found by its words.
import { $, h, kbd } from "./dom.js";

let shown = [], at = 0;

export function palette(actions) {
  const dialog = $("#palette"), field = $("#palette-words");
  field.value = "";
  fill(actions);
  field.oninput = () => fill(actions);
  dialog.onkeydown = (e) => key(e, dialog);
  dialog.showModal();
  field.focus();
}
function fill(actions) {
  const words = $("#palette-words").value.toLowerCase().split(/\s+/);
  shown = actions.filter(({ label, also = "" }) => words.every((word) => `${label} ${also}`.toLowerCase().includes(word)));
  at = 0;
  $("#palette-list").replaceChildren(...shown.map(row));
  $("#palette-none").hidden = shown.length > 0;
  mark();
}
function row(one, i) {
  return h("li", { role: "option", id: `palette-${i}`, onclick: () => take(i) }, h("span", {}, one.label), kbd(one.key.replace("ArrowRight", "→")));
}
function mark() {
  [...$("#palette-list").children].forEach((one, i) => { one.ariaSelected = String(i === at); });
  const chosen = $("#palette-list").children[at];
  chosen?.scrollIntoView({ block: "nearest" });
  $("#palette-words").setAttribute("aria-activedescendant", chosen?.id ?? "");
}
function key(e, dialog) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (by && shown.length) at = (at + by + shown.length) % shown.length;
  else if (e.key === "Enter") take(at);
  else if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") dialog.close();
  else return;
  e.preventDefault();
  e.stopPropagation();
  mark();
}
// The action runs at once, so that no key comes between: what it opens has the letters that follow.
function take(i) {
  $("#palette").close();
  shown[i]?.run();
}
