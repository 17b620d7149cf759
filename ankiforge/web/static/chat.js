// A chat window: the text that asks it is copied, its answer is taken when it is pasted.
import { $, h } from "./dom.js";
import { announce, tell } from "./say.js";

let brought = false; // whether an answer brought something
let second = ""; // the text by which the chat reads the cards of its answer again
/** @type {{takes: (answer: string) => any, then: (brought: boolean) => any}} */
let talk;

export function beginChat() {
  $("#chat-copy").addEventListener("click", () => during(copy));
  $("#chat-second").addEventListener("click", () => during(() => put(second, "Copied. It asks whether each card says what its passage says. Paste the answer here, too.")));
  $("#chat-answer").addEventListener("paste", () => setTimeout(() => during(take)));
  $("#chat-take").addEventListener("click", () => during(take));
  $("#chat-answer").addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) during(take); });
  $("#chat").addEventListener("close", () => talk.then(brought));
}

// Copy at once. `asks` returns what is copied, {said, text}; `takes` takes an answer and returns what became of it, nothing if the
// page shows that; `then` is told whether an answer brought something.
export async function openChat(asks, takes, then = (_brought) => {}) {
  if ($("#chat").open) return;
  const asked = await asks().catch(({ message }) => ({ said: message, text: "" }));
  if (!asked.text) return tell(asked.said);
  [brought, talk] = [false, { takes, then }];
  said("");
  offer("");
  $("#chat-answer").value = "";
  $("#chat").showModal();
  asksFor(asked);
  await during(copy);
}

// Show what is asked for next: the text can be read.
function asksFor({ said: words, text }) {
  $("#chat-asks").textContent = words;
  $("#chat-text").value = text;
  $("#chat-copy").disabled = !text;
}
function offer(text) {
  second = text;
  $("#chat-second").hidden = !text;
}
async function copy() {
  const text = $("#chat-text").value;
  if (text) await put(text, "Copied. 1 Paste it into your chat. 2 Copy its whole answer. 3 Paste it here.");
}
async function put(text, words) {
  await navigator.clipboard.writeText(text).then(() => said(words), () => {
    said("Your browser does not let a page copy. Copy the text below.");
    $("#chat-text").value = text;
    $("#chat details").open = true;
    $("#chat-text").select();
  });
  $("#chat-answer").focus();
}
async function take() {
  const answer = $("#chat-answer").value;
  if (!answer.trim()) return;
  const reply = await talk.takes(answer);
  if (!reply) return $("#chat").close();
  brought ||= reply.brought;
  said(reply.said, reply.unused);
  asksFor(reply.next);
  offer(reply.second ?? "");
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
