// Speaking to the server. Everything is JSON; a refusal is an answer, not an accident.

export class Gone extends Error {}

export async function ask(path, values) {
  return read(fetch(`${path}?${new URLSearchParams(values)}`));
}

export async function say(path, body) {
  const asked = fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return read(asked);
}

async function read(asked) {
  const answer = await asked.catch(() => {
    throw new Gone("ankiforge does not answer");
  });
  const found = await answer.json().catch(() => ({ error: `ankiforge answered ${answer.status}` }));
  if (!answer.ok) throw new Error([found.error, found.hint].filter(Boolean).join("; "));
  return found;
}
