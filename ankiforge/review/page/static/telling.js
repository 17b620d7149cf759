// What the page tells the person: the status line, and the banner when its program has ended.

import { Gone } from "./talk.js";

const at = (id) => document.getElementById(id);
const ENDED =
  "The page's program has ended. Start `ankiforge review` again; it opens the page again. All decisions made so far are stored.";
const UNSURE = "No answer came: once it runs again, the page shows whether the last one was stored.";

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
