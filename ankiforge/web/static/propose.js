// A proposal: its sentence as a card, in which another gap can be chosen, or a question asked.
import { $, h, kbd } from "./dom.js";
import { between, words } from "./words.js";

const inside = (spot, [start, end]) => start <= spot.start && spot.end <= end;

// Returns what the page needs of it: its node, and functions for the keys. `changed` is called when
// it is painted, with whether a person did something.
export function proposal(item, card, changed) {
  const first = card.number ?? 1;
  const context = h("p", { className: "where", dir: "auto" });
  const { box, spots, options } = words(card.parts, card.spans.flat(), "The sentence", choose);
  for (const spot of spots) if (card.code.some((span) => inside(spot, span))) spot.node.classList.add("code");
  const chips = card.gaps.map((words, i) => chip(item, words, first + i, () => gap(i + 1)));
  const own = chip(item, "", "", () => {});
  const legend = h("legend", {}, "Hidden");
  const choices = h("fieldset", { className: "gaps" }, legend, chips, own);
  const question = h("input", { type: "text", className: "question", dir: "auto",
    ariaLabel: "Question", placeholder: "Your question", oninput: () => changed(true) });
  const asking = h("div", { className: "asking", hidden: true }, question);
  const node = h("div", { className: "proposal" }, context, asking, box, choices);
  let span = card.spans[0]; // in code points

  // The number of the gap that is chosen; 0 if it is none of those that are proposed.
  const number = () => 1 + card.spans.findIndex(([start, end]) => start === span[0] && end === span[1]);
  const chosen = () => spots.filter((spot) => inside(spot, span));
  const answer = () => chosen().map((spot) => spot.text).join("");

  function paint(mine = true) {
    const now = number();
    let before = false;
    for (const spot of spots) {
      const on = inside(spot, span);
      const list = spot.node.classList;
      const other = !on && card.spans.some((one) => inside(spot, one));
      list.toggle("on", on);
      list.toggle("first", on && !before);
      list.toggle("other", other);
      if (spot.word) spot.node.ariaSelected = String(on);
      before = on;
    }
    chips.forEach((one, i) => { one.radio.checked = now === i + 1; });
    own.hidden = now > 0;
    own.radio.checked = now === 0;
    own.words.textContent = answer();
    // the line above a card in Anki, which names no answer; as text
    const { front } = card.views[now - 1] ?? card.views[0];
    context.textContent = $(".af-where", new DOMParser().parseFromString(front, "text/html"))?.textContent ?? "";
    changed(mine);
  }
  function gap(n) {
    span = card.spans[n - 1];
    paint();
  }
  // A click on a word of another gap takes that gap; beside the gap a word joins it, at its edge it
  // leaves it; any other word is the gap from now on.
  function choose(from, to, how) {
    const old = options.flatMap((spot, i) => (inside(spot, span) ? [i] : []));
    const head = old[0] ?? -9;
    const tail = old.at(-1) ?? -9;
    const other = card.spans.findIndex((one) => inside(options[to], one) && !inside(options[to], span));
    if (how === "click" && other >= 0) return gap(other + 1);
    let a = from;
    let b = to;
    if (how === "extend") {
      a = Math.min(head < 0 ? from : head, from, to);
      b = Math.max(tail, from, to);
    } else if (how === "click") {
      const isEdge = head < tail && (to === head || to === tail);
      if (isEdge) [a, b] = to === head ? [head + 1, tail] : [head, tail - 1];
      else if (to === head - 1) b = tail;
      else if (to === tail + 1) a = head;
    }
    const run = between(options, a, b);
    span = [run[0].start, run.at(-1).end];
    paint();
  }
  function ask(on = asking.hidden) {
    asking.hidden = !on;
    legend.textContent = on ? "Answer" : "Hidden";
    node.classList.toggle("asks", on);
    changed(true);
    if (on) question.focus();
  }
  // What to send; null if something is missing, which then has the focus.
  function made() {
    const spans = span.join("-");
    if (!asking.hidden) {
      const text = question.value.trim();
      if (!text) question.focus();
      return text ? { act: "make", mode: "question", spans, text } : null;
    }
    return number() ? { act: "accept", gap: number() } : { act: "make", mode: "cloze", spans };
  }
  // What is edited: the card that is shown, by the number of its gap, or by the words that it hides.
  const edited = () => (number() ? { gap: number(), fields: card.views[number() - 1].fields } : { spans: span.join("-") });
  // The gaps that are not chosen: the key of each, and its words.
  function others() {
    const found = card.gaps.map((words, i) => [first + i, words]);
    return found.filter(([key]) => key !== first + number() - 1);
  }
  const says = () => (asking.hidden && number() ? "" : "Make card");
  queueMicrotask(() => paint(false));
  return { node, card, first, gap, ask, made, edited, says, number, others, asks: () => !asking.hidden };
}

function chip(item, text, key, change) {
  const radio = h("input", { type: "radio", name: `gap-${item.id}`, onchange: change });
  const words = h("span", { dir: "auto" }, text);
  const made = h("label", { className: "chip" }, radio, h("span", {}, kbd(String(key)), words));
  return Object.assign(made, { radio, words });
}
