// The timing of keys. Keys that decide act only on a card that has been on screen for a moment; keys that select or show wait for
// a card that is about to appear. The user is always told why a key was ignored.
import { $ } from "./dom.js";
import { LONG, tell } from "./say.js";

const ENDING_TIME = 400; // ms; a key this soon after an ending was painted was meant for its last card
const SETTLE_TIME = 200; // ms; a key this soon after a card was painted was meant for the previous one
const LETTERS_TIME = 600; // ms; letters this soon after Enter in a field, or after each other, were meant for the field
const REFUSAL_TIME = 2500; // ms

export const SAVING_TEXT = "Still saving. Press again in a moment.";
const LETTERS_TEXT = "These letters came after the field had closed, so they did nothing.";
const TOO_SOON_TEXT = "Too quick: this had just appeared. Press again.";

let isPending = false; // whether the server is busy, which blocks decisions
let isCardComing = false; // whether another card is about to be painted
let heldCalls = []; // the calls that wait until that card is painted
let paintedAt = Infinity; // when the browser was about to paint the card
let actedAt = 0; // when the user last pressed a key or clicked
let typedAt = -Infinity; // when the user pressed Enter in a field, or a letter that was still meant for it
let refusalTimer = 0;

// Use the event's own time, because a busy page handles the key later.
function onAction(e) {
  if (!e.isTrusted && e.type !== "keydown") return;
  actedAt = e.isTrusted ? e.timeStamp : performance.now(); // forwarded from the frame of a card
}
addEventListener("keydown", onAction, true);
addEventListener("click", onAction, true);

// Return whether a key or click may decide on what is on screen; if not, tell the user why.
export const mayDecide = () => isFree() && refuseIfTooSoon(actedAt - paintedAt >= SETTLE_TIME);

// Return whether a key or click may choose a button of an ending; if not, tell the user why.
export const mayLeaveEnding = () => isFree() && refuseIfTooSoon(actedAt - paintedAt >= ENDING_TIME);

export const closeField = () => { typedAt = actedAt; };
// Return whether a letter was meant for a field that has just closed; if so, tell the user.
export function isMeantForField() {
  if (actedAt - typedAt >= LETTERS_TIME) return false;
  closeField();
  refuse(LETTERS_TEXT);
  return true;
}

function refuseIfTooSoon(isInTime) {
  if (!isInTime) refuse(TOO_SOON_TEXT);
  return isInTime;
}

// Return whether the server has stored the previous decision; if not, tell the user.
export function isFree() {
  if (isPending) refuse(SAVING_TEXT);
  return !isPending;
}

// Say why nothing happened.
export function refuse(reason) {
  const place = $("#refused");
  place.textContent = reason;
  place.hidden = false;
  clearTimeout(refusalTimer);
  refusalTimer = setTimeout(() => { place.hidden = true; }, REFUSAL_TIME);
}

// Run a function for the card on screen, or for the one about to be shown.
export function runWhenPainted(run) {
  if (isCardComing) heldCalls.push(run);
  else run();
}

export function markPainted() {
  paintedAt = Infinity;
  requestAnimationFrame(() => { paintedAt = performance.now(); });
  runHeldCalls();
}

function runHeldCalls() {
  isCardComing = false;
  const runs = heldCalls;
  heldCalls = [];
  for (const run of runs) run();
}

// Run a request that blocks decisions, and return its result. With `bringsCard`, another card is painted afterwards.
export async function runAlone(work, { bringsCard = false } = {}) {
  isPending = true;
  isCardComing = bringsCard;
  document.body.ariaBusy = "true";
  try {
    return await work();
  } finally {
    isPending = false;
    document.body.ariaBusy = "false";
    runHeldCalls();
  }
}

// Like `runAlone`, but shows an error if the request fails.
export async function attempt(work, options = {}) {
  await runAlone(work, options).catch((error) => tell(error.message, { stays: LONG }));
}
