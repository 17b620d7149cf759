// Edit a card in place of its face.
import { $, button, h } from "./dom.js";
import { drawIn } from "./face.js";
import { post } from "./server.js";

const PAUSE = 200; // ms without a key, after which the card is drawn again

// The card that the fields make, as Anki will show it; the server draws it. `typed` returns what to send.
function preview(typed) {
  const place = h("div", { className: "shown" });
  const told = h("p", { className: "hint", role: "status", hidden: true });
  let turn = 0; // an answer to older words is not shown
  let timer = 0;

  async function now() {
    turn += 1;
    const mine = turn;
    let back = "";
    let reason = "";
    try {
      ({ back } = await post("preview", typed()));
    } catch (error) {
      if (!error.status) return;
      reason = error.message;
    }
    if (mine !== turn) return;
    told.textContent = reason;
    told.hidden = !reason;
    place.hidden = Boolean(reason);
    if (!reason) drawIn(place, back);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(now, PAUSE);
  }

  const node = h("div", { className: "preview" }, h("p", { className: "label" }, h("b", {}, "In Anki")), place, told);
  return { node, now, later };
}

// Show a form, which stays until the decision is stored.
export function edit(view, action) {
  const { item, node, picked } = view;
  const card = item.cards?.[item.choose ? picked : item.edits ?? 0];
  const proposed = view.proposal?.card === card && view.proposal?.fields();
  const place = $(".cards, .composer", node) ?? $(".middle h2", node);
  const others = [place, $(".actions", node)];
  const boxes = (proposed?.fields ?? card?.fields ?? item.blank).map(([name, label, text]) =>
    h("label", { className: "field" }, h("span", {}, label), h("textarea", { value: text, name, dir: "auto", rows: 1 })));
  const back = () => {
    form.remove();
    for (const one of others) one.hidden = false;
    view.closeEditor = null;
    node.focus({ preventScroll: true });
  };
  const save = () => view.act(action, { choice: picked, gap: proposed?.gap ?? 1, fields: typed() });
  const typed = () => Object.fromEntries(boxes.map((box) => [$("textarea", box).name, $("textarea", box).value]));
  const shown = preview(() => ({ id: item.id, turn: item.turn, act: action.act, choice: picked, fields: typed() }));
  const clozes = boxes.some((box) => $("textarea", box).name === "Text");
  const form = h("div", { className: "edit" }, boxes,
    clozes && h("p", { className: "hint" }, "The words in {{c1::…}} are hidden."), shown.node,
    h("div", { className: "actions" },
      button("filled", action.save, "Ctrl ⏎", save), button("text", "Cancel", "", back)));
  form.addEventListener("keydown", (e) => {
    if (e.key === "Escape") back();
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) save();
  });
  form.addEventListener("input", shown.later);
  shown.now();
  for (const one of others) one.hidden = true;
  place.before(form);
  view.closeEditor = back;
  $("textarea", form).focus();
}
