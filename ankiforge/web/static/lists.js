// The lists: go to one, open and close an item of it, count what is left.
import { $, all, h } from "./dom.js";
import { tintAgain } from "./document.js";
import { alone, isFree } from "./pace.js";
import { round } from "./round.js";
import { search } from "./rows.js";
import { LONG, count, number, tell } from "./say.js";
import { get } from "./server.js";
import { forgetAll, rememberRow, show } from "./stage.js";

// The key of each list, after that of `GO`.
export const GO = "g";
export const LIST_KEYS = { new: "n", changed: "c", questions: "q", none: "y", all: "a", recent: "r" };
const ALL = "all"; // the list with a field to search in
const FEW = 4; // items; with fewer left, the next ones are asked for

let askedFor = ""; // the list whose next items are on their way

export async function go(list) {
  const isKnown = !round.lists.length || round.lists.some((each) => each.id === list);
  const id = isKnown ? list : "new";
  let reply;
  try {
    reply = await get("list", { id, ...(id === ALL ? search() : {}) });
  } catch (error) {
    tell(error.message, { stays: LONG });
    return;
  }
  showList(id, reply);
}

function showList(id, reply) {
  round.begin(id, reply);
  forgetAll();
  history.replaceState(null, "", `#${id}`);
  closeSide();
  counted(reply);
  show();
}

// Go to a list that the person chose; not while a decision is being stored.
export async function visit(id) {
  if (isFree()) await alone(() => go(id), { bringsCard: true });
}

export function follow(event, id) {
  event.preventDefault();
  visit(id);
}

// Show what a reply says of all lists.
export function counted(reply) {
  round.count(reply);
  tintAgain();
  $("#lists").replaceChildren(...round.lists.map(listLink));
  $("#ready").textContent = round.ready ? `${count(round.ready, "new card")} for Anki` : "";
  for (const button of all(".send")) button.hidden = !round.ready;
}

function listLink({ id, name, left }) {
  const unseen = (text) => h("span", { className: "unseen" }, text);
  const leftTold = left > 0 && h("span", { className: "left" }, unseen(", "), number(left), unseen(" left"));
  const title = `Keys: ${GO.toUpperCase()} ${LIST_KEYS[id].toUpperCase()}`;
  const link = h("a", { href: `#${id}`, title, onclick: (e) => follow(e, id) }, h("span", {}, name), leftTold);
  if (id === round.list) link.setAttribute("aria-current", "page");
  return h("li", {}, link);
}

// Ask for the next items before the last one is decided.
export async function askForMore() {
  const isLast = round.at >= round.items.length - 2;
  const hasAll = round.here.left <= round.items.length;
  const hasEnough = hasAll || (round.items.length > FEW && !isLast);
  if (askedFor || round.rows || hasEnough) return;
  askedFor = round.list;
  try {
    const reply = await get("list", { id: round.list, start: round.items.length });
    if (askedFor !== round.list) return;
    const wasEmpty = !round.items.length;
    const added = round.add(reply.items ?? []);
    if (wasEmpty && added && !round.opened && !round.resting) show();
  } catch {
    // a decision will tell
  } finally {
    askedFor = "";
  }
}

// Begin the next ten.
export function tenMore() {
  round.goOn();
  show();
  askForMore();
}

// Show the item behind a row.
export async function open(id) {
  if (!isFree()) return;
  const asked = () => get("item", { id }).catch(() => ({ item: null }));
  const { item } = await alone(asked);
  if (!item) {
    tell("This card no longer exists.");
    return;
  }
  round.open(item);
  rememberRow(id);
  show();
}

// Show the item of a mark: an offer among those of the list, anything else instead of the list.
export async function goToMark(key) {
  if (!isFree()) return;
  const known = round.items.findIndex((item) => item.source?.key === key);
  if (known >= 0 && !round.rows) {
    round.goTo(known);
    show();
    return;
  }
  const { item } = await alone(() => get("at", { key })).catch(() => ({ item: null }));
  if (!item) return;
  if (round.list === "new" && item.ids && !item.beside) round.insert(item);
  else round.open(item);
  show();
}

export function close() {
  round.close();
  forgetAll();
  show();
}

// The field is there, and has the focus, before the next letter is typed; the rows follow.
export function searchAll() {
  if (!isFree()) return;
  const hasField = round.rows && round.list === ALL && !round.opened;
  if (!hasField) showList(ALL, { rows: [], empty: "Reading all cards …", isComing: true });
  $(".search").select();
}

// ---- The lists of a narrow window, behind a button.

export function toggleSide() {
  const isOpen = $("#side").classList.toggle("open");
  $("#menu").ariaExpanded = String(isOpen);
  if (isOpen) $("#side a").focus();
}

export function closeSide(hasFocus = false) {
  $("#side").classList.remove("open");
  $("#menu").ariaExpanded = "false";
  if (hasFocus) $("#menu").focus();
}
