// The document beside the card: a PDF, a note, or the marks of a book. It follows the card, its marks show how they stand,
// and a click on one goes there.
import { $, all, h, reading } from "./dom.js";
import { note } from "./note.js";
import { block } from "./passage.js";
import { get, until } from "./server.js";
import { sheets } from "./sheets.js";

const KEPT = 3; // documents
const LATER = 150; // ms after a decision, in which another one is not delayed
const FAR = 1.5; // heights of the pane; a mark farther away is not glided to all the way
const STATES = { card: "has a card", asks: "waits for you", none: "has no card" };

const shownById = new Map(); // the documents that were shown last, by their ids
let now = null; // the document that is shown
let nowKey = ""; // the mark that is asked about
let goTo = null;
let timer = 0;
let wanted = null; // is told of each page that is drawn

const pane = () => $("#document-body");
const isGentle = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

export function beginDocument(visitMark) {
  goTo = visitMark;
  pane().addEventListener("click", click);
  pane().addEventListener("scroll", showView, { passive: true });
  $("#document-map").addEventListener("click", ({ clientY, target }) => {
    if (target.dataset.key) return visit(target.dataset.key);
    const { top, height } = $("#document-map").getBoundingClientRect();
    pane().scrollTop = ((clientY - top) / height) * pane().scrollHeight - pane().clientHeight / 2;
  });
  $("#document-close").addEventListener("click", () => toggleDocument(false));
  addEventListener("resize", drawMap);
}

// ---- What is shown.

// Show the document of an item, at its mark; none if it has none. A document that comes next is made ready out of sight.
export async function followItem(item) {
  const source = item?.source;
  document.body.classList.toggle("reading", Boolean(source));
  nowKey = source?.key ?? "";
  if (!source) {
    now = null;
    toggleDocument(false);
    return;
  }
  const isOther = now?.id !== source.document;
  now = shownById.get(source.document) ?? open(source);
  $("#document-title").textContent = source.title;
  for (const each of shownById.values()) each.node.hidden = each !== now;
  if (isOther) $("#document-search").hidden = true;
  await now.ready;
  if (nowKey !== source.key) return;
  if (isOther) drawMap();
  focus(!isOther);
}

export function prepareItem(item) {
  if (item?.source && !shownById.has(item.source.document)) open(item.source);
}

function open({ document: id, key }) {
  const view = { id, key, node: h("div", { className: "document-content", hidden: true }), marks: [], ready: null };
  shownById.set(id, view);
  pane().append(view.node);
  for (const [old, each] of shownById) {
    if (shownById.size <= KEPT) break;
    if (each === now || each === view) continue;
    each.node.remove();
    shownById.delete(old);
  }
  view.ready = load(view).catch(() => {});
  return view;
}

async function load(view) {
  const shown = await until(`document?${new URLSearchParams({ key: view.key })}`);
  Object.assign(view, shown);
  if (shown.kind === "sheets") {
    view.sheets = sheets(shown, pane(), (number) => { if (view === now) arrived(number); });
    view.node.append(view.sheets.node);
    view.sheets.begin(shown.marks.find(({ key }) => key === view.key)?.page ?? 0);
  } else if (shown.kind === "text") {
    view.node.append(note(shown));
  } else {
    view.node.append(h("ol", { className: "marks" }, shown.marks.map(entry)));
  }
  view.node.classList.add(shown.kind);
  for (const node of all("[data-key]", view.node)) tint(view, node);
}

function entry(mark) {
  const made = h("li", {}, mark.place && h("p", { className: "place", dir: "auto" }, mark.place),
    h("blockquote", { dir: "auto" }, mark.blocks.map(block)), mark.said && h("p", { className: "said", dir: "auto" }, mark.said));
  made.dataset.key = mark.key;
  return made;
}

// ---- The mark that is asked about.

function nodesOf(view, key) {
  return all(`[data-key="${CSS.escape(key)}"]`, view.node);
}

function focus(glides = false) {
  const view = now;
  for (const node of all(".now", pane())) node.classList.remove("now");
  for (const node of nodesOf(view, nowKey)) {
    node.classList.add("now");
    node.ariaCurrent = "true";
  }
  for (const tick of all("#document-map [data-key]")) tick.classList.toggle("now", tick.dataset.key === nowKey);
  const mark = view.marks.find(({ key }) => key === nowKey);
  view.isAwaited = mark && !nodesOf(view, nowKey).length;
  if (mark) scrollTo(topOf(view, mark), glides);
}

// A page is drawn: its marks are there.
function arrived(number) {
  wanted?.(number);
  for (const node of all("[data-key]", now.node)) tint(now, node);
  if (now.isAwaited && nodesOf(now, nowKey).length) focus();
}

// How far down the pane a mark is, from its own place, or that of its page as long as that is not drawn.
function topOf(view, mark) {
  const [node] = nodesOf(view, mark.key);
  const base = pane().getBoundingClientRect().top - pane().scrollTop;
  if (node) return node.getBoundingClientRect().top - base;
  const page = view.sheets?.pages[mark.page].node.getBoundingClientRect();
  return page ? page.top + mark.at * page.height - base : 0;
}

function scrollTo(top, glides) {
  const { clientHeight: tall } = pane();
  const target = Math.max(top - tall / 3, 0);
  const way = target - pane().scrollTop;
  if (!glides || !isGentle()) {
    pane().scrollTop = target;
    return;
  }
  if (Math.abs(way) > FAR * tall) pane().scrollTop = target - Math.sign(way) * tall * 0.5;
  pane().scrollTo({ top: target, behavior: "smooth" });
}

// ---- States.

function tint(view, node) {
  const mark = view.marks.find(({ key }) => key === node.dataset.key);
  node.dataset.state = mark?.state ?? "none";
  node.classList.toggle("now", node.dataset.key === nowKey);
  const named = `${STATES[mark?.state] ?? ""}: ${mark?.words ?? ""}`;
  if (node.ariaLabel) node.ariaLabel = named;
  node.title = STATES[mark?.state] ?? "";
}

// A decision was made: show its mark so at once. The server knows of other facts.
export function tintNow(state) {
  const mark = now?.marks.find(({ key }) => key === nowKey);
  if (mark) recolour({ ...Object.fromEntries(now.marks.map(({ key, state: old }) => [key, old])), [nowKey]: state });
}

export function tintAgain() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const view = now;
    if (!view?.marks.length) return;
    const states = await get("states", { key: view.key }).catch(() => null);
    if (states && view === now) recolour(states);
  }, LATER);
}

function recolour(states) {
  for (const mark of now.marks) mark.state = states[mark.key] ?? "none";
  for (const node of [...all("[data-key]", now.node), ...all("#document-map [data-key]")]) tint(now, node);
}

// ---- The strip: the pages, their marks, and what is in view.

function drawMap() {
  const map = $("#document-map");
  if (!now || !map.clientHeight) return;
  const whole = pane().scrollHeight;
  const ticks = now.marks.map((mark) => {
    const tick = h("span", { className: "tick-of-mark", title: mark.words });
    tick.dataset.key = mark.key;
    tick.style.top = `${((100 * topOf(now, mark)) / whole).toFixed(2)}%`;
    tint(now, tick);
    return tick;
  });
  const edges = (now.sheets?.pages ?? []).map(({ node }) => {
    const edge = h("span", { className: "edge-of-page" });
    edge.style.top = `${((100 * node.offsetTop) / whole).toFixed(2)}%`;
    return edge;
  });
  map.replaceChildren(...edges, h("span", { className: "in-view" }), ...ticks);
  showView();
}

function showView() {
  const view = $("#document-map .in-view");
  if (!view) return;
  const { scrollTop, clientHeight, scrollHeight } = pane();
  view.style.top = `${(100 * scrollTop) / scrollHeight}%`;
  view.style.height = `${(100 * clientHeight) / scrollHeight}%`;
}

// ---- Going there.

function click({ clientX, clientY, target }) {
  if (!getSelection().isCollapsed || target.closest("a")) return;
  const mark = markAt(clientX, clientY);
  if (mark) visit(mark.dataset.key);
}

function markAt(x, y) {
  const under = document.elementsFromPoint(x, y);
  return under.map((node) => /** @type {HTMLElement} */ (node.closest("[data-key]"))).find(Boolean);
}

function visit(key) {
  if (key === nowKey) focus(true);
  else goTo(key);
}

// The words of a mark that are selected, and its key; null if none are.
export function selectedWords() {
  const selection = getSelection();
  if (selection.isCollapsed || !pane().contains(selection.anchorNode)) return null;
  for (const { left, top, width, height } of selection.getRangeAt(0).getClientRects()) {
    const mark = markAt(left + width / 2, top + height / 2);
    if (mark) return { key: mark.dataset.key, text: selection.toString() };
  }
  return null;
}

// In a narrow window the document stands over the card.
export function toggleDocument(on = !document.body.classList.contains("document-open")) {
  const isOpen = Boolean(on && now && !reading.matches);
  if (isOpen === document.body.classList.contains("document-open")) return;
  document.body.classList.toggle("document-open", isOpen);
  if (!isOpen) return;
  drawMap();
  focus();
  $("#document-close").focus();
}

// The document that is shown; null if it is out of sight.
export const documentShown = () => (now && (reading.matches || document.body.classList.contains("document-open")) ? now : null);
export const hasDocument = () => Boolean(now);
export const whenDrawn = (run) => { wanted = run; };
