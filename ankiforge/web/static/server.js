// Requests to the server.
const NO_ANSWER_TEXT = "ankiforge review does not answer. If it has ended, start it again in the terminal.";

// If the server reports a failure, throw an error with the `status` and fields of the reply; without a reply, throw a plain error.
async function request(path, options) {
  const reply = await fetch(`/api/${path}`, options).catch(() => Promise.reject(new Error(NO_ANSWER_TEXT)));
  const value = await reply.json();
  if (!reply.ok) throw Object.assign(new Error(value.message), { status: reply.status, ...value });
  return value;
}

// The server answers a request for a page, document or cover when it is drawn. `signal` cancels the request.
export const get = (path, query = {}, signal = null) => request(`${path}?${new URLSearchParams(query)}`, { signal });

export function post(path, value = null) {
  const headers = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers, body: JSON.stringify(value) });
}
