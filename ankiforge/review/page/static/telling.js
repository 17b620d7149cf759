// What the page tells the person: the status line, and the banner when its program has ended.

import { Gone } from "./talk.js";

const at = (id) => document.getElementById(id);
const ENDED =
  "ankiforge review has ended. Start it again to open the page again. All your decisions so far are stored.";
const UNSURE = "There was no answer. Once it runs again, the page shows whether your last decision was stored.";

export function tell(words, tone = "") {
  at("told").dataset.tone = tone;
  at("told").textContent = words;
}

export function failed(error) {
  const gone = error instanceof Gone;
  if (gone) ended(true);
  tell(gone ? UNSURE : `Not done: ${error.message}`, "refused");
}

export function ended(yes) {
  if (yes !== at("banner").hidden) return;
  at("banner").hidden = !yes;
  at("banner").textContent = yes ? ENDED : "";
}
