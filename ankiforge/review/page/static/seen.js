// "Have I looked at this before?": a field above the page, and the works that match as one types.

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
    const found = query ? await ask("/api/seen", { query }) : { html: "", told: "" };
    if (mine !== asked) return;
    at("seen-list").innerHTML = found.html;
    at("seen-told").textContent = found.told;
  } catch (error) {
    if (mine === asked) at("seen-told").textContent = error.message;
  }
}
