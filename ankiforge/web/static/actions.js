// Every action with its key, as the keyboard and the palette have them: {group, label, key, run}, and `chooses` if it
// decides nothing.
/** @typedef {{group: string, label: string, key: string, chooses?: boolean, run: () => any}} Action */
import { copyPatch, send } from "./anki.js";
import { act, undo } from "./decide.js";
import { all } from "./dom.js";
import { openHelp } from "./help.js";
import { GO, LIST_KEYS, searchAll, visit } from "./lists.js";
import { changeTheme, isRecallFirst, otherTheme, setRecallFirst } from "./look.js";
import { round } from "./round.js";
import { current, flip, show } from "./stage.js";

// All that can be done now.
/** @returns {Action[]} */
export function actionsNow() {
  const view = current();
  return [...(view ? cardActions(view) : []), ...roundActions(), ...listActions(), ...ankiActions(), ...pageActions()];
}

function cardActions(view) {
  const group = "This card";
  const found = [];
  for (const action of view.item.actions) {
    const isShown = action.act !== "ask" || view.proposal;
    const chooses = action.act === "ask";
    if (isShown) found.push({ group, label: action.label.replace("{n} ", ""), key: action.key, chooses, run: () => act(view, action) });
  }
  if (view.item.cards) found.push({ group, label: "Show or hide the answer", key: " ", chooses: true, run: () => flip() });
  for (const [key, words] of view.proposal?.others() ?? [])
    found.push({ group, label: `Hide “${words}” instead`, key: String(key), chooses: true, run: () => view.choose(key) });
  if (view.composer) {
    found.push({ group, label: "Hide words", key: "c", chooses: true, run: () => view.composer.mode("cloze") });
    found.push({ group, label: "Ask a question instead", key: "q", chooses: true, run: () => view.composer.mode("question") });
  }
  if (view.figure) found.push({ group, label: "Hide all parts, or only one", key: "h", chooses: true, run: () => view.figure.hide() });
  return found;
}

function roundActions() {
  const group = "This card";
  const found = [];
  if (round.undos.length) found.push({ group, label: "Undo the last decision", key: "u", run: () => undo() });
  if (!round.rows && round.items.length > 1) {
    found.push({ group, label: "Next card", key: "j", chooses: true, run: () => step(1) });
    found.push({ group, label: "Previous card", key: "k", chooses: true, run: () => step(-1) });
  }
  return found;
}

function listActions() {
  const group = "Lists";
  const found = [];
  for (const { id, name } of round.lists)
    found.push({ group, label: `Go to ${name}`, key: `${GO} ${LIST_KEYS[id]}`, run: () => visit(id) });
  found.push({ group, label: "Search all cards", key: "/", run: searchAll });
  return found;
}

function ankiActions() {
  const group = "Anki";
  const found = [];
  if (round.ready) found.push({ group, label: "Open the new cards in Anki", key: "o", run: send });
  found.push({ group, label: "Copy the patch of your edits in Anki", key: "p", run: copyPatch });
  return found;
}

function pageActions() {
  const group = "Page";
  const recall = isRecallFirst() ? "Show answers at once" : "Recall first: hide answers until Space";
  return [
    { group, label: recall, key: "t", run: () => setRecallFirst(!isRecallFirst()) },
    { group, label: otherTheme(), key: "d", run: changeTheme },
    { group, label: "All keys", key: "?", run: openHelp },
  ];
}

// Show the next item; among rows, move to the next one.
export function step(by) {
  if (round.rows || !round.items.length) {
    stepInRows(by);
    return;
  }
  round.step(by);
  show();
}

function stepInRows(by) {
  const rows = all("button.row, .acted .link");
  const to = rows.indexOf(document.activeElement) + by;
  rows[Math.min(Math.max(to, 0), rows.length - 1)]?.focus();
}
