// Decisions, one at a time, about the item that is painted. Its successor is painted at once; if the server refuses the
// decision, the item comes back with the reason.
import { $, button, h } from "./dom.js";
import { tintNow } from "./document.js";
import { edit } from "./edit.js";
import { askForMore, counted, go, goToMark } from "./lists.js";
import { alone, attempt, isFree, mayDecide } from "./pace.js";
import { round } from "./round.js";
import { UNTIL_NEXT, announce, askText, quoted, tell } from "./say.js";
import { get, post } from "./server.js";
import { closeMenu, current, flip, forget, show, showProgress } from "./stage.js";

const OF_THE_PASSAGE = -1; // beside what was drafted

// How the mark of an item stands after a decision that leaves nothing of it.
const STATES_AFTER = { reject: "none", none: "none", passage: "none", later: "asks" };

// Do what a button or a key says; `extra` is what the person gave already, such as the fields of the editor.
export async function act(view, action, extra = {}) {
  if (action === "flip") return flip();
  if (view !== current()) return;
  if (action.act === "ask") {
    closeMenu();
    return view.pickedProposal?.ask();
  }
  if (!mayDecide()) return;
  closeMenu();
  if (view.composing && action.look === "filled") return makeOwn(view, action);
  if (action.needs === "edit" && !extra.fields) return edit(view, action);
  const given = await whatIsGiven(view, action, extra);
  if (!given || view !== current()) return;
  const { item } = view;
  const decision = { id: item.id, turn: item.turn, act: action.act, choice: view.picked, ...given };
  if (item.lines) decision.lines = view.ticked;
  if (item.option) decision[item.option.name] = $(".option input", view.node).checked;
  if (action.act === "others") return draftOthers(item, decision);
  return store(view, action, decision, given);
}

// Make the card of words that were selected in the document.
function makeOwn(view, action) {
  const { item, composing } = view;
  const given = composing.made();
  if (!given) return composing.first();
  const decision = { id: item.id, turn: item.turn, act: "make", choice: OF_THE_PASSAGE, ...given };
  return store(view, { ...action, said: "Made" }, decision, {});
}

// Make a card of words of a mark: hide them, or ask for them.
export async function makeOf({ key, text }, mode) {
  if (current()?.item.source?.key !== key) await goToMark(key);
  const view = current();
  if (view?.item.source?.key !== key) return;
  const { parts } = await get("words", { key });
  getSelection().removeAllRanges();
  if (view === current() && !view.compose(parts, text, mode)) tell("Select words of the mark itself.");
}

// What the person gives with a decision: a gap, masks, words of the passage, a reason. Null if something is missing, for
// which the page then asks.
async function whatIsGiven(view, action, extra) {
  if (action.act === "accept" && view.pickedProposal) return merged(view.pickedProposal.made(), extra);
  if (view.figure && ["accept", "masks"].includes(action.act)) {
    const masks = view.figure.made();
    if (!masks) tell("No mask is left. Draw one, or reject the figure.");
    return merged(masks, extra);
  }
  if (action.needs === "words") {
    const made = view.composer.made();
    if (!made) view.composer.first();
    return merged(made, extra);
  }
  if (action.needs === "text" && !extra.text) {
    const text = await askText(action.ask, action.label.replace("…", ""));
    return text === null ? null : { ...extra, text };
  }
  return extra;
}

const merged = (made, extra) => (made ? { ...made, ...extra } : null);

async function store(view, action, decision, given) {
  const { item } = view;
  const asked = decision.act === "make" && decision.mode === "question" && decision.text;
  const name = asked || (item.choose ? view.pickedCard.line : item.line ?? item.title);
  const before = round.snapshot();
  const isSkipped = action.act === "later";
  // other facts of the passage are left: then they are painted next
  const mayStay = item.several && !["passage", "later"].includes(action.act);
  await alone(async () => {
    round.decided(item, decision.act);
    if (!mayStay && !item.beside) tintNow(STATES_AFTER[decision.act] ?? "card");
    if (!mayStay) leave(item, isSkipped);
    try {
      const reply = await post("decide", decision);
      if (mayStay && reply.item) {
        round.replace(item, reply.item);
        show();
      } else if (mayStay) {
        leave(item);
      }
      forget(item);
      counted(reply);
      showProgress();
      if (reply.undo && !isSkipped) round.ten.actions.push(reply.undo);
      if (reply.undo || isSkipped) round.undos.push({ id: reply.undo, act: decision.act, item: isSkipped && item });
      if (before.opened && !reply.item) await go(round.list);
      else if (!round.item) show(); // the end screen counts
      askForMore();
      tell([`${action.said} `, quoted(name)], { undo: Boolean(reply.undo) || isSkipped });
      announce(`${action.said}. ${$("#left").textContent}`);
    } catch (error) {
      round.restore(before, item);
      const again = (more) => act(current(), action, { ...given, ...more });
      takeBack(item, error, action, name, again);
    }
  }, { bringsCard: true });
}

// Show the next item. An item that was opened from a row stays until the decision is stored.
function leave(item, isSkipped = false) {
  if (round.opened) return;
  round.leave(item, isSkipped);
  show();
}

// The model drafts other cards of the passage; they are shown instead of the item, which stays.
async function draftOthers(item, decision) {
  tell("Asking the model …", { stays: UNTIL_NEXT });
  await attempt(async () => {
    const reply = await post("decide", decision);
    forget(item);
    round.replace(item, reply.item);
    counted(reply);
    show();
    tell("The model has drafted others.");
  });
}

// ---- A decision failed: its item comes back, as it is now, with the reason.

function takeBack(item, error, action, name, again) {
  const hasChanged = error.status === 409;
  if (hasChanged) {
    forget(item);
    if (error.item) round.replace(item, error.item);
    else round.drop(item);
  }
  show();
  if (hasChanged && !error.item) {
    tell([`${error.message} `, quoted(name), " was not decided on again."]);
    return;
  }
  const { node, closeEditor } = current();
  $(".error", node)?.remove();
  const shown = failure(error, action, name, again);
  const buttons = closeEditor ? ".edit > .actions" : ".actions";
  $(buttons, node).before(shown);
  if (closeEditor) $(".written", node).focus({ preventScroll: true });
  shown.scrollIntoView({ block: "nearest" });
}

function failure(error, action, name, again) {
  const isLost = !error.status || error.status >= 500;
  const decision = action.label.replace(/…$/, "").toLowerCase();
  const heading = isLost && h("b", {}, `Not stored: ${decision} `, quoted(name));
  const words = isLost ? `${error.message} Earlier decisions are stored.` : error.message;
  return h("div", { className: "why stop error", role: "alert" },
    h("div", {}, heading, h("p", {}, words),
      isLost && button("outlined small", "Try again", "", () => again({})),
      error.insist && button("outlined small", "Do it anyway", "", () => again({ forced: true }))));
}

// ---- Undo.

// Take back a decision; without its id, the last one.
export async function undo(id = null) {
  if (!isFree()) return;
  const last = round.undos.at(-1);
  const wanted = id ?? last?.id;
  if (last?.item && wanted === last.id) return unskip(last.item);
  if (!wanted) return;
  await attempt(async () => {
    const reply = await post("undo", wanted);
    const undone = round.undone(wanted);
    counted(reply);
    const name = reply.item && quoted(reply.item.line ?? reply.item.title);
    tell(name ? ["Taken back: ", name] : "Taken back.");
    if (round.rows) await go(round.list);
    else if (reply.item && reply.list === round.list) {
      round.putBack(reply.item, undone?.act, reply.replaced);
      show();
    }
  }, { bringsCard: true });
}

// What was skipped last comes back.
async function unskip(item) {
  await attempt(async () => {
    counted(await post("decide", { id: item.id, turn: item.turn, act: "now" }));
    round.unskipped(item);
    if (round.rows || round.opened) return;
    round.putBack(item, "later");
    show();
    tell("Back again.");
  }, { bringsCard: true });
}
