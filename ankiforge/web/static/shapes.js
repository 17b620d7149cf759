// A highlight as one shape: the union of its lines, with round corners. Lengths are in pixels.
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const RADIUS = 2;

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

export const makeOutline = (lines) => groupIntoColumns(lines).map(outlineColumn).join(" ");

function outlineColumn(lines) {
  const edges = [lines[0][1]];
  for (let i = 1; i < lines.length; i += 1) edges.push((lines[i - 1][3] + lines[i][1]) / 2);
  edges.push(lines.at(-1)[3]);
  const right = lines.flatMap(([, , r], i) => [[r, edges[i]], [r, edges[i + 1]]]);
  const left = lines.flatMap(([l], i) => [[l, edges[i]], [l, edges[i + 1]]]).reverse();
  return roundCorners([...right, ...left].filter(([x, y], i, all) => !i || Math.hypot(x - all[i - 1][0], y - all[i - 1][1]) > 0.4));
}

function roundCorners(points) {
  const parts = points.map((point, i) => {
    const [before, after] = [points.at(i - 1), points[(i + 1) % points.length]];
    return `${i ? "L" : "M"}${computePointTowards(point, before)}Q${formatPoint(point)} ${computePointTowards(point, after)}`;
  });
  return `${parts.join("")}Z`;
}
const formatPoint = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
function computePointTowards([x, y], [tx, ty]) {
  const long = Math.hypot(tx - x, ty - y);
  const part = long ? Math.min(RADIUS, long / 2) / long : 0;
  return formatPoint([x + (tx - x) * part, y + (ty - y) * part]);
}
