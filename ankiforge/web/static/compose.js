// A card that a person makes of words of a passage.
import { $, choice, h } from "./dom.js";
import { drawIn } from "./face.js";
import { lettersOfAll, occurrences } from "./letters.js";
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
  const name = `mode-${item.id}`;
  const modes = h("div", { className: "modes", role: "radiogroup", ariaLabel: "Kind of card" },
    choice(name, "cloze", "Hide words", "c", true, () => preview()),
    choice(name, "question", "Ask a question", "q", false, () => preview()));
  const hint = h("p", { className: "hint" },
    "Click the words that matter, or use the arrow keys and Space.");
  const shown = h("div", { className: "shown" }, hint);
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
    const all = runs();
    const chosen = all.filter((run) => run.here);
    const answer = chosen.map((run) => run.html).join(" … ");
    const spans = chosen.map((run) => `${run.start}-${run.end}`).join();
    const text = question.value.trim();
    const isQuestion = asks();
    question.hidden = !isQuestion;
    const isReady = answer && (!isQuestion || text);
    card = isReady ? { spans, mode: isQuestion ? "question" : "cloze", text } : null;
    if (isQuestion) {
      const asked = inner(question.value || "Your question");
      const words = answer || "the chosen words";
      drawIn(shown, `<div class="af-question" dir="auto">${asked}</div><hr><div dir="auto">${words}</div>`);
    } else if (answer) {
      const words = all.map((run) => (run.here ? `<span class="cloze">${run.html}</span>` : run.html));
      drawIn(shown, `<div dir="auto">${words.join("")}</div>`);
    } else {
      shown.replaceChildren(hint);
    }
    changed();
  }
  // Hide the words ("cloze"), or ask for them ("question").
  function mode(value) {
    $(`input[value=${value}]`, modes).click();
    if (value === "question") question.focus();
  }
  // Choose words that were selected elsewhere. Return whether they are here.
  function take(text) {
    const [found] = occurrences(lettersOfAll(spots.map((spot) => spot.text)), text);
    if (!found) return false;
    const [[from], [to]] = found;
    for (const spot of spots.slice(from, to + 1)) if (spot.word) on.add(spot);
    preview();
    return true;
  }
  queueMicrotask(preview);
  const node = h("div", { className: "composer" }, box, modes, question, shown);
  // `made` returns what to send, null if nothing is chosen; `first` goes to the first word
  return { node, made: () => card, mode, first, take };
}
