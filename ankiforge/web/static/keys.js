// Every key: one table, from which the keyboard, the list of keys, the palette and the menu are drawn.
import { $, all, entries, h } from "./dom.js";
import { isDark } from "./face.js";
import { whenPainted } from "./pace.js";
import { palette } from "./palette.js";
import { tell } from "./say.js";

// Of each key: the views in which it acts (shelf, sitting, list), its name, what it does, and `when` it can be done. `label` is its
// name in the palette and the menu now; `also` has other words by which the palette finds it; `holds`: it decides nothing, so it
// waits for a card that is on its way.
/** @typedef {{views: string, group: string, key: string, name: string, run: (page: any) => any, when: (page: any) => any,
 *   label: (page: any) => string, holds?: boolean, also?: string, isListed?: boolean}} Key */
/** @type {(views: string, group: string) => (key: string, name: string, run: (page: any) => any, more?: any) => Key} */
const at = (views, group) => (key, name, run, more = {}) => ({ views, group, key, name, run, when: () => true, label: () => name, ...more });
const sitting = at("sitting", "A card");
const [inDocument, moving] = [at("sitting", "Move"), at("shelf sitting list", "Move")];
const anywhere = at("shelf sitting list", "Everywhere");
// What a card offers has the name of its button.
const action = (key, also) => ({ also, when: (page) => page.sitting.actionOf(key), label: (page) => page.sitting.actionOf(key).label.replace("{n} ", "") });
const inPaper = { holds: true, when: (page) => page.sitting.paper };
const unlisted = { isListed: false };
const onKeyboard = () => !matchMedia("(pointer: coarse), (max-width: 479px)").matches;

/** @type {Key[]} */
export const KEYS = [
  at("shelf sitting", "A card")("Enter", "Accept, make or open", (page) => page.place.enter(), unlisted),
  sitting("1–4", "Other words, or another draft", () => {}, unlisted),
  sitting("ArrowRight", "Choose your own words", (page) => page.sitting.card.sentence.focus(), { holds: true, when: (page) => page.sitting.card?.mode === "look" && page.sitting.card.sentence }),
  sitting(" ", "Hide the word", () => {}, unlisted),
  sitting("q", "Ask", (page) => page.sitting.ask(), { holds: true, also: "question basic", when: (page) => page.sitting.card?.mayAsk }),
  sitting("e", "Edit", (page) => page.sitting.edit(), { also: "change write fix deck tags", when: (page) => page.sitting.card?.editing }),
  sitting("x", "Reject", (page) => page.sitting.press("x"), action("x", "delete remove drop no bad")),
  sitting("s", "Later", (page) => page.sitting.press("s"), action("s", "skip postpone defer bury")),
  anywhere("u", "Undo", (page) => page.undo(), { also: "revert take back ctrl z" }),
  moving("j", "Next card or row", (page) => page.place.step(1), { holds: true, ...unlisted }),
  moving("k", "Previous card or row", (page) => page.place.step(-1), { holds: true, ...unlisted }),
  inDocument("n", "Next highlight or document", (page) => page.sitting.next(), inPaper),
  inDocument("p", "Previous highlight", (page) => page.sitting.stepMark(-1), inPaper),
  inDocument("0", "Fit the text", (page) => page.sitting.paper.zoomTo(1), inPaper),
  anywhere("/", "All cards", (page) => page.openAll(), { also: "search find filter browse deck tag date" }),
  sitting("", "Larger", (page) => page.sitting.paper.zoomTo(page.sitting.paper.zoom * 1.2), inPaper),
  sitting("", "Smaller", (page) => page.sitting.paper.zoomTo(page.sitting.paper.zoom / 1.2), inPaper),
  sitting("", "Take out a highlight made here", (page) => page.sitting.unmark(), { when: (page) => page.sitting.paper && page.sitting.item?.source }),
  anywhere("m", "Ask my chat", (page) => page.chat(), { also: "llm ai gpt claude model questions" }),
  anywhere("o", "Open in Anki", (page) => page.send(), { also: "export import sync apkg package deck" }),
  anywhere("", "Dark", (page) => page.changeTheme(), { label: () => (isDark() ? "Light" : "Dark"), also: "theme night mode appearance colours" }),
  anywhere("?", "Keys", () => openKeys(), { also: "help shortcuts keyboard hotkeys" }),
  anywhere("Ctrl K", "All actions", (page) => openPalette(page), unlisted),
  moving("Escape", "Back", (page) => page.escape(), unlisted),
];
const MENU = () => ["Ask my chat", "Open in Anki", "All cards", "Dark", onKeyboard() ? "Keys" : "All actions"];

const isIn = (page) => ({ views }) => views.split(" ").includes(page.view);
const drawn = (page) => (row) => ({ ...row, label: row.label(page), run: () => row.run(page) });

// ---- The keyboard.

export const beginKeys = (page) => document.addEventListener("keydown", (e) => press(e, page));

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
    if (!isTyping && !target.closest?.("button, summary, a") && /^[jknp]$/.test(key)) pressSingle(e, page);
    return;
  } else {
    if (!(e.ctrlKey || e.metaKey || e.altKey || isTyping)) pressSingle(e, page);
    return;
  }
  e.preventDefault();
}

function pressSingle(e, page) {
  const { key, target } = e;
  const isSitting = page.view === "sitting";
  // Space chooses a word or ticks a box; Enter presses the blue button there, too
  const isOnButton = target.closest?.(key === "Enter" ? "button:not(.word), summary, a, select, input:not([type=checkbox])" : "button, summary, a, select, input");
  if ((key === "Enter" || key === " ") && isOnButton) return;
  if (isSitting && /^[1-9]$/.test(key)) {
    if (page.sitting.actionOf(key)) page.sitting.press(key);
    else whenPainted(() => page.sitting.card?.choose(Number(key)));
    return;
  }
  const chosen = isSitting ? page.sitting.selected() : null;
  if (chosen && (key === "q" || key === "Enter")) {
    e.preventDefault();
    whenPainted(() => page.sitting.take(key));
    return;
  }
  const wanted = { ArrowDown: "j", ArrowUp: "k" }[isSitting ? "" : key] ?? key;
  const row = KEYS.filter(isIn(page)).find((each) => each.key === wanted);
  if (!row) return;
  e.preventDefault();
  const run = () => (row.when(page) ? row.run(page) : tell(`“${row.name}” cannot be done here.`));
  if (row.holds) whenPainted(run);
  else run();
}

// ---- What is drawn from the table.

// All that can be done now; first what the card offers besides.
export function openPalette(page) {
  const known = KEYS.filter(isIn(page)).filter((row) => row.isListed !== false && row.when(page));
  const isKnown = ({ act, key }) => act === "ask" || known.some((row) => key && row.key === key);
  const offered = page.view === "sitting" ? page.sitting.actions.filter((each) => !isKnown(each)) : [];
  palette([...offered.map((each) => ({ label: each.label.replace("{n} ", ""), key: each.key, run: () => page.sitting.do(each) })), ...known.map(drawn(page))]);
}
const signs = (key) => (key === " " ? ["Space"] : key.split(" ")).map((sign) => h("kbd", {}, sign.length > 1 ? sign.replace("Enter", "⏎").replace("Escape", "Esc").replace("ArrowRight", "→") : sign.toUpperCase()));
function openKeys() {
  const rows = KEYS.filter(({ key }, i) => key && KEYS.findIndex((row) => row.key === key) === i);
  $("#help-keys").replaceChildren(...["A card", "Move", "Everywhere"].map((group) => h("section", {}, h("h3", {}, group), h("dl", {}, rows.filter((row) => row.group === group).map(({ key, name }) => [h("dt", {}, signs(key)), h("dd", {}, name)])))));
  $("#help").showModal();
}
export function fillMenu(page) {
  const rows = KEYS.filter(isIn(page));
  $("#menu-items").replaceChildren(...entries(MENU().map((name) => drawn(page)(rows.find((row) => row.name === name)))));
}
addEventListener("click", ({ target }) => {
  for (const menu of all(".menu[open]")) if (!menu.contains(target)) menu.open = false;
});
