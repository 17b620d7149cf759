// A card as in Anki, in a frame without scripts, which the page fills and measures.
import { $, fitFormulas, h } from "./dom.js";

export const darkQuery = matchMedia("(prefers-color-scheme: dark)");

// The HTML of each frame.
const htmlByFrame = new WeakMap();
const FRAME_HTML = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Card</title>
  <link rel="stylesheet" href="/static/card.css"></head>
  <body class="card"><div id="qa"></div></body></html>`;
const REMOVED_TAGS = "script, style, link, meta, base, title, iframe, frame, object, embed, form";
const sizeObserver = new ResizeObserver((all) => {
  for (const one of all) measure(one.target.ownerDocument.defaultView?.frameElement);
});

export function makeFace(html, title) {
  const frame = h("iframe", { className: "face", title: `Card: ${title}`, tabIndex: -1 });
  frame.sandbox = "allow-same-origin";
  frame.srcdoc = FRAME_HTML;
  htmlByFrame.set(frame, html);
  frame.addEventListener("load", () => {
    const inside = frame.contentDocument;
    inside.addEventListener("keydown", forwardKey);
    inside.addEventListener("click", (e) => e.target.closest("a, area") && e.preventDefault());
    sizeObserver.observe($("#qa", inside));
    fillFrame(frame);
  });
  return frame;
}

// Show the preview of a card in a node, reusing its frame if there is one.
export function drawFace(place, html) {
  const frame = $("iframe.face", place);
  if (frame) {
    htmlByFrame.set(frame, html);
    fillFrame(frame);
  } else {
    place.replaceChildren(makeFace(html, "preview"));
  }
}

// Show a card in its frame, in the current theme.
export function fillFrame(frame) {
  const inside = frame.contentDocument, place = inside && $("#qa", inside);
  if (!place) return;
  inside.documentElement.lang = frame.closest("[lang]").lang;
  inside.documentElement.classList.toggle("night-mode", darkQuery.matches);
  inside.body.classList.toggle("nightMode", darkQuery.matches);
  place.replaceChildren(removeScripts(htmlByFrame.get(frame)));
  measure(frame);
}
function measure(frame) {
  const place = frame?.contentDocument && $("#qa", frame.contentDocument);
  if (!place) return;
  fitFormulas(place);
  frame.style.height = `${Math.max(place.scrollHeight, Math.ceil(place.getBoundingClientRect().height))}px`;
}
// Notes in Anki may contain any HTML. Scripts don't run in the frame; remove elements that would hide text or navigate.
export function removeScripts(html) {
  const content = h("template", { innerHTML: html }).content;
  for (const one of content.querySelectorAll(REMOVED_TAGS)) one.remove();
  for (const one of content.querySelectorAll("*")) {
    for (const { name } of [...one.attributes])
      if (name.startsWith("on") || name === "style") one.removeAttribute(name);
  }
  return content;
}
// Render the question of a card or item on one line, or else return its title.
export const renderQuestion = ({ question, title }) => (question ? removeScripts(question) : title);
// Forward keys to the page while the card has the focus.
function forwardKey(e) {
  if (e.key === " ") e.preventDefault();
  const { key, repeat, ctrlKey, metaKey, altKey } = e;
  document.body.dispatchEvent(
    new KeyboardEvent("keydown", { key, repeat, ctrlKey, metaKey, altKey, bubbles: true }));
}

