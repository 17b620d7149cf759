// The pages of a PDF, drawn by the server, with their marks and, for selecting and finding, their words.
import { h } from "./dom.js";
import { words as layerOf } from "./layer.js";
import { lettersOfAll, occurrences } from "./letters.js";
import { until } from "./server.js";
import { around, svg } from "./shapes.js";

const STEP = 64; // pixels; a window that is a little larger needs no other picture
const LARGEST = 18; // pixels of a line, above which a narrow pane shows more of a page instead
const AIR = 0.022; // of a page's width, left of its text

export function sheets(paper, shown) {
  const pages = shown.sheets.map(([width, height, label], number) => {
    const marksLayer = svg("svg", { class: "marks", "aria-hidden": true });
    const leaf = h("div", { className: "leaf" });
    leaf.append(marksLayer);
    const node = h("div", { className: "sheet-of-paper", role: "img", ariaLabel: `Page ${label}` }, leaf);
    return { number, label, ratio: height / width, node, leaf, marksLayer, picture: null, width: 0, marks: {}, words: [], lines: [] };
  });
  const node = h("div", { className: "pages" }, pages.map((page) => page.node));
  let crop = { left: 0.07, right: 0.93, top: 0, bottom: 1 };
  let lineHeight = 1; // in parts of the width of a page
  let leafWidth = 0;

  // Draw a page; what is there stays until the new picture can be shown.
  async function draw(page) {
    const width = Math.ceil((leafWidth * devicePixelRatio) / STEP) * STEP;
    if (page.width >= width && page.picture) return;
    page.width = width;
    const reply = await until(`page?${new URLSearchParams({ id: paper.id, page: page.number, width: String(Math.min(width, 2600)) })}`);
    if (!reply?.src || page.width !== width) {
      if (page.width === width) page.width = 0;
      return;
    }
    const image = h("img", { src: reply.src, alt: "" });
    await image.decode().catch(() => {});
    page.ratio = reply.height / reply.width;
    page.marks = reply.marks;
    page.words = reply.lines.flat();
    page.lines = reply.lines.filter((line) => line.length).map((line) => around(line.map(([, box]) => box)));
    page.node.role = "group";
    page.picture?.remove();
    page.layer?.remove();
    page.picture = image;
    page.layer = layerOf(reply);
    page.leaf.prepend(image);
    page.leaf.classList.toggle("dark", reply.dark);
    page.leaf.append(page.layer);
    place(page);
    drawMarks(page);
    if (sought?.page === page) scrollToFound();
    paper.moved();
  }

  // How high the lines of a page are, and which part of it holds text, so that no room is lost to white margins.
  function measure(page) {
    if (!page.words.length) return;
    const heights = page.words.map(([, [, t, , b]]) => (b - t) * page.ratio).sort((a, b) => a - b);
    lineHeight = heights[heights.length >> 1];
    const [left, top, right, bottom] = around(page.words.map(([, box]) => box));
    const isWide = page.ratio < 1; // slides are shown whole
    crop = isWide || right - left < 0.4 ? { left: 0, right: 1, top: 0, bottom: 1 }
      : { left: Math.max(left - AIR, 0), right: Math.min(right + AIR * 0.7, 1), top: Math.max(top - 0.03, 0), bottom: Math.min(Math.max(bottom + 0.03, 0.9), 1) };
  }

  function place(page) {
    const tall = leafWidth * page.ratio;
    const { style } = page.node;
    style.width = `${leafWidth * (crop.right - crop.left)}px`;
    style.height = `${tall * (crop.bottom - crop.top)}px`;
    page.leaf.style.width = `${leafWidth}px`;
    page.leaf.style.height = `${tall}px`;
    page.leaf.style.translate = `${-crop.left * leafWidth}px ${-crop.top * tall}px`;
  }

  const px = (page, [l, t, r, b]) => [l * leafWidth, t * leafWidth * page.ratio, r * leafWidth, b * leafWidth * page.ratio];

  // The words of the asked sentences on a page, within the mark.
  function askedOn(page, key) {
    const within = page.marks[key] ?? [];
    const inMark = page.words.filter(([, [l, t, r, b]]) => within.some((m) => l < m[2] && r > m[0] && (t + b) / 2 > m[1] - 0.002 && (t + b) / 2 < m[3] + 0.002));
    const letters = lettersOfAll(inMark.map(([word]) => word));
    const hits = paper.asked.flatMap((sentence) => occurrences(letters, sentence).slice(0, 1));
    return hits.flatMap(([[first], [last]]) => inMark.slice(first, last + 1).map(([, box]) => px(page, box)));
  }

  function drawMarks(page) {
    page.marksLayer.setAttribute("viewBox", `0 0 ${leafWidth} ${leafWidth * page.ratio}`);
    const made = paper.marks.filter((mark) => page.marks[mark.key]).flatMap((mark) =>
      paper.shapesOf(mark, page.marks[mark.key].map((box) => px(page, box)), mark.key === paper.now ? askedOn(page, mark.key) : [], homeOn(page)));
    page.marksLayer.replaceChildren(...made, ...(sought?.page === page ? foundOn(page).flat() : []));
  }
  // The boxes of the words that are looked for on a page, for each of their places.
  let sought = null; // the page, the words and which of their places; it stays until the search ends
  function foundOn(page) {
    const hits = occurrences(lettersOfAll(page.words.map(([word]) => word)), sought.words);
    return hits.map(([[first], [last]]) => page.words.slice(first, last + 1).map(([, box]) => {
      const [left, top, right, bottom] = px(page, box);
      return svg("rect", { class: "found", x: left, y: top, width: right - left, height: bottom - top });
    }));
  }
  // Between which edges the lines stand in which some of them are.
  const homeOn = (page) => (lines) => {
    const isIn = ([l, t, r, b]) => lines.some(([left, top, right, bottom]) => l < right && r > left && top < (t + b) / 2 && (t + b) / 2 < bottom);
    const [left, , right] = around([...lines, ...page.lines.map((line) => px(page, line)).filter(isIn)]);
    return [left, right];
  };

  function layout() {
    const { pane } = paper;
    const room = pane.clientWidth - (pane.clientWidth < 600 ? 0 : 40);
    let fit = room / (crop.right - crop.left);
    // a narrow pane shows the widest line of a mark rather than all of its page
    const widths = pages.flatMap((page) => Object.values(page.marks).flat().map(([left, , right]) => right - left + 0.03));
    if (pane.clientWidth < 700) fit = Math.max(fit, Math.min((pane.clientWidth - 10) / Math.max(...widths, 0.33), LARGEST / lineHeight));
    leafWidth = Math.round(fit * paper.zoom);
    for (const page of pages) place(page);
    for (const page of pages) if (page.picture) draw(page);
    near(paper.mark(paper.now));
  }

  const first = pages[shown.marks.find(({ key }) => key === paper.key)?.page ?? 0];
  async function begin() {
    leafWidth = 1024 / (crop.right - crop.left) / devicePixelRatio;
    await draw(first);
    measure(first);
  }
  async function near(mark) {
    const page = mark && pages[mark.page];
    if (!page) return;
    await draw(page);
    // those around it are drawn without anybody waiting
    (async () => { for (const by of [1, -1, 2]) if (pages[page.number + by]) await draw(pages[page.number + by]); })();
  }

  function boxesOf(key) {
    const page = pages.find((each) => each.marks[key]);
    if (!page) return null;
    return { origin: page.leaf, boxes: page.marks[key].map((box) => px(page, box)), asked: key === paper.now ? askedOn(page, key) : [], homeOf: homeOn(page) };
  }
  // What is in the middle, in words.
  function where() {
    const middle = paper.pane.getBoundingClientRect().top + paper.pane.clientHeight * 0.4;
    const page = pages.find(({ node: each }) => each.getBoundingClientRect().bottom > middle) ?? pages.at(-1);
    const nth = `${page.number + 1} of ${pages.length}`;
    return page.label === String(page.number + 1) ? `p. ${nth}` : `p. ${page.label} (${nth})`;
  }
  let texts = null; // of all pages
  async function search(words) {
    texts ??= until(`texts?id=${paper.id}`).then((reply) => (reply?.texts ?? []).map((text) => lettersOfAll([text])));
    return (await texts).flatMap((text, number) => occurrences(text, words).map((_, nth) => () => reveal(pages[number], words, nth)));
  }
  // The page may come later, and be drawn again while it is shown.
  async function reveal(page, words, nth) {
    const before = sought?.page;
    sought = { page, words, nth };
    if (before && before !== page) drawMarks(before);
    page.node.scrollIntoView({ block: "nearest", behavior: "instant" });
    await near({ page: page.number });
    if (sought?.page !== page || sought.nth !== nth) return;
    drawMarks(page);
    scrollToFound();
  }
  function scrollToFound() {
    const { page, nth } = sought;
    const rects = [...page.marksLayer.querySelectorAll(".found")];
    const before = foundOn(page).slice(0, nth).flat().length;
    rects[before]?.scrollIntoView({ block: "center", behavior: "instant" });
  }
  function endSearch() {
    sought = null;
    for (const old of node.querySelectorAll(".found")) old.remove();
  }
  // Draw the pages with the marks that there are now.
  const renew = () => Promise.all(pages.filter(({ picture }) => picture).map((page) => {
    page.width = 0;
    return draw(page);
  }));
  const drawAll = () => { for (const page of pages) if (page.picture) drawMarks(page); };
  return { node, begin, layout, near, boxesOf, where, search, endSearch, renew, draw: drawAll, pages };
}

