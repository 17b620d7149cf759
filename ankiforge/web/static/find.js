// Find words in the document beside the card, or go to a page of it.
import { $ } from "./dom.js";
import { announce } from "./say.js";

const LABELS = { find: "Find in the document", page: "Go to page" };

let paper = null;
let purpose = "find";
let hits = []; // functions that show a place
let at = -1;

export function beginFind() {
  $("#find-field").addEventListener("input", () => { if (purpose === "find") find(); });
  $("#find-field").addEventListener("keydown", typed);
}

export function openFind(shown, name) {
  [paper, purpose] = [shown, name];
  const field = $("#find-field");
  field.value = "";
  field.placeholder = field.ariaLabel = LABELS[name];
  $("#find").hidden = false;
  $("#find-told").textContent = "";
  field.focus();
}

export function closeFind() {
  if ($("#find").hidden) return;
  $("#find").hidden = true;
  paper?.endSearch();
  $("#margin > .card, #margin h2")?.focus({ preventScroll: true });
}

async function find() {
  const words = $("#find-field").value;
  const found = words ? await paper.search(words) : [];
  if (words !== $("#find-field").value) return;
  [hits, at] = [found, -1];
  if (words) next(1);
}

function next(by) {
  at = hits.length ? (at + by + hits.length) % hits.length : -1;
  $("#find-told").textContent = hits.length ? `${at + 1} of ${hits.length}` : "Not found";
  announce($("#find-told").textContent);
  hits[at]?.();
}

function typed(e) {
  e.stopPropagation();
  if (e.key === "Escape") closeFind();
  else if (e.key === "Enter" && purpose === "find") next(e.shiftKey ? -1 : 1);
  else if (e.key === "Enter" && paper.goToPage(e.target.value.trim())) closeFind();
  else if (e.key === "Enter") $("#find-told").textContent = "There is no such page";
  else return;
  e.preventDefault();
}
