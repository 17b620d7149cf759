// "Have I looked at this before?": a field above the page, and the works that match as one types.
// What the server says is text, and is set as text.

import { openUntil } from "./dialogs.js";
import { ask } from "./talk.js";

const at = (id) => document.getElementById(id);
const PAUSE = 200;

export function wireSeen(page) {
  const label = "Have I looked at this before?";
  page.keys.push({ key: "S", label, bar: "Seen", does: () => open(page) });
  let waiting = 0;
  at("seen-query").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, PAUSE);
  });
  at("seen-form").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    look();
  });
  at("seen-leave").addEventListener("click", () => at("seen").close());
}

function open(page) {
  openUntil(at("seen"), page.hold());
  at("seen-query").select();
}

let asked = 0;

async function look() {
  const query = at("seen-query").value.trim();
  const mine = (asked += 1);
  try {
    const found = query ? await ask("/api/seen", { query }) : { works: [] };
    if (mine === asked) show(query, found);
  } catch (error) {
    if (mine === asked) tell(error.message);
  }
}

function show(query, { works, more }) {
  at("seen-list").replaceChildren(...works.map(work));
  const count = `${more ? "more than " : ""}${works.length} ${works.length === 1 ? "work" : "works"}`;
  tell(!query ? "" : works.length ? count : "Nothing here matches: not read, not marked, no card.");
}

function tell(words) {
  at("seen-told").textContent = words;
}

function work({ title, people, facts, links, marks, cards }) {
  const element = made("li");
  const list = made("dl");
  list.append(...facts.flatMap(([what, words]) => [made("dt", what), made("dd", words)]));
  element.append(made("h3", title), ...(people ? [made("p", people)] : []), list);
  if (links.length) element.append(ways(links));
  element.append(...several("Passages", marks), ...several("Cards", cards));
  return element;
}

function ways(links) {
  const list = made("p");
  list.append(...links.flatMap((address) => [link(address), " "]));
  list.className = "seen-links";
  return list;
}

function link(address) {
  const element = made("a", address.replace(/^https?:\/\/(www\.)?/, ""));
  element.href = address;
  element.target = "_blank";
  element.rel = "noreferrer noopener";
  return element;
}

function several(name, rows) {
  if (!rows.length) return [];
  const element = made("details");
  const list = made("ul");
  element.open = rows.some(({ hit }) => hit);
  list.append(...rows.map(row));
  element.append(made("summary", name), list);
  return [element];
}

function row({ words, beside, hit }) {
  const element = made("li");
  const said = made(hit ? "b" : "span", words);
  said.dir = "auto";
  element.append(said, ...(beside ? [made("small", beside)] : []));
  return element;
}

function made(tag, words = "") {
  const element = document.createElement(tag);
  element.textContent = words;
  return element;
}
