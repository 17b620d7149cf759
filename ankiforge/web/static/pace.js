// Decisions are made one at a time, each about the card on screen.
const SETTLE = 200; // ms; a key so soon after a card was painted was meant for the one before
const SLOW = 250; // ms, after which waiting shows

let pending = false;
let paintedAt = 0;
let timer = 0;

export const isPending = () => pending;
export const isTooSoon = () => performance.now() - paintedAt < SETTLE;
export const isBusy = () => pending || isTooSoon();
// Who goes through cards quickly does not mean the end screen.
export const isTooSoonForTheEnd = () => performance.now() - paintedAt < 3 * SETTLE;

export function painted() {
  paintedAt = performance.now();
}

// Nothing else is decided while the server does this. Return what it returns.
export async function alone(work) {
  begin();
  try {
    return await work();
  } finally {
    end();
  }
}

function begin() {
  pending = true;
  document.body.ariaBusy = "true";
  clearTimeout(timer);
  timer = setTimeout(() => document.body.classList.add("busy"), SLOW);
}

function end() {
  pending = false;
  document.body.ariaBusy = "false";
  clearTimeout(timer);
  document.body.classList.remove("busy");
}
