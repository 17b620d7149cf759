// Rows: all cards, and what was decided.
import { $, button, choice, flat, h, rich } from "./dom.js";
import { alone, isFree } from "./pace.js";
import { round } from "./round.js";
import { LONG, count, number, tell } from "./say.js";
import { get, post } from "./server.js";

const PAUSE = 150; // ms without a key, after which is searched
const MORE = 100; // rows that the server sends at once

// What is searched for; it stays when a person comes back to the list.
let words = "";
let onlyState = "";

// The fields of a query to which the list is narrowed, and their values.
const narrowed = { document: "", deck: "", kind: "", added: "" };
const LABELS = { document: "All documents", deck: "All decks", kind: "All kinds", added: "Any date" };
const NAMES = {
  kind: { cloze: "Gaps", basic: "Questions", "two-way": "Both ways", occlusion: "Figures" },
  added: { 1: "Added today", 7: "In the last 7 days", 30: "In the last 30 days", 365: "In the last year" },
};

export const search = () => {
  const terms = Object.entries(narrowed).filter(([, value]) => value).map(([name, value]) => `${name}:"${value}"`);
  return { words: [...terms, words].join(" ").trim(), state: onlyState };
};

// The rows of a list, or the place for those that are coming. That of all cards has a field to search, and several of its cards are decided on together.
export function table(reply, does) {
  const body = h("ul", { className: "rows" });
  const told = h("p", { className: "told", role: "status" });
  const rest = button("outlined small rest", "", "", showMore);
  const hasSearch = Boolean(reply.states || reply.isComing);
  const several = hasSearch ? decideSeveral(body, searchNow, does) : null;
  let length = 0;
  let turn = 0; // an answer to an older search is not shown

  function fill({ rows, total, empty }, isMore = false) {
    const made = rows.map((entry) => row(entry, does, several?.changed));
    if (isMore) body.append(...made);
    else body.replaceChildren(...made);
    length = isMore ? length + rows.length : rows.length;
    const all = total > length ? `${number(total)} cards; the first ${number(length)} are shown` : count(length, "card");
    told.textContent = total === undefined ? "" : all;
    if (!length) told.textContent = empty;
    several?.of(total ?? length);
    rest.hidden = !(total > length);
    rest.textContent = `Show ${Math.min(MORE, total - length)} more`;
    several?.changed();
  }

  async function showMore() {
    const mine = turn;
    try {
      const reply = await get("list", { id: round.list, ...search(), start: length });
      if (mine === turn) fill(reply, true);
    } catch (error) {
      tell(error.message, { stays: LONG });
    }
  }

  async function searchNow() {
    turn += 1;
    const mine = turn;
    words = field.value;
    onlyState = $("input:checked", chips)?.value ?? onlyState;
    await new Promise((done) => setTimeout(done, PAUSE));
    if (mine !== turn) return;
    const failed = (error) => ({ rows: [], total: 0, empty: error.message });
    const found = await get("list", { id: round.list, ...search() }).catch(failed);
    if (mine !== turn) return;
    if (!chips.hasChildNodes()) showStates(found.states, found.facets);
    fill(found);
  }

  function showStates(states, facets) {
    if (!states) return;
    narrow.replaceChildren(...Object.entries(facets).filter(([, values]) => values.length > 1).map(([name, values]) => {
      const option = (value) => h("option", { value, selected: value === narrowed[name] }, NAMES[name]?.[value] ?? (value || LABELS[name]));
      const change = (e) => {
        narrowed[name] = e.target.value;
        searchNow();
      };
      return h("select", { ariaLabel: LABELS[name], onchange: change }, ["", ...values].map(option));
    }));
    const chip = (state) => choice("only", state, state || "All", "", state === onlyState, searchNow);
    chips.replaceChildren(...["", ...states].map(chip));
  }

  const field = h("input", { type: "search", className: "search", placeholder: "Search cards", ariaLabel: "Search cards",
    value: words, oninput: searchNow });
  const chips = h("div", { className: "modes", role: "radiogroup", ariaLabel: "State" });
  const narrow = h("div", { className: "narrow" });
  showStates(reply.states, reply.facets);
  fill(reply);
  if (reply.isComing) searchNow();
  return h("section", { className: "table", ariaLabel: round.here.name },
    hasSearch && [field, h("div", { className: "filters" }, chips, narrow)],
    h("div", { className: "over-rows" }, told, several?.bar),
    body, rest);
}

// A bar with which the ticked rows of a table are decided on together.
function decideSeveral(body, showAgain, does) {
  const all = h("input", { type: "checkbox", ariaLabel: "Select all that are shown", onchange: tickAll });
  const said = h("span", {}, "Select all");
  const buttons = [
    button("small filled", "Accept", "", () => decide(true), { hidden: true }),
    button("small outlined", "Reject", "", () => decide(false), { hidden: true }),
  ];
  const bar = h("div", { className: "several", role: "group", ariaLabel: "Decide on several" },
    h("label", { className: "check" }, all, said), buttons);

  // with more cards than are shown: all that match
  let total = 0;
  let isWhole = false;
  const more = h("button", { type: "button", className: "link", hidden: true, onclick: () => { isWhole = true; changed(); } });
  bar.append(more);

  const boxes = () => [...body.querySelectorAll(".tick input")];
  const chosen = () => boxes().filter((box) => box.checked).map((box) => box.value);

  function of(n) {
    total = n;
    isWhole = false;
  }

  function tickAll() {
    for (const box of boxes()) box.checked = all.checked;
    isWhole = false;
    changed();
  }

  function changed() {
    const n = chosen().length;
    all.checked = n > 0 && n === boxes().length;
    all.indeterminate = n > 0 && !all.checked;
    isWhole &&= n === boxes().length;
    said.textContent = n ? `${number(isWhole ? total : n)} selected` : "Select all";
    more.textContent = `Select all ${number(total)} that match`;
    more.hidden = isWhole || !n || n < boxes().length || total <= n;
    for (const button of buttons) button.hidden = !n;
    bar.hidden = !boxes().length;
  }

  async function decide(accepts) {
    const ids = chosen();
    if (!ids.length || !isFree()) return;
    await alone(async () => {
      try {
        const reply = await post("decide-several", isWhole ? { ids: [], accepts, ...search() } : { ids, accepts });
        does.counted(reply);
        if (reply.undo) round.undos.push({ id: reply.undo, act: "several" });
        tellSeveral(reply, accepts);
        await showAgain();
      } catch (error) {
        const what = `${accepts ? "accept" : "reject"} ${count(isWhole ? total : ids.length, "card")}`;
        tell(`Not stored: ${what}. ${error.message}`, { stays: LONG });
      }
    });
  }

  return { bar, changed, of };
}

function tellSeveral({ done, asked, undo, refused }, accepts) {
  const said = `${accepts ? "Accepted" : "Rejected"} ${count(done, "card")}.`;
  const left = asked - done;
  if (!left) return tell(said, { undo: Boolean(undo) });
  const why = `${count(left, "card")} left as ${left === 1 ? "it was" : "they were"}: ${refused[0]}`;
  tell(`${said} ${why}`, { undo: Boolean(undo), stays: LONG });
}

// One row; with `onTick`, it has a box.
export function row(entry, does, onTick = null) {
  const content = [
    h("span", { className: "title", dir: "auto" }, rich(entry.title)),
    h("span", { className: "sub", dir: "auto" }, rich(entry.sub)),
    entry.place && h("span", { className: "place", dir: "auto" }, entry.place),
    h("span", { className: "state", "data-state": entry.state }, entry.state),
  ];
  const opens = !entry.undo || entry.open;
  const main = opens
    ? h("button", { type: "button", className: "row", id: `row-${entry.id}`, onclick: () => does.open(entry.id) }, content)
    : h("div", { className: "row" }, content);
  const undo = entry.undo && h("button", { className: "link", type: "button",
    ariaLabel: `Undo: ${entry.state} ${flat(entry.title)}`, onclick: () => does.undo(entry.undo) }, "Undo");
  const tick = onTick && h("label", { className: "tick" },
    h("input", { type: "checkbox", value: entry.id, ariaLabel: `Select: ${flat(entry.title)}`, onchange: onTick }));
  return h("li", { className: entry.undo ? "acted" : "" }, tick, main, undo);
}
