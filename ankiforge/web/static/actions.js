// Every action with its key, as the keyboard and the palette have them: {group, label, key, run}, and `chooses` if it
// decides nothing.
/** @typedef {{group: string, label: string, key: string, chooses: boolean, run: () => any}} Action */
import { copyPatch, send } from "./anki.js";
import { openChat } from "./chat.js";
import { act, undo } from "./decide.js";
import { documentShown, hasDocument, toggleDocument } from "./document.js";
import { all, reading } from "./dom.js";
import { openField } from "./find.js";
import { openHelp } from "./help.js";
import { GO, LIST_KEYS, askForMore, searchAll, tenMore, visit } from "./lists.js";
import { changeTheme, isRecallFirst, otherTheme, setRecallFirst } from "./look.js";
import { round } from "./round.js";
import { current, flip, show } from "./stage.js";

// All that can be done now.
/** @returns {Action[]} */
export function actionsNow() {
  const found = [];
  let group = "This card";
  const add = (label, key, run) => found.push({ group, label, key, run, chooses: false });
  const choose = (label, key, run) => found.push({ group, label, key, run, chooses: true });

  const view = current();
  for (const action of view?.item.actions ?? []) {
    const label = action.label.replace("{n} ", "");
    const run = () => act(view, action);
    if (action.act !== "ask") add(label, action.key, run);
    else if (view.proposal) choose(label, action.key, run);
  }
  if (view?.item.cards) choose("Show or hide the answer", " ", () => flip());
  for (const [key, words] of view?.proposal?.others() ?? [])
    choose(`Hide “${words}” instead`, String(key), () => view.choose(key));
  const behind = view?.item.cards?.find((card) => card.number === "q");
  if (behind) choose(`Ask “${behind.title}” instead`, "q", () => view.choose("q"));
  if (view?.composer) {
    choose("Hide words", "c", () => view.composer.mode("cloze"));
    choose("Ask a question instead", "q", () => view.composer.mode("question"));
  }
  if (view?.figure) choose("Hide all parts, or only one", "h", () => view.figure.hide());
  if (round.undos.length) add("Undo the last decision", "u", () => undo());
  if (!round.rows && round.items.length > 1) {
    choose("Next card", "j", () => step(1));
    choose("Previous card", "k", () => step(-1));
  }

  group = "Lists";
  for (const { id, name } of round.lists) add(`Go to ${name}`, `${GO} ${LIST_KEYS[id]}`, () => visit(id));
  add("Search all cards", documentShown() ? `${GO} /` : "/", searchAll);

  group = "Document";
  if (hasDocument() && !reading.matches) choose("Show or hide the document", "v", () => toggleDocument());
  if (documentShown()) choose("Find in the document", "/", () => openField("find"));
  if (documentShown()?.sheets) choose("Go to a page of the document", `${GO} 1`, () => openField("page"));

  group = "Page";
  add("Questions from your chat", "m", openChat);

  group = "Anki";
  if (round.ready) add("Open the new cards in Anki", "o", send);
  add("Copy the patch of your edits in Anki", "p", copyPatch);

  group = "Page";
  const recall = isRecallFirst() ? "Show answers at once" : "Recall first: hide answers until Space";
  add(recall, "t", () => setRecallFirst(!isRecallFirst()));
  add(otherTheme(), "d", changeTheme);
  add("All keys", "?", openHelp);
  return found;
}

// Show the next item; among rows, move to the next one.
export function step(by) {
  if (round.resting) return tenMore();
  if (!round.rows && round.items.length) {
    round.step(by);
    show();
    askForMore();
    return;
  }
  const rows = all("button.row, .acted .link");
  const to = rows.indexOf(document.activeElement) + by;
  rows[Math.min(Math.max(to, 0), rows.length - 1)]?.focus();
}
