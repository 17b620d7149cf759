// The page: puts the parts together.

import * as address from "./address.js";
import { wireBar } from "./bar.js";
import { showCounter } from "./counter.js";
import { askWords, wireWords } from "./dialogs.js";
import { button } from "./dom.js";
import { wireEdit } from "./edit.js";
import { Filters } from "./filters.js";
import { wireHand } from "./hand.js";
import { listen } from "./keys.js";
import { looks } from "./looks.js";
import { News } from "./news.js";
import { wireRedraft } from "./redraft.js";
import { Review } from "./review.js";
import { wireSeen } from "./seen.js";
import { endRound, showUnsent, wireSend } from "./send.js";
import { failed, tell } from "./telling.js";
import { wireSheet } from "./sheet.js";
import { Stage } from "./stage.js";
import { remember } from "./trail.js";

const at = (id) => document.getElementById(id);
let drawing = null;
const narrow = matchMedia("(max-width: 52rem), (max-height: 30rem)");

const page = new Review(at("cards"), { tell, ask: askWords, decided, failed, focus });
const filters = new Filters(page);
const news = new News(page, (found) => {
  showCounts(found.views);
  if ("unsent" in found) showUnsent(found.unsent);
  filters.show(found);
});

function decided(found, item) {
  const next = page.item && item && page.item.heading !== item.heading ? `; next: ${page.item.heading}` : "";
  tell(`${found.told}${next}`);
  remember(found, item);
  endRound(page, found);
}

// A screen reader says what is shown; whoever types or narrows the list down stays where he is.
function focus() {
  const elsewhere = document.activeElement.closest("#query, #facet-list");
  if (!elsewhere) at("title").focus({ preventScroll: true });
}

function show(item) {
  at("kind").textContent = item?.heading ?? "";
  at("title").textContent = item ? item.title : page.found.empty;
  at("why").textContent = item?.why ?? "";
  at("why").dataset.tone = item?.tone ?? "";
  at("source").innerHTML = item ? item.source : "";
  at("body").innerHTML = item ? item.body : "";
  document.body.dataset.item = item ? "yes" : "no";
  document.body.dataset.view = page.view;
  // On a phone the card comes first; a passage without a card is open, for its words are to be selected.
  at("fold").open = !narrow.matches || page.view === "passages";
  tell("");
  draw(item?.drawn);
  unscroll();
  showMore(item ? [] : page.found.more);
  showCounter(page.found);
  markView();
  filters.told("");
  address.write(page);
  focus();
  news.look();
}

// The passage with its formulas, in a frame of its own: MathJax writes styles, which the page forbids.
function draw(html = "") {
  at("drawn").hidden = !html;
  if (!html) return;
  if (!drawing) {
    drawing = new Stage(document.body.dataset.frame, ({ key, repeated }) => key && page.press(key, repeated));
    drawing.element.title = "The passage with its formulas";
    at("drawn").append(drawing.element);
  }
  drawing.show(html, { dark: looks.dark });
}

looks.changed(() => draw(page.item?.drawn));

// Each item begins at the same place, in a window that scrolls as a whole too; of a long passage
// the mark is in sight.
function unscroll() {
  for (const pane of document.querySelectorAll("#fold, .right")) pane.scrollTop = 0;
  const mark = at("source").querySelector("[data-scroll]");
  if (mark) at("fold").scrollTop = mark.offsetTop - at("fold").clientHeight / 3;
  if (at("main").getBoundingClientRect().top < 0) at("main").scrollIntoView();
}

// Where nothing is left: a button for each place that holds more.
function showMore(places = []) {
  at("more").hidden = !places.length;
  at("more").replaceChildren(
    ...places.map(({ view, title, count }) => button(() => page.visit({ view }), {}, `${title} (${count})`)),
  );
}

const links = () => document.querySelectorAll("[data-view]");

function showCounts(counts) {
  for (const link of links()) {
    const count = counts[link.dataset.view] ?? 0;
    link.querySelector(".count").textContent = count;
    link.dataset.empty = count ? "no" : "yes";
  }
}

function markView() {
  const { view, top } = page.found;
  for (const link of links()) {
    const current = link.dataset.view === (link.closest("nav") ? top : view);
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const parts of document.querySelectorAll(".parts")) parts.hidden = parts.dataset.top !== top;
}

function arrive() {
  const { view, at: item, query = page.query } = address.read();
  page.visit({ view, query }, item);
}

listen(page);
wireSeen(page);
wireSend(page);
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
