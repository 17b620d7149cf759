// A field of a card that is edited as it is shown. Its nodes are its source: texts; elements with what opens and closes
// them (`data-open`, `data-close`), such as gaps and emphasis; and atoms, which are drawn (`data-source`).
import { h } from "./dom.js";
import { harmless } from "./face.js";
import { textsIn } from "./letters.js";

export const GAP = "[data-numbers]";
const ATOM = "[data-source]";
const STAND = "\u2060"; // where the caret stands beside a gap or an atom; no line ends there
const BREAKS_HINT = /[{}]|(?<=:):|^:|:$/g; // what would end it
const MOST_STEPS = 200; // that can be undone

// The pieces that were drawn as each atom of which they are known; the steps of each field that can be undone.
const inside = new WeakMap();
const steps = new WeakMap();
let lastType = ""; // letters that are typed one after the other are one step

// ---- From pieces, and back.

export const sourceOf = (pieces) => pieces.map((piece) => piece.source ?? (typeof piece === "string" ? piece
  : piece.open + sourceOf(piece.kids) + piece.close)).join("");

const edge = () => h("span", { className: "edge" }, STAND);

function drawn(piece) {
  if (typeof piece === "string") return [piece];
  if ("html" in piece) {
    const atom = h("span", { className: "atom", contentEditable: "false", title: "Click to edit" }, harmless(piece.html));
    atom.dataset.source = piece.source;
    inside.set(atom, piece.kids ?? [piece.source]);
    return [edge(), atom, edge()];
  }
  const made = h(piece.tag ?? "span", { className: piece.tag ? "" : "pill" }, piece.kids.flatMap(drawn));
  Object.assign(made.dataset, { open: piece.open, close: piece.close });
  if (piece.tag) return [made];
  Object.assign(made.dataset, { numbers: piece.numbers, hint: piece.hint });
  return [made, edge()];
}

// Return what is written in a node. Emphasis begins and ends at a word.
export function written(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  const { source, open, close } = node.dataset;
  if (source !== undefined) return source;
  const text = node.tagName === "BR" ? "\n" : [...node.childNodes].map(written).join("");
  if (node.className === "edge") return text.replace(STAND, "");
  if (open === undefined || !text) return text;
  if (!/^[*_~=]/.test(open)) return open + text + close;
  const words = text.trim();
  const from = text.indexOf(words);
  return words && text.slice(0, from) + open + words + close + text.slice(from + words.length);
}

// Draw pieces in a field, unless the person has gone on.
export function redraw(box, pieces) {
  if (written(box) === sourceOf(pieces)) box.replaceChildren(edge(), ...pieces.flatMap(drawn), edge());
}

export function field(name, label, pieces) {
  const box = h("div", { className: "written", role: "textbox", ariaMultiLine: "true", ariaLabel: label, dir: "auto", tabIndex: 0 });
  box.setAttribute("contenteditable", "plaintext-only");
  box.dataset.name = name;
  box.append(edge(), ...pieces.flatMap(drawn), edge());
  steps.set(box, []);
  box.addEventListener("beforeinput", (e) => type(box, e));
  box.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && !e.ctrlKey && !e.metaKey && !e.isComposing) insert(box, "\n");
    else if (e.key.toLowerCase() === "z" && (e.ctrlKey || e.metaKey) && !e.shiftKey) undo(box);
    else return;
    e.preventDefault();
  });
  box.addEventListener("click", ({ target }) => {
    const atom = target.closest(ATOM);
    const gap = target.closest(GAP);
    if (atom) open(box, atom);
    else if (gap && gap !== gapAt(caret(box))) into(gap); // its number was clicked
  });
  return box;
}

// Put the caret behind all that a node holds.
export function into(node) {
  getSelection().selectAllChildren(node);
  getSelection().collapseToEnd();
}

// Show the source of an atom, to be edited.
function open(box, atom) {
  remember(box);
  const nodes = inside.get(atom)?.flatMap(drawn) ?? [atom.dataset.source];
  const source = h("span", { className: "raw" }, nodes);
  atom.replaceWith(source);
  getSelection().selectAllChildren(source);
}

// ---- Typing. The browser types; what replaces words stays in their gap.

export function caret(box) {
  const selection = getSelection();
  const range = selection.rangeCount ? selection.getRangeAt(0) : null;
  return range && box.contains(range.commonAncestorContainer) ? range : null;
}

function type(box, e) {
  const text = e.data ?? e.dataTransfer?.getData("text/plain");
  const range = caret(box);
  if (e.inputType !== lastType || text === " ") remember(box);
  lastType = e.inputType;
  if (!range || !text || e.isComposing || !e.inputType.startsWith("insert")) return;
  if (range.collapsed && e.inputType === "insertText") return;
  e.preventDefault();
  insert(box, text);
}

function insert(box, text) {
  const range = caret(box);
  if (!range) return;
  if (text === "\n") remember(box);
  range.deleteContents();
  range.insertNode(document.createTextNode(text));
  range.collapse(false);
  changed(box);
}

const changed = (box) => box.dispatchEvent(new Event("input", { bubbles: true }));

// The browser's own undo knows nothing of gaps.
function remember(box) {
  const range = caret(box)?.cloneRange();
  range?.setStart(box, 0);
  const known = steps.get(box);
  if (known.at(-1)?.html !== box.innerHTML) known.push({ html: box.innerHTML, at: range?.toString().length ?? 0 });
  if (known.length > MOST_STEPS) known.shift();
}

function undo(box) {
  const step = steps.get(box).pop();
  if (!step) return;
  box.innerHTML = step.html;
  let left = step.at;
  for (const text of textsIn(box)) {
    if (left <= text.length) return place(box, text, left);
    left -= text.length;
  }
  place(box, box, box.childNodes.length);
}

function place(box, node, at) {
  getSelection().collapse(node, at);
  changed(box);
}

// ---- Gaps.

export const gapAt = (range) => elementOf(range?.startContainer)?.closest(GAP);
const elementOf = (node) => (node instanceof Element ? node : node?.parentElement);

// Hide the words that are selected in a gap with a number. Return why they cannot be hidden, else "".
export function hide(box, number) {
  const range = caret(box)?.cloneRange();
  if (!range || !/\S/.test(range.toString().replaceAll(STAND, ""))) return "Select the words to hide first.";
  const [first, last] = [range.startContainer, range.endContainer].map((node) => elementOf(node).closest(ATOM));
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  trim(range);
  if (gapAt(range) !== elementOf(range.endContainer).closest(GAP)) return "These words end in another gap. Select words outside it, or all of it.";
  remember(box);
  const made = h("span", { className: "pill" });
  made.append(range.extractContents());
  range.insertNode(made);
  made.after(edge());
  made.before(edge());
  setNumber(made, number);
  into(made);
  changed(box);
  return "";
}

// Blanks at the ends stay outside.
function trim(range) {
  const isBlank = (node, at) => node.nodeType === Node.TEXT_NODE && /[\s\u2060]/.test(node.data[at] ?? "");
  while (isBlank(range.startContainer, range.startOffset)) range.setStart(range.startContainer, range.startOffset + 1);
  while (isBlank(range.endContainer, range.endOffset - 1)) range.setEnd(range.endContainer, range.endOffset - 1);
}

function setNumber(gap, number) {
  const { hint = "", close = "}}" } = gap.dataset;
  Object.assign(gap.dataset, { numbers: number, hint, close, open: `{{c${number}::` });
}

export function renumber(box, gap, number) {
  remember(box);
  setNumber(gap, number);
  changed(box);
}

export function hint(box, gap, words) {
  Object.assign(gap.dataset, { hint: words, close: words ? `::${words.replace(BREAKS_HINT, "\\$&")}}}` : "}}" });
  changed(box);
}

export function unhide(box, gap) {
  remember(box);
  gap.replaceWith(...gap.childNodes);
  changed(box);
}
