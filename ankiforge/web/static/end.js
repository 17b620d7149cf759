// The end of a round: what was decided, and where to go on.
import { button, h } from "./dom.js";
import { drawIn } from "./face.js";
import { TEN, round } from "./round.js";
import { row } from "./rows.js";
import { count, number } from "./say.js";
import { post } from "./server.js";

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
  if (round.resting) title = `Ten decided in ${clock(performance.now() - round.ten.since)}.`;
  let told = done || later ? "" : EMPTY[round.list];
  if (kinds.length > 1) told = `${kinds.join(", ")}.`;

  // what one may do next, the best first
  const { left } = round.here;
  const others = round.lists.filter((list) => list.left && list.id !== round.list);
  const ways = [];
  const add = (label, run) => ways.push(button(ways.length ? "outlined" : "filled", label, ways.length ? "o" : "⏎", run));
  if (round.resting) {
    if (round.ready > 0) add(`Open ${count(round.ready, "new card")} in Anki`, does.send);
    const more = button(ways.length ? "outlined" : "filled", left > TEN ? "Ten more" : "Go on", "j", does.tenMore);
    more.dataset.more = "";
    ways.push(more);
  } else if (left > 0) add(`Go on with ${left === 1 ? "the one" : `the ${number(left)}`} put off`, () => does.go(round.list));
  if (!round.resting && round.ready > 0) add(`Open ${count(round.ready, "new card")} in Anki`, does.send);
  if (!ways.length && others.length) add(`Go on with ${others[0].name}`, () => does.go(others[0].id));
  return h("section", { className: "end", ariaLabel: "Done" },
    h("h2", { tabIndex: -1 }, title),
    told && h("p", {}, told),
    ways.length && h("div", { className: "actions" }, ways),
    round.ten.actions.length && became(),
    !round.resting && others.length && h("h3", {}, "Also waiting"),
    !round.resting && others.length && h("ul", { className: "others" }, others.map((list) => waitingList(list, does))));
}

const clock = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;

// What became of the decisions: how many cards, how long they take, where they are from; and the cards, to turn over.
function became() {
  const place = h("div", { className: "became" });
  post("ending", { actions: round.ten.actions, decided: round.ten.decided }).then(({ lines, cards }) => {
    place.append(...lines.map((line) => h("p", { dir: "auto" }, line)),
      cards.length ? h("ul", { className: "small-cards" }, cards.map(smallCard)) : "");
  }).catch(() => {}); // the decisions are stored all the same
  return place;
}

function smallCard({ front, back, title }) {
  const shown = h("div");
  let isBack = false;
  const turn = () => {
    isBack = !isBack;
    drawIn(shown, isBack ? back : front);
    turner.ariaPressed = String(isBack);
  };
  const turner = h("button", { type: "button", className: "turn", ariaPressed: "false", ariaLabel: `Turn over: ${title}`, onclick: turn });
  drawIn(shown, front);
  return h("li", {}, shown, turner);
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
