// A single table of all keys, from which the keyboard handling and the menu are built.
import { $, findAll, h, makeKeyLabel } from "./dom.js";
import { closeField, isMeantForField, runWhenPainted } from "./pace.js";
import { MODE } from "./states.js";

// Each key has the `views` in which it acts (shelf, sitting, list), a name, a function, and `when` it is available. The menu lists
// what has no button and can act now, under its current `label`. A key that `holds` stores nothing, so it waits for a card that
// is about to be shown.
/** @typedef {{views: string, key: string, name: string, run: (page: any) => any, when: (page: any) => any,
 *   label: (page: any) => string, isListed: (page: any) => any, holds?: boolean}} Key */
/** @type {(views: string) => (key: string, name: string, run: (page: any) => any, more?: any) => Key} */
const makeKeyRow = (views) => (key, name, run, more = {}) => ({ views, key, name, run, when: () => true, label: () => name, isListed: () => true, ...more });
const [sitting, anywhere] = [makeKeyRow("sitting"), makeKeyRow("shelf sitting list")];
// An action of the card, named like its button.
const makeCardActionRow = (key) => ({ when: (page) => page.sitting.actionOf(key), label: (page) => page.sitting.actionOf(key).label });
const unlisted = { isListed: () => false };
const requiresPaper = { holds: true, when: (page) => page.sitting.paper, ...unlisted };
const step = { holds: true, isListed: (page) => page.view === "sitting" && page.sitting.items.length > 1 };

/** @type {Key[]} */
export const KEYS = [
  makeKeyRow("shelf sitting")("Enter", "Accept, make or open", (page) => page.place.enter(), unlisted),
  sitting("1–4", "Other words", () => {}, unlisted),
  sitting("ArrowRight", "Choose your own words", (page) => page.sitting.card.sentence.focus(), { ...unlisted, holds: true, when: (page) => page.sitting.card?.mode === MODE.LOOK && page.sitting.card.sentence }),
  sitting(" ", "Hide the word", () => {}, unlisted),
  sitting("q", "Ask", (page) => page.sitting.ask(), { ...unlisted, holds: true, when: (page) => page.sitting.card?.mayAsk }),
  sitting("e", "Edit", (page) => page.sitting.edit(), { ...unlisted, when: (page) => page.sitting.card?.editing }),
  sitting("x", "Reject", (page) => page.sitting.press("x"), { ...unlisted, ...makeCardActionRow("x") }),
  sitting("b", "Show in Anki", (page) => page.sitting.press("b"), { ...unlisted, ...makeCardActionRow("b") }),
  sitting("s", "Later", (page) => page.sitting.press("s"), makeCardActionRow("s")),
  anywhere("u", "Undo", (page) => page.undo(), { isListed: (page) => page.undos.length }),
  anywhere("j", "Next card", (page) => page.place.step(1), step),
  anywhere("k", "Previous card", (page) => page.place.step(-1), step),
  sitting("n", "Next highlight or document", (page) => page.sitting.next(), { ...requiresPaper, when: (page) => page.sitting.paper || page.sitting.ending }),
  sitting("p", "Previous highlight", (page) => page.sitting.stepMark(-1), requiresPaper),
  sitting("0", "Fit the text", (page) => page.sitting.paper.zoomTo(1), requiresPaper),
  anywhere("/", "All cards", (page) => page.openAll()),
  sitting("", "Take out this highlight", (page) => page.sitting.unmark(), { when: (page) => page.sitting.isMadeHere }),
  anywhere("m", "Ask my chat", (page) => page.chat()),
  anywhere("o", "Open in Anki", (page) => page.send(), { isListed: (page) => page.ready }),
  anywhere("?", "All actions", (page) => openMenu(page), unlisted),
  anywhere("Escape", "Back", (page) => page.escape(), unlisted),
];

const isInView = (page) => ({ views }) => views.split(" ").includes(page.view);

// ---- The keyboard.

export const beginKeys = (page) => document.addEventListener("keydown", (e) => onKeyDown(e, page));

function onKeyDown(e, page) {
  if ($("dialog[open]") || e.isComposing) return;
  const { target, key } = e;
  const hasCommand = (e.ctrlKey || e.metaKey) && !e.altKey;
  const isTyping = target.closest?.("textarea, input[type=text], input[type=search], [contenteditable]");
  if (key === "Escape") page.escape();
  else if (hasCommand && key === "k") openMenu(page);
  else if (key === "Enter" && !e.repeat && page.view === "sitting" && (hasCommand || (isTyping?.closest(".asking") && !e.shiftKey))) {
    if (isTyping) closeField();
    page.sitting.enter();
  }
  else if (e.repeat) {
    // holding a key down repeats navigation but never a decision
    if (!isTyping && !target.closest?.("button, summary, a") && /^[jknp]$/.test(key)) onPlainKey(e, page);
    return;
  } else {
    if (!(e.ctrlKey || e.metaKey || e.altKey || isTyping)) onPlainKey(e, page);
    return;
  }
  e.preventDefault();
}

function onPlainKey(e, page) {
  const { key, target } = e;
  const isSitting = page.view === "sitting";
  if (key.length === 1 && isMeantForField()) return e.preventDefault();
  // Space selects a word or ticks a box, and Enter presses the filled button even on a word or checkbox
  const isOnButton = target.closest?.(key === "Enter" ? "button:not(.word), summary, a, select, input:not([type=checkbox])" : "button, summary, a, select, input");
  if ((key === "Enter" || key === " ") && isOnButton) return;
  if (isSitting && /^[1-9]$/.test(key)) {
    if (page.sitting.actionOf(key)) page.sitting.press(key);
    else runWhenPainted(() => page.sitting.card?.choose(Number(key)));
    return;
  }
  const chosen = isSitting ? page.sitting.getSelectedText() : null;
  if (chosen && (key === "q" || key === "Enter")) {
    e.preventDefault();
    runWhenPainted(() => page.sitting.take(key));
    return;
  }
  const wanted = { ArrowDown: "j", ArrowUp: "k" }[isSitting ? "" : key] ?? key;
  const row = KEYS.filter(isInView(page)).find((each) => each.key === wanted);
  if (!row) return;
  e.preventDefault();
  const run = () => row.when(page) && row.run(page);
  if (row.holds) runWhenPainted(run);
  else run();
}

// ---- The menu.

// Fill the menu with the actions that have no button, the card's first.
export function fillMenu(page) {
  const menuKeys = KEYS.filter(isInView(page)).filter((row) => row.isListed(page) && row.when(page));
  const isOnlyInMenu = ({ look, key }) => look === "more" && !menuKeys.some((row) => key && row.key === key);
  const cardActions = page.view === "sitting" ? page.sitting.actions.filter(isOnlyInMenu) : [];
  const items = [...cardActions.map((action) => ({ label: action.label, key: action.key, run: () => page.sitting.do(action) })),
    ...menuKeys.map((row) => ({ label: row.label(page), key: row.key, run: () => row.run(page) }))];
  $("#menu-items").replaceChildren(...items.map(({ label, key, run }) => h("button", { type: "button", className: "menu-item", onclick: () => {
    $("#menu").open = false;
    run();
  } }, h("span", {}, label), makeKeyLabel(key))));
}
function openMenu(page) {
  fillMenu(page);
  $("#menu").open = true;
  $("#menu-items button").focus();
}
addEventListener("click", ({ target }) => {
  for (const menu of findAll(".menu[open]")) if (!menu.contains(target)) menu.open = false;
});
