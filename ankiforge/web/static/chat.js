// The chat dialog: copies the question to a chat, and reads the pasted answer.
import { $, h } from "./dom.js";
import { announce, hush, tell } from "./say.js";

const CARDS = "cards"; // the dialog's return value if the user wants to see the cards
let wasUsable = false; // whether any answer was usable
let followUp = ""; // the follow-up question that has the chat check its cards
/** @type {{takes: (answer: string) => any, then: (brought: boolean, opens: boolean) => any}} */
let handlers;

export function beginChat() {
  $("#chat-copy").addEventListener("click", () => runShowingErrors(copy));
  $("#chat-second").addEventListener("click", () => runShowingErrors(() => copyText(followUp, "Copied. It asks whether each card says what its passage says. Paste the answer here, too.")));
  $("#chat-answer").addEventListener("paste", () => setTimeout(() => runShowingErrors(handleAnswer)));
  $("#chat-take").addEventListener("click", () => hasCards() ? $("#chat").close(CARDS) : runShowingErrors(handleAnswer));
  $("#chat-answer").addEventListener("input", labelMainButton);
  $("#chat-answer").addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) runShowingErrors(handleAnswer); });
  $("#chat").addEventListener("close", () => handlers.then(wasUsable, $("#chat").returnValue === CARDS));
}

// After a usable answer, while the field is empty, the main button leads to the cards.
const hasCards = () => wasUsable && !$("#chat-answer").value.trim();
function labelMainButton() {
  $("#chat-take").textContent = hasCards() ? "See the cards" : "Take the answer";
}

// Open the dialog and copy the question that `asks` returns as {said, text}. `takes` handles an answer and returns the result,
// or nothing if the page shows it; on closing, `then` is called with whether any answer was usable, and whether the user wants to see its cards.
export async function openChat(asks, takes, then = (_brought, _opens) => {}) {
  if ($("#chat").open) return;
  const asked = await asks().catch(({ message }) => ({ said: message, text: "" }));
  if (!asked.text) return tell(asked.said);
  hush();
  [wasUsable, handlers] = [false, { takes, then }];
  showMessage("");
  $("#chat-copy").textContent = "Copy again";
  offerFollowUp("");
  $("#chat-answer").value = $("#chat").returnValue = "";
  labelMainButton();
  $("#chat").showModal();
  showQuestion(asked);
  await runShowingErrors(copy);
}

// Show the next question.
function showQuestion({ said: words, text }) {
  $("#chat-asks").textContent = words;
  $("#chat-text").value = text;
  $("#chat-copy").disabled = !text;
}
function offerFollowUp(text) {
  followUp = text;
  $("#chat-second").hidden = !text;
}
async function copy() {
  const text = $("#chat-text").value;
  if (text) await copyText(text, "Copied. 1 Paste it into your chat. 2 Copy its whole answer. 3 Paste it here.");
}
async function copyText(text, words) {
  await navigator.clipboard.writeText(text).then(() => showMessage(words), () => {
    showMessage("Your browser does not let a page copy. Copy the text below.");
    $("#chat-text").value = text;
    $("#chat details").open = true;
    $("#chat-text").select();
  });
  $("#chat-answer").focus();
}
async function handleAnswer() {
  const answer = $("#chat-answer").value;
  if (!answer.trim()) return;
  const reply = await handlers.takes(answer);
  if (!reply) return $("#chat").close();
  wasUsable ||= reply.brought;
  showMessage(reply.said, reply.unused);
  const isSame = !reply.brought && reply.next.text === $("#chat-text").value;
  showQuestion(reply.next);
  $("#chat-copy").textContent = isSame ? "Copy again" : "Copy the next text";
  offerFollowUp(reply.second ?? "");
  if (!reply.brought) return $("#chat-answer").select(); // it stays, and is replaced by the next one
  $("#chat-answer").value = "";
  labelMainButton();
  if (hasCards()) $("#chat-take").focus();
}
function showMessage(words, more = []) {
  $("#chat-said").replaceChildren(words, more.length ? h("ul", {}, more.map((each) => h("li", { dir: "auto" }, each))) : "");
  announce(words);
}
async function runShowingErrors(work) {
  try {
    await work();
  } catch (error) {
    showMessage(error.message);
  }
}
