// What the page asks the server.
const ENDED = "ankiforge review does not answer. If it has ended, start it again in the terminal.";
const AGAIN = 60; // ms; at first sooner
const ASKED = 400; // times

// An error has the `status` of the reply, and all that the server says of it; without a reply it has neither.
async function ask(path, options) {
  let reply;
  try {
    reply = await fetch(`/api/${path}`, options);
  } catch {
    throw new Error(ENDED);
  }
  const value = await reply.json();
  if (!reply.ok) throw Object.assign(new Error(value.message), { status: reply.status, ...value });
  return value;
}

export const get = (path, query = {}) => ask(`${path}?${new URLSearchParams(query)}`);

// Ask until the server has what it makes beside the page; until then it answers {}. Null if nobody waits for it any more.
export async function until(path, isWanted = () => true) {
  for (let times = 0; times < ASKED && isWanted(); times += 1) {
    const reply = await ask(path).catch((error) => (error.status ? null : Promise.reject(error)));
    if (!reply || Object.keys(reply).length) return reply;
    await new Promise((done) => setTimeout(done, Math.min(10 + 10 * times, AGAIN)));
  }
  return null;
}

export function post(path, value = null) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(value) });
}
