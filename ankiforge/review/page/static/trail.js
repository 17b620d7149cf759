// The last decisions of this visit, newest first; each leads to the list of what was decided.

import { made } from "./dom.js";

const MOST = 10;
const at = (id) => document.getElementById(id);

export function remember(found, item) {
  const link = made("a", { href: "#recent" }, made("b", {}, found.told), ` ${item?.title ?? ""}`);
  at("trail-list").prepend(made("li", {}, link));
  while (at("trail-list").children.length > MOST) at("trail-list").lastElementChild.remove();
  at("trail").hidden = false;
}
