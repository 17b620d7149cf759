// Words that can be selected by mouse, touch or keyboard.
import { renderFormula, h } from "./dom.js";

const CLICK_DISTANCE = 4; // pixels that the pointer may move during a click
const WORD = /[\p{L}\p{N}]/u;
const PIECE = /[\p{L}\p{N}][\p{L}\p{M}\p{N}'’\-]*|\s+|./gu;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;
const segmenter = Intl.Segmenter && new Intl.Segmenter(undefined, { granularity: "word" });

// Split text into words and the text between them. Positions are in code points.
function splitText(parts, cuts) {
  const pieces = [];
  let at = 0;
  const add = (text, math) => {
    const start = at;
    at += [...text].length;
    pieces.push({ text, math, start, end: at, word: Boolean(math) || WORD.test(text) });
  };
  for (const [text, math] of parts) {
    if (math) add(text, math);
    else for (const piece of text.match(PIECE) ?? [])
      for (const word of splitAtGaps(segmentWords(piece), at, cuts)) add(word, "");
  }
  return pieces;
}
const segmentWords = (piece) => (segmenter && UNSPACED.test(piece)
  ? Array.from(segmenter.segment(piece), (one) => one.segment) : [piece]);

// Also split words where a proposed gap begins or ends.
function splitAtGaps(words, at, cuts) {
  const parts = [];
  for (const word of words) {
    let rest = [...word], from = at;
    at += rest.length;
    for (const edge of cuts.filter((one) => from < one && one < at)) {
      parts.push(rest.slice(0, edge - from).join(""));
      [rest, from] = [rest.slice(edge - from), edge];
    }
    parts.push(rest.join(""));
  }
  return parts;
}

// `choose(from, to, how)` gets indices of words; `how` is click, drag, extend (with Shift) or also (with Ctrl).
export function makeWordPicker(parts, cuts, label, choose) {
  const spots = splitText(parts, [...new Set(cuts)].sort((a, b) => a - b));
  for (const spot of spots) {
    const shown = spot.math ? renderFormula(spot.math) : spot.text;
    spot.node = spot.word
      ? h("span", { role: "option", tabIndex: -1, ariaSelected: "false", className: "word" }, shown)
      : h("span", { className: "gap", role: "presentation" }, shown);
  }
  const options = spots.filter((spot) => spot.word);
  const box = h("div", { className: "words", role: "listbox", ariaMultiSelectable: "true",
    ariaOrientation: "horizontal", ariaLabel: label, dir: "auto" }, spots.map((spot) => spot.node));
  const findIndex = (target) => {
    const word = target.closest?.(".word");
    return options.findIndex((spot) => spot.node === word);
  };
  const getMode = (e) => (e.ctrlKey || e.metaKey ? "also" : "click");
  let from = 0;
  let pressed = null; // the event in which the pointer went down
  const focus = (i) => {
    for (const spot of options) spot.node.tabIndex = -1;
    options[i].node.tabIndex = 0;
    options[i].node.focus();
  };
  box.addEventListener("pointerdown", (e) => {
    const i = findIndex(e.target);
    if (i < 0 || e.button) return;
    e.preventDefault();
    [pressed, from] = [e, i];
    focus(i);
    box.classList.add("pointed");
    choose(i, i, e.shiftKey ? "extend" : getMode(e));
  });
  // A selection may reflow the lines and thus move another word under a resting pointer.
  box.addEventListener("pointerover", (e) => {
    const i = findIndex(e.target);
    if (!pressed || i < 0 || e.pointerType === "touch") return;
    if (Math.hypot(e.clientX - pressed.clientX, e.clientY - pressed.clientY) > CLICK_DISTANCE) choose(from, i, "drag");
  });
  addEventListener("pointerup", () => { pressed = null; });
  box.addEventListener("keydown", (e) => {
    box.classList.remove("pointed");
    const i = findIndex(e.target);
    if (i < 0) return;
    const by = { ArrowRight: 1, ArrowLeft: -1, Home: -i, End: options.length - 1 - i }[e.key];
    if (by !== undefined) {
      const to = Math.min(Math.max(i + by, 0), options.length - 1);
      focus(to);
      if (e.shiftKey) choose(i, to, "extend");
    } else if (e.key === " ") choose(i, i, getMode(e));
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  if (options.length) options[0].node.tabIndex = 0;
  const first = () => options.find((spot) => spot.node.tabIndex === 0)?.node.focus();
  return { box, spots, options, first };
}
