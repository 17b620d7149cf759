// Sending the accepted cards to Anki; where none runs, the package is written.

import { openUntil } from "./dialogs.js";
import { say } from "./talk.js";

const button = document.getElementById("send");

export function wireSend(page) {
  page.keys.push({ key: "P", label: "Send the accepted cards to Anki", does: () => void send(page) });
  button.addEventListener("click", () => void send(page));
}

// `unsent`: the accepted cards that were never sent.
export function showUnsent(unsent) {
  button.querySelector(".count").textContent = unsent || "";
  button.dataset.empty = unsent ? "no" : "yes";
}

// After ten decisions: ten more, or the cards to Anki.
const ROUND = 10;
let before = null;

export function endRound(page, { top, item, pace, count }) {
  if (before === null || pace.done < before) before = Math.max(pace.done - 1, 0);
  if (top !== "decide" || !item || pace.done - before < ROUND) return;
  const decided = pace.done - before;
  before = pace.done;
  const dialog = document.getElementById("round");
  const unsent = button.querySelector(".count").textContent;
  document.getElementById("round-title").textContent = `${decided} decided, ${count} left`;
  document.getElementById("round-told").textContent = unsent ? `${unsent} accepted and not sent yet.` : "";
  const wake = page.hold();
  openUntil(dialog, wake, () => {
    wake();
    if (dialog.returnValue === "send") send(page);
  });
}

async function send(page) {
  if (button.disabled) return;
  button.disabled = true;
  page.tell("Sending to Anki …");
  try {
    page.tell((await say("/api/send", {})).told);
  } catch (error) {
    page.desk.failed(error);
  } finally {
    button.disabled = false;
  }
}
