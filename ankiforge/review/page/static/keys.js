// The page's own keys, in one table: the listener, the bar and the help are made of it.
//
//   key      as KeyboardEvent.key has it
//   label    what it does, in the help (none: it is not listed); `bar`: its name on a button, in the bar
//   does     (page) => …
//   when     (page) => whether it does anything now
//   repeats  may be held down

import { showHelp } from "./dialogs.js";
import { looks } from "./looks.js";

// Where no card is drawn yet, it is said how one is made.
function turn(page) {
  if (page.stages.flip()) return;
  const how = page.item?.passage
    ? "No card yet: select words of the passage, then press c, q or t"
    : "There is no card to turn here";
  page.tell(how, "refused");
}

const several = (page) => page.places.some((place) => place.faces.length > 1);

export const KEYS = [
  { key: " ", label: "Hide or show the answer; Enter does it too", bar: "Answer", does: turn },
  { key: "Enter", does: turn },
  { key: "]", label: "Next card of this note", when: several, does: (page) => page.stages.step(1) },
  { key: "[", label: "Previous card of this note", when: several, does: (page) => page.stages.step(-1) },
  { key: "s", label: "Skip: it comes back at the end", bar: "Skip", does: (page) => page.go("skip") },
  { key: "u", label: "Undo the last decision", bar: "Undo", does: (page) => page.decide("undo") },
  { key: "j", label: "Next", repeats: true, does: (page) => page.go("1") },
  { key: "k", label: "Previous", repeats: true, does: (page) => page.go("-1") },
  { key: "g", label: "Next highlight", does: (page) => page.go("group") },
  { key: "/", label: "Filter", does: () => document.getElementById("query").focus() },
  { key: "v", label: "Hide the answers, or show them", does: () => looks.toggle("answers") },
  { key: "d", label: "Dark or light", does: () => looks.toggle("dark") },
  { key: "w", label: "Phone width or full width", does: () => looks.toggle("phone") },
  { key: "?", label: "These keys", bar: "Keys", does: help },
];

export function listen(page) {
  page.keys.push(...KEYS);
  addEventListener("keydown", (event) => {
    if (foreign(event)) return;
    if (event.key === "Escape") leave(page);
    else if (page.press(event.key, event.repeat)) event.preventDefault();
  });
}

// Keys of the browser, of a field somebody types in, of a button that has the focus.
function foreign(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  if (event.defaultPrevented || event.target.closest("dialog")) return true;
  if (event.key === "Escape") return false;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return true;
  return [" ", "Enter"].includes(event.key) && Boolean(event.target.closest("button, a, summary, input"));
}

// Out of the filter, or of anything else: back to what is shown.
function leave(page) {
  document.getElementById("facets").open = false;
  document.activeElement.blur();
  page.focus();
}

function help(page) {
  const acts = page.item?.acts ?? [];
  const taken = new Set(acts.map((act) => act.key));
  const mine = page.keys.filter((row) => row.label && !taken.has(row.key));
  const groups = [
    ["Here", acts.filter((act) => act.key).map((act) => [act.key, act.label])],
    ["Always", mine.map((row) => [row.key, row.label])],
  ];
  showHelp(groups, page.hold());
}
