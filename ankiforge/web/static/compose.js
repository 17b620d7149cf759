// A card that a person makes of words of a passage.
import { $, h, kbd } from "./dom.js";
import { face, showCard } from "./face.js";
import { between, words } from "./words.js";

const inner = (text) => h("i", {}, text).innerHTML;

// Choose words, then hide them or ask for them. Returns what the page needs of it: its node, and functions for the keys.
// `changed` is called when a person did something.
export function composer(item, changed) {
  const on = new Set();
  const choose = (from, to, how) => {
    if (how !== "click") for (const spot of between(options, from, to)) on.add(spot);
    else if (!on.delete(options[to])) on.add(options[to]);
    preview();
  };
  const { box, spots, options, first } = words(item.compose, [], "Words of the passage", choose);
  const question = h("input", { type: "text", className: "question", ariaLabel: "Question",
    placeholder: "Your question", oninput: () => preview() });
  const modeChoice = (value, label, key) => h("label", {},
    h("input", { type: "radio", name: `mode-${item.id}`, value, checked: value === "cloze", onchange: () => preview() }),
    h("span", {}, label, kbd(key)));
  const modes = h("div", { className: "modes", role: "radiogroup", ariaLabel: "Kind of card" },
    modeChoice("cloze", "Hide words", "c"), modeChoice("question", "Ask a question", "q"));
  const hint = h("p", { className: "hint" },
    "Click the words that matter, or use the arrow keys and Space.");
  const shown = h("div", { className: "shown" }, hint);
  let drawn = null;
  let card = null; // what to send
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
    card = ready ? { spans, mode: asks() ? "question" : "cloze", text: question.value.trim() } : null;
    const asked = `<div class="af-question" dir="auto">${inner(question.value || "Your question")}</div>`;
    const back = asks() ? `${asked}<hr><div dir="auto">${answer || "the chosen words"}</div>`
      : `<div dir="auto">${all.map((one) => one.here ? `<span class="cloze">${one.html}</span>` : one.html).join("")}</div>`;
    if (!answer && !asks()) shown.replaceChildren(hint);
    else if (drawn?.isConnected) showCard(drawn, { front: back, back });
    else shown.replaceChildren((drawn = face({ front: back, back, title: "preview" })));
    changed();
  }
  // Hide the words ("cloze"), or ask for them ("question").
  function mode(value) {
    $(`input[value=${value}]`, modes).click();
    if (value === "question") question.focus();
  }
  queueMicrotask(preview);
  const node = h("div", { className: "composer" }, box, modes, question, shown);
  // `made` returns what to send, null if nothing is chosen; `first` goes to the first word
  return { node, made: () => card, mode, first };
}
