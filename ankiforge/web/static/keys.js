// Every key: one table, from which the keyboard, the help, the palette, the menu and the guide are drawn.
import { $, all, entries, h } from "./dom.js";
import { whenPainted } from "./pace.js";
import { palette } from "./palette.js";
import { recalled, remember } from "./settings.js";

const GO_STAYS = 1500; // ms in which a second key may follow

// Of each key: its group, its name in the help and the palette, the views in which it acts (shelf, sitting, list), and what it
// does. `label` is its name in the palette now, "" if it cannot be pressed; `also` has other words by which the palette finds it;
// `holds`: it decides nothing, so it waits for a card that is on its way.
/** @typedef {{group: string, key: string, name: string, views: string, run: (page: any) => any, label: (page: any) => string,
 *   holds?: boolean, inMenu?: boolean, also?: string}} Key */
const always = (_page) => true;
const never = () => false;
/** @type {(group: string, views: string) => (key: string, name: string, run: (page: any) => any, more?: any) => Key} */
const at = (group, views) => (key, name, run, { when = always, ...more } = {}) => ({ group, views, key, name, run, label: (page) => (when(page) ? name : ""), ...more });
const decide = at("Decide", "sitting");
const card = at("The card", "sitting");
const paper = at("The document", "sitting");
const shelf = at("The shelf", "shelf");
const list = at("Lists and search", "list");
const any = at("Everywhere", "shelf sitting list");
const go = at("Go to", "shelf sitting list");
const action = (key, also = "") => ({ also, label: ({ sitting }) => sitting.actionOf(key)?.label.replace("{n} ", "") ?? "" });
const ofSentence = { holds: true, when: ({ sitting }) => sitting.card?.sentence?.card.gaps };
const inPaper = { holds: true, when: ({ sitting }) => sitting.paper };
const onKeyboard = () => !matchMedia("(pointer: coarse), (max-width: 479px)").matches;

/** @type {Key[]} */
export const KEYS = [
  decide("Enter", "Press the blue button", ({ sitting }) => sitting.enter(), { when: never }),
  decide("", "Accept", ({ sitting }) => sitting.press("accept"), action("accept", "keep good yes add")),
  decide("x", "Reject; suspend a failing card", ({ sitting }) => sitting.press("x"), action("x", "delete remove drop no bad")),
  decide("", "Reject the rest of the mark", ({ sitting }) => sitting.press("passage"), action("passage")),
  decide("e", "Edit", ({ sitting }) => sitting.edit(), { also: "change write fix deck tags", label: ({ sitting }) => sitting.card?.editing?.label ?? "" }),
  decide("s", "Later; a failing card in 30 days", ({ sitting }) => sitting.press("s"), action("s", "skip postpone defer bury")),
  decide("", "Accept as another card", ({ sitting }) => sitting.press("another"), action("another")),
  decide("", "Accept anyway", ({ sitting }) => sitting.press("force"), action("force")),
  decide("", "Ask the model for others", ({ sitting }) => sitting.press("others"), action("others")),
  decide("", "Reject with a reason…", ({ sitting }) => sitting.reason(), { when: ({ sitting }) => sitting.why }),
  decide("u", "Undo", ({ sitting }) => sitting.undo(), { views: "shelf sitting list", also: "revert take back ctrl z", run: (page) => page.undo() }),

  card("1 2 3 4", "Hide other words, or take another draft", () => {}, { when: never }),
  card("ArrowRight", "Choose words of your own: ← → go, Space hides", ({ sitting }) => sitting.card.sentence.focus(), { holds: true, when: ({ sitting }) => sitting.card?.mode === "look" && sitting.card.sentence }),
  card(" ", "Show or hide the answer", (page) => page.flip(), { holds: true, when: ({ sitting }) => sitting.card?.item.cards }),
  card("q", "Ask a question instead", ({ sitting }) => sitting.ask(), { holds: true, also: "basic", when: ({ sitting }) => sitting.card?.sentence }),
  card("", "End the sentence earlier", ({ sitting }) => sitting.card?.sentence?.cutTail(), ofSentence),
  card("", "Begin the sentence later", ({ sitting }) => sitting.card?.sentence?.cutHead(), ofSentence),
  card("", "Add or drop the sentence before", ({ sitting }) => sitting.card?.sentence?.before(), ofSentence),
  card("h", "Figure: hide all labels, or one", ({ sitting }) => sitting.card?.figure?.hide(), { holds: true, when: ({ sitting }) => sitting.card?.figure }),
  card("c", "Hide words selected in the document", ({ sitting }) => sitting.take("c"), { when: never }),
  card("Ctrl ⏎", "Editor: save", () => {}, { when: never }),
  card("Ctrl ⇧ C", "Editor: hide the selected words", () => {}, { when: never }),

  paper("j", "Next card", ({ sitting }) => sitting.step(1), { holds: true }),
  paper("k", "Previous card", ({ sitting }) => sitting.step(-1), { holds: true }),
  paper("n", "Next mark", ({ sitting }) => sitting.stepMark(1), inPaper),
  paper("p", "Previous mark", ({ sitting }) => sitting.stepMark(-1), inPaper),
  paper("v", "Choose words: arrows go, with ⇧ further, Enter marks", ({ sitting }) => sitting.choose(), inPaper),
  paper("Delete", "Take out a mark made here", ({ sitting }) => sitting.unmark(), { when: ({ sitting }) => sitting.item?.source }),
  paper("/", "Find in the document", (page) => page.find("find"), inPaper),
  paper("", "Go to a page", (page) => page.find("page"), { also: "number jump", when: ({ sitting }) => sitting.paper?.body?.pages }),
  paper("", "Larger", ({ sitting }) => sitting.paper?.zoomBy(1), inPaper),
  paper("", "Smaller", ({ sitting }) => sitting.paper?.zoomBy(-1), inPaper),
  paper("", "Fit the text", ({ sitting }) => sitting.paper?.zoomBy(0), inPaper),
  paper("", "Page as printed, in the dark", (page) => page.togglePrinted(), inPaper),
  paper("⇧ Enter", "After the last card: next document", ({ sitting }) => sitting.nextDocument(), { when: never }),

  shelf("j", "Next document", (page) => page.shelf.step(1)),
  shelf("k", "Previous document", (page) => page.shelf.step(-1)),
  shelf("Enter", "Press the blue button", (page) => page.shelf.enter()),

  list("j", "Next row", (page) => page.rows.step(1)),
  list("k", "Previous row", (page) => page.rows.step(-1)),
  list("c", "Make a card of the passage", (page) => page.rows.make()),
  list("a", "Answer from what you have read", (page) => page.rows.answer()),

  any("m", "Questions from your chat", (page) => page.chat(), { inMenu: true, also: "llm ai gpt claude model" }),
  any("o", "Open in Anki", (page) => page.send(), { inMenu: true, also: "export import sync apkg package deck", when: ({ ready }) => ready }),
  any("", "Recall first: hide the answers", (page) => page.setRecall(!recalled("recall")), { inMenu: true, also: "quiz test cover", label: () => (recalled("recall") ? "Show answers at once" : "Recall first") }),
  any("d", "Light or dark colours", (page) => page.changeTheme(), { inMenu: true, also: "theme night mode appearance" }),
  any("Ctrl K", "All actions", (page) => openPalette(page), { inMenu: true }),
  any("?", "All keys", () => openHelp(), { inMenu: true, also: "help shortcuts keyboard hotkeys", when: onKeyboard }),
  any("Escape", "Back", (page) => page.escape(), { when: never }),
  go("g n", "Shelf", (page) => page.visit("new"), { inMenu: true }),
  go("", "Changed", (page) => page.visit("changed"), { inMenu: true }),
  go("", "Failing", (page) => page.visit("failing"), { inMenu: true }),
  go("", "Questions", (page) => page.visit("questions"), { inMenu: true }),
  go("", "No card yet", (page) => page.visit("none"), { inMenu: true }),
  go("g a", "All cards", (page) => page.visit("all"), { inMenu: true }),
  go("g /", "Search", (page) => page.searchAll(), { also: "find filter browse all cards deck tag date" }),
];

const may = (page, { views }) => views.split(" ").includes(page.view);
// The rows that can be pressed now, with their names.
export function rowsNow(page) {
  const own = page.view === "sitting" && page.sitting.card ? page.sitting.card.otherGaps.map(({ key, words }) => ({
    group: "The card", key, label: `Hide “${words}” instead`, run: () => page.sitting.card.choose(Number(key)),
  })) : [];
  const rows = KEYS.filter((row) => may(page, row)).map((row) => ({ ...row, label: row.label(page), run: () => row.run(page) })).filter(({ label }) => label);
  return [...own, ...rows];
}

// ---- The keyboard.

let isSingle = true; // whether single keys act
let goTimer = 0; // runs while a second key may follow

export function beginKeys(page) {
  isSingle = recalled("single", true);
  $("#single").checked = isSingle;
  $("#single").addEventListener("change", ({ target }) => {
    isSingle = target.checked;
    remember("single", isSingle);
  });
  document.addEventListener("keydown", (e) => press(e, page));
}

function press(e, page) {
  if ($("dialog[open]") || e.isComposing) return;
  const { target, key } = e;
  const hasCommand = (e.ctrlKey || e.metaKey) && !e.altKey;
  const isTyping = target.closest?.("textarea, input[type=text], input[type=search], [contenteditable]");
  page.sitting?.pressed();
  if (hasCommand && key.toLowerCase() === "k") openPalette(page);
  else if (key === "Escape") page.escape();
  else if (key === "Enter" && !e.repeat && page.view === "sitting" && (hasCommand || (isTyping?.closest(".asking") && !e.shiftKey))) page.sitting.enter();
  else if (e.repeat) {
    // a key that is held down decides nothing; those that step go on
    if (isTyping || !(/^Arrow/.test(key) || !target.closest?.("button, summary, a"))) return;
    if (!/^[jknp]$/.test(key) && !(page.sitting?.isChoosing && /^Arrow/.test(key))) return;
    pressSingle(e, page);
    return;
  } else {
    if (e.ctrlKey || e.metaKey || e.altKey || isTyping || (!isSingle && key !== "?")) return;
    pressSingle(e, page);
    return;
  }
  e.preventDefault();
}

function pressSingle(e, page) {
  const { key, target } = e;
  // Space chooses a word or ticks a box; Enter presses the blue button there, too
  const isOnButton = target.closest?.(key === "Enter" ? "button:not(.word), summary, a, select, input:not([type=checkbox])" : "button, summary, a, select, input");
  if ((key === "Enter" || key === " ") && isOnButton) return;
  if (goTimer) {
    e.preventDefault();
    endGo();
    KEYS.find((row) => row.key === `g ${key}`)?.run(page);
    return;
  }
  if (key === "g") {
    goTimer = setTimeout(endGo, GO_STAYS);
    return;
  }
  if (page.view === "sitting" && /^[1-9]$/.test(key)) {
    if (page.sitting.actionOf(key)) page.sitting.press(key);
    else whenPainted(() => page.sitting.card?.choose(Number(key)));
    return;
  }
  const chosen = page.view === "sitting" ? page.sitting.selected() : null;
  if (chosen && page.sitting.isChoosing && key.startsWith("Arrow")) {
    e.preventDefault();
    page.sitting.paper.stepWords(key, e.shiftKey);
    return;
  }
  if (chosen && (/^[cq]$/.test(key) || (key === "Enter" && !chosen.key))) {
    e.preventDefault();
    whenPainted(() => page.sitting.take(key));
    return;
  }
  const wanted = e.shiftKey && key === "Enter" ? "⇧ Enter" : { ArrowDown: "j", ArrowUp: "k" }[page.view === "sitting" ? "" : key] ?? key;
  const row = KEYS.find((each) => each.key === wanted && may(page, each));
  if (!row) return;
  e.preventDefault();
  if (row.holds) whenPainted(() => row.run(page));
  else row.run(page);
}
function endGo() {
  clearTimeout(goTimer);
  goTimer = 0;
}

// ---- What is drawn from the table.

export function openPalette(page) {
  palette(rowsNow(page));
}
const signs = (key) => (key === " " ? ["Space"] : key.split(" ")).map((sign) => h("kbd", {}, sign.length > 1 ? sign.replace("Enter", "⏎").replace("Escape", "Esc").replace("ArrowRight", "→")
  : /[A-Z]/.test(sign) && !key.includes(" ") ? `⇧${sign}` : sign.toUpperCase()));
export function openHelp() {
  const groups = [...new Set(KEYS.map(({ group }) => group))];
  const rowsOf = (group) => KEYS.filter((row) => row.key && row.group === group).flatMap(({ key, name }) => [h("dt", {}, signs(key)), h("dd", {}, name)]);
  $("#help-keys").replaceChildren(...groups.map((group) => h("section", {}, h("h3", {}, group), h("dl", {}, rowsOf(group)))));
  $("#help").showModal();
}
export function fillMenu(page) {
  const rows = rowsNow(page).filter(({ inMenu }) => inMenu);
  const waits = page.sitting && page.view === "sitting" ? page.sitting.waits : "";
  $("#menu-items").replaceChildren(waits && h("p", {}, waits), ...entries(rows));
}
addEventListener("click", ({ target }) => {
  for (const menu of all(".menu[open]")) if (!menu.contains(target)) menu.open = false;
});
