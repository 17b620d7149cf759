// The bar below: what may be done with the item, and the page's own keys; each with its key.

import { keyName } from "./dialogs.js";
import * as dom from "./dom.js";

const at = (id) => document.getElementById(id);
let highest = 0;
let seen = "";

export function wireBar(page) {
  at("more-acts").addEventListener("click", () => showAll(at("more-acts").getAttribute("aria-expanded") === "false"));
  page.shown((item) => showActs(page, item?.acts ?? []));
  addEventListener("resize", () => (at("acts").style.minHeight = `${(highest = 0)}px`));
  at("keys").replaceChildren(
    ...page.keys.filter((row) => row.bar).map((row) => button(row.key, row.bar, () => page.press(row.key))),
  );
}

// On a phone two acts are shown, and the others on request.
function showAll(yes) {
  at("more-acts").setAttribute("aria-expanded", String(yes));
}

// In a view the bar never gets lower: what decides stays at its place on the screen. No act is set off from
// the others: the page proposes none.
function showActs(page, acts) {
  const bar = at("acts");
  showAll(false);
  if (page.view !== seen) [seen, highest, bar.style.minHeight] = [page.view, 0, ""];
  bar.replaceChildren(...acts.map((act) => button(act.key, act.label, () => perform(page, act))));
  highest = Math.max(highest, bar.offsetHeight);
  bar.style.minHeight = `${highest}px`;
}

function perform(page, act) {
  if (page.held) page.tell("First save or discard what you are writing", "refused");
  else page.act(act);
}

function button(key, label, does) {
  const name = dom.made("span", {}, label);
  if (!key) return dom.button(does, {}, name);
  const sign = dom.made("kbd", { ariaHidden: "true" }, keyName(key));
  return dom.button(does, { ariaKeyShortcuts: key === " " ? "Space" : key }, sign, name);
}
