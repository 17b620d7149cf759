// The pages of a PDF, drawn by the server, with their marks and, for selecting, their words.
import { h } from "./dom.js";
import { words as layerOf } from "./layer.js";
import { lettersOfAll, occurrences } from "./letters.js";
import { until } from "./server.js";
import { around, svg } from "./shapes.js";

const STEP = 64; // pixels; a window that is a little larger needs no other picture
const NARROW = 700; // pixels; a pane that is narrower shows one column
const SIDE = 14; // pixels beside it
const COLUMN = 0.6; // of the width of a page's text; what is wider is no column
const REST = 120; // ms after which a page is drawn in the size to which it was zoomed
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
    page.marksLayer.replaceChildren(...made);
  }
  // Between which edges the lines stand in which some of them are.
  const homeOn = (page) => (lines) => {
    const isIn = ([l, t, r, b]) => lines.some(([left, top, right, bottom]) => l < right && r > left && top < (t + b) / 2 && (t + b) / 2 < bottom);
    const [left, , right] = around([...lines, ...page.lines.map((line) => px(page, line)).filter(isIn)]);
    return [left, right];
  };

  // The edges of the column in which the asked mark stands, in parts of the width of its page; null if it stands in none.
  function column() {
    const page = pages.find((each) => each.marks[paper.now]);
    if (!page || page.ratio < 1) return null;
    const whole = crop.right - crop.left;
    const [left, top, right, bottom] = page.marks[paper.now][0];
    const near = 5 * lineHeight / page.ratio;
    const lines = page.lines.filter(([l, t, r, b]) => r - l < COLUMN * whole && l < right && r > left && b > top - near && t < bottom + near);
    if (!lines.length || right - left > COLUMN * whole) return null;
    const [from, , to] = around(lines);
    return to - from < COLUMN * whole ? to - from : null;
  }
  // How wide a page is drawn: its text fills the pane, or, where that is narrow, the column of the asked mark.
  function fitting() {
    const { clientWidth } = paper.pane;
    const wide = clientWidth < NARROW && column();
    if (wide) return (clientWidth - 2 * SIDE) / wide;
    return (clientWidth - (clientWidth < 600 ? 0 : 40)) / (crop.right - crop.left);
  }
  let later = 0;
  function layout() {
    leafWidth = Math.round(fitting() * paper.zoom);
    for (const page of pages) place(page);
    clearTimeout(later);
    later = setTimeout(() => {
      for (const page of pages) if (page.picture) draw(page);
      near(paper.mark(paper.now));
    }, paper.zoom === 1 ? 0 : REST);
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
    if (page.marks[paper.now] && Math.abs(fitting() * paper.zoom - leafWidth) > 1) paper.layout(); // another column
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
  // Draw the pages with the marks that there are now.
  const renew = () => Promise.all(pages.filter(({ picture }) => picture).map((page) => {
    page.width = 0;
    return draw(page);
  }));
  const drawAll = () => { for (const page of pages) if (page.picture) drawMarks(page); };
  return { node, begin, layout, near, boxesOf, where, renew, draw: drawAll, pages };
}

