// Requests to the server.
import { $ } from "./dom.js";

const RETRY_DELAY = 2000; // ms
const NO_ANSWER_TEXT = "ankiforge review does not answer. If it has ended, start it again in the terminal.";
const POLL_DELAY = 60; // the maximum delay between polls, in ms
const MAX_POLLS = 400; // the maximum number of polls

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

export const get = (path, query = {}) => request(`${path}?${new URLSearchParams(query)}`);

// Poll until the server has finished (until then it returns {}). Return null if the result is no longer wanted.
export async function pollUntil(path, isWanted = () => true) {
  for (let times = 0; times < MAX_POLLS && isWanted(); times += 1) {
    const reply = await request(path).catch((error) => (error.status ? null : Promise.reject(error)));
    if (!reply || Object.keys(reply).length) return reply;
    await new Promise((done) => setTimeout(done, Math.min(10 + 10 * times, POLL_DELAY)));
  }
  return null;
}

export function post(path, value = null) {
  const headers = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers, body: JSON.stringify(value) });
}
