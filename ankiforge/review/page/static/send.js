// Sending the accepted cards to Anki; where none runs, the package is written.

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
