// The card editor: fields as they will look, gaps as pills, and a preview of the card in Anki.
import { findAll, makeButton, h } from "./dom.js";
import { drawFace } from "./face.js";
import { GAP, getCaret, makeField, findGap, blankOut, setHint, placeCaretAtEnd, redraw, renumber, removeGap, readSource } from "./field.js";
import { tell } from "./say.js";
import { get, post } from "./server.js";
import { MODE } from "./states.js";

const PREVIEW_DELAY = 200; // ms without typing before the preview is redrawn

// Create an editor for fields [name, label, pieces]. `asks` is the decision to preview; `used` is the highest gap number that
// was ever exported.
export function makeEditor(fields, asks, used, onChange) {
  const boxes = fields.map(([name, label, pieces]) => makeField(name, label, pieces));
  const text = boxes.find((box) => box.dataset.name === "Text");
  const typed = () => Object.fromEntries(boxes.map((box) => [box.dataset.name, readSource(box)]));
  const place = makePlacementFields(asks.id);
  const before = JSON.stringify(typed());
  const menu = text && makeGapMenu(text, used);
  const shown = makePreview(boxes, () => ({ ...asks, gap: menu?.number() ?? 0, fields: typed() }));
  const node = h("div", { className: "editing edit" },
    boxes.map((box) => h("div", { className: "field" }, h("p", { className: "label" }, box.ariaLabel), box, box === text && menu.node)),
    h("details", { className: "more-fields" }, h("summary", {}, "Deck and tags"), place.node), shown.node);
  node.addEventListener("input", () => {
    shown.later();
    onChange();
  });
  node.addEventListener("focusout", shown.later);
  node.addEventListener("keydown", (e) => {
    if (!text || e.code !== "KeyC" || !e.shiftKey || !(e.ctrlKey || e.metaKey)) return;
    menu.hide(e.altKey);
    e.preventDefault();
  });
  const focus = () => {
    const [first] = boxes;
    const isBegun = getCaret(first);
    first.focus();
    if (!isBegun) placeCaretAtEnd(first);
    shown.now();
  };
  const isChanged = () => JSON.stringify(typed()) !== before || Object.keys(place.typed()).length > 0;
  const words = () => boxes.filter((box) => readSource(box).trim()).map((box) => [...box.cloneNode(true).childNodes]);
  const readDecision = () => ({ fields: { ...typed(), ...place.typed() } });
  return { node, mode: MODE.EDIT, focus, kept: () => renderUnsaved(words()), isChanged, readDecision };
}
// Show unsaved typed text, read-only.
export const renderUnsaved = (fields) => h("div", { className: "kept" }, h("p", { className: "tag" }, "Not saved"), fields.map((words) => h("div", { className: "written", dir: "auto" }, words)));

// The menu for the selected text, or for the gap at the caret. New gaps get numbers above `used`, the highest exported one,
// because an exported number stays with its text.
function makeGapMenu(box, used) {
  let gap = null;
  const node = h("div", { className: "gap-menu", role: "group", ariaLabel: "Gap" });
  const parseNumbers = (one) => one.dataset.numbers.split(",").map(Number);
  // includes the gaps in rendered tables and code
  const numbers = () => Array.from(readSource(box).matchAll(/\{\{c([\d,]+)::/g), ([, own]) => own.split(",").map(Number)).flat();
  const highest = () => Math.max(0, ...numbers());
  const getFreeNumber = () => String(Math.max(used, highest()) + 1);
  // keeps the selection
  const small = (label, key, run) =>
    makeButton("text small", label, key, run, { onmousedown: (e) => e.preventDefault() });

  const show = (...parts) => node.replaceChildren(...parts.filter(Boolean));
  const hideSelection = (isSame) => {
    const refusal = blankOut(box, isSame && highest() ? String(highest()) : getFreeNumber());
    if (refusal) tell(refusal);
  };
  function draw() {
    if (!gap) {
      show(small("Hide the selected words", "Ctrl ⇧ C", () => hideSelection(false)),
        highest() > 0 && small(`Hide with gap ${highest()}`, "Ctrl ⇧ Alt C", () => hideSelection(true)));
      return;
    }
    const own = gap.dataset.numbers;
    const others = findAll(GAP, box).filter((one) => one !== gap);
    const isShared = others.some((one) => one.dataset.numbers === own);
    const previous = others.findLast((one) => one.compareDocumentPosition(gap) & Node.DOCUMENT_POSITION_FOLLOWING) ?? others[0];
    const change = (run) => () => {
      run();
      draw();
    };
    show(h("b", {}, `Gap ${own}`),
      isShared && small("Card of its own", "", change(() => renumber(box, gap, getFreeNumber()))),
      previous && previous.dataset.numbers !== own && small(`Same card as gap ${previous.dataset.numbers}`, "",
        change(() => renumber(box, gap, previous.dataset.numbers))),
      h("input", { type: "text", value: gap.dataset.hint, placeholder: "Hint", ariaLabel: "Hint",
        oninput: (e) => setHint(box, gap, e.target.value) }),
      small("Remove", "", () => {
        removeGap(box, gap);
        gap = null;
        draw();
      }));
  }
  document.addEventListener("selectionchange", () => {
    const range = box.isConnected && getCaret(box);
    const now = range ? findGap(range) : gap?.isConnected ? gap : null;
    if (!box.isConnected || now === gap) return;
    gap = now;
    draw();
  });
  draw();
  // the number of the card to preview, or 0
  const number = () => (highest() ? Math.min(...(gap?.isConnected ? parseNumbers(gap) : numbers())) : 0);
  return { node, hide: hideSelection, number };
}

// The deck and tags of an item's card, sent only if the user changed them.
function makePlacementFields(id) {
  const input = (name, label) => h("input", { type: "text", name, ariaLabel: label, dir: "auto", autocomplete: "off", disabled: true });
  const [deck, tags] = [input("Deck", "Deck"), input("Tags", "Tags, separated by spaces")];
  const decks = h("datalist", { id: "decks" });
  deck.setAttribute("list", decks.id);
  const told = h("p", { className: "hint" });
  get("placement", { id }).then((now) => {
    decks.append(...now.decks.map((value) => h("option", { value })));
    [deck.value, tags.value] = [deck.defaultValue, tags.defaultValue] = [now.deck, now.tags.join(" ")];
    [deck.disabled, tags.disabled] = [!now.moves, !now.tagged];
    told.textContent = now.moves ? "" : "Anki has this card. To move it, change its deck there.";
  }).catch((error) => { told.textContent = error.message; });
  const typed = () => Object.fromEntries([deck, tags].filter((one) => one.value !== one.defaultValue).map((one) => [one.name, one.value]));
  const labelled = (label, box) => h("label", {}, h("span", { className: "label" }, label), box);
  return { node: h("div", { className: "placement" }, labelled("Deck", deck), labelled("Tags", tags), decks, told), typed };
}

// A preview of the card in Anki, drawn by the server. `typed` returns what to send.
function makePreview(boxes, typed) {
  const sides = ["Front in Anki", "Back in Anki"].map((name) => h("div", { className: "shown", role: "group", ariaLabel: name }));
  const both = h("div", { className: "sides" }, sides);
  const told = h("p", { className: "hint", role: "status", hidden: true });
  let turn = 0; // outdated responses are ignored
  let timer = 0;

  async function now() {
    turn += 1;
    const mine = turn;
    let card = null;
    let reason = "";
    try {
      card = await post("preview", typed());
    } catch (error) {
      if (!error.status) return;
      reason = error.message;
    }
    if (mine !== turn) return;
    told.textContent = reason;
    told.hidden = !reason;
    both.hidden = Boolean(reason);
    if (!card) return;
    drawFace(sides[0], card.front);
    drawFace(sides[1], card.back);
    // render typed Markdown once the user has left the field
    for (const [name, , pieces] of card.fields) {
      const box = boxes.find((one) => one.dataset.name === name);
      if (box && box !== document.activeElement) redraw(box, pieces);
    }
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(now, PREVIEW_DELAY);
  }

  return { node: h("div", { className: "preview" }, both, told), now, later };
}
