// The page of a PDF below the passage, drawn when somebody opens it. It stays open for the next card
// where that stands beside it.

import { ask } from "./talk.js";

const KEPT = "ankiforge-sheet";
const wide = matchMedia("(min-width: 100rem)");
const narrow = matchMedia("(max-width: 52rem), (max-height: 30rem)");

export function wireSheet(source, page) {
  source.addEventListener("toggle", ({ target }) => target.dataset.sheet && turned(target), true);
  page.shown(() => {
    const sheet = source.querySelector("[data-sheet]");
    const kept = sessionStorage.getItem(KEPT) ?? (wide.matches ? "open" : "closed");
    if (sheet) sheet.open = kept === "open" && !narrow.matches;
  });
}

function turned(sheet) {
  sessionStorage.setItem(KEPT, sheet.open ? "open" : "closed");
  if (sheet.open && !sheet.dataset.asked) fill(sheet);
}

async function fill(sheet) {
  const place = sheet.querySelector("[data-part=sheet]");
  sheet.dataset.asked = "yes";
  place.textContent = "Drawing the page …";
  try {
    place.innerHTML = (await ask("/api/sheet", { of: sheet.dataset.sheet })).html;
  } catch (error) {
    place.textContent = error.message;
    delete sheet.dataset.asked;
  }
}
