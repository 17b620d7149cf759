// When a key acts. What decides counts only for a card that has been on screen for a moment; what chooses or shows is held
// for the card that is on its way. No key is lost without a word.
import { $ } from "./dom.js";
import { LONG, tell } from "./say.js";

const SETTLE = 200; // ms; a key so soon after a card was painted was meant for the one before
const SLOW = 250; // ms, after which waiting shows
const REFUSAL_STAYS = 2500; // ms

const SAVING = "Still saving. Press again in a moment.";
const TOO_SOON = "Too quick: this had just appeared. Press again.";

let pending = false; // whether the server is at work, so that nothing else is decided
let coming = false; // whether another card is about to be painted
let held = []; // what chooses or shows, until that card is painted
let paintedAt = Infinity; // when the browser was about to show the card
let actedAt = 0; // when the person pressed or clicked last
let slowTimer = 0;
let refusalTimer = 0;

// An event has the time at which the key went down: a busy page handles it later.
function acted(e) {
  if (e.isTrusted) actedAt = e.timeStamp;
  else if (e.type === "keydown") actedAt = performance.now(); // passed on by the frame of a card
}
addEventListener("keydown", acted, true);
addEventListener("click", acted, true);

// Return whether a key or click may decide on what is on screen. If not, the person sees why.
export function mayDecide() {
  if (!isFree()) return false;
  const isTooSoon = actedAt - paintedAt < SETTLE;
  if (isTooSoon) refuse(TOO_SOON);
  return !isTooSoon;
}

// Return whether the server has stored what was decided before; if not, the person sees that it has not.
export function isFree() {
  if (pending) refuse(SAVING);
  return !pending;
}

function refuse(reason) {
  const place = $("#refused");
  place.textContent = reason;
  place.hidden = false;
  clearTimeout(refusalTimer);
  refusalTimer = setTimeout(() => { place.hidden = true; }, REFUSAL_STAYS);
}

// Choose or show something of the card on screen, or of the one that is on its way.
export function whenPainted(run) {
  if (coming) held.push(run);
  else run();
}

export function painted() {
  paintedAt = Infinity;
  requestAnimationFrame(() => { paintedAt = performance.now(); });
  release();
}

function release() {
  coming = false;
  const runs = held;
  held = [];
  for (const run of runs) run();
}

// Nothing else is decided while the server does this. Return what it returns. With `bringsCard`, another card is painted
// when the server has answered.
export async function alone(work, { bringsCard = false } = {}) {
  pending = true;
  coming = bringsCard;
  document.body.ariaBusy = "true";
  clearTimeout(slowTimer);
  slowTimer = setTimeout(() => document.body.classList.add("busy"), SLOW);
  try {
    return await work();
  } finally {
    pending = false;
    document.body.ariaBusy = "false";
    clearTimeout(slowTimer);
    document.body.classList.remove("busy");
    release();
  }
}

// The same; if it fails, the person reads why.
export async function attempt(work, options = {}) {
  await alone(work, options).catch((error) => tell(error.message, { stays: LONG }));
}
