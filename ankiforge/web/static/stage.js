// What stands in the middle: an item, the rows of a list, or the end of a round. It draws the next item before it is
// needed.
import { $, all, h } from "./dom.js";
import { followItem, prepareItem } from "./document.js";
import { end, notices } from "./end.js";
import { fill } from "./face.js";
import { ItemView } from "./item.js";
import { painted } from "./pace.js";
import { TEN, round } from "./round.js";
import { table } from "./rows.js";
import { announce, number } from "./say.js";
import { recalled } from "./settings.js";

const AHEAD = 30; // ms after an item was painted

// The view of each item; kept until its decision is stored.
const views = new Map();
// What the buttons do; `page.js` knows.
let does = null;
let shown = null;
let lastRow = "";

export function connect(actions) {
  does = actions;
}

// The view of the item that is painted, undefined if none is.
export const current = () => views.get(shown);

// Paint what is to be shown.
export function show() {
  const { item } = round;
  const { name } = round.here;
  $("#name").textContent = name;
  document.title = `${name} · ankiforge`;
  showProgress();
  // recall first: the answer of another item than before is hidden
  if (recalled("recall") && item !== shown) document.body.classList.add("hiding");
  shown = item;
  followItem(item); // the server begins with the document
  const node = item && viewOf(item).node;
  refill();

  // other items are put out of sight; what is no item goes
  for (const child of [...$("#stage").children]) {
    if (child !== node && !child.matches(".item")) child.remove();
    else putAhead(child, child !== node);
  }
  if (!item) {
    does.foresee(); // what was accepted meanwhile counts
    $("#stage").append(...(round.rows ? [table(round.rows, does)] : end(does)));
  } else if (round.opened) {
    const back = { className: "link back", type: "button", onclick: does.close };
    $("#stage").prepend(h("button", back, `‹ ${name}`));
  } else if (round.notices.length) {
    $("#stage").append(notices(does)); // already below the first conflict, not only after the last one
  }
  document.body.classList.toggle("deciding", Boolean(item));
  scrollTo(0, 0);
  // the row of an item that was opened has the focus again when its list comes back
  const place = node ?? $(".end h2") ?? document.getElementById(`row-${lastRow}`);
  place?.focus({ preventScroll: true });
  painted();

  // draw the next item before it is needed
  const { next } = round;
  if (!next) return;
  setTimeout(() => {
    if (!round.items.includes(next)) return;
    putAhead(viewOf(next).node, next !== round.items[round.at]);
    prepareItem(next);
  }, AHEAD);
}

// How far: what was decided in this session, of that and what waits.
export function showProgress() {
  const { left = 0, done = 0 } = round.here;
  const all = left + done;
  const isCounted = !round.rows && !round.opened && all > 0;
  $("#left").textContent = isCounted ? `${number(done)} of ${number(all)}` : "";
  // a tick for each of ten
  const far = $("#far");
  const few = Math.min(left + round.ten.decided, TEN);
  far.hidden = !isCounted;
  far.max = Math.max(few, 1);
  far.value = Math.min(round.ten.decided, few);
  far.style.setProperty("--ticks", String(Math.max(few, 1)));
}

function viewOf(item) {
  if (!views.has(item)) {
    const view = new ItemView(item, does.act);
    $("#stage").append(view.node);
    views.set(item, view);
  }
  return views.get(item);
}

export function forget(item) {
  views.get(item)?.node.remove();
  views.delete(item);
}

export function forgetAll() {
  for (const item of [...views.keys()]) forget(item);
}

function putAhead(node, on) {
  node.classList.toggle("ahead", on);
  node.inert = on;
}

export function rememberRow(id) {
  lastRow = id;
}

// ---- Answers.

// Draw the cards anew: other colours, or the other side.
export function refill() {
  for (const frame of all("iframe.face")) fill(frame);
}

// Show or hide answers; without `hide`, the other way than now.
export function flip(hide) {
  const isHidden = document.body.classList.toggle("hiding", hide);
  refill();
  announce(isHidden ? "Answers hidden" : "Answers shown");
  closeMenu();
}

export const closeMenu = () => $(".menu[open]")?.removeAttribute("open");
