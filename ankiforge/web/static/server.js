// What the page asks the server.
const ENDED = "ankiforge review does not answer. If it has ended, start it again in the terminal.";

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

export function post(path, value = null) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(value) });
}
