// The pages of a PDF, drawn by the server, with their highlights and a layer of selectable text. The pages on screen and next to
// it are drawn, then those further away. Until a picture has arrived, the style sheet shows lines of grey, so that no page is ever white.
import { h } from "./dom.js";
import { foldAllLetters, findOccurrences } from "./letters.js";
import { get } from "./server.js";
import { computeBounds, makeSvg } from "./shapes.js";

const WIDTH_STEP = 64; // pixels; a slightly larger window needs no new picture
const NARROW_WIDTH = 700; // pixels; narrower panes show one column
const SIDE_MARGIN = 14; // pixels on both sides of that column
const MAX_COLUMN_WIDTH = 0.6; // the maximum width of a column, relative to the page's text
const ZOOM_DELAY = 120; // ms to wait before redrawing a zoomed page
const MIN_MARGIN = 0.01; // the least space around the text of any page, relative to the page
const TEXT_MARGIN = 0.022; // space left of the text, relative to the page's width
const LAYER_HEIGHT = 1000; // the height of the layer in its own units
const RULER_SIZE = 100; // pixels; the font size at which words are measured
const ruler = document.createElement("canvas").getContext("2d");
const MAX_WIDTH = 2600; // pixels
const NEARBY = "75% 0px"; // how far beyond the pane pages are drawn, relative to its size
const MAX_DRAWING = 2; // requests at once, so that decisions don't wait for a connection
const MAX_AHEAD = 20; // pages that the server draws ahead, which it keeps
const MAX_PICTURES = 12; // pages that keep their picture although they are far from the screen

export function makeSheetLayout(paper, shown) {
  const pages = shown.sheets.map(([width, height, label], number) => {
    const marksLayer = makeSvg("svg", { class: "marks", "aria-hidden": true });
    const leaf = h("div", { className: "leaf" }, marksLayer);
    const node = h("div", { className: "sheet-of-paper", role: "group", ariaLabel: `Page ${label}`, "data-number": String(number) }, leaf);
    return { number, label, ratio: height / width, node, leaf, marksLayer, picture: null, width: 0, aheadWidth: 0, marks: {}, words: [], lines: [], drawing: null };
  });
  const node = h("div", { className: "pages" }, pages.map((page) => page.node));
  let crop = { left: 0.07, right: 0.93, top: 0, bottom: 1 };
  let lineHeight = 0.02; // relative to the width of a page
  let leafWidth = 0;

  // ---- Drawing.

  const nearby = new Set(); // the pages on screen or next to it
  let isDrawingAhead = false;
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const page = pages[/** @type {HTMLElement} */ (target).dataset.number];
      if (isIntersecting) {
        nearby.add(page);
      } else if (nearby.delete(page)) {
        cancel(page);
        if (!page.picture) page.width = 0; // try again when it comes back
      }
    }
    drawNearby();
  }, { root: paper.pane, rootMargin: NEARBY });
  for (const page of pages) observer.observe(page.node);

  const getWantedWidth = () => Math.min(Math.ceil((leafWidth * devicePixelRatio) / WIDTH_STEP) * WIDTH_STEP, MAX_WIDTH);
  const isMissing = ({ drawing, width }) => !drawing && width < getWantedWidth();
  // The distance of a page from the middle of the pane.
  function getDistance({ node: { offsetTop, offsetHeight } }) {
    const middle = paper.pane.scrollTop + paper.pane.clientHeight / 2;
    return Math.max(offsetTop - middle, middle - offsetTop - offsetHeight, 0);
  }
  const sortByDistance = (some) => [...some].sort((a, b) => getDistance(a) - getDistance(b));

  // Draw the pages nearby, the closest to the middle first. One request is left for a page that comes on screen.
  function drawNearby() {
    let busy = pages.filter(({ drawing }) => drawing).length;
    for (const page of sortByDistance(nearby).filter(isMissing)) {
      if (busy >= MAX_DRAWING || (busy && getDistance(page) > paper.pane.clientHeight / 2)) return;
      busy += 1;
      draw(page).then(drawNearby);
    }
    if (!busy && nearby.size) drawAhead();
  }
  // Have the server draw pages further away while nothing else is drawn, so that a jump to them takes less time.
  async function drawAhead() {
    const width = getWantedWidth();
    const page = sortByDistance(pages).slice(0, MAX_AHEAD).find((each) => isMissing(each) && each.aheadWidth !== width);
    if (!page || isDrawingAhead) return;
    isDrawingAhead = true;
    page.aheadWidth = width;
    await get("page", { id: paper.id, page: page.number, width }).catch(() => {});
    isDrawingAhead = false;
    drawNearby();
  }
  // Draw a page, unless it is drawn. The old picture stays until the new one is decoded.
  async function draw(page) {
    const width = getWantedWidth();
    if (page.width < width && page.drawing?.width !== width) {
      cancel(page);
      page.drawing = { width, controller: new AbortController() };
      page.drawing.done = requestPicture(page, page.drawing);
    }
    await page.drawing?.done;
  }
  function cancel(page) {
    page.drawing?.controller.abort();
    page.drawing = null;
  }
  async function requestPicture(page, drawing) {
    const { width, controller } = drawing;
    const reply = await get("page", { id: paper.id, page: page.number, width }, controller.signal).catch(() => null);
    const image = reply?.src && h("img", { src: reply.src, alt: "" });
    await image?.decode().catch(() => {});
    if (page.drawing !== drawing) return; // it was cancelled
    page.drawing = null;
    if (image) {
      clear(page);
      const lines = reply.lines.filter((line) => line.length).map((line) => computeBounds(line.map(([, box]) => box)));
      Object.assign(page, { picture: image, layer: makeTextLayer(reply), ratio: reply.height / reply.width, marks: reply.marks, words: reply.lines.flat(), lines });
      page.leaf.prepend(image);
      page.leaf.append(page.layer);
      page.leaf.classList.toggle("dark", reply.dark);
      place(page);
      drawMarks(page);
      if (leafWidth && page !== first) widenCrop(page);
    }
    page.width = width; // also of a page that can't be drawn
    forgetFarPages();
    paper.moved();
  }
  function clear(page) {
    for (const part of [page.picture, page.layer]) part?.remove();
    Object.assign(page, { picture: null, layer: null, width: 0, words: [] });
  }
  // Remove the pictures and words of pages far away, so that a long book needs no more memory than a short one.
  function forgetFarPages() {
    const far = pages.filter((page) => page.picture && !nearby.has(page));
    if (far.length > MAX_PICTURES) for (const page of sortByDistance(far).slice(MAX_PICTURES)) clear(page);
  }
  // ---- Size.

  const computeTextBounds = ({ words }, more = []) => computeBounds([...words.map(([, box]) => box).filter(([l, t, r, b]) => l >= 0 && t >= 0 && r <= 1 && b <= 1), ...more]);
  // Measure the line height and text area of a page, to crop white margins, in which the user has written nothing either.
  function measure(page) {
    if (!page.words.length) return;
    const heights = page.words.map(([, [, t, , b]]) => (b - t) * page.ratio).sort((a, b) => a - b);
    lineHeight = heights[heights.length >> 1];
    const written = shown.marks.filter(({ frame, box }) => frame && box).map(({ box }) => box);
    const [left, top, right, bottom] = computeTextBounds(page, written);
    const isWide = page.ratio < 1; // show slides whole
    crop = isWide || right - left < 0.4 ? { left: 0, right: 1, top: 0, bottom: 1 }
      : { left: Math.max(left - TEXT_MARGIN, 0), right: Math.min(right + TEXT_MARGIN * 0.7, 1), top: Math.max(top - 0.03, 0), bottom: Math.min(Math.max(bottom + 0.03, 0.9), 1) };
  }

  // Widen the crop to the text of another page, so that it isn't cut off there.
  function widenCrop(page) {
    const [left, top, right, bottom] = computeTextBounds(page);
    const wider = { left: Math.min(crop.left, Math.max(left - MIN_MARGIN, 0)), right: Math.max(crop.right, Math.min(right + MIN_MARGIN, 1)),
      top: Math.min(crop.top, Math.max(top - MIN_MARGIN, 0)), bottom: Math.max(crop.bottom, Math.min(bottom + MIN_MARGIN, 1)) };
    if (Object.keys(crop).every((edge) => crop[edge] === wider[edge])) return;
    crop = wider;
    paper.layout(!paper.isGliding);
  }
  // Return a function that scrolls the text at the upper edge of the pane back there.
  function holdPlace() {
    const getTop = () => paper.pane.getBoundingClientRect().top;
    const { leaf } = pages.find(({ node: each }) => each.getBoundingClientRect().bottom > getTop()) ?? pages.at(-1);
    const { top, height } = leaf.getBoundingClientRect();
    const part = height && (getTop() - top) / height;
    return () => {
      const now = leaf.getBoundingClientRect();
      paper.pane.scrollTop += now.top + part * now.height - getTop();
    };
  }

  function place(page) {
    const tall = leafWidth * page.ratio;
    Object.assign(page.node.style, { width: `${leafWidth * (crop.right - crop.left)}px`, height: `${tall * (crop.bottom - crop.top)}px` });
    Object.assign(page.leaf.style, { width: `${leafWidth}px`, height: `${tall}px`, translate: `${-crop.left * leafWidth}px ${-crop.top * tall}px` });
  }

  const toPixels = (page, [l, t, r, b]) => [l * leafWidth, t * leafWidth * page.ratio, r * leafWidth, b * leafWidth * page.ratio];

  // The boxes of the current sentences on a page, within the highlight.
  function getCurrentBoxes(page, key) {
    const within = page.marks[key] ?? [];
    const inMark = page.words.filter(([, [l, t, r, b]]) => within.some((m) => l < m[2] && r > m[0] && (t + b) / 2 > m[1] - 0.002 && (t + b) / 2 < m[3] + 0.002));
    const letters = foldAllLetters(inMark.map(([word]) => word));
    const hits = paper.asked.flatMap((sentence) => findOccurrences(letters, sentence).slice(0, 1));
    return hits.flatMap(([[first], [last]]) => inMark.slice(first, last + 1).map(([, box]) => toPixels(page, box)));
  }

  function drawMarks(page) {
    page.marksLayer.setAttribute("viewBox", `0 0 ${leafWidth} ${leafWidth * page.ratio}`);
    const made = paper.marks.filter((mark) => page.marks[mark.key]).flatMap((mark) =>
      paper.makeShapes(mark, page.marks[mark.key].map((box) => toPixels(page, box)), mark.key === paper.now ? getCurrentBoxes(page, mark.key) : [], makeHomeFinder(page)));
    page.marksLayer.replaceChildren(...made);
  }
  // The left and right edges of the text lines that contain the boxes.
  const makeHomeFinder = (page) => (lines) => {
    const isIn = ([l, t, r, b]) => lines.some(([left, top, right, bottom]) => l < right && r > left && top < (t + b) / 2 && (t + b) / 2 < bottom);
    const [left, , right] = computeBounds([...lines, ...page.lines.map((line) => toPixels(page, line)).filter(isIn)]);
    return [left, right];
  };

  // The width of the column of the current highlight, relative to the page's width; null if it isn't in a column.
  function computeColumnWidth() {
    const page = pages.find((each) => each.marks[paper.now]);
    if (!page || page.ratio < 1) return null;
    const whole = crop.right - crop.left;
    const [left, top, right, bottom] = page.marks[paper.now][0];
    const margin = 5 * lineHeight / page.ratio;
    const lines = page.lines.filter(([l, t, r, b]) => l < right && r > left && b > top - margin && t < bottom + margin);
    if (!lines.length) return null;
    const [from, , to] = computeBounds(lines);
    return to - from < MAX_COLUMN_WIDTH * whole ? to - from : null;
  }
  // The width of a page: its text, or on narrow screens the column of the current highlight, fills the pane.
  function fitWidth() {
    const { clientWidth } = paper.pane;
    const wide = clientWidth < NARROW_WIDTH && computeColumnWidth();
    if (wide) return (clientWidth - 2 * SIDE_MARGIN) / wide;
    return (clientWidth - (clientWidth < 600 ? 0 : 40)) / (crop.right - crop.left);
  }
  let timer = 0;
  function layout(isDrawn = false) {
    leafWidth = Math.round(fitWidth() * paper.zoom);
    node.style.setProperty("--line", `${lineHeight * leafWidth}px`);
    for (const page of pages) place(page);
    if (isDrawn) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      drawNearby();
      drawAround(paper.mark(paper.now));
    }, paper.zoom === 1 ? 0 : ZOOM_DELAY);
  }

  const first = pages[shown.marks.find(({ key }) => key === shown.key)?.page ?? 0];
  async function begin() {
    leafWidth = 1024 / (crop.right - crop.left) / devicePixelRatio;
    await draw(first);
    measure(first);
  }
  async function drawAround(mark) {
    const page = mark && pages[mark.page];
    if (!page) return;
    await draw(page);
    if (page.marks[paper.now] && Math.abs(fitWidth() * paper.zoom - leafWidth) > 1) paper.layout(); // the highlight is in another column
  }

  function getBoxes(key) {
    const page = pages.find((each) => each.marks[key]);
    if (!page) return null;
    return { origin: page.leaf, boxes: page.marks[key].map((box) => toPixels(page, box)), asked: key === paper.now ? getCurrentBoxes(page, key) : [], findHome: makeHomeFinder(page) };
  }
  // The page in the middle of the pane, as text.
  function formatPosition() {
    const middle = paper.pane.getBoundingClientRect().top + paper.pane.clientHeight * 0.4;
    const page = pages.find(({ node: each }) => each.getBoundingClientRect().bottom > middle) ?? pages.at(-1);
    const nth = `${page.number + 1} of ${pages.length}`;
    return page.label === String(page.number + 1) ? `p. ${nth}` : `p. ${page.label} (${nth})`;
  }
  // Draw all pages again, with the current highlights: those nearby at once.
  async function renew() {
    for (const page of pages) {
      cancel(page);
      page.width = 0;
    }
    await Promise.all([...nearby].map(draw));
  }
  const drawAll = () => { for (const page of pages) if (page.picture) drawMarks(page); };
  return { node, begin, layout, holdPlace, drawAround, getBoxes, formatPosition, renew, draw: drawAll, pages };
}

// An invisible layer of a page's words over its picture, for selecting. Each word is stretched to its printed width, so that the
// selection matches the picture.
function makeTextLayer({ width, height, lines }) {
  const layerWidth = (LAYER_HEIGHT * width) / height;
  ruler.font = `${RULER_SIZE}px ${getComputedStyle(document.body).fontFamily}`;
  const renderWord = ([word, [left, top, right, bottom]], i, line) => {
    const next = line[i + 1]?.[1][0] ?? right;
    const isAdjacent = next > right && next - right < bottom - top; // then the space fills the gap
    const size = 0.9 * (bottom - top) * LAYER_HEIGHT;
    const natural = (ruler.measureText(isAdjacent ? `${word} ` : word).width * size) / RULER_SIZE;
    const stretch = (((isAdjacent ? next : right) - left) * layerWidth) / natural;
    const [x, y] = [left * layerWidth, bottom * LAYER_HEIGHT - 0.24 * size];
    return makeSvg("text", { transform: `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${stretch.toFixed(4)} 1)`, "font-size": size.toFixed(2) }, `${word} `);
  };
  return makeSvg("svg", { viewBox: `0 0 ${layerWidth} ${LAYER_HEIGHT}`, class: "page-words" }, ...lines.flatMap((line) => line.map(renderWord)));
}
