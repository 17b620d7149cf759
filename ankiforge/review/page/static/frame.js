// In a card's frame: shows what the page hands over, and says how high it is.
"use strict";

const card = () => document.getElementById("qa");
// What MathJax could not read; a command that it does not know it writes in red.
const UNREAD = "mjx-merror, mjx-assistive-mml mtext[mathcolor=red]";
let turn = 0;

async function show({ html, dark, ordinal }) {
  const mine = ++turn;
  document.documentElement.classList.toggle("night-mode", dark);
  document.body.className = `card card${ordinal + 1}${dark ? " nightMode night_mode" : ""}`;
  card().innerHTML = html;
  await MathJax.startup.promise;
  if (mine !== turn) return;
  MathJax.startup.document.clear();
  await MathJax.typesetPromise([card()]);
  if (mine !== turn) return;
  const broken = [...card().querySelectorAll(UNREAD)].map((one) => one.textContent);
  tell({ shown: true, broken });
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
  if ([" ", "Enter"].includes(event.key) && event.target.closest("a, summary")) return;
  if (event.key === " ") event.preventDefault();
  tell({ key: event.key, repeated: event.repeat });
});
// A card's links lead nowhere here: the frame would be lost, and the source has them, too.
addEventListener("click", (event) => {
  const linked = event.target.closest("a, button, summary, audio, video");
  if (event.target.closest("a")) event.preventDefault();
  if (!linked && getSelection().isCollapsed) tell({ flip: true });
});
