// The page: lists, what waits in them, decisions, undo, keys. The server knows what may be decided.
import { edit } from "./compose.js";
import { $, choose, draw, fill, flat, h, isDark, kbd, picked, rich, ticked, wide } from "./draw.js";
import { palette } from "./palette.js";
import { recalled, remember } from "./settings.js";

const SETTLE = 200; // ms; a key so soon after a card was painted was meant for the one before
const ENDED = "ankiforge review does not answer. If it has ended, start it again in the terminal.";
const SHORT = 60; // characters of a card that are repeated
const count = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

const MAIN = ".middle > .actions .button.filled";
const REVEAL = ".middle > .reveal";
const FEW = 4; // items; with fewer left, the next ones are asked for

const state = { lists: [], list: "", round: [], gone: new Set(), at: 0, tally: {}, ready: 0, pending: false,
  painted: 0, undos: [], rows: null, opened: null, last: "", single: true, words: "", only: "" };
const built = new Map(); // item → its node; drawn before it is needed, kept until its decision is stored

// ---- The server.

async function ask(path, options) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error(ENDED);
  }
  const value = await reply.json();
  if (!reply.ok) throw Object.assign(new Error(value.message), { status: reply.status, ...value });
  return value;
}
const get = (path, query = {}) => ask(`/api/${path}?${new URLSearchParams(query)}`);
const post = (path, value = null) => ask(`/api/${path}`,
  { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });

// ---- Decisions. One at a time, about the item that is painted.

const busy = () => state.pending || performance.now() - state.painted < SETTLE;

async function act(node, action, extra = {}) {
  if (action === "flip") return flip();
  if (busy() || node !== current()) return;
  const { item } = node;
  const main = $(".menu[open]", node);
  main?.removeAttribute("open");
  const proposed = item.cards?.[picked(node)]?.gaps && node.proposal;
  if (action.act === "ask") return proposed?.ask();
  if (action.needs === "edit" && !extra.fields) return edit(node, action);
  if (action.act === "accept" && proposed) {
    const made = proposed.made();
    if (!made) return;
    extra = { ...made, ...extra };
  }
  if (node.figure && ["accept", "masks"].includes(action.act)) {
    const made = node.figure.made();
    if (!made) return tell("No mask is left. Draw one, or reject the figure.", false);
    extra = { ...made, ...extra };
  }
  if (action.needs === "words") {
    if (!node.made) return node.firstWord();
    extra = { ...node.made, ...extra };
  }
  if (action.needs === "text" && !extra.text) {
    const text = await asked(action);
    if (text === null || node !== current()) return;
    extra = { ...extra, text };
  }
  const said = item.choose ? item.cards[picked(node)].line : item.line ?? item.title;
  const sent = { id: item.id, turn: item.turn, act: action.act, choice: picked(node), ...extra };
  if (item.lines) sent.lines = ticked(node);
  if (item.option) sent[item.option.name] = $(".option input", node).checked;
  if (action.act === "others") return others(item, sent);
  const before = { round: [...state.round], at: state.at, opened: state.opened, tally: { ...state.tally },
    lists: structuredClone(state.lists) };
  wait(true);
  state.tally[sent.act] = (state.tally[sent.act] ?? 0) + 1;
  state.gone.add(item.id);
  // if other drafts of the passage may be left, they are painted next
  const skipped = action.act === "later";
  const stays = item.several && !["reject", "later"].includes(action.act);
  if (!stays) leave(item, skipped);
  try {
    const reply = await post("decide", sent);
    if (stays) rest(item, reply.item);
    built.get(item)?.remove();
    built.delete(item);
    counts(reply);
    progress();
    if (reply.undo || skipped) state.undos.push({ id: reply.undo, act: sent.act, item: skipped && item });
    if (before.opened && !reply.item) await go(state.list);
    else if (!state.round.length) show(); // the end screen counts
    more();
    tell([`${action.said} `, quoted(said)], Boolean(reply.undo) || skipped);
    $("#live").textContent = `${action.said}. ${$("#left").textContent}`;
  } catch (error) {
    Object.assign(state, before);
    state.gone.delete(item.id);
    const again = (more) => act(current(), action, { ...extra, ...more });
    takeBack(item, error, { action, said, again });
  } finally {
    wait(false);
  }
}

// One of several drafts was accepted: the others of the passage come next, else the next item.
function rest(item, others) {
  if (!others) return leave(item);
  state.gone.delete(others.id);
  if (state.opened) state.opened = others;
  state.round = state.round.map((one) => (one === item ? others : one));
  show();
}

// Ask for the next items before the last one is decided.
async function more() {
  if (more.asked || state.rows || state.round.length > FEW || list().left <= state.round.length) return;
  more.asked = state.list;
  try {
    const reply = await get("list", { id: state.list });
    if (more.asked !== state.list) return;
    const here = new Set([...state.gone, ...state.round.map((one) => one.id)]);
    const found = (reply.items ?? []).filter((one) => !here.has(one.id));
    const none = !state.round.length;
    state.round.push(...found);
    if (none && found.length && !state.opened) show();
  } catch {
    // a decision will tell
  } finally {
    more.asked = "";
  }
}

// The model drafts other cards of the passage; they are shown instead of the item, which stays.
async function others(item, sent) {
  wait(true);
  tell("Asking the model …", false, 600000);
  try {
    const reply = await post("decide", sent);
    built.get(item)?.remove();
    built.delete(item);
    if (state.opened) state.opened = reply.item;
    state.round = state.round.map((one) => (one === item ? reply.item : one));
    counts(reply);
    show();
    tell("The model has drafted others.", false);
  } catch (error) {
    tell(error.message, false, 30000);
  } finally {
    wait(false);
  }
}

// A decision failed: its item comes back, as it is now, with the reason.
function takeBack(item, error, { action, said, again }) {
  if (error.status === 409) {
    built.get(item)?.remove();
    built.delete(item);
    if (state.opened) state.opened = error.item;
    else state.round = state.round.flatMap((one) => (one !== item ? [one] : error.item ? [error.item] : []));
    state.at = Math.min(state.at, Math.max(state.round.length - 1, 0));
  }
  show();
  const now = current();
  if (error.status === 409 && !error.item) return tell([`${error.message} `, quoted(said), " was not decided on again."], false);
  $(".error", now)?.remove();
  const press = (label, more) => h("button", { className: "button outlined small", type: "button", onclick: () => again(more) }, label);
  const lost = !error.status || error.status >= 500;
  const decision = action.label.replace(/…$/, "").toLowerCase();
  const heading = lost && h("b", {}, `Not stored: ${decision} `, quoted(said));
  const words = lost ? `${error.message} Earlier decisions are stored.` : error.message;
  const shown = h("div", { className: "why stop error", role: "alert" }, h("div", {}, heading, h("p", {}, words),
    lost && press("Try again", {}), error.insist && press("Do it anyway", { forced: true })));
  $(now.editing ? ".edit > .actions" : ".actions", now).before(shown);
  shown.scrollIntoView({ block: "nearest" });
}

function wait(on) {
  state.pending = on;
  document.body.ariaBusy = String(on);
  clearTimeout(wait.timer);
  if (on) wait.timer = setTimeout(() => document.body.classList.add("busy"), 250);
  else document.body.classList.remove("busy");
}

// Show the next item; the node of this one is kept until the decision is stored.
function leave(item, skipped = false) {
  if (!state.opened) {
    const here = list();
    if (!skipped && here.left) Object.assign(here, { left: here.left - 1, done: here.done + 1 });
    state.round = state.round.filter((one) => one !== item);
    if (state.at >= state.round.length) state.at = 0;
    show();
  }
}

function asked(action) {
  const dialog = $("#say");
  $("#say-name").textContent = action.ask;
  $("#say-yes").textContent = action.label.replace("…", "");
  $("#say-text").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  const answer = () => (dialog.returnValue === "yes" ? $("#say-text").value : null);
  return new Promise((done) => dialog.addEventListener("close", () => done(answer()), { once: true }));
}

async function undo(id = state.undos.at(-1)?.id) {
  const last = state.undos.at(-1);
  if (!state.pending && last?.item && id === last.id) return unskip(last);
  if (state.pending || !id) return;
  wait(true);
  try {
    const reply = await post("undo", id), mine = state.undos.find((one) => one.id === id);
    state.undos = state.undos.filter((one) => one !== mine);
    counts(reply);
    tell(reply.item ? ["Taken back: ", quoted(reply.item.line ?? reply.item.title)] : "Taken back.", false);
    if (state.rows) return await go(state.list);
    if (!reply.item || reply.list !== state.list) return;
    const drafts = new Set([reply.item.id, ...reply.item.ids ?? []]);
    for (const id of drafts) state.gone.delete(id);
    state.round = [reply.item, ...state.round.filter((one) => !drafts.has(one.id))];
    state.at = 0;
    if (mine) state.tally[mine.act] -= 1;
    show();
  } catch (error) {
    tell(error.message, false);
  } finally {
    wait(false);
  }
}

// What was skipped last comes back.
async function unskip(last) {
  wait(true);
  try {
    counts(await post("decide", { id: last.item.id, turn: last.item.turn, act: "now" }));
    state.undos.pop();
    state.gone.delete(last.item.id);
    if (state.rows || state.opened) return;
    state.round = [last.item, ...state.round.filter((one) => one.id !== last.item.id)];
    state.at = 0;
    state.tally.later -= 1;
    show();
    tell("Back again.", false);
  } catch (error) {
    tell(error.message, false);
  } finally {
    wait(false);
  }
}

// The edits made in Anki, as a patch of the notes, on the clipboard.
async function copyPatch() {
  if (state.pending) return;
  wait(true);
  tell("Reading Anki …", false, 600000);
  try {
    const { text, command, files, refused } = await post("patch");
    const left = refused.length ? ` Left out: ${refused.join("; ")}.` : "";
    if (!text) return tell(`No edit in Anki can be brought to your notes.${left}`, false, 30000);
    await navigator.clipboard.writeText(text);
    tell(`The patch of ${count(files, "note")} is copied. Save it as edits.patch, then: `, false, 60000, `${command} "$PWD/edits.patch"`);
    if (left) $("#toast-text").append(left);
  } catch (error) {
    tell(error.message, false, 30000);
  } finally {
    wait(false);
  }
}

async function send() {
  if (state.pending) return;
  wait(true);
  tell("Opening Anki …", false, 600000);
  try {
    const reply = await post("send");
    counts(reply);
    tell(reply.said, false, reply.path ? 600000 : 30000, reply.path);
    if (!state.opened && !state.round.length) await go(state.list);
  } catch (error) {
    tell(error.message, false, 30000);
  } finally {
    wait(false);
  }
}

// ---- Lists and rounds.

async function go(list) {
  const known = !state.lists.length || state.lists.some((one) => one.id === list) ? list : "new";
  const search = known === "all" ? { words: state.words, state: state.only } : {};
  let reply;
  try {
    reply = await get("list", { id: known, ...search });
  } catch (error) {
    return tell(error.message, false, 30000);
  }
  const items = reply.items ?? [];
  Object.assign(state, { list: known, opened: null, rows: reply.items ? null : reply, notices: reply.rows,
    round: items, gone: new Set(), at: 0, tally: {} });
  for (const node of built.values()) node.remove();
  built.clear();
  history.replaceState(null, "", `#${known}`);
  closeSide();
  counts(reply);
  show();
}

function counts(reply) {
  if (reply.lists) [state.lists, state.ready] = [reply.lists, reply.ready];
  $("#lists").replaceChildren(...state.lists.map((one) => {
    const left = one.left > 0 && h("span", { className: "left" }, h("span", { className: "unseen" }, ", "),
      one.left.toLocaleString("en"), h("span", { className: "unseen" }, " left"));
    const link = h("a", { href: `#${one.id}`, onclick: (e) => follow(e, one.id) }, h("span", {}, one.name), left);
    if (one.id === state.list) link.setAttribute("aria-current", "page");
    return h("li", {}, link);
  }));
  $("#ready").textContent = state.ready ? `${count(state.ready, "new card")} for Anki` : "";
  for (const one of document.querySelectorAll(".send")) one.hidden = !state.ready;
}

// How many new cards fit into the person's minutes of Anki: computed beside the page, asked for until it is there.
async function minutes() {
  const told = await get("minutes").catch(() => null);
  if (!told) return;
  if (!told.ready) return void setTimeout(minutes, 1500);
  state.minutes = told;
  $("#minutes").textContent = told.line;
  $("#minutes").hidden = !told.line;
  const shown = $(".end");
  $(".end .minutes")?.remove();
  if (shown && told.line) shown.append(foreseen());
}
function foreseen() {
  const { line, plot } = state.minutes;
  return h("div", { className: "minutes" }, h("p", {}, line),
    plot && h("img", { src: `/picture/${plot}`, alt: "The minutes of the coming year, with this limit and as it is" }));
}
function follow(e, id) {
  e.preventDefault();
  if (!state.pending) go(id);
}

const list = () => state.lists.find((one) => one.id === state.list);
const current = () => $("#stage > .item:not(.ahead)");
function drawn(item) {
  if (!built.has(item)) built.set(item, $("#stage").appendChild(draw(item, act)));
  return built.get(item);
}

// Paint what is to be shown, and lay out the next item beside it, unseen.
function show() {
  const left = state.round.length, deck = !state.rows;
  const item = state.opened ?? (deck ? state.round[state.at] : null);
  const { name } = list();
  $("#name").textContent = name;
  document.title = `${name} · ankiforge`;
  progress();
  if (recalled("recall") && item !== show.painted) document.body.classList.add("hiding");
  show.painted = item;
  const node = item && drawn(item);
  refill();
  for (const one of [...$("#stage").children]) {
    if (one !== node && !one.item) one.remove();
    else ahead(one, one !== node);
  }
  if (!item) $("#stage").append(...(state.rows ? [table(state.rows)] : end()));
  if (!item && state.minutes) minutes(); // what was accepted meanwhile counts
  else if (state.opened) $("#stage").prepend(h("button", { className: "link back", type: "button", onclick: close }, `‹ ${name}`));
  document.body.classList.toggle("deciding", Boolean(item));
  scrollTo(0, 0);
  const row = document.getElementById(`row-${state.last}`);
  (node ?? $(".end h2") ?? row)?.focus({ preventScroll: true });
  state.painted = performance.now();
  const next = deck && !state.opened && state.round[(state.at + 1) % Math.max(left, 1)];
  if (next && next !== item) setTimeout(() => state.round.includes(next) && ahead(drawn(next), next !== state.round[state.at]), 30);
}
// How far: what was decided in this session, of that and what waits.
function progress() {
  const { left = 0, done = 0 } = list(), on = !state.rows && !state.opened && left + done > 0;
  $("#left").textContent = on ? `${done.toLocaleString("en")} of ${(left + done).toLocaleString("en")}` : "";
  $("#far").hidden = !on;
  $("#far").max = Math.max(left + done, 1);
  $("#far").value = done;
}
function ahead(node, on) {
  node.classList.toggle("ahead", on);
  node.inert = on;
}
function close() {
  state.opened = null;
  for (const node of built.values()) node.remove();
  built.clear();
  show();
}

const TOLD = { accept: "accepted", force: "accepted", edit: "edited", masks: "edited", make: "made", write: "made", reject: "rejected",
  none: "without a card", later: "skipped" };
const WAITS = { new: "Drafts to look at", changed: "A source and a card no longer agree", questions: "Only you can answer them",
  none: "Passages without a card" };
const EMPTY = { new: "Mark a passage in what you read, and run ankiforge again: its draft appears here.",
  changed: "When a source or Anki changes one of your cards, you see both here.",
  questions: "A question appears here when only you can answer it.",
  none: "Every passage has a card or a draft, or you decided that it needs none." };

// The decisions of this round in words ("3 accepted"), how many they are, and how many were put off.
function roundSummary() {
  const later = state.tally.later ?? 0;
  const sums = {};
  for (const [act, number] of Object.entries(state.tally)) {
    const word = TOLD[act] ?? act;
    sums[word] = (sums[word] ?? 0) + number;
  }
  const counted = Object.entries(sums).filter(([, number]) => number);
  const kinds = counted.map(([word, number]) => `${number.toLocaleString("en")} ${word}`);
  const done = Object.values(sums).reduce((sum, number) => sum + number, 0) - later;
  return { kinds, done, later };
}

function endTitle({ kinds, done, later }) {
  if (kinds.length === 1 && !later) return `${kinds[0]}.`;
  if (done) return `${done.toLocaleString("en")} done.`;
  return later ? "All put off for later." : "Nothing waits here.";
}

function endText({ kinds, done, later }) {
  if (kinds.length > 1) return `${kinds.join(", ")}.`;
  return done || later ? "" : EMPTY[state.list];
}

function end() {
  const left = list().left;
  const summary = roundSummary();
  const title = endTitle(summary);
  const told = endText(summary);
  const others = state.lists.filter((one) => one.left && one.id !== state.list);
  const press = (look, label, key, run) =>
    h("button", { className: `button ${look}`, type: "button", onclick: run }, h("span", {}, label), kbd(key));
  const actions = [];
  if (left > 0) actions.push([`Go on with ${left === 1 ? "the one" : `the ${left.toLocaleString("en")}`} put off`, () => go(state.list)]);
  if (state.ready > 0) actions.push([`Open ${count(state.ready, "new card")} in Anki`, send]);
  if (!actions.length && others.length) actions.push([`Go on with ${others[0].name}`, () => go(others[0].id)]);
  const buttons = actions.map(([label, run], i) => press(i ? "outlined" : "filled", label, i ? "o" : "⏎", run));
  const waiting = others.map((one) => h("li", {}, h("a", { href: `#${one.id}`, onclick: (e) => follow(e, one.id) },
    h("b", {}, one.name), h("span", { className: "left" }, one.left.toLocaleString("en")), h("span", { className: "what" }, WAITS[one.id]))));
  const shown = h("section", { className: "end", ariaLabel: "Done" }, h("h2", { tabIndex: -1 }, title),
    told && h("p", {}, told), buttons.length && h("div", { className: "actions" }, buttons),
    waiting.length && h("h3", {}, "Also waiting"), waiting.length && h("ul", { className: "others" }, waiting));
  const notices = state.notices?.length && h("section", { className: "table notices", ariaLabel: "What your sources changed" },
    h("h3", {}, "What your sources changed"), h("ul", { className: "rows" }, state.notices.map((one) => row(one))));
  const patch = state.list === "changed" && h("section", { className: "table notices", ariaLabel: "What you changed in Anki" },
    h("h3", {}, "What you changed in Anki"),
    h("p", { className: "hint" }, "Your edits stay in Anki. A patch brings them to your notes, too."),
    h("div", { className: "actions" }, h("button", { className: "button outlined small", type: "button", onclick: copyPatch }, "Copy the patch")));
  return [shown, patch, notices].filter(Boolean);
}

// ---- Rows: all cards, and what was decided.

function table(reply) {
  const body = h("ul", { className: "rows" }), told = h("p", { className: "told", role: "status" });
  const rest = h("button", { type: "button", className: "button outlined small rest", onclick: () => following() });
  const many = reply.states && several(body, () => search());
  let length = 0;
  const fill = ({ rows, total, empty }, more = false) => {
    const made = rows.map((one) => row(one, many?.change));
    if (more) body.append(...made);
    else body.replaceChildren(...made);
    length = more ? length + rows.length : rows.length;
    const some = total > length ? `${total.toLocaleString("en")} cards; the first ${length.toLocaleString("en")} are shown` : `${length.toLocaleString("en")} card${length === 1 ? "" : "s"}`;
    told.textContent = length ? (total === undefined ? "" : some) : empty;
    rest.hidden = !(total > length);
    rest.textContent = `Show ${Math.min(100, total - length)} more`;
    many?.change();
  };
  async function following() {
    const mine = turn;
    const found = await get("list", { id: state.list, words: state.words, state: state.only, start: length })
      .catch((error) => tell(error.message, false, 30000));
    if (found && mine === turn) fill(found, true);
  }
  let turn = 0;
  const search = async () => {
    const mine = ++turn;
    [state.words, state.only] = [field.value, $("input:checked", chips).value];
    await new Promise((done) => setTimeout(done, 150));
    if (mine !== turn) return;
    const found = await get("list", { id: state.list, words: state.words, state: state.only })
      .catch((error) => ({ rows: [], total: 0, empty: error.message }));
    if (mine === turn) fill(found);
  };
  const field = h("input", { type: "search", className: "search", placeholder: "Search cards", ariaLabel: "Search cards",
    value: state.words, oninput: search });
  const radio = (value) => h("label", {}, h("input", { type: "radio", name: "only", value, checked: value === state.only, onchange: search }),
    h("span", {}, value || "All"));
  const chips = h("div", { className: "modes", role: "radiogroup", ariaLabel: "State" }, ["", ...(reply.states ?? [])].map(radio));
  fill(reply);
  return h("section", { className: "table", ariaLabel: list().name }, reply.states && [field, chips], h("div", { className: "over-rows" }, told, many?.bar), body, rest);
}

// Several rows are decided on together.
function several(body, search) {
  const boxes = () => [...body.querySelectorAll(".tick input")];
  const chosen = () => boxes().filter((one) => one.checked).map((one) => one.value);
  const all = h("input", { type: "checkbox", ariaLabel: "Select all that are shown", onchange: () => {
    for (const one of boxes()) one.checked = all.checked;
    change();
  } });
  const said = h("span", {}, "Select all");
  const press = (label, look, accepts) => h("button", { type: "button", className: `button small ${look}`, hidden: true,
    onclick: () => decide(accepts) }, label);
  const buttons = [press("Accept", "filled", true), press("Reject", "outlined", false)];
  const bar = h("div", { className: "several", role: "group", ariaLabel: "Decide on several" }, h("label", { className: "check" }, all, said), buttons);
  function change() {
    const n = chosen().length;
    all.checked = n > 0 && n === boxes().length;
    all.indeterminate = n > 0 && !all.checked;
    said.textContent = n ? `${n} selected` : "Select all";
    for (const one of buttons) one.hidden = !n;
    bar.hidden = !boxes().length;
  }
  async function decide(accepts) {
    const ids = chosen();
    if (state.pending || !ids.length) return;
    wait(true);
    try {
      const reply = await post("decide-several", { ids, accepts });
      counts(reply);
      if (reply.undo) state.undos.push({ id: reply.undo, act: "several" });
      const left = ids.length - reply.done;
      const why = left ? ` ${count(left, "card")} left as ${left === 1 ? "it was" : "they were"}: ${reply.refused[0]}` : "";
      tell(`${accepts ? "Accepted" : "Rejected"} ${count(reply.done, "card")}.${why}`, Boolean(reply.undo), left ? 30000 : 7000);
      await search();
    } catch (error) {
      tell(`Not stored: ${accepts ? "accept" : "reject"} ${count(ids.length, "card")}. ${error.message}`, false, 30000);
    } finally {
      wait(false);
    }
  }
  return { bar, change };
}

function row(one, ticks) {
  const words = [h("span", { className: "title", dir: "auto" }, rich(one.title)), h("span", { className: "sub", dir: "auto" }, rich(one.sub)),
    h("span", { className: "state", "data-state": one.state }, one.state)];
  const opens = !one.undo || one.open;
  const main = opens ? h("button", { type: "button", className: "row", id: `row-${one.id}`, onclick: () => open(one.id) }, words)
    : h("div", { className: "row" }, words);
  const undoes = one.undo && h("button", { className: "link", type: "button", ariaLabel: `Undo: ${one.state} ${flat(one.title)}`,
    onclick: () => undo(one.undo) }, "Undo");
  const tick = ticks && h("input", { type: "checkbox", value: one.id, ariaLabel: `Select: ${flat(one.title)}`, onchange: ticks });
  return h("li", { className: one.undo ? "acted" : "" }, tick && h("label", { className: "tick" }, tick), main, undoes);
}
async function open(id) {
  if (state.pending) return;
  const { item } = await get("item", { id }).catch((error) => ({ error }));
  if (!item) return tell("This card no longer exists.", false);
  Object.assign(state, { opened: item, last: id });
  show();
}

// ---- What is said.

// The beginning of a card's words, apart from the direction of what stands around it.
const quoted = (words) => h("bdi", {}, "“", rich(words, SHORT), "”");
function tell(text, undoable, stays = 7000, path = "") {
  const toast = $("#toast");
  const words = [text].flat(2);
  $("#toast-text").replaceChildren(...words, path && h("code", {}, path));
  $("#undo").hidden = !undoable;
  toast.hidden = false;
  if (!undoable) $("#live").textContent = `${$("#toast-text").textContent} ${path}`;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { if (!toast.matches(":hover, :focus-within")) toast.hidden = true; }, stays);
}
function refill() {
  for (const frame of document.querySelectorAll("iframe.face")) fill(frame);
}
function flip(to) {
  const hidden = document.body.classList.toggle("hiding", to);
  refill();
  $("#live").textContent = hidden ? "Answers hidden" : "Answers shown";
  $(".menu[open]")?.removeAttribute("open");
}

// ---- Keys.

const KEYS = {
  Decide: { "⏎": "What the filled button says", a: "Accept, and go on", x: "Reject", "⇧X": "Reject with a reason", e: "Edit",
    s: "Skip for now", u: "Undo" },
  "The card": { Space: "Show or hide the answer", "1 2 3": "Hide other words, or choose one of several", q: "Ask a question instead",
    c: "Hide words instead of asking", r: "Let the model draft others", h: "In a figure, hide all parts or only one" },
  "The page": { "j k": "Next card, previous card", "/": "Search all cards", o: "Open in Anki", "Ctrl K": "All actions", "?": "These keys" },
};
for (const [group, keys] of Object.entries(KEYS)) {
  const rows = Object.entries(keys).map(([key, text]) => {
    const signs = key.split(" ").map((one) => h("kbd", {}, one.length > 1 ? one : one.toUpperCase()));
    return [h("dt", {}, signs), h("dd", {}, text)];
  });
  $("#help-keys").append(h("section", {}, h("h3", {}, group), h("dl", {}, rows.flat())));
}

document.addEventListener("keydown", async (e) => {
  if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key.toLowerCase() === "k" && !$("dialog[open]")) {
    e.preventDefault();
    return palette(everything());
  }
  if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || $("dialog[open]")) return;
  const node = current(), typing = e.target.closest?.("textarea, input[type=text], input[type=search]");
  if (e.key === "Escape") {
    if (typing && node?.proposal?.asks()) node.proposal.ask(false);
    if (typing && !node?.editing) typing.blur();
    $(".menu[open]")?.removeAttribute("open");
    if ($("#side").classList.contains("open")) return closeSide(true);
    if (state.opened && !typing && !node?.editing) close();
    return;
  }
  const asks = e.target.classList?.contains("question");
  if (asks && e.key === "Enter") return $(MAIN, node).click();
  if (typing || node?.editing || (!state.single && e.key !== "?")) return;
  const action = node?.item.actions.find((one) => one.key === e.key);
  const presses = e.target.closest("button, summary, a, select");
  if (action) {
    e.preventDefault();
    act(node, action);
  } else if (e.key === "Enter" && node && !presses) {
    e.preventDefault();
    const hidden = document.body.classList.contains("hiding") && $(REVEAL, node);
    (hidden || $(MAIN, node))?.click();
  } else if (["Enter", "a"].includes(e.key) && $(".end") && !presses) {
    // who goes through cards quickly does not mean the end
    if (performance.now() - state.painted > 3 * SETTLE) $(".end .button.filled")?.click();
  } else if (e.key === "o" && state.ready) send();
  else if (e.key === "u") undo();
  else if (e.key === "?") $("#help").showModal();
  else if (e.key === "/" && !state.pending) {
    e.preventDefault();
    await searchAll();
  } else if (/^[1-9]$/.test(e.key) && node) {
    if (performance.now() - state.painted >= SETTLE) choose(node, Number(e.key));
  } else if ((e.key === "c" || e.key === "q") && node?.mode) {
    e.preventDefault();
    node.mode(e.key === "c" ? "cloze" : "question");
  } else if (e.key === "h" && node?.figure) node.figure.hide();
  else if (e.key === " " && node && !e.target.closest("button, summary, a, input")) {
    e.preventDefault();
    flip();
  } else if (e.key === "j" || e.key === "k") step(e.key === "j" ? 1 : -1);
});
function step(by) {
  if (busy()) return;
  const { round, rows, at } = state;
  if (rows || !round.length) {
    const found = [...document.querySelectorAll("button.row, .acted .link")];
    const to = found.indexOf(document.activeElement) + by;
    return found[Math.min(Math.max(to, 0), found.length - 1)]?.focus();
  }
  state.at = (at + by + round.length) % round.length;
  show();
}

addEventListener("click", (e) => {
  const menu = $(".menu[open]");
  if (menu && !menu.contains(e.target)) menu.open = false;
  if (!e.target.closest("#side, #menu")) closeSide();
});
wide.addEventListener("change", () => {
  for (const one of document.querySelectorAll(".passage")) one.open = wide.matches;
});
$("#undo").addEventListener("click", () => {
  $("#toast").hidden = true;
  undo();
});
for (const one of document.querySelectorAll(".send")) one.addEventListener("click", send);
$("#keys").addEventListener("click", () => $("#help").showModal());
$("#single").checked = state.single = recalled("single", true);
$("#single").addEventListener("change", (e) => remember("single", (state.single = e.target.checked)));
$("#recall").checked = recalled("recall");
$("#recall").addEventListener("change", (e) => setRecall(e.target.checked));
$("#palette-open").addEventListener("click", () => palette(everything()));
function setRecall(on) {
  remember("recall", on);
  $("#recall").checked = on;
  flip(on);
}
// Every action with its key: those of the card, the lists, and what the page can do.
function everything() {
  const node = current(), found = [];
  const add = (label, key, run, group) => found.push({ label, key, run, group });
  for (const one of node?.item.actions ?? [])
    if (one.act !== "ask" || node.proposal) add(one.label.replace("{n} ", ""), one.key, () => act(node, one), "This card");
  if (node?.item.cards) add("Show or hide the answer", "Space", () => flip(), "This card");
  for (const [key, words] of node?.proposal?.others() ?? [])
    add(`Hide “${words}” instead`, String(key), () => choose(node, key), "This card");
  if (node?.mode) {
    add("Hide words", "c", () => node.mode("cloze"), "This card");
    add("Ask a question instead", "q", () => node.mode("question"), "This card");
  }
  if (node?.figure) add("Hide all parts, or only one", "h", () => node.figure.hide(), "This card");
  if (state.undos.length) add("Undo the last decision", "u", () => undo(), "This card");
  if (!state.rows && state.round.length > 1) {
    add("Next card", "j", () => step(1), "This card");
    add("Previous card", "k", () => step(-1), "This card");
  }
  for (const one of state.lists) add(`Go to ${one.name}`, "", () => go(one.id), "Lists");
  add("Search all cards", "/", () => searchAll(), "Lists");
  if (state.ready) add("Open the new cards in Anki", "o", send, "Anki");
  add("Copy the patch of your edits in Anki", "", copyPatch, "Anki");
  add(recalled("recall") ? "Show answers at once" : "Recall first: hide answers until Space", "", () => setRecall(!recalled("recall")), "Page");
  add(isDark() ? "Light colours" : "Dark colours", "", flipTheme, "Page");
  add("All keys", "?", () => $("#help").showModal(), "Page");
  return found;
}
async function searchAll() {
  await go("all");
  $(".search").select();
}
$("#menu").addEventListener("click", (e) => {
  const shown = $("#side").classList.toggle("open");
  e.currentTarget.ariaExpanded = String(shown);
  if (shown) $("#side a").focus();
});
function closeSide(focus = false) {
  $("#side").classList.remove("open");
  $("#menu").ariaExpanded = "false";
  if (focus) $("#menu").focus();
}
function named() {
  $("#theme").textContent = isDark() ? "Light colours" : "Dark colours";
  refill();
}
function flipTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  remember("theme", document.documentElement.dataset.theme);
  named();
}
if (recalled("theme")) document.documentElement.dataset.theme = recalled("theme");
$("#theme").addEventListener("click", flipTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", named);
named();
await go(location.hash.slice(1) || "new");
minutes();
