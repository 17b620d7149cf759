// Cards by hand: words of the passage are selected, by mouse or keys, and one key makes a card.

import { write } from "./edit.js";
import { register } from "./own.js";
import { say } from "./talk.js";

const PAUSE_MS = 120;
const KEPT = "gaps";
const source = document.getElementById("source");
let gaps = [];
let cursor = null;

// --- the passage, and places in it --------------------------------------------------------------

// The passage in the pane, letter by letter; null where its words cannot be selected.
function passage(page) {
  const element = source.querySelector("blockquote.passage");
  const words = page.item?.passage;
  if (!element || !words) return null;
  const start = begins(element, words);
  return start < 0 ? null : { element, words, start };
}

// Where the words stand in what is shown: there, where the mark is, if they stand there twice.
function begins(element, words) {
  const shown = element.textContent;
  const mark = element.querySelector(".exact");
  const at = mark ? offset(element, mark, 0) : 0;
  for (let from = shown.indexOf(words); from >= 0; from = shown.indexOf(words, from + 1)) {
    if (from <= at && at < from + words.length) return from;
  }
  return shown.indexOf(words);
}

function offset(element, node, within) {
  const range = document.createRange();
  range.setStart(element, 0);
  range.setEnd(node, within);
  return range.toString().length;
}

function rangeOf({ element, start }, [from, to]) {
  const range = document.createRange();
  range.setStart(...point(element, start + from));
  range.setEnd(...point(element, start + to));
  return range;
}

function point(element, at) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let left = at;
  let last = element;
  while (walker.nextNode()) {
    last = walker.currentNode;
    if (left <= last.length) return [last, left];
    left -= last.length;
  }
  return [last, last.length ?? 0];
}

// What is selected, in UTF-16 units of the passage; null if nothing is.
function selected(here) {
  const selection = getSelection();
  if (!here || selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  if (!range.intersectsNode(here.element)) return null;
  const inside = here.element.contains.bind(here.element);
  const from = inside(range.startContainer) ? offset(here.element, range.startContainer, range.startOffset) : 0;
  const to = inside(range.endContainer)
    ? offset(here.element, range.endContainer, range.endOffset)
    : here.element.textContent.length;
  const span = [Math.max(from - here.start, 0), Math.min(to - here.start, here.words.length)];
  return here.words.slice(...span).trim() ? span : null;
}

// The server counts code points.
function told({ words }, spans) {
  const points = (at) => [...words.slice(0, at)].length;
  return spans.map((span) => span.map(points).join("-")).join(",");
}

function chosen(page) {
  const here = passage(page);
  const now = selected(here);
  return here ? told(here, now ? [...gaps, now] : gaps) : "";
}

// --- selecting by keys --------------------------------------------------------------------------

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

function wordsOf(text) {
  const parts = [...segmenter.segment(text)].filter((part) => part.isWordLike);
  return parts.map((part) => [part.index, part.index + part.segment.length]);
}

// `by`: 1 or -1; `extend`: the other end of the selection stays.
function move(page, by, extend) {
  const here = passage(page);
  const words = here ? wordsOf(here.words) : [];
  if (!words.length) return false;
  const now = cursor ?? nearest(words, selected(here), by);
  const step = (at) => Math.min(Math.max(at + by, 0), words.length - 1);
  if (extend && now) cursor = { from: now.from, to: step(now.to) };
  else cursor = now ? alone(step(now.to)) : alone(by > 0 ? 0 : words.length - 1);
  select(here, [words[Math.min(cursor.from, cursor.to)][0], words[Math.max(cursor.from, cursor.to)][1]]);
  return true;
}

// What the mouse selects ends with whole words; with Alt it may end within one.
function snap(page, event) {
  const here = event.altKey ? null : passage(page);
  const now = selected(here);
  if (!now) return;
  const touched = wordsOf(here.words).filter(([start, end]) => start < now[1] && end > now[0]);
  if (!touched.length) return;
  const span = [Math.min(now[0], touched[0][0]), Math.max(now[1], touched.at(-1)[1])];
  if (span[0] !== now[0] || span[1] !== now[1]) select(here, span);
}

const alone = (at) => ({ from: at, to: at });

// The words that the mouse has selected.
function nearest(words, span) {
  if (!span) return null;
  const inside = words.flatMap(([start, end], at) => (start < span[1] && end > span[0] ? [at] : []));
  return inside.length ? { from: inside[0], to: inside.at(-1) } : null;
}

function select(here, span) {
  const range = rangeOf(here, span);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  range.startContainer.parentElement.scrollIntoView({ block: "nearest" });
}

// --- what is kept, to hide several ---------------------------------------------------------------

function keep(page) {
  const here = passage(page);
  const now = selected(here);
  if (!now) return page.tell("Select words first", "refused");
  gaps.push(now);
  CSS.highlights?.set(KEPT, new Highlight(...gaps.map((span) => rangeOf(here, span))));
  return page.tell(`${gaps.length} to hide: ${gaps.map((span) => `“${here.words.slice(...span)}”`).join(", ")}`);
}

function forget() {
  gaps = [];
  cursor = null;
  CSS.highlights?.delete(KEPT);
}

// --- what is made of it ---------------------------------------------------------------------------

// The fields are there at once, so that no letter is lost; the server says what they begin with.
function begin(what, guess, focus, title) {
  return async (page) => {
    const spans = chosen(page);
    if (!spans) return page.tell("Select words of the passage first", "refused");
    const asked = say("/api/chosen", { at: page.item.group, what, spans });
    const editor = open(page, guess, focus, title);
    return editor.fill((await asked).fields);
  };
}

function open(page, fields, focus, title) {
  const [place] = page.places;
  return write(page, place, { what: "make", slot: "", fields: { ...fields, Extra: "" }, focus, title });
}

// Where a card is shown, words of its passage make another beside it.
const MORE = [
  { key: "c", label: "Another card that hides the selected words", what: "cloze" },
  { key: "q", label: "Another card whose answer is the selected words", what: "question" },
  { key: "t", label: "Another card for a term and its definition", what: "term" },
  { key: "n", label: "Another card from this passage, starting empty", what: "new" },
];

// A card at once; where a check forbids it, its words are there to be mended.
async function cloze(page) {
  const spans = chosen(page);
  const { id, group } = page.item;
  const found = await page.decide("cloze", { spans });
  if (!found.refused || !spans || page.item?.id !== id) return;
  const begun = await say("/api/chosen", { at: group, what: "cloze", spans }).catch(() => null);
  if (begun) open(page, begun.fields, "Text", "New cloze");
}

const WAYS = {
  cloze,
  question: begin("question", { Front: "", Back: "" }, "Front", "New question"),
  term: begin("term", { Front: "", Back: "", Reverse: "y" }, "Back", "New term, both ways"),
  new: (page, { args } = {}) => void open(page, { Front: "", Back: "", ...args }, args?.Front ? "Back" : "Front", "New card"),
};

function wordlessly(page) {
  page.tell("There are no words to select here; n starts with an empty card", "refused");
}

// --- while words are selected -------------------------------------------------------------------

let timer = 0;

// What the selection would hide, drawn in the frame of the card there is not yet.
function preview(page) {
  clearTimeout(timer);
  const [place] = page.places;
  if (page.held || !place || place.slot.id || !page.item?.passage) return;
  const { id } = page.item;
  timer = setTimeout(() => draw(page, place, id), PAUSE_MS);
}

async function draw(page, place, at) {
  if (page.item?.id !== at) return;
  const spans = chosen(page);
  const fields = spans && (await say("/api/chosen", { at, what: "cloze", spans }).catch(() => null))?.fields;
  const found = fields ? await say("/api/preview", { at, fields }).catch(() => null) : { faces: [] };
  if (found && !page.held && page.item?.id === at) place.preview(found.faces);
}

function pressed(page, event) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const busy = page.held || event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
  if (busy || event.target.closest("input, textarea, select, dialog, summary")) return;
  if (by && move(page, by, event.shiftKey)) event.preventDefault();
}

export function wireHand(page) {
  for (const [name, work] of Object.entries(WAYS)) register(name, work);
  const able = () => Boolean(passage(page));
  const wordless = (page) => !able(page) && Boolean(page.item?.acts.some((act) => act.what === ":new"));
  page.keys.push(
    ...["c", "q", "t"].map((key) => ({ key, when: wordless, does: wordlessly })),
    ...MORE.map(({ key, label, what }) => ({ key, label, when: able, does: WAYS[what] })),
    { key: "→", label: "Select the next word of the passage; ← the one before, with Shift more", does: () => {} },
    { key: "+", label: "Keep the selection, so that you can hide several", when: able, does: keep },
  );
  addEventListener("keydown", (event) => pressed(page, event));
  source.addEventListener("pointerdown", () => {
    cursor = null;
    addEventListener("pointerup", (event) => snap(page, event), { once: true });
  });
  document.addEventListener("selectionchange", () => preview(page));
  page.shown(forget);
}
