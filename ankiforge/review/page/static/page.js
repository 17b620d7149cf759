// The page: puts the parts together.

import * as address from "./address.js";
import { wireBar } from "./bar.js";
import { showCounter } from "./counter.js";
import { askWords, wireWords } from "./dialogs.js";
import { wireEdit } from "./edit.js";
import { Filters } from "./filters.js";
import { wireHand } from "./hand.js";
import { listen } from "./keys.js";
import { News } from "./news.js";
import { wireRedraft } from "./redraft.js";
import { Review } from "./review.js";
import { wireSeen } from "./seen.js";
import { failed, forget, tell } from "./telling.js";
import { wireSheet } from "./sheet.js";
import { remember } from "./trail.js";

const at = (id) => document.getElementById(id);

const page = new Review(at("cards"), { tell, ask: askWords, decided, failed, focus });
const filters = new Filters(page);
const news = new News(page, (found) => {
  showViews(found.views);
  filters.show(found);
});

function decided(found, item) {
  tell(found.told);
  remember(found, item);
}

// A screen reader says what is shown; whoever types or narrows the list down stays where he is.
function focus() {
  const elsewhere = document.activeElement.closest("#query, #facet-list");
  if (!elsewhere) at("title").focus({ preventScroll: true });
}

function show(item) {
  at("title").textContent = item ? item.title : page.found.empty;
  at("source").innerHTML = item ? item.source : "";
  at("body").innerHTML = item ? item.body : "";
  document.body.dataset.item = item ? "yes" : "no";
  unscroll();
  showCounter(page.found);
  markView();
  filters.told("");
  forget();
  address.write(page);
  focus();
  news.look();
}

// Each item begins at the same place, in a window that scrolls as a whole too; of a long passage
// the mark is in sight.
function unscroll() {
  for (const pane of document.querySelectorAll("#source, .right")) pane.scrollTop = 0;
  const mark = at("source").querySelector("[data-scroll]");
  if (mark) at("source").scrollTop = mark.offsetTop - at("source").clientHeight / 3;
  if (at("main").getBoundingClientRect().top < 0) at("main").scrollIntoView();
}

function showViews(counts) {
  for (const link of document.querySelectorAll("#views a")) {
    const count = counts[link.dataset.view] ?? 0;
    link.querySelector(".count").textContent = count;
    link.dataset.empty = count ? "no" : "yes";
  }
}

function markView() {
  for (const link of document.querySelectorAll("#views a")) {
    if (link.dataset.view === page.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function arrive() {
  const { view, at: item, query = page.query } = address.read();
  page.visit({ view, query }, item);
}

listen(page);
wireSeen(page);
wireBar(page);
wireWords();
page.shown(show);
wireEdit(page);
wireHand(page);
wireRedraft();
wireSheet(at("source"), page);
addEventListener("popstate", arrive);
page.query = document.body.dataset.query;
arrive();
