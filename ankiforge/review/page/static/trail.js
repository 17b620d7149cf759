// The last decisions of this visit, newest first; each leads to where it can be looked at again.

const MOST = 10;
const at = (id) => document.getElementById(id);

export function remember(found, item) {
  const line = document.createElement("li");
  const link = document.createElement("a");
  const what = document.createElement("b");
  what.textContent = found.told;
  link.href = found.action ? `#recent/${encodeURIComponent(found.action)}` : "#recent";
  link.append(what, ` ${item?.title ?? ""}`);
  line.append(link);
  at("trail-list").prepend(line);
  while (at("trail-list").children.length > MOST) at("trail-list").lastElementChild.remove();
  at("trail").hidden = false;
}
