// The pages of a PDF, drawn by the server as they come into view, with their marks and, for selecting and finding, their words.
import { h, putOver } from "./dom.js";
import { lettersOfAll, occurrences } from "./letters.js";
import { until } from "./server.js";

const NEAR = "120%"; // of the height of the pane: pages so near are drawn ahead
const STEP = 64; // pixels; a window that is a little larger needs no other picture
const SVG = "http://www.w3.org/2000/svg";
const HIGH = 1000; // units of the height of the layer of words

const box = ([left, top, right, bottom]) => ({ left, top, width: right - left, height: bottom - top });

// Returns the node, and functions for the pane. `drawn` is called when the marks of a page are there.
export function sheets(shown, pane, drawn) {
  const pages = shown.sheets.map(([width, height, label], number) => {
    const node = h("div", { className: "sheet-of-paper", role: "img", ariaLabel: `Page ${label}` });
    node.style.aspectRatio = `${width} / ${height}`;
    return { number, node, label, width: 0, words: [] };
  });
  const node = h("div", { className: "sheets" }, pages.map((page) => page.node));
  const keys = Object.fromEntries(shown.marks.map((mark) => [mark.key, mark]));
  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      const page = pages.find((each) => each.node === target);
      page.isNear = isIntersecting;
      if (isIntersecting) draw(page);
      else clear(page);
    }
  }, { root: pane, rootMargin: NEAR });
  for (const page of pages) near.observe(page.node);

  const wanted = () => Math.ceil((node.clientWidth * devicePixelRatio) / STEP) * STEP;

  async function draw(page) {
    const width = wanted();
    if (!width || page.width === width) return;
    page.width = width;
    const isWanted = () => page.isNear && page.width === width;
    const reply = await until(`page?${new URLSearchParams({ id: shown.id, page: page.number, width: String(width) })}`, isWanted);
    if (!reply || !isWanted()) {
      if (page.width === width) page.width = 0;
      return;
    }
    if (!reply.src) return;
    const image = h("img", { src: reply.src, alt: "", decoding: "async" });
    page.node.style.aspectRatio = `${reply.width} / ${reply.height}`;
    page.words = reply.lines.flat();
    const marks = Object.entries(reply.marks).flatMap(([key, lines]) => lines.map((line, i) => over(keys[key], line, i)));
    page.node.role = "group";
    page.node.replaceChildren(image, ...marks);
    drawn(page.number);
    await image.decode().catch(() => {});
    if (image.isConnected) page.node.append(layer(reply));
  }
  // Draw a page before it is known to be in view.
  function begin(number) {
    pages[number].isNear = true;
    draw(pages[number]);
  }
  function clear(page) {
    page.width = 0;
    page.words = [];
    page.node.role = "img";
    page.node.replaceChildren();
  }
  // The line of a mark; the first one can be read out.
  function over(mark, line, i) {
    const made = h(i ? "span" : "button", { className: mark.frame ? "over frame" : "over", type: i ? null : "button", tabIndex: -1, ariaLabel: i ? null : mark.words });
    made.dataset.key = mark.key;
    made.dataset.state = mark.state;
    return putOver(made, box(line));
  }

  // Show what is found on a page; returns a place of each.
  function found(number, words) {
    const page = pages[number];
    for (const old of node.querySelectorAll(".found")) old.remove();
    const hits = occurrences(lettersOfAll(page.words.map(([word]) => word)), words);
    return hits.map(([[first], [last]]) => {
      const places = page.words.slice(first, last + 1).map(([, place]) => place);
      const made = places.map((place) => putOver(h("span", { className: "found" }), box(place)));
      page.node.append(...made);
      return made[0];
    });
  }

  addEventListener("resize", () => {
    for (const page of pages) if (page.isNear && node.isConnected) draw(page);
  });
  const texts = async () => (await until(`texts?id=${shown.id}`))?.texts ?? [];
  const number = (label) => {
    const at = pages.findIndex((page) => page.label === label);
    return at >= 0 ? at : Number(label) - 1;
  };
  return { node, pages, begin, found, texts, number };
}

// The words of a page, unseen over its picture. Each is as wide as it is printed, so that what is selected looks as it is.
function layer({ width, height, lines }) {
  const wide = (HIGH * width) / height;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
  svg.setAttribute("class", "page-words");
  for (const line of lines) {
    if (!line.length) continue;
    const made = document.createElementNS(SVG, "text");
    line.forEach(([word, [left, top, right, bottom]], i) => {
      const span = document.createElementNS(SVG, "tspan");
      const next = line[i + 1]?.[1][0] ?? right;
      const isBeside = next > right && next - right < bottom - top;
      const tall = (bottom - top) * HIGH;
      const lengths = { x: left * wide, y: bottom * HIGH - 0.22 * tall, "font-size": 0.9 * tall,
        textLength: Math.max(((isBeside ? next : right) - left) * wide, 1) };
      for (const [name, length] of Object.entries(lengths)) span.setAttribute(name, length.toFixed(2));
      span.setAttribute("lengthAdjust", "spacingAndGlyphs");
      span.textContent = `${word} `;
      made.append(span);
    });
    svg.append(made);
  }
  return svg;
}
