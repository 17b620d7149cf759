// A highlight as one shape: the union of its lines. Lengths are in pixels.
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

export function makeSvg(name, attributes = {}, ...kids) {
  const made = document.createElementNS(SVG_NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...kids);
  return made;
}

// The bounding box of boxes [left, top, right, bottom].
export const computeBounds = (boxes) => [Math.min(...boxes.map(([l]) => l)), Math.min(...boxes.map(([, t]) => t)), Math.max(...boxes.map(([, , r]) => r)), Math.max(...boxes.map(([, , , b]) => b))];

// Merge boxes in reading order into lines.
export function groupIntoLines(boxes) {
  const lines = [];
  for (const box of boxes) {
    const last = lines.at(-1);
    const tall = box[3] - box[1];
    if (tall < 1 || box[2] - box[0] < 0.5) continue;
    const shared = last ? Math.min(last[3], box[3]) - Math.max(last[1], box[1]) : -1;
    const isSame = last && shared > 0.4 * Math.min(tall, last[3] - last[1]) && box[0] - last[2] < 1.6 * tall && last[0] - box[2] < 1.6 * tall;
    if (isSame) lines[lines.length - 1] = computeBounds([last, box]);
    else lines.push([...box]);
  }
  return lines;
}

// Group lines below each other into columns; if `loose`, even if the last line ends before the first line begins.
export function groupIntoColumns(lines, loose = false) {
  const columns = [];
  for (const line of lines) {
    const last = columns.at(-1)?.at(-1);
    const isBelow = last && line[1] > last[1] && line[1] - last[3] < 1.2 * (line[3] - line[1]) && (loose || (line[0] < last[2] + 40 && last[0] < line[2] + 40));
    if (isBelow) columns.at(-1).push(line);
    else columns.push([line]);
  }
  return columns;
}

// The outline of lines: rectangles that meet halfway between two lines of a column.
export const makeOutline = (lines) => groupIntoColumns(lines).flatMap((column) => column.map(([left, top, right, bottom], i) => {
  const from = i ? (column[i - 1][3] + top) / 2 : top;
  const to = i + 1 < column.length ? (bottom + column[i + 1][1]) / 2 : bottom;
  return `M${left} ${from}H${right}V${to}H${left}Z`;
})).join("");

// The sign of a state in the margin: a ring for a suggestion, a tick for a card, else a bar, dotted without a card.
export function makeSign(state, x, top, bottom) {
  const y = top + Math.min((bottom - top) / 2, 8);
  if (state === "suggested") return `M${x - 3.5} ${y}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0`;
  if (state !== "card") return `M${x} ${top}V${bottom}`;
  return `M${x - 5} ${y}l3 3.5l6 -7.5`;
}
