// In a card's frame: shows what the page hands over, and says how high it is.
"use strict";

const card = () => document.getElementById("qa");
// What MathJax could not read; a command that it does not know it writes in red.
const UNREAD = "mjx-merror, mjx-assistive-mml mtext[mathcolor=red]";
const FORMULA = /\\[([]/;
// MathJax is large: it comes while the first card is read, and only formulas wait for it.
const loaded = new Promise((resolve) => addEventListener("load", resolve));
// A note that others made in Anki may hold anything. The policy stops what runs or loads; this is what
// would lead the frame elsewhere, or hide the words that are to be read.
const FOREIGN = "script, style, link, meta, base, title, iframe, frame, frameset, object, embed";
const FIELDS = "input, textarea, select, [contenteditable]";
let turn = 0;

async function show({ html, dark, ordinal }) {
  const mine = ++turn;
  document.documentElement.classList.toggle("night-mode", dark);
  document.body.className = `card card${ordinal + 1}${dark ? " nightMode night_mode" : ""}`;
  card().replaceChildren(harmless(html));
  if (FORMULA.test(card().textContent)) await typeset(mine);
  if (mine !== turn) return;
  const broken = [...card().querySelectorAll(UNREAD)].map((one) => one.textContent);
  tell({ shown: true, broken });
}

function harmless(html) {
  const drawn = document.createElement("template");
  drawn.innerHTML = html;
  for (const one of drawn.content.querySelectorAll(FOREIGN)) one.remove();
  for (const one of drawn.content.querySelectorAll("*")) {
    for (const { name } of [...one.attributes]) if (name.startsWith("on")) one.removeAttribute(name);
    one.style?.removeProperty("position");
  }
  return drawn.content;
}

async function typeset(mine) {
  await loaded;
  await MathJax.startup.promise;
  if (mine !== turn) return;
  MathJax.startup.document.clear();
  await MathJax.typesetPromise([card()]);
}

function tell(message) {
  parent.postMessage({ height: document.documentElement.offsetHeight, ...message }, "*");
}

addEventListener("message", (event) => {
  if (event.source === parent) show(event.data);
});
addEventListener("DOMContentLoaded", () => {
  new ResizeObserver(() => tell({})).observe(document.body);
  tell({ ready: true });
});
// The page has the keys, also while the card has the focus.
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
  if (event.target.closest(FIELDS)) return;
  if ([" ", "Enter"].includes(event.key) && event.target.closest("a, summary")) return;
  if (event.key === " ") event.preventDefault();
  tell({ key: event.key, repeated: event.repeat });
});
// A card's links lead nowhere here: the frame would be lost, and the source has them, too.
addEventListener("click", (event) => {
  const linked = event.target.closest(`a, area, [href], button, summary, audio, video, ${FIELDS}`);
  if (event.target.closest("a, area, [href]")) event.preventDefault();
  if (!linked && getSelection().isCollapsed) tell({ flip: true });
});
