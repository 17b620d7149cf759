// The card editor: the fields as Markdown, and a preview of the card in Anki.
import { makeButton, h } from "./dom.js";
import { drawFace } from "./face.js";
import { tell } from "./say.js";
import { get, post } from "./server.js";

const PREVIEW_DELAY = 200; // ms without typing before the preview is redrawn

// Create an editor for fields [name, label, Markdown]. `asks` is the decision to preview; `used` is the highest gap number that
// was ever exported.
export function makeEditor(fields, asks, used, onChange) {
  const boxes = fields.map(([name, label, value]) => makeField(name, label, value));
  const text = boxes.find((box) => box.dataset.name === "Text");
  const typed = () => Object.fromEntries(boxes.map((box) => [box.dataset.name, box.value]));
  const place = makePlacementFields(asks.id);
  const before = JSON.stringify(typed());
  const shown = makePreview(() => ({ ...asks, gap: findGapNumbers(text?.value ?? "").sort((a, b) => a - b)[0] ?? 0, fields: typed() }));
  const node = h("div", { className: "editing edit" },
    boxes.map((box) => h("div", { className: "field" }, h("p", { className: "label" }, box.ariaLabel), box, box === text && makeGapButtons(text, used))),
    h("details", { className: "more-fields" }, h("summary", {}, "Deck and tags"), place.node), shown.node);
  node.addEventListener("input", () => {
    shown.later();
    onChange();
  });
  const focus = () => {
    boxes[0].focus();
    shown.now();
  };
  const isChanged = () => JSON.stringify(typed()) !== before || Object.keys(place.typed()).length > 0;
  const words = () => boxes.map(({ value }) => value).filter((value) => value.trim());
  return { node, mode: "edit", focus, kept: () => renderUnsaved(words()), isChanged, readDecision: () => ({ fields: { ...typed(), ...place.typed() } }) };
}
// Show unsaved typed text, read-only.
export const renderUnsaved = (fields) => h("div", { className: "kept" }, h("p", { className: "tag" }, "Not saved"), fields.map((words) => h("div", { className: "written", dir: "auto" }, words)));

// A field grows with its text.
function makeField(name, label, value) {
  const fit = () => { box.rows = Math.max(box.value.split("\n").length, 2); };
  const box = h("textarea", { className: "written", ariaLabel: label, dir: "auto", value, oninput: fit });
  box.dataset.name = name;
  box.setSelectionRange(value.length, value.length);
  fit();
  return box;
}

// ---- Gaps. A new gap gets a number above `used`, the highest exported one, because an exported number stays with its text.

const findGapNumbers = (text) => Array.from(text.matchAll(/\{\{c([\d,]+)::/g), ([, numbers]) => numbers.split(",").map(Number)).flat();

function makeGapButtons(box, used) {
  function hide(isSame) {
    const { selectionStart: start, selectionEnd: end, value } = box;
    const words = value.slice(start, end).trim();
    if (!words) return tell("Select the words to blank out first.");
    const highest = Math.max(0, ...findGapNumbers(value));
    const from = value.indexOf(words, start);
    box.focus();
    box.setSelectionRange(from, from + words.length);
    // unlike an assignment, this can be undone by the browser
    document.execCommand("insertText", false, `{{c${isSame && highest ? highest : Math.max(used, highest) + 1}::${words}}}`);
    return undefined;
  }
  box.addEventListener("keydown", (e) => {
    if (e.code !== "KeyC" || !e.shiftKey || !(e.ctrlKey || e.metaKey)) return;
    hide(e.altKey);
    e.preventDefault();
  });
  const keepSelection = { onmousedown: (e) => e.preventDefault() };
  return h("div", { className: "gap-menu" }, makeButton("text small", "Hide the selected words", "Ctrl ⇧ C", () => hide(false), keepSelection),
    makeButton("text small", "With the last gap", "Ctrl ⇧ Alt C", () => hide(true), keepSelection));
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
function makePreview(typed) {
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
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(now, PREVIEW_DELAY);
  }

  return { node: h("div", { className: "preview" }, both, told), now, later };
}
