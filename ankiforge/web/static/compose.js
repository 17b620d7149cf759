// A person's own words: a card made of words of a passage, or a card edited in place.
import { $, face, fill, h, kbd, picked } from "./draw.js";

const WORD = /[\p{L}\p{N}]/u;
const inner = (text) => h("i", {}, text).innerHTML;

// Choose words, then hide them or ask for them. `node.made` is what to send, null if nothing is chosen.
export function composer(item, node) {
  const words = item.compose.match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}'’\-]*|\s+|./gu) ?? [];
  const on = new Set();
  const spots = words.map((word) => WORD.test(word)
    ? h("span", { role: "option", tabIndex: -1, ariaSelected: "false", className: "word" }, word)
    : h("span", { className: "gap", role: "presentation" }, word));
  const starts = []; // in code points
  words.reduce((at, word) => (starts.push(at), at + [...word].length), 0);
  const options = spots.filter((spot) => spot.role === "option");
  const box = h("div", { className: "words", role: "listbox", ariaMultiSelectable: "true",
    ariaOrientation: "horizontal", ariaLabel: "Words of the passage", dir: "auto" }, spots);
  const question = h("input", { type: "text", className: "question", ariaLabel: "Question",
    placeholder: "Your question", oninput: () => preview() });
  const mode = (value, label, key) => h("label", {},
    h("input", { type: "radio", name: `mode-${item.id}`, value, checked: value === "cloze", onchange: () => preview() }),
    h("span", {}, label, kbd(key)));
  const modes = h("div", { className: "modes", role: "radiogroup", ariaLabel: "Kind of card" },
    mode("cloze", "Hide words", "c"), mode("question", "Ask a question", "q"));
  const hint = h("p", { className: "hint" },
    "Click the words that matter, or use the arrow keys and Space.");
  const shown = h("div", { className: "shown" }, hint);
  let from = null, dragging = false, drawn = null;
  if (options.length) options[0].tabIndex = 0;
  const asks = () => $("input:checked", modes).value === "question";

  // The runs of chosen and other words: what stands between two chosen words is chosen.
  function runs() {
    const found = [];
    spots.forEach((spot, i) => {
      const beside = on.has(spots[i - 1]) && on.has(spots[i + 1]);
      const here = on.has(spot) || (spot.role !== "option" && beside);
      spot.classList.toggle("on", here);
      if (spot.role === "option") spot.ariaSelected = String(on.has(spot));
      if (here === found.at(-1)?.here) found.at(-1).text += words[i];
      else found.push({ here, text: words[i], start: starts[i] });
    });
    return found;
  }
  function preview() {
    const all = runs(), chosen = all.filter((one) => one.here);
    const answer = chosen.map((one) => one.text).join(" … ");
    question.hidden = !asks();
    const spans = chosen.map((one) => `${one.start}-${one.start + [...one.text].length}`).join();
    const ready = answer && (!asks() || question.value.trim());
    node.made = ready && { spans, mode: asks() ? "question" : "cloze", text: question.value.trim() };
    const asked = `<div class="af-question" dir="auto">${inner(question.value || "Your question")}</div>`;
    const back = asks() ? `${asked}<hr><div dir="auto">${inner(answer || "the chosen words")}</div>`
      : `<div dir="auto">${all.map((one) => one.here ? `<span class="cloze">${inner(one.text)}</span>` : inner(one.text)).join("")}</div>`;
    if (!answer && !asks()) shown.replaceChildren(hint);
    else if (drawn?.isConnected) {
      drawn.card = { front: back, back };
      fill(drawn);
    } else shown.replaceChildren((drawn = face({ front: back, back, title: "preview" })));
    const main = $(".button.filled", node);
    if (main) main.ariaDisabled = String(!node.made);
  }
  const between = (a, b) => options.slice(Math.min(a, b), Math.max(a, b) + 1);
  const at = (target) => options.indexOf(target.closest?.(".word"));
  const focusOn = (i) => {
    for (const one of options) one.tabIndex = -1;
    options[i].tabIndex = 0;
    options[i].focus();
  };
  const toggle = (i) => { if (!on.delete(options[i])) on.add(options[i]); };
  box.addEventListener("pointerdown", (e) => {
    const i = at(e.target);
    if (i < 0) return;
    e.preventDefault();
    [dragging, from] = [true, i];
    toggle(i);
    focusOn(i);
    preview();
  });
  box.addEventListener("pointerover", (e) => {
    const i = at(e.target);
    if (!dragging || i < 0 || e.pointerType === "touch") return;
    for (const one of between(from, i)) on.add(one);
    preview();
  });
  addEventListener("pointerup", () => { dragging = false; });
  box.addEventListener("keydown", (e) => {
    const i = at(e.target);
    const by = { ArrowRight: 1, ArrowLeft: -1, Home: -i, End: options.length - 1 - i }[e.key];
    if (by !== undefined) {
      const to = Math.min(Math.max(i + by, 0), options.length - 1);
      if (e.shiftKey) for (const one of between(i, to)) on.add(one);
      focusOn(to);
    } else if (e.key === " ") toggle(i);
    else return;
    e.preventDefault();
    e.stopPropagation();
    preview();
  });
  node.mode = (value) => {
    $(`input[value=${value}]`, modes).click();
    if (value === "question") question.focus();
  };
  node.firstWord = () => options.find((one) => one.tabIndex === 0)?.focus();
  queueMicrotask(preview);
  return h("div", { className: "composer" }, box, modes, question, shown);
}

// Edit a card in place of its face. The form stays until the decision is stored.
export function edit(node, action) {
  const { item } = node;
  const card = item.cards?.[item.choose ? picked(node) : item.edits ?? 0];
  const place = $(".cards, .composer", node) ?? $(".middle h2", node);
  const others = [place, $(".actions", node)];
  const boxes = (card?.fields ?? item.blank).map(([name, label, text]) =>
    h("label", { className: "field" }, h("span", {}, label), h("textarea", { value: text, name, dir: "auto", rows: 1 })));
  const back = () => {
    form.remove();
    for (const one of others) one.hidden = false;
    node.editing = null;
    node.focus({ preventScroll: true });
  };
  const save = () => node.act(action, { choice: picked(node),
    fields: Object.fromEntries(boxes.map((box) => [$("textarea", box).name, $("textarea", box).value])) });
  const clozes = boxes.some((box) => $("textarea", box).name === "Text");
  const form = h("div", { className: "edit" }, boxes,
    clozes && h("p", { className: "hint" }, "The words in {{c1::…}} are hidden."),
    h("div", { className: "actions" },
      h("button", { className: "button filled", type: "button", onclick: save }, h("span", {}, action.save),
        h("kbd", { ariaHidden: "true" }, "Ctrl ⏎")),
      h("button", { className: "button text", type: "button", onclick: back }, "Cancel")));
  form.addEventListener("keydown", (e) => {
    if (e.key === "Escape") back();
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) save();
  });
  for (const one of others) one.hidden = true;
  place.before(form);
  node.editing = back;
  $("textarea", form).focus();
}
