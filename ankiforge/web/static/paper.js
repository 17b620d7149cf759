// The picture of a page with its mark: cropped around the mark, whole after a click.
import { $, h, putOver } from "./dom.js";

const AGAIN = 120; // ms until the page asks again for a picture that is being drawn
const ASKED = 200; // times
const AROUND = 0.035; // of the page's width, left and right of the mark
const HEIGHT = 0.72; // of the crop's width: the paragraph around a short mark
const TALLEST = 1.3;
const LEAST = 0.4; // of the page's width that a crop shows
const within = (n, least, most) => Math.max(least, Math.min(n, most));

// Returns a place that is filled when the server has drawn the page, or stays empty. Around a figure only a frame is drawn.
export function paper(name, title, isFigure) {
  const box = h("div", { className: isFigure ? "paper of-figure" : "paper" });
  wait(name, box, title, ASKED);
  return box;
}
async function wait(name, box, title, times) {
  let drawn;
  try {
    const reply = await fetch(`/api/page?id=${name}`);
    drawn = await reply.json();
    if (!reply.ok || drawn.src === "") return box.remove();
  } catch {
    return box.remove();
  }
  if (drawn.src) fill(box, drawn, title);
  else if (times) setTimeout(() => wait(name, box, title, times - 1), AGAIN);
}

function fill(box, drawn, title) {
  const crop = h("span", { className: "crop" }, sheet(drawn, `The page with the mark, ${title}`));
  const open = h("button", { type: "button", className: "zoom", title: "Show the whole page", onclick: () => whole(drawn, title) },
    crop, h("span", { className: "unseen" }, "Show the whole page"));
  box.append(open);
  cut(crop, drawn);
}
// The page, with its mark over it.
function sheet({ src, marks }, alt) {
  const over = marks.map(([left, top, right, bottom]) =>
    putOver(h("span", { className: "over" }), { left, top, width: right - left, height: bottom - top }));
  return h("span", { className: "sheet-of-paper" }, h("img", { src, alt }), over);
}
// Show the part around the mark: as wide as its column, and at least a part of the page.
function cut(crop, { width, height, marks, column }) {
  const edge = (at, pick) => pick(...marks.map((one) => one[at]));
  const [left, right] = [column[0] - AROUND, column[2] + AROUND];
  const [top, bottom] = [edge(1, Math.min), edge(3, Math.max)];
  const shown = within(right - left, LEAST, 1);
  const from = within((left + right - shown) / 2, 0, 1 - shown);
  const ratio = height / width;
  const tall = within(((bottom - top) * ratio) / shown + 0.25, HEIGHT, TALLEST); // in widths of the crop
  const part_tall = Math.min((tall * shown) / ratio, 1);
  const middle = bottom - top > part_tall ? top + part_tall / 2 - 0.02 : (top + bottom) / 2;
  const down = within(middle - part_tall / 2, 0, 1 - part_tall);
  crop.style.aspectRatio = `1 / ${((part_tall * ratio) / shown).toFixed(4)}`;
  putOver(crop.firstElementChild, { width: 1 / shown, left: -from / shown, top: -down / part_tall });
}

function whole(drawn, title) {
  const dialog = $("#paper");
  $("#paper-name").textContent = title;
  $("#paper-page").replaceChildren(sheet(drawn, `The whole page, ${title}`));
  dialog.showModal();
  $("#paper-page .over")?.scrollIntoView({ block: "center", inline: "start" });
}
