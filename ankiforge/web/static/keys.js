// The keyboard.
import { actionsNow, step } from "./actions.js";
import { makeOf, undo } from "./decide.js";
import { selectedWords, toggleDocument } from "./document.js";
import { $ } from "./dom.js";
import { openField } from "./find.js";
import { GO, LIST_KEYS, close, closeSide, searchAll, visit } from "./lists.js";
import { mayDecide, painted, whenPainted } from "./pace.js";
import { palette } from "./palette.js";
import { round } from "./round.js";
import { recalled, remember } from "./settings.js";
import { closeMenu, current } from "./stage.js";

const MAIN = ".middle > .actions .button.filled";
const REVEAL = ".middle > .reveal";
const MAKES = { c: "cloze", q: "question" }; // of words that are selected in the document
const FOR_THE_END = 3; // times as long as a card: who goes through cards quickly does not mean the end screen
const GO_STAYS = 1500; // ms in which the key of a list may follow

let isSingle = true; // whether single keys act
let goTimer = 0; // runs while the key of a list may follow

export function beginKeys() {
  isSingle = recalled("single", true);
  $("#single").checked = isSingle;
  $("#single").addEventListener("change", (e) => {
    isSingle = e.target.checked;
    remember("single", isSingle);
  });
  document.addEventListener("keydown", press);
}

export function openPalette() {
  palette(actionsNow());
}

// ---- A key.

function press(e) {
  if ($("dialog[open]")) return;
  const hasCommand = (e.ctrlKey || e.metaKey) && !e.altKey;
  if (hasCommand && e.key.toLowerCase() === "k") {
    e.preventDefault();
    openPalette();
    return;
  }
  if (e.repeat) {
    // a key that is held down presses no button again; in a field it types
    if (e.target.closest?.("button, summary, a")) e.preventDefault();
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const view = current();
  const isTyping = Boolean(e.target.closest?.("textarea, input[type=text], input[type=search]"));
  if (e.key === "Escape") {
    escape(view, e.target, isTyping);
    return;
  }
  const isQuestion = e.target.classList?.contains("question");
  if (isQuestion && e.key === "Enter") {
    $(MAIN, view.node).click();
    return;
  }
  if (isTyping || view?.closeEditor) return;
  if (document.body.classList.contains("document-open") && !["v", "/", "g"].includes(e.key) && !goTimer) return;
  if (!isSingle && e.key !== "?") return;
  const chosen = MAKES[e.key] && selectedWords();
  if (chosen) {
    e.preventDefault();
    whenPainted(() => makeOf(chosen, MAKES[e.key]));
    return;
  }
  pressSingle(e, view);
}

function pressSingle(e, view) {
  const isOnButton = Boolean(e.target.closest("button, summary, a, select"));
  if (goTimer) {
    e.preventDefault();
    endGo();
    const list = round.lists.find(({ id }) => LIST_KEYS[id] === e.key);
    if (list) visit(list.id);
    else if (e.key === "/") searchAll();
    else if (/^[0-9]$/.test(e.key)) openField("page", e.key);
  } else if (e.key === GO) {
    goTimer = setTimeout(endGo, GO_STAYS);
  } else if (/^[1-9]$/.test(e.key)) {
    whenPainted(() => current()?.choose(Number(e.key)));
  } else if (e.key === "Enter" && view) {
    if (!isOnButton) pressMain(e, view.node);
  } else if (["Enter", "a"].includes(e.key) && $(".end")) {
    if (!isOnButton && mayDecide(FOR_THE_END)) $(".end .button.filled")?.click();
  } else if (e.key === "j" || e.key === "k") {
    whenPainted(() => step(e.key === "j" ? 1 : -1)); // among rows, too
  } else if (e.key === "u") {
    undo();
  } else if (e.key !== " " || !e.target.closest("button, summary, a, input")) {
    const action = actionNow(e.key);
    if (action) e.preventDefault();
    if (action?.chooses) whenPainted(() => actionNow(e.key)?.run());
    else action?.run();
  }
}

// The filled button; as long as the answer is hidden, that is the one which shows it.
function pressMain(e, node) {
  e.preventDefault();
  const reveal = document.body.classList.contains("hiding") && $(REVEAL, node);
  if (!reveal) {
    $(MAIN, node)?.click();
    return;
  }
  reveal.click();
  painted(); // the same key decides next: not before the answer can be seen
}

const actionNow = (pressed) => actionsNow().find(({ key }) => key === pressed);

function endGo() {
  clearTimeout(goTimer);
  goTimer = 0;
}

function escape(view, target, isTyping) {
  if (view?.composing) view.closeComposing();
  if (isTyping && view?.proposal?.asks()) view.proposal.ask(false);
  if (isTyping && !view?.closeEditor) target.blur();
  closeMenu();
  toggleDocument(false);
  if ($("#side").classList.contains("open")) closeSide(true);
  else if (round.opened && !isTyping && !view?.closeEditor) close();
}
