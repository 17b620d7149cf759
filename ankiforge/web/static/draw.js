// Draws an item: question, cards or lines, reason, actions, passage. It knows no kinds of item.
import { composer } from "./compose.js";
import { figure } from "./figure.js";
import { paper } from "./paper.js";
import { proposal } from "./propose.js";

export const $ = (selector, root = document) => root.querySelector(selector);
export const wide = matchMedia("(min-width: 900px), (min-width: 600px) and (min-height: 900px)"); // room for the passage
const MATHML = "http://www.w3.org/1998/Math/MathML";

export function h(tag, props = {}, ...kids) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...kids.flat().filter(Boolean));
  return made;
}
// A text of a card on one line: words and formulas, cut where it grows too long.
export function rich(parts, most = Infinity) {
  if (typeof parts === "string") return parts.length > most ? `${parts.slice(0, most).trimEnd()}…` : parts;
  const shown = [];
  let left = most;
  for (const [text, math] of parts) {
    if (left <= 0) {
      shown.push("…");
      break;
    }
    shown.push(math ? formula(math) : text.length > left ? `${text.slice(0, left).trimEnd()}…` : text);
    left -= text.length > left ? left + 1 : text.length;
    if (left < 0) break;
  }
  return shown;
}
export const flat = (parts) => (typeof parts === "string" ? parts : parts.map(([text]) => text).join(""));

// A key as it is printed on the keyboard; a capital letter needs Shift.
export const kbd = (key) => key && h("kbd", { ariaHidden: "true" }, keyName(key));
function keyName(key) {
  const isWord = key.length > 1 && !key.includes(" ");
  if (isWord) return key;
  return /[A-Z]/.test(key) ? `⇧${key}` : key.toUpperCase();
}

// ---- A card, as Anki shows it: in a frame without scripts, which the page fills and measures.

const SHELL = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Card</title>
  <link rel="stylesheet" href="/static/card.css"><link rel="stylesheet" href="/static/maths.css"></head>
  <body class="card"><div id="qa"></div></body></html>`;
const FOREIGN = "script, style, link, meta, base, title, iframe, frame, object, embed, form";
const grows = new ResizeObserver((all) => {
  for (const one of all) measure(one.target.ownerDocument.defaultView?.frameElement);
});

export function face(card) {
  const frame = h("iframe", { className: "face", title: `Card: ${card.title}`, tabIndex: -1 });
  frame.sandbox = "allow-same-origin";
  frame.srcdoc = SHELL;
  frame.card = card;
  frame.addEventListener("load", () => {
    const inside = frame.contentDocument;
    inside.addEventListener("keydown", pass);
    inside.addEventListener("click", (e) => e.target.closest("a, area") && e.preventDefault());
    grows.observe($("#qa", inside));
    fill(frame);
  });
  return frame;
}

// Show a side of a card, in the light or the dark.
export function fill(frame) {
  const inside = frame.contentDocument, place = inside && $("#qa", inside);
  if (!place) return;
  inside.documentElement.classList.toggle("night-mode", isDark());
  inside.body.classList.toggle("nightMode", isDark());
  const side = document.body.classList.contains("hiding") ? frame.card.front : frame.card.back;
  place.replaceChildren(harmless(side));
  measure(frame);
}
function measure(frame) {
  const place = frame?.contentDocument && $("#qa", frame.contentDocument);
  if (!place) return;
  frame.style.height = `${Math.max(place.scrollHeight, Math.ceil(place.getBoundingClientRect().height))}px`;
}
// A note in Anki may hold anything. Nothing of it runs; this is what would hide words or lead away.
function harmless(html) {
  const made = h("template", { innerHTML: html }).content;
  for (const one of made.querySelectorAll(FOREIGN)) one.remove();
  for (const one of made.querySelectorAll("*")) {
    for (const { name } of [...one.attributes])
      if (name.startsWith("on") || name === "style") one.removeAttribute(name);
  }
  return made;
}
// The page has the keys, also while the card has the focus.
function pass(e) {
  if (e.key === " ") e.preventDefault();
  const { key, repeat, ctrlKey, metaKey, altKey } = e;
  document.body.dispatchEvent(
    new KeyboardEvent("keydown", { key, repeat, ctrlKey, metaKey, altKey, bubbles: true }));
}
export const isDark = () =>
  (document.documentElement.dataset.theme ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

// ---- An item.

export function draw(item, act) {
  const cards = item.cards ?? [];
  const node = h("article", { className: "item", tabIndex: -1, ariaLabel: item.ask ?? item.title });
  node.item = item;
  node.act = (action, extra) => act(node, action, extra);
  node.classList.toggle("beside", Boolean(item.beside));
  node.classList.toggle("deciding-cards", cards.length > 0);
  const middle = h("div", { className: "middle" },
    h("h2", { className: item.ask ? "ask" : "unseen", dir: "auto" }, item.ask ?? item.title));
  const shown = (card) => {
    if (card.gaps) return proposed(item, card, node);
    return card.figure && item.masks ? masked(card, node) : held(card);
  };
  if (item.choose) middle.append(choices(item, cards, node));
  else if (cards.length) middle.append(h("div", { className: "cards" }, cards.map(shown)));
  if (item.lines) middle.append(lines(item));
  if (item.compose) middle.append(composer(item, node));
  if (item.why) middle.append(h("p", { className: `why ${item.why.tone}`, dir: "auto" }, item.why.text));
  if (item.option) {
    const box = h("input", { type: "checkbox", checked: item.option.on, name: item.option.name });
    middle.append(h("label", { className: "check option" }, box, item.option.label));
  }
  if (cards.length && !item.beside) {
    const reveal = h("button", { className: "button filled reveal", type: "button", onclick: () => node.act("flip") },
      h("span", {}, "Show the answer"), kbd("⏎"));
    middle.append(reveal);
  }
  middle.append(buttons(item, node));
  const isFigure = cards.some((card) => card.figure);
  node.append(middle, item.source ? passage(item.source, isFigure) : "");
  relabel(node);
  return node;
}

const label = (card, tag = "p") => (card.label || card.note) && h(tag, { className: "label" },
  card.label && h("b", {}, card.label), card.note && ` ${card.note}`);
const side = (card) => (card.figure ? figure(card).node : face(card));
const held = (card) =>
  h("section", { className: "held", ariaLabel: card.label ?? "Card" }, label(card), side(card), made(card));

function masked(card, node) {
  node.figure = figure(card, () => relabel(node));
  return h("section", { className: "held", ariaLabel: "Figure" }, node.figure.node);
}

// The steps in which a small model made a card or asked in vain; they give the answer away, so they are folded.
const made = (card) => card.made?.length && h("details", { className: "made" },
  h("summary", {}, "How it was made"),
  h("dl", {}, card.made.map(([name, words]) => [h("dt", {}, name), h("dd", { dir: "auto" }, words)]).flat()));

const proposed = (item, card, node) =>
  h("section", { className: "held", ariaLabel: "Card" }, label(card), gaps(item, card, node), made(card));
function gaps(item, card, node) {
  const changed = (mine) => {
    if (mine && item.choose) $(`input.one[value="${item.cards.indexOf(card)}"]`, node).checked = true;
    relabel(node);
  };
  node.proposal = proposal(item, card, changed);
  return node.proposal.node;
}

function choices(item, cards, node) {
  const radio = (card, i) => h("input", { type: "radio", className: "one", name: `pick-${item.id}`, value: i,
    checked: i === 0, onchange: () => relabel(node),
    ariaLabel: `${card.number ?? i + 1}: ${card.label ?? ""} ${card.title}, answer: ${card.answer}` });
  const why = (card) => card.why && h("span", { className: `why ${card.why.tone}`, dir: "auto" }, card.why.text);
  const number = (card, i) => h("span", { className: "number", ariaHidden: "true" }, String(card.number ?? i + 1));
  const pick = (card, i) => (card.gaps
    ? h("div", { className: "held pick" }, h("label", { className: "take" }, radio(card, i)), label(card, "span"),
      gaps(item, card, node), why(card))
    : h("label", { className: "held pick" }, radio(card, i), number(card, i), label(card, "span"), side(card), why(card),
      made(card)));
  return h("fieldset", { className: "cards choose" }, h("legend", { className: "unseen" }, item.ask), cards.map(pick));
}

// Choose what has a number: a card, or a gap of a proposal.
export function choose(node, n) {
  const one = node.proposal;
  if (one && one.first <= n && n < one.first + one.card.gaps.length) {
    one.gap(n - one.first + 1);
    return one.node.scrollIntoView({ block: "nearest" });
  }
  const i = node.item.cards?.findIndex((card, at) => !card.gaps && (card.number ?? at + 1) === n) ?? -1;
  const radio = $(`input.one[value="${i}"]`, node);
  radio?.click();
  radio?.closest(".pick").scrollIntoView({ block: "nearest" });
}

function lines(item) {
  const change = (e) => relabel(e.target.closest(".item"));
  return h("ul", { className: "lines" }, item.lines.map((line) => {
    const words = [h("span", { className: "a", dir: "auto" }, rich(line.a)), h("span", { className: "b", dir: "auto" }, rich(line.b)),
      line.at && h("span", { className: "at" }, line.at), line.note && h("span", { className: "note" }, line.note)];
    const box = "on" in line &&
      h("input", { type: "checkbox", checked: line.on, value: line.id, onchange: change });
    return h("li", {}, h(box ? "label" : "div", { className: "line" }, box || h("span"), words));
  }));
}

const LOOKS = ["filled", "outlined", "text"];
function buttons(item, node) {
  const button = (one) => {
    const made = h("button", { className: `button ${one.look}`, type: "button", onclick: () => node.act(one) },
      h("span", {}, one.label), kbd(one.key), one.look === "filled" && kbd("⏎"));
    made.action = one;
    made.setAttribute("aria-keyshortcuts", /[A-Z]/.test(one.key) ? `Shift+${one.key}` : one.key);
    return made;
  };
  const flip = item.cards && h("button", { className: "button more", type: "button", onclick: () => node.act("flip") },
    h("span", {}, "Hide or show the answer"), h("kbd", { ariaHidden: "true" }, "Space"));
  const up = ({ target: { lastChild: sheet, open, classList, offsetParent } }) => {
    if (open && offsetParent)
      classList.toggle("up", sheet.getBoundingClientRect().bottom > innerHeight - 8);
  };
  const more = item.actions.filter((one) => one.look === "more");
  const menu = h("details", { className: "menu", ontoggle: up },
    h("summary", { className: "button text" }, h("span", {}, "More")),
    h("div", { className: "sheet" }, more.map(button), flip));
  const shown = LOOKS.flatMap((look) => item.actions.filter((one) => one.look === look));
  return h("div", { className: "actions", role: "group", ariaLabel: "Decide" }, shown.map(button), menu);
}

// The filled button says what it will do with what is chosen or ticked.
export function relabel(node) {
  const { item } = node, main = $(".middle > .actions .button.filled", node);
  if (!main?.action) return;
  const card = item.cards?.[picked(node)], gap = card?.gaps && node.proposal;
  let text = main.action.label;
  if (item.choose) text = card.keep ?? text;
  if (gap && item.choose) text = `Accept ${gap.first + gap.number() - 1}`;
  if (gap) text = gap.says() || text;
  if (node.figure) main.ariaDisabled = String(!node.figure.left());
  const asks = [...node.querySelectorAll(".actions .button")].find((one) => one.action?.act === "ask");
  if (asks) asks.hidden = !gap;
  if (asks && gap) asks.firstChild.textContent = gap.asks() ? "Hide" : asks.action.label;
  if (item.lines && text.includes("{n}")) {
    const n = ticked(node).length;
    text = n ? text.replace("{n}", n).replace(/cards$/, n === 1 ? "card" : "cards") : main.action.none;
  }
  main.firstChild.textContent = text;
}
export const picked = (node) => Number($("input.one:checked", node)?.value ?? 0);
export const ticked = (node) => [...node.querySelectorAll(".lines input:checked")].map((one) => one.value);

// ---- The passage: the book's words in a serif, with the mark and what the card rests on.

function passage(source, isFigure) {
  const box = h("details", { className: "passage", open: wide.matches },
    h("summary", {}, h("span", { className: "what" }, "From "), h("b", { dir: "auto" }, source.title),
      h("span", { className: "place", dir: "auto" }, source.place),
      source.marked && h("span", { className: "snip", dir: "auto", ariaHidden: "true" },
        h("mark", {}, source.marked))),
    source.before && h("p", { className: "before", dir: "auto" }, h("b", {}, "Before: "), source.before),
    source.blocks.length && h("blockquote", { dir: "auto" }, source.blocks.map(block)),
    source.said && h("p", { className: "said", dir: "auto" }, h("b", {}, "Your comment: "), source.said),
    source.page && paper(source.page, [source.title, source.place].filter(Boolean).join(", "), isFigure),
    source.pictures.map((one) => h("img", one)),
    source.links.length && h("p", { className: "links" }, source.links.flatMap((one) => [
      h("a", { href: one.href, target: /^(http|\/)/.test(one.href) && "_blank", rel: "noreferrer" }, one.label), " "])));
  return h("section", { className: "source", ariaLabel: "Passage" }, box);
}

function block({ runs, rows }) {
  if (runs) return h("p", {}, runs.map(run));
  const cell = (one) => h("td", {}, one.map(run));
  return h("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Table" },
    h("table", {}, rows.map((row) => h("tr", {}, row.map(cell)))));
}
function run([text, signs, math]) {
  const tag = signs.includes("m") ? "mark" : signs.includes("q") ? "u" : "span";
  return h(tag, { className: signs.includes("q") ? "rests" : "" }, math ? formula(math) : text);
}
export function formula(text) {
  const made = new DOMParser().parseFromString(`<math xmlns="${MATHML}">${text}</math>`, "text/xml");
  return document.importNode(made.documentElement.firstElementChild, true);
}
