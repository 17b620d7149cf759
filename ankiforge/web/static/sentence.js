// A sentence whose words may be hidden, whose ends may be cut, and before which another one may stand; or the words of a
// passage of which a person makes a card.
import { fit, h, kbd } from "./dom.js";
import { lettersOfAll, occurrences } from "./letters.js";
import { between, words } from "./words.js";

const inside = (spot, [start, end]) => start <= spot.start && spot.end <= end;

// `card` has the `parts` of the text; that of a proposal its `gaps`, where they are (`spans`), its `code`, where its sentences
// begin (`starts`), and the one `before`. `changed` is
// told when something else is chosen.
export function sentence(card, name, changed) {
  const { gaps = [], code = [], starts = [0], first = 1 } = card;
  const proposed = card.spans ?? [];
  const { box, spots, options, first: toFirst } = words(card.parts, proposed.flat(), "The sentence", choose);
  for (const spot of spots) if (code.some((each) => inside(spot, each))) spot.node.classList.add(spot.text === "`" ? "tick" : "code");
  const length = spots.at(-1)?.end ?? 0;
  const isWithTwo = starts.length > 1;
  let spans = proposed.slice(0, 1); // the words that are hidden, in code points
  let cut = [0, length]; // the part that stays
  let hasBefore = false;
  const chips = h("fieldset", { className: "chips" });
  const keys = h("span", { className: "keys-now", ariaHidden: "true" });
  const edges = gaps.length ? [edge("start"), edge("end")] : [];
  const beforeText = h("span", { dir: "auto" });
  const beforeButton = h("button", { type: "button", className: "sentence-before", onclick: () => before() }, beforeText);
  const node = h("div", { className: "proposal" }, beforeButton, box, chips);
  fits.observe(node);

  // The number of the gap that is hidden; 0 if that is none of those that are proposed.
  const number = () => (spans.length === 1 ? 1 + proposed.findIndex(([start, end]) => start === spans[0][0] && end === spans[0][1]) : 0);
  const isHidden = (spot) => spans.some((span) => inside(spot, span));
  const isWhole = () => cut[0] === 0 && cut[1] === length;
  const isOwn = () => number() === 0 || !isWhole() || hasBefore;
  const wordsOf = (span) => spots.filter((spot) => inside(spot, span)).map(({ text }) => text).join("");
  const answer = () => spans.map(wordsOf).join(", ");
  const hidden = () => options.flatMap((spot, i) => (inside(spot, spans.at(-1) ?? [0, 0]) ? [i] : []));

  function paint() {
    spots.forEach((spot, i) => {
      const on = isHidden(spot);
      const list = spot.node.classList;
      list.toggle("on", on);
      list.toggle("first", on && !(i && isHidden(spots[i - 1])));
      list.toggle("last", on && !(i + 1 < spots.length && isHidden(spots[i + 1])));
      list.toggle("other", !on && proposed.some((one) => inside(spot, one)));
      list.toggle("out", spot.start < cut[0] || spot.end > cut[1]);
      if (spot.word) spot.node.ariaSelected = String(on);
    });
    if (edges.length) {
      spots.find((spot) => spot.end > cut[0])?.node.before(edges[0]);
      spots.findLast((spot) => spot.start < cut[1])?.node.after(edges[1]);
    }
    const own = number() || !spans.length ? "" : chip("", answer(), true, () => {});
    chips.replaceChildren(h("legend", {}, "Hide"), ...gaps.map((text, i) => chip(String(first + i), text, number() === i + 1, () => gap(i + 1))), own, keys);
    beforeButton.hidden = !(card.before || isWithTwo);
    beforeButton.ariaPressed = String(isWithTwo ? cut[0] === 0 : hasBefore);
    beforeButton.classList.toggle("on", hasBefore);
    beforeText.textContent = isWithTwo ? `${cut[0] === 0 ? "−" : "+"} the first sentence` : hasBefore ? card.before : "+ the sentence before";
    say();
    changed();
  }
  function chip(key, text, checked, onchange) {
    const radio = h("input", { type: "radio", name: `gap-${name}`, checked, onchange });
    return h("label", { className: "chip" }, radio, h("span", {}, kbd(key), h("span", { dir: "auto" }, text)));
  }

  // ---- What is hidden.

  // What is hidden stays on the card.
  function hide(...wanted) {
    spans = wanted.sort(([a], [b]) => a - b);
    cut = [Math.min(cut[0], ...spans.map(([start]) => start)), Math.max(cut[1], ...spans.map(([, end]) => end))];
    paint();
  }
  // To the words that are hidden, else to the first ones.
  function focus() {
    const at = hidden()[0];
    if (at === undefined) toFirst();
    else options[at].node.focus();
  }
  // Hide the word that has the focus. Return whether one has it.
  function hideFocused() {
    const at = options.findIndex(({ node: word }) => word === document.activeElement);
    if (at >= 0) hide(spanOf(at, at));
    return at >= 0;
  }
  const gap = (n) => proposed[n - 1] && hide(proposed[n - 1]);
  const spanOf = (a, b) => {
    const run = between(options, a, b);
    return [run[0].start, run.at(-1).end];
  };
  // A click on a word of another gap takes that gap; beside the gap a word joins it, at its edge it leaves it; any other word
  // is the gap from now on, or with Ctrl another one.
  function choose(from, to, how) {
    const [head, tail] = [hidden()[0] ?? -9, hidden().at(-1) ?? -9];
    const isOn = isHidden(options[to]);
    if (how === "also") {
      const others = spans.filter((span) => !inside(options[to], span));
      return hide(...others, ...(isOn ? [] : [spanOf(to, to)]));
    }
    const other = proposed.findIndex((one) => inside(options[to], one) && !isOn);
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
    hide(...spans.slice(0, -1), spanOf(a, b));
  }
  // Hide words that are selected elsewhere. Return whether they are here.
  function take(text) {
    const [found] = occurrences(lettersOfAll(spots.map((spot) => spot.text)), text);
    if (found) hide([spots[found[0][0]].start, spots[found[1][0]].end]);
    return Boolean(found);
  }

  // ---- The ends of the sentence.

  const lastHidden = () => Math.max(0, ...spans.map(([, end]) => end));
  const firstHidden = () => Math.min(length, ...spans.map(([start]) => start));

  function before() {
    if (isWithTwo) cut = [cut[0] === 0 && starts[1] <= firstHidden() ? starts[1] : 0, cut[1]];
    else if (card.before) hasBefore = !hasBefore;
    paint();
  }
  // A bracket at an end of the sentence, which may be dragged.
  function edge(side) {
    const made = h("span", { className: `handle ${side}`, ariaHidden: "true", title: side === "start" ? "Drag to begin later" : "Drag to end earlier" });
    const move = ({ clientX, clientY }) => {
      const nodes = document.elementsFromPoint(clientX, clientY).map((each) => each.closest(".word"));
      const under = options.find((spot) => nodes.includes(spot.node));
      if (!under) return;
      if (side === "start") cut = [Math.min(under.start, firstHidden()), cut[1]];
      else cut = [cut[0], under === options.at(-1) ? length : Math.max(under.end, lastHidden())];
      paint();
    };
    made.addEventListener("mousedown", (e) => e.preventDefault()); // selects nothing
    made.addEventListener("pointerdown", (e) => {
      e.preventDefault();
      e.stopPropagation();
      made.classList.add("drags");
      // of the document: the bracket moves from word to word, and what moves in a page loses the pointer
      const drag = new AbortController();
      document.addEventListener("pointermove", move, drag);
      for (const end of ["pointerup", "pointercancel"]) {
        document.addEventListener(end, () => { made.classList.remove("drags"); drag.abort(); }, drag);
      }
    });
    return made;
  }

  // ---- What it comes to.

  const selected = () => ({ spans: spans.map((span) => span.join("-")).join(), cut: isWhole() ? "" : cut.join("-"), before: hasBefore });
  // What to send; null if nothing is chosen: then the word that has the focus is, or the first one gets it.
  function made() {
    if (gaps.length && !isOwn()) return { act: "accept", gap: number() };
    if (spans.length) return { act: "make", mode: "cloze", ...selected() };
    if (!hideFocused()) focus();
    return null;
  }
  // The sentence as text, for which a document is searched; a formula is drawn with other letters than it is written with.
  const text = () => [...card.parts.map(([each, math]) => (math ? "\ufffc".repeat([...each].length) : each)).join("")];
  const sentences = () => starts.map((start, i) => text().slice(start, starts[i + 1] ?? length).join("").trim());
  // The keys that act now and have no button.
  function say() {
    const isChoosing = box.contains(document.activeElement);
    const shown = isChoosing ? [["← →", "word"], ["⇧", "more"], ["Space", "hide"]] : [["→", "your own words"]];
    keys.replaceChildren(...shown.map(([key, does]) => h("span", {}, key.split(" ").map((each) => h("kbd", {}, each)), ` ${does}`)));
  }
  for (const event of ["focusin", "focusout"]) box.addEventListener(event, () => setTimeout(say));
  queueMicrotask(paint);
  return { node, box, card, gap, take, made, number, answer, isOwn, selected, sentences, focus };
}

const fits = new ResizeObserver((all) => { for (const { target } of all) fit(target); });
