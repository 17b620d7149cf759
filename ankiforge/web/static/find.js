// Find words in the document beside the card, or go to a page of it.
import { $, all } from "./dom.js";
import { documentShown, whenDrawn } from "./document.js";
import { lettersOfAll, occurrences, textsIn } from "./letters.js";
import { announce } from "./say.js";

const LABELS = { find: "Find in the document", page: "Go to page" };

let purpose = "find";
let hits = []; // functions that show a place
let at = -1;
let searched = null; // the document whose text was read, and how it is searched
let search = null;

export function beginFind() {
  $("#document-field").addEventListener("input", () => { if (purpose === "find") find(); });
  $("#document-field").addEventListener("keydown", typed);
}

// Open the field, if there is a document. Return whether there is.
export function openField(name, words = "") {
  if (!documentShown()) return false;
  purpose = name;
  const field = $("#document-field");
  field.value = words;
  field.placeholder = LABELS[name];
  field.ariaLabel = LABELS[name];
  $("#document-search").hidden = false;
  $("#document-told").textContent = "";
  field.focus();
  return true;
}

function close() {
  $("#document-search").hidden = true;
  for (const old of all("#document-body .found")) old.remove();
  CSS.highlights?.delete("found");
  whenDrawn(null);
  $("#stage > .item:not(.ahead)")?.focus({ preventScroll: true });
}

async function find() {
  const view = documentShown();
  if (searched !== view) [searched, search] = [view, view.sheets ? inPages(view) : inText(view)];
  const searchNow = await search;
  const words = $("#document-field").value;
  if (view !== documentShown()) return;
  hits = searchNow(words);
  at = -1;
  if (words) next(1);
}

function next(by) {
  at = hits.length ? (at + by + hits.length) % hits.length : -1;
  $("#document-told").textContent = hits.length ? `${at + 1} of ${hits.length}` : "Not found";
  announce($("#document-told").textContent);
  hits[at]?.();
}

async function inPages({ sheets }) {
  const texts = (await sheets.texts()).map((text) => lettersOfAll([text]));
  const show = (number, words, nth) => {
    const reveal = () => sheets.found(number, words)[nth]?.scrollIntoView({ block: "center", behavior: "instant" });
    sheets.pages[number].node.scrollIntoView({ block: "nearest", behavior: "instant" });
    whenDrawn((drawn) => { if (drawn === number) reveal(); });
    reveal();
  };
  return (words) => texts.flatMap((text, number) => occurrences(text, words).map((_, nth) => () => show(number, words, nth)));
}

async function inText({ node }) {
  const nodes = textsIn(node);
  const letters = lettersOfAll(nodes.map(({ data }) => data));
  return (words) => occurrences(letters, words).map(([[first, start], [last, end]]) => () => {
    const range = new Range();
    range.setStart(nodes[first], start);
    range.setEnd(nodes[last], end + 1);
    if (window.Highlight) CSS.highlights.set("found", new Highlight(range));
    nodes[first].parentElement.scrollIntoView({ block: "center", behavior: "instant" });
  });
}

function typed(e) {
  e.stopPropagation();
  if (e.key === "Escape") close();
  else if (e.key === "Enter" && purpose === "find") next(e.shiftKey ? -1 : 1);
  else if (e.key === "Enter") {
    const { sheets } = documentShown();
    const page = sheets?.pages[sheets.number(e.target.value.trim())];
    if (page) close();
    page?.node.scrollIntoView({ block: "start", behavior: "instant" });
    $("#document-told").textContent = page ? "" : "There is no such page";
  }
}
