// The list of all keys.
import { $, h } from "./dom.js";
import { GO, LIST_KEYS } from "./lists.js";
import { round } from "./round.js";

const HELP = {
  Decide: { "⏎": "What the filled button says", a: "Accept, and go on", x: "Reject", "⇧X": "Reject the rest of the passage", w: "The same card in new words", e: "Edit",
    s: "Skip for now", u: "Undo" },
  "The card": { Space: "Show or hide the answer", "1 2 3": "Hide other words, or choose one of several", q: "Ask a question instead",
    c: "Hide words instead of asking", r: "Let the model draft others", h: "In a figure, hide all parts or only one" },
  "The editor": { "Ctrl ⏎": "Save", Esc: "Keep the words for later", "Ctrl ⇧ C": "Hide the selected words", "Ctrl ⇧ Alt C": "Hide them on the same card" },
  "The document": { "/": "Find words", "g 1": "Go to a page, by its number", "c q": "Of words that you select in a mark: hide them, or ask about them", v: "In a narrow window: show or hide it" },
  "The page": { "j k": "Next card, previous card", "g /": "Search all cards", m: "Questions from your chat", o: "Open in Anki", p: "Copy the patch of your edits in Anki",
    t: "Recall first", d: "Light or dark colours", "Ctrl K": "All actions", "?": "These keys" },
};

export function openHelp() {
  const lists = round.lists.map(({ id, name }) => [`${GO} ${LIST_KEYS[id]}`, name]);
  const groups = { ...HELP, "Go to": Object.fromEntries(lists) };
  const sections = Object.entries(groups).map(([name, keys]) => {
    const rows = Object.entries(keys).flatMap(([key, text]) => [h("dt", {}, key.split(" ").map(keySign)), h("dd", {}, text)]);
    return h("section", {}, h("h3", {}, name), h("dl", {}, rows));
  });
  $("#help-keys").replaceChildren(...sections);
  $("#help").showModal();
  $("#help").scrollTop = 0; // the button with the focus is at its end
}

const keySign = (key) => h("kbd", {}, key.length > 1 ? key : key.toUpperCase());
