// A card field that is edited as displayed. Its nodes hold the source: text; elements with their syntax (`data-open`,
// `data-close`), such as gaps and emphasis; and rendered atoms (`data-source`).
import { h } from "./dom.js";
import { removeScripts } from "./face.js";
import { findTextNodes } from "./letters.js";

export const GAP = "[data-numbers]";
const ATOM = "[data-source]";
const WORD_JOINER = "\u2060"; // lets the caret stand beside a gap or an atom, without a line break there
const HINT_END = /[{}]|(?<=:):|^:|:$/g; // characters that would end a hint
const MAX_STEPS = 200; // undo steps per field

// The pieces inside each atom, if known; the undo steps of each field.
const piecesByAtom = new WeakMap();
const stepsByField = new WeakMap();
let lastInputType = ""; // consecutive typing is one undo step

// ---- Converting from and to pieces.

export const joinSource = (pieces) => pieces.map((piece) => piece.source ?? (typeof piece === "string" ? piece
  : piece.open + joinSource(piece.kids) + piece.close)).join("");

const makeEdge = () => h("span", { className: "edge" }, WORD_JOINER);

function render(piece) {
  if (typeof piece === "string") return [piece];
  if ("html" in piece) {
    const atom = h("span", { className: "atom", contentEditable: "false", title: "Click to edit" }, removeScripts(piece.html));
    atom.dataset.source = piece.source;
    piecesByAtom.set(atom, piece.kids ?? [piece.source]);
    return [makeEdge(), atom, makeEdge()];
  }
  const made = h(piece.tag ?? "span", { className: piece.tag ? "" : "pill" }, piece.kids.flatMap(render));
  Object.assign(made.dataset, { open: piece.open, close: piece.close });
  if (piece.tag) return [made];
  Object.assign(made.dataset, { numbers: piece.numbers, hint: piece.hint });
  return [made, makeEdge()];
}

// Return the source of a node. Emphasis begins and ends at a word.
export function readSource(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  const { source, open, close } = node.dataset;
  if (source !== undefined) return source;
  const text = node.tagName === "BR" ? "\n" : [...node.childNodes].map(readSource).join("");
  if (node.className === "edge") return text.replace(WORD_JOINER, "");
  if (open === undefined || !text) return text;
  if (!/^[*_~=]/.test(open)) return open + text + close;
  const words = text.trim();
  const from = text.indexOf(words);
  return words && text.slice(0, from) + open + words + close + text.slice(from + words.length);
}

// Render pieces in a field, unless the user has changed it since.
export function redraw(box, pieces) {
  if (readSource(box) === joinSource(pieces)) box.replaceChildren(makeEdge(), ...pieces.flatMap(render), makeEdge());
}

export function makeField(name, label, pieces) {
  const box = h("div", { className: "written", role: "textbox", ariaMultiLine: "true", ariaLabel: label, dir: "auto", tabIndex: 0 });
  box.setAttribute("contenteditable", "plaintext-only");
  box.dataset.name = name;
  box.append(makeEdge(), ...pieces.flatMap(render), makeEdge());
  stepsByField.set(box, []);
  box.addEventListener("beforeinput", (e) => onBeforeInput(box, e));
  box.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && !e.ctrlKey && !e.metaKey && !e.isComposing) insertText(box, "\n");
    else if (e.key.toLowerCase() === "z" && (e.ctrlKey || e.metaKey) && !e.shiftKey) undo(box);
    else return;
    e.preventDefault();
  });
  box.addEventListener("click", ({ target }) => {
    const atom = target.closest(ATOM);
    const gap = target.closest(GAP);
    if (atom) openAtom(box, atom);
    else if (gap && gap !== findGap(getCaret(box))) placeCaretAtEnd(gap); // a click on the gap's number
  });
  return box;
}

// Put the caret at the end of a node.
export function placeCaretAtEnd(node) {
  getSelection().selectAllChildren(node);
  getSelection().collapseToEnd();
}

// Replace an atom by its source for editing.
function openAtom(box, atom) {
  saveStep(box);
  const nodes = piecesByAtom.get(atom)?.flatMap(render) ?? [atom.dataset.source];
  const source = h("span", { className: "raw" }, nodes);
  atom.replaceWith(source);
  getSelection().selectAllChildren(source);
}

// ---- Typing. The browser inserts typed letters; text that replaces a selection stays in its gap.

export function getCaret(box) {
  const selection = getSelection();
  const range = selection.rangeCount ? selection.getRangeAt(0) : null;
  return range && box.contains(range.commonAncestorContainer) ? range : null;
}

function onBeforeInput(box, e) {
  const text = e.data ?? e.dataTransfer?.getData("text/plain");
  const range = getCaret(box);
  if (e.inputType !== lastInputType || text === " ") saveStep(box);
  lastInputType = e.inputType;
  if (!range || !text || e.isComposing || !e.inputType.startsWith("insert")) return;
  if (range.collapsed && e.inputType === "insertText") return;
  e.preventDefault();
  insertText(box, text);
}

function insertText(box, text) {
  const range = getCaret(box);
  if (!range) return;
  if (text === "\n") saveStep(box);
  range.deleteContents();
  range.insertNode(document.createTextNode(text));
  range.collapse(false);
  notifyInput(box);
}

const notifyInput = (box) => box.dispatchEvent(new Event("input", { bubbles: true }));

// Custom undo, because the browser's undo doesn't support gaps.
function saveStep(box) {
  const range = getCaret(box)?.cloneRange();
  range?.setStart(box, 0);
  const known = stepsByField.get(box);
  if (known.at(-1)?.html !== box.innerHTML) known.push({ html: box.innerHTML, at: range?.toString().length ?? 0 });
  if (known.length > MAX_STEPS) known.shift();
}

function undo(box) {
  const step = stepsByField.get(box).pop();
  if (!step) return;
  box.innerHTML = step.html;
  let left = step.at;
  for (const text of findTextNodes(box)) {
    if (left <= text.length) return placeCaret(box, text, left);
    left -= text.length;
  }
  placeCaret(box, box, box.childNodes.length);
}

function placeCaret(box, node, at) {
  getSelection().collapse(node, at);
  notifyInput(box);
}

// ---- Gaps.

export const findGap = (range) => findClosestElement(range?.startContainer)?.closest(GAP);
const findClosestElement = (node) => (node instanceof Element ? node : node?.parentElement);

// Blank out the selected text with a gap number. Return why this isn't possible, or "".
export function blankOut(box, number) {
  const range = getCaret(box)?.cloneRange();
  if (!range || !/\S/.test(range.toString().replaceAll(WORD_JOINER, ""))) return "Select the words to blank out first.";
  const [first, last] = [range.startContainer, range.endContainer].map((node) => findClosestElement(node).closest(ATOM));
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  trim(range);
  if (findGap(range) !== findClosestElement(range.endContainer).closest(GAP)) return "These words end in another gap. Select words outside it, or all of it.";
  saveStep(box);
  const made = h("span", { className: "pill" });
  made.append(range.extractContents());
  range.insertNode(made);
  made.after(makeEdge());
  made.before(makeEdge());
  setNumber(made, number);
  placeCaretAtEnd(made);
  notifyInput(box);
  return "";
}

// Keep leading and trailing whitespace outside the gap.
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
  saveStep(box);
  setNumber(gap, number);
  notifyInput(box);
}

export function setHint(box, gap, words) {
  Object.assign(gap.dataset, { hint: words, close: words ? `::${words.replace(HINT_END, "\\$&")}}}` : "}}" });
  notifyInput(box);
}

export function removeGap(box, gap) {
  saveStep(box);
  gap.replaceWith(...gap.childNodes);
  notifyInput(box);
}
