// A person's own words: a card made of words of a passage, or a card edited in place.
import { $, face, fill, h, kbd, picked } from "./draw.js";
import { post } from "./server.js";
import { between, words } from "./words.js";

const PAUSE = 200; // ms without a key, after which the card is drawn again
const inner = (text) => h("i", {}, text).innerHTML;

// Choose words, then hide them or ask for them. `node.made` is what to send, null if nothing is chosen.
export function composer(item, node) {
  const on = new Set();
  const choose = (from, to, how) => {
    if (how !== "click") for (const spot of between(options, from, to)) on.add(spot);
    else if (!on.delete(options[to])) on.add(options[to]);
    preview();
  };
  const { box, spots, options, first } = words(item.compose, [], "Words of the passage", choose);
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
  let drawn = null;
  const asks = () => $("input:checked", modes).value === "question";

  // The runs of chosen and other words: what stands between two chosen words is chosen.
  function runs() {
    const found = [];
    spots.forEach((spot, i) => {
      const beside = on.has(spots[i - 1]) && on.has(spots[i + 1]);
      const here = on.has(spot) || (!spot.word && beside);
      spot.node.classList.toggle("on", here);
      if (spot.word) spot.node.ariaSelected = String(on.has(spot));
      if (here !== found.at(-1)?.here) found.push({ here, text: "", html: "", start: spot.start });
      const run = found.at(-1);
      run.text += spot.text;
      run.html += spot.math || inner(spot.text);
      run.end = spot.end;
    });
    return found;
  }
  function preview() {
    const all = runs(), chosen = all.filter((one) => one.here);
    const answer = chosen.map((one) => one.html).join(" … ");
    question.hidden = !asks();
    const spans = chosen.map((one) => `${one.start}-${one.end}`).join();
    const ready = answer && (!asks() || question.value.trim());
    node.made = ready && { spans, mode: asks() ? "question" : "cloze", text: question.value.trim() };
    const asked = `<div class="af-question" dir="auto">${inner(question.value || "Your question")}</div>`;
    const back = asks() ? `${asked}<hr><div dir="auto">${answer || "the chosen words"}</div>`
      : `<div dir="auto">${all.map((one) => one.here ? `<span class="cloze">${one.html}</span>` : one.html).join("")}</div>`;
    if (!answer && !asks()) shown.replaceChildren(hint);
    else if (drawn?.isConnected) {
      drawn.card = { front: back, back };
      fill(drawn);
    } else shown.replaceChildren((drawn = face({ front: back, back, title: "preview" })));
    const main = $(".button.filled", node);
    if (main) main.ariaDisabled = String(!node.made);
  }
  node.mode = (value) => {
    $(`input[value=${value}]`, modes).click();
    if (value === "question") question.focus();
  };
  node.firstWord = first;
  queueMicrotask(preview);
  return h("div", { className: "composer" }, box, modes, question, shown);
}

// The card that the fields make, as Anki will show it; the server draws it. `typed` returns what to send.
function preview(typed) {
  const place = h("div", { className: "shown" });
  const told = h("p", { className: "hint", role: "status", hidden: true });
  let drawn = null;
  let turn = 0; // an answer to older words is not shown
  let timer = 0;

  async function now() {
    turn += 1;
    const mine = turn;
    try {
      const { back } = await post("preview", typed());
      if (mine === turn) show(back);
    } catch (error) {
      if (mine === turn && error.status) refuse(error.message);
    }
  }

  function show(back) {
    told.hidden = true;
    place.hidden = false;
    const card = { front: back, back, title: "preview" };
    if (drawn) {
      drawn.card = card;
      fill(drawn);
    } else {
      drawn = face(card);
      place.append(drawn);
    }
  }

  function refuse(reason) {
    told.textContent = reason;
    told.hidden = false;
    place.hidden = true;
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(now, PAUSE);
  }

  const heading = h("p", { className: "label" }, h("b", {}, "In Anki"));
  return { node: h("div", { className: "preview" }, heading, place, told), now, later };
}

// Edit a card in place of its face. The form stays until the decision is stored.
export function edit(node, action) {
  const { item } = node;
  const card = item.cards?.[item.choose ? picked(node) : item.edits ?? 0];
  const proposed = node.proposal?.card === card && node.proposal?.fields();
  const place = $(".cards, .composer", node) ?? $(".middle h2", node);
  const others = [place, $(".actions", node)];
  const boxes = (proposed?.fields ?? card?.fields ?? item.blank).map(([name, label, text]) =>
    h("label", { className: "field" }, h("span", {}, label), h("textarea", { value: text, name, dir: "auto", rows: 1 })));
  const back = () => {
    form.remove();
    for (const one of others) one.hidden = false;
    node.editing = null;
    node.focus({ preventScroll: true });
  };
  const save = () => node.act(action, { choice: picked(node), gap: proposed?.gap ?? 1,
    fields: typed() });
  const typed = () => Object.fromEntries(boxes.map((box) => [$("textarea", box).name, $("textarea", box).value]));
  const shown = preview(() => ({ id: item.id, turn: item.turn, act: action.act, choice: picked(node), fields: typed() }));
  const clozes = boxes.some((box) => $("textarea", box).name === "Text");
  const form = h("div", { className: "edit" }, boxes,
    clozes && h("p", { className: "hint" }, "The words in {{c1::…}} are hidden."), shown.node,
    h("div", { className: "actions" },
      h("button", { className: "button filled", type: "button", onclick: save }, h("span", {}, action.save),
        h("kbd", { ariaHidden: "true" }, "Ctrl ⏎")),
      h("button", { className: "button text", type: "button", onclick: back }, "Cancel")));
  form.addEventListener("keydown", (e) => {
    if (e.key === "Escape") back();
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) save();
  });
  form.addEventListener("input", shown.later);
  shown.now();
  for (const one of others) one.hidden = true;
  place.before(form);
  node.editing = back;
  $("textarea", form).focus();
}
