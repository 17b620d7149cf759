// The end of a round: what was decided, and where to go on.
import { button, h } from "./dom.js";
import { round } from "./round.js";
import { row } from "./rows.js";
import { count, number } from "./say.js";

const TOLD = { accept: "accepted", force: "accepted", edit: "edited", masks: "edited", make: "made", write: "made", reject: "rejected",
  same: "accepted", passage: "rejected", none: "without a card", later: "skipped" };
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
  // the decisions of this round in words ("3 accepted"), how many they are, and how many were put off
  const later = round.tally.later ?? 0;
  const sums = {};
  let done = -later;
  for (const [act, times] of Object.entries(round.tally)) {
    const word = TOLD[act] ?? act;
    sums[word] = (sums[word] ?? 0) + times;
    done += times;
  }
  const counted = Object.entries(sums).filter(([, times]) => times);
  const kinds = counted.map(([word, times]) => `${number(times)} ${word}`);
  let title = later ? "All put off for later." : "Nothing waits here.";
  if (done) title = `${number(done)} done.`;
  if (kinds.length === 1 && !later) title = `${kinds[0]}.`;
  let told = done || later ? "" : EMPTY[round.list];
  if (kinds.length > 1) told = `${kinds.join(", ")}.`;

  // what one may do next, the best first
  const { left } = round.here;
  const others = round.lists.filter((list) => list.left && list.id !== round.list);
  const ways = [];
  const add = (label, run) => ways.push(button(ways.length ? "outlined" : "filled", label, ways.length ? "o" : "⏎", run));
  if (left > 0) add(`Go on with ${left === 1 ? "the one" : `the ${number(left)}`} put off`, () => does.go(round.list));
  if (round.ready > 0) add(`Open ${count(round.ready, "new card")} in Anki`, does.send);
  if (!ways.length && others.length) add(`Go on with ${others[0].name}`, () => does.go(others[0].id));
  return h("section", { className: "end", ariaLabel: "Done" },
    h("h2", { tabIndex: -1 }, title),
    told && h("p", {}, told),
    ways.length && h("div", { className: "actions" }, ways),
    others.length && h("h3", {}, "Also waiting"),
    others.length && h("ul", { className: "others" }, others.map((list) => waitingList(list, does))));
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
    h("div", { className: "actions" }, button("outlined small", "Copy the patch", "p", copyPatch)));
}

export function notices(does) {
  return h("section", { className: "table notices", ariaLabel: "What your sources changed" },
    h("h3", {}, "What your sources changed"),
    h("ul", { className: "rows" }, round.notices.map((notice) => row(notice, does))));
}
