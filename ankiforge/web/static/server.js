// Requests to the server.
import { $ } from "./dom.js";

const RETRY_DELAY = 2000; // ms
const NO_ANSWER_TEXT = "ankiforge review does not answer. If it has ended, start it again in the terminal.";

// If the server reports a failure, throw an error with the `status` and fields of the reply; without a reply, throw a plain error.
async function request(path, options) {
  let reply;
  try {
    reply = await fetch(`/api/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    checkAnswer();
    throw new Error(NO_ANSWER_TEXT);
  }
  const value = await reply.json();
  if (!reply.ok) throw Object.assign(new Error(value.message), { status: reply.status, ...value });
  return value;
}

// While the server doesn't answer, nothing on the page can be used, and the server is asked again until it does.
let retryTimer = 0;
async function checkAnswer() {
  clearTimeout(retryTimer);
  if (await fetch("/api/state").catch(() => null)) return $("#dead").close();
  if (!$("#dead").open) $("#dead").showModal();
  retryTimer = setTimeout(checkAnswer, RETRY_DELAY);
}
$("#dead button").addEventListener("click", checkAnswer);
$("#dead").addEventListener("cancel", (e) => e.preventDefault());

// The server answers a request for a page, document or cover when it is drawn. `signal` cancels the request.
export const get = (path, query = {}, signal = null) => request(`${path}?${new URLSearchParams(query)}`, { signal });

export function post(path, value = null) {
  const headers = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers, body: JSON.stringify(value) });
}
