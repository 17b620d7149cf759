// The card is level with its highlight, and a line ties it to the highlight. On a phone, the card is below the document instead.
import { $ } from "./dom.js";

const CARD_OFFSET = 22; // pixels from the top of a card to its first line, which is level with the highlight
const EDGE_SPACE = [12, 16]; // pixels that stay free above and below a card
const TIE_SPACE = 18; // pixels between a corner of the card and the end of the line
const narrowQuery = matchMedia("(max-width: 699px)");
const TIE = $("#tie");

const clamp = (value, least, most) => Math.max(Math.min(value, most), least);

export function hideTie() { TIE.style.visibility = "hidden"; }

// Move a card to the height of its highlight, as far as the margin has room. `mark` is the highlight's position on screen.
export function levelCard(node, mark) {
  if (narrowQuery.matches) {
    node.style.translate = "";
    return;
  }
  const margin = $("#margin").getBoundingClientRect();
  const [above, below] = EDGE_SPACE;
  const most = margin.height - node.offsetHeight - below;
  const y = Math.max(Math.min(mark.top - margin.top - CARD_OFFSET, most), above);
  node.style.translate = `0 ${y.toFixed(1)}px`;
}

// Draw the line from a highlight to a card.
export function tieToCard(node, mark) {
  const { left, top, bottom } = node.getBoundingClientRect();
  drawTie(mark, left, clamp(mark.y, top + TIE_SPACE, bottom - TIE_SPACE));
}

// Draw the line from a highlight to the middle of a row, which may have scrolled out of the margin.
export function tieToRow(row, mark) {
  const { left, top } = row.getBoundingClientRect();
  const margin = $("#margin").getBoundingClientRect();
  drawTie(mark, left, Math.min(top + row.offsetHeight / 2, margin.bottom - 4));
}

// The line runs to the strip first, because across the text of the document it would look like a strikethrough.
function drawTie({ x, y, isSeen }, toX, toY) {
  if (narrowQuery.matches) return;
  const turn = $("#strip").getBoundingClientRect().left;
  const middle = (turn + toX) / 2;
  $(".gutter", TIE).setAttribute("d", `M${x} ${y}H${turn}C${middle} ${y} ${middle} ${toY} ${toX} ${toY}`);
  $("circle", TIE).setAttribute("cx", toX);
  $("circle", TIE).setAttribute("cy", toY);
  TIE.style.visibility = isSeen ? "visible" : "hidden";
}
