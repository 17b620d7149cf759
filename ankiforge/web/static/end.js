// The end of a round: what was decided, and where to go on.
import { h, kbd } from "./dom.js";
import { round } from "./round.js";
import { row } from "./rows.js";
import { count, number } from "./say.js";

const TOLD = { accept: "accepted", force: "accepted", edit: "edited", masks: "edited", make: "made", write: "made", reject: "rejected",
  none: "without a card", later: "skipped" };
const WAITS = { new: "Drafts to look at", changed: "A source and a card no longer agree", questions: "Only you can answer them",
  none: "Passages without a card" };
const EMPTY = { new: "Mark a passage in what you read, and run ankiforge again: its draft appears here.",
  changed: "When a source or Anki changes one of your cards, you see both here.",
  questions: "A question appears here when only you can answer it.",
  none: "Every passage has a card or a draft, or you decided that it needs none." };

// Return the sections of the end screen.
export function end(does) {
  const sections = [summary(does)];
  if (round.list === "changed") sections.push(patch(does));
  if (round.notices.length) sections.push(notices(does));
  return sections;
}

function summary(does) {
  const sums = roundSums();
  const told = endText(sums);
  const others = round.lists.filter((list) => list.left && list.id !== round.list);
  const ways = waysOn(others, does);
  const buttons = ways.map(([label, run], i) => (i ? button("outlined", label, "o", run) : button("filled", label, "⏎", run)));
  return h("section", { className: "end", ariaLabel: "Done" },
    h("h2", { tabIndex: -1 }, endTitle(sums)),
    told && h("p", {}, told),
    buttons.length && h("div", { className: "actions" }, buttons),
    others.length && h("h3", {}, "Also waiting"),
    others.length && h("ul", { className: "others" }, others.map((list) => waitingList(list, does))));
}

// The decisions of this round in words ("3 accepted"), how many they are, and how many were put off.
function roundSums() {
  const later = round.tally.later ?? 0;
  const sums = {};
  for (const [act, times] of Object.entries(round.tally)) {
    const word = TOLD[act] ?? act;
    sums[word] = (sums[word] ?? 0) + times;
  }
  const counted = Object.entries(sums).filter(([, times]) => times);
  const kinds = counted.map(([word, times]) => `${number(times)} ${word}`);
  const done = Object.values(sums).reduce((sum, times) => sum + times, 0) - later;
  return { kinds, done, later };
}

function endTitle({ kinds, done, later }) {
  if (kinds.length === 1 && !later) return `${kinds[0]}.`;
  if (done) return `${number(done)} done.`;
  return later ? "All put off for later." : "Nothing waits here.";
}

function endText({ kinds, done, later }) {
  if (kinds.length > 1) return `${kinds.join(", ")}.`;
  return done || later ? "" : EMPTY[round.list];
}

// What one may do next: (label, function), the best first.
function waysOn(others, { go, send }) {
  const { left } = round.here;
  const ways = [];
  if (left > 0) ways.push([`Go on with ${left === 1 ? "the one" : `the ${number(left)}`} put off`, () => go(round.list)]);
  if (round.ready > 0) ways.push([`Open ${count(round.ready, "new card")} in Anki`, send]);
  if (!ways.length && others.length) ways.push([`Go on with ${others[0].name}`, () => go(others[0].id)]);
  return ways;
}

function button(look, label, key, run) {
  return h("button", { className: `button ${look}`, type: "button", onclick: run }, h("span", {}, label), kbd(key));
}

function waitingList(list, { follow }) {
  return h("li", {}, h("a", { href: `#${list.id}`, onclick: (e) => follow(e, list.id) },
    h("b", {}, list.name),
    h("span", { className: "left" }, number(list.left)),
    h("span", { className: "what" }, WAITS[list.id])));
}

function patch({ copyPatch }) {
  return h("section", { className: "table notices", ariaLabel: "What you changed in Anki" },
    h("h3", {}, "What you changed in Anki"),
    h("p", { className: "hint" }, "Your edits stay in Anki. A patch brings them to your notes, too."),
    h("div", { className: "actions" },
      h("button", { className: "button outlined small", type: "button", onclick: copyPatch }, h("span", {}, "Copy the patch"), kbd("p"))));
}

export function notices(does) {
  return h("section", { className: "table notices", ariaLabel: "What your sources changed" },
    h("h3", {}, "What your sources changed"),
    h("ul", { className: "rows" }, round.notices.map((notice) => row(notice, does))));
}
