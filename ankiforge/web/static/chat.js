// Questions from a chat window: the text that asks for them is copied, its answer is taken when it is pasted.
import { $, h } from "./dom.js";
import { announce } from "./say.js";
import { get, post } from "./server.js";

let brought = false; // whether an answer brought something
let done = (_brought) => {};

export function beginChat() {
  $("#chat-copy").addEventListener("click", () => during(copy));
  $("#chat-answer").addEventListener("paste", () => setTimeout(() => during(take)));
  $("#chat-take").addEventListener("click", () => during(take));
  $("#chat-answer").addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) during(take); });
  $("#chat").addEventListener("close", () => done(brought));
}

// Copy at once; `key` is a mark of the open document, of which alone is asked. `then` is told whether an answer brought something.
export async function openChat(key, then) {
  [brought, done] = [false, then];
  said("");
  $("#chat-answer").value = "";
  $("#chat").showModal();
  post("no-chat").catch(() => {}); // it is offered no more
  await during(async () => {
    asksFor(await get("chat", { key }));
    await copy();
  });
}

// Show what is asked for next: the text can be read.
function asksFor({ said: words, text }) {
  $("#chat-asks").textContent = words;
  $("#chat-text").value = text;
  $("#chat-copy").disabled = !text;
}
async function copy() {
  const text = $("#chat-text").value;
  if (!text) return;
  await navigator.clipboard.writeText(text).then(() => said("Copied. 1 Paste it into your chat. 2 Copy its whole answer. 3 Paste it here."), () => {
    said("Your browser does not let a page copy. Copy the text below.");
    $("#chat details").open = true;
    $("#chat-text").select();
  });
  $("#chat-answer").focus();
}
async function take() {
  const answer = $("#chat-answer").value;
  if (!answer.trim()) return;
  const reply = await post("chat", answer);
  brought ||= reply.brought;
  said(reply.said, reply.unused);
  asksFor(reply.next);
  $("#chat-answer").value = "";
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
