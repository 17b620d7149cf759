// A card, as Anki shows it: in a frame without scripts, which the page fills and measures.
import { $, fit, h } from "./dom.js";

// The HTML of each frame.
const cards = new WeakMap();
const SHELL = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Card</title>
  <link rel="stylesheet" href="/static/card.css"><link rel="stylesheet" href="/static/maths.css"></head>
  <body class="card"><div id="qa"></div></body></html>`;
const FOREIGN = "script, style, link, meta, base, title, iframe, frame, object, embed, form";
const grows = new ResizeObserver((all) => {
  for (const one of all) measure(one.target.ownerDocument.defaultView?.frameElement);
});

export function face(html, title) {
  const frame = h("iframe", { className: "face", title: `Card: ${title}`, tabIndex: -1 });
  frame.sandbox = "allow-same-origin";
  frame.srcdoc = SHELL;
  cards.set(frame, html);
  frame.addEventListener("load", () => {
    const inside = frame.contentDocument;
    inside.addEventListener("keydown", pass);
    inside.addEventListener("click", (e) => e.target.closest("a, area") && e.preventDefault());
    grows.observe($("#qa", inside));
    fill(frame);
  });
  return frame;
}

// Show a card that is being made in a place, in the frame that is there or in a new one.
export function drawIn(place, html) {
  const frame = $("iframe.face", place);
  if (frame) {
    cards.set(frame, html);
    fill(frame);
  } else {
    place.replaceChildren(face(html, "preview"));
  }
}

// Show a card, in the light or the dark.
export function fill(frame) {
  const inside = frame.contentDocument, place = inside && $("#qa", inside);
  if (!place) return;
  inside.documentElement.lang = frame.closest("[lang]").lang;
  inside.documentElement.classList.toggle("night-mode", isDark());
  inside.body.classList.toggle("nightMode", isDark());
  place.replaceChildren(harmless(cards.get(frame)));
  measure(frame);
}
function measure(frame) {
  const place = frame?.contentDocument && $("#qa", frame.contentDocument);
  if (!place) return;
  fit(place);
  frame.style.height = `${Math.max(place.scrollHeight, Math.ceil(place.getBoundingClientRect().height))}px`;
}
// A note in Anki may hold anything. Nothing of it runs; this is what would hide words or lead away.
export function harmless(html) {
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
export const isDark = () => document.documentElement.dataset.theme === "dark";

