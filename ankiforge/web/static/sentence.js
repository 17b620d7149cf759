// A sentence whose words the user can blank out, optionally with the previous sentence; or a passage to turn into a card.
import { fitFormulas, h, makeKeyLabel } from "./dom.js";
import { foldAllLetters, findOccurrences } from "./letters.js";
import { makeWordPicker } from "./words.js";

const isInside = (spot, [start, end]) => start <= spot.start && spot.end <= end;

// `card` has the `parts` of the text. A suggestion also has its `gaps`, their positions (`spans`), the positions of `code` and
// sentence `starts`, and the previous sentence (`before`). `onChange` is called when the selection changes.
export function makeSentenceView(card, name, onChange) {
  const { gaps = [], code = [], starts = [0], first = 1 } = card;
  const proposed = card.spans ?? [];
  const { box, spots, options, first: focusFirst } = makeWordPicker(card.parts, proposed.flat(), "The sentence", choose);
  for (const spot of spots) if (code.some((each) => isInside(spot, each))) spot.node.classList.add(spot.text === "`" ? "tick" : "code");
  const length = spots.at(-1)?.end ?? 0;
  const isWithTwo = starts.length > 1;
  let spans = proposed.slice(0, 1); // the blanked-out spans, in code points
  let cut = [0, length]; // the part that stays on the card
  let hasBefore = false;
  const chips = h("fieldset", { className: "chips" });
  const keyHints = h("span", { className: "keys-now", ariaHidden: "true" });
  const beforeText = h("span", { dir: "auto" });
  const beforeButton = h("button", { type: "button", className: "sentence-before", onclick: () => before() }, beforeText);
  const node = h("div", { className: "proposal" }, beforeButton, box, chips);
  fitObserver.observe(node);

  // The number of the selected gap, or 0 if it wasn't proposed.
  const number = () => (spans.length === 1 ? 1 + proposed.findIndex(([start, end]) => start === spans[0][0] && end === spans[0][1]) : 0);
  const isHidden = (spot) => spans.some((span) => isInside(spot, span));
  const isWhole = () => cut[0] === 0 && cut[1] === length;
  const isOwn = () => number() === 0 || !isWhole() || hasBefore;
  const getText = (span) => spots.filter((spot) => isInside(spot, span)).map(({ text }) => text).join("");
  const answer = () => spans.map(getText).join(", ");
  const hidden = () => options.flatMap((spot, i) => (isInside(spot, spans.at(-1) ?? [0, 0]) ? [i] : []));

  function draw() {
    spots.forEach((spot, i) => {
      const on = isHidden(spot);
      const list = spot.node.classList;
      list.toggle("on", on);
      list.toggle("first", on && !(i && isHidden(spots[i - 1])));
      list.toggle("last", on && !(i + 1 < spots.length && isHidden(spots[i + 1])));
      list.toggle("other", !on && proposed.some((one) => isInside(spot, one)));
      list.toggle("out", spot.start < cut[0] || spot.end > cut[1]);
      if (spot.word) spot.node.ariaSelected = String(on);
    });
    const own = number() || !spans.length ? "" : chip("", answer(), true, () => {});
    chips.replaceChildren(gaps.length ? h("legend", {}, "Hide") : "", ...gaps.map((text, i) => chip(String(first + i), text, number() === i + 1, () => gap(i + 1))), own, keyHints);
    beforeButton.hidden = !(card.before || isWithTwo);
    beforeButton.ariaPressed = String(isWithTwo ? cut[0] === 0 : hasBefore);
    beforeButton.classList.toggle("on", hasBefore);
    beforeText.textContent = isWithTwo ? `${cut[0] === 0 ? "−" : "+"} the first sentence` : hasBefore ? card.before : "+ the sentence before";
    drawKeys();
    onChange();
  }
  function chip(key, text, checked, onchange) {
    const radio = h("input", { type: "radio", name: `gap-${name}`, checked, onchange });
    return h("label", { className: "chip" }, radio, h("span", {}, makeKeyLabel(key), h("span", { dir: "auto" }, text)));
  }

  // ---- Blanking out.

  // Blank out these spans, and extend the part on the card to include them.
  function hide(...wanted) {
    spans = wanted.sort(([a], [b]) => a - b);
    cut = [Math.min(cut[0], ...spans.map(([start]) => start)), Math.max(cut[1], ...spans.map(([, end]) => end))];
    draw();
  }
  // Focus the blanked-out text, or else the first word.
  function focus() {
    const at = hidden()[0];
    if (at === undefined) focusFirst();
    else options[at].node.focus();
  }
  const gap = (n) => proposed[n - 1] && hide(proposed[n - 1]);
  const makeSpan = (a, b) => [options[Math.min(a, b)].start, options[Math.max(a, b)].end];
  // Clicking a word in another proposed gap selects that gap. A word next to the current gap is added to it, a word at its edge
  // is removed, and any other word becomes the gap, or with Ctrl an additional gap.
  function choose(from, to, how) {
    const [head, tail] = [hidden()[0] ?? -9, hidden().at(-1) ?? -9];
    const isOn = isHidden(options[to]);
    if (how === "also") {
      const others = spans.filter((span) => !isInside(options[to], span));
      return hide(...others, ...(isOn ? [] : [makeSpan(to, to)]));
    }
    const other = proposed.findIndex((one) => isInside(options[to], one) && !isOn);
    if (how === "click" && other >= 0) return gap(other + 1);
    let [a, b] = [from, to];
    if (how === "extend") [a, b] = [Math.min(head < 0 ? from : head, from, to), Math.max(tail, from, to)];
    else if (how === "click") {
      if (!gaps.length && isOn && head === tail) return hide();
      if (head < tail && to === head) [a, b] = [head + 1, tail];
      else if (head < tail && to === tail) [a, b] = [head, tail - 1];
      else if (to === head - 1) b = tail;
      else if (to === tail + 1) a = head;
    }
    hide(...spans.slice(0, -1), makeSpan(a, b));
  }
  // Blank out text that was selected elsewhere. Return whether the sentence contains it.
  function take(text) {
    const [found] = findOccurrences(foldAllLetters(spots.map((spot) => spot.text)), text);
    if (found) hide([spots[found[0][0]].start, spots[found[1][0]].end]);
    return Boolean(found);
  }

  // ---- The previous sentence, or the first one of two.

  const firstHidden = () => Math.min(length, ...spans.map(([start]) => start));

  function before() {
    if (isWithTwo) cut = [cut[0] === 0 && starts[1] <= firstHidden() ? starts[1] : 0, cut[1]];
    else if (card.before) hasBefore = !hasBefore;
    draw();
  }

  // ---- The result.

  const readSelection = () => ({ spans: spans.map((span) => span.join("-")).join(), cut: isWhole() ? "" : cut.join("-"), before: hasBefore });
  // Return what to send. If nothing is blanked out, focus the words and return null: only the user chooses what a card asks.
  function readDecision() {
    if (gaps.length && !isOwn()) return { act: "accept", gap: number() };
    if (spans.length) return { act: "make", ...readSelection() };
    focus();
    return null;
  }
  // The text to find in the document, without formulas, because rendered formulas differ from their source.
  const text = () => [...card.parts.map(([each, math]) => (math ? "\ufffc".repeat([...each].length) : each)).join("")];
  const sentences = () => starts.map((start, i) => text().slice(start, starts[i + 1] ?? length).join("").trim());
  // Show the current keys that have no button.
  function drawKeys() {
    const isChoosing = box.contains(document.activeElement);
    const shown = isChoosing ? [["← →", "word"], ["⇧", "more"], ["Space", "hide"]] : [];
    keyHints.replaceChildren(...shown.map(([key, does]) => h("span", {}, key.split(" ").map((each) => h("kbd", {}, each)), ` ${does}`)));
  }
  for (const event of ["focusin", "focusout"]) box.addEventListener(event, () => setTimeout(drawKeys));
  queueMicrotask(draw);
  return { node, box, card, gap, take, readDecision, number, answer, isOwn, readSelection, sentences, focus };
}

const fitObserver = new ResizeObserver((all) => { for (const { target } of all) fitFormulas(target); });
