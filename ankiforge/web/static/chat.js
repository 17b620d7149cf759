// Questions from a chat window: copy the text that asks for them, paste the answer.
import { $, h } from "./dom.js";
import { counted, go } from "./lists.js";
import { isFree } from "./pace.js";
import { round } from "./round.js";
import { announce } from "./say.js";
import { get, post } from "./server.js";

let hasTaken = false; // whether an answer brought something, so that the list is read again

export function beginChat() {
  $("#chat-copy").addEventListener("click", copy);
  $("#chat-take").addEventListener("click", take);
  $("#chat").addEventListener("close", () => { if (hasTaken) go(round.list); });
  $("#chat-answer").addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) take();
  });
}

export async function openChat() {
  if (!isFree()) return;
  hasTaken = false;
  said("");
  $("#chat").showModal();
  await during(async () => asksFor(await get("chat")));
}

// Show what is asked for next: the text can be read before it is copied.
function asksFor({ said: words, text }) {
  $("#chat-asks").textContent = words;
  $("#chat-text").value = text;
  $("#chat-copy").disabled = !text;
}

async function copy() {
  await during(async () => {
    await navigator.clipboard.writeText($("#chat-text").value);
    said("Copied. Paste it into any chat, and its whole answer below.");
    $("#chat-answer").focus();
  });
}

async function take() {
  const answer = $("#chat-answer").value;
  if (!answer.trim()) return;
  await during(async () => {
    const reply = await post("chat", answer);
    counted(reply);
    hasTaken ||= reply.brought;
    said(reply.said, reply.unused);
    asksFor(reply.next);
    $("#chat-answer").value = "";
    $("#chat-copy").focus();
  });
}

function said(words, more = []) {
  $("#chat-said").replaceChildren(words, more.length ? h("ul", {}, more.map((each) => h("li", { dir: "auto" }, each))) : "");
  announce(words);
}

async function during(work) {
  try {
    await work();
  } catch (error) {
    said(error.message);
  }
}
