// The passage of an item: the book's words in a serif, with the mark and what the card rests on.
import { formula, h, rich, wide } from "./dom.js";

export function passage(source) {
  const box = h("details", { className: "passage", open: wide.matches },
    h("summary", {}, h("span", { className: "what" }, "From "), h("b", { dir: "auto" }, source.title),
      h("span", { className: "place", dir: "auto" }, source.place),
      source.marked.length && h("span", { className: "snip", dir: "auto", ariaHidden: "true" },
        h("mark", {}, rich(source.marked)))),
    source.before && h("p", { className: "before", dir: "auto" }, h("b", {}, "Before: "), source.before),
    source.blocks.length && h("blockquote", { dir: "auto" }, source.blocks.map(block)),
    source.said && h("p", { className: "said", dir: "auto" }, h("b", {}, "Your comment: "), source.said),
    source.pictures.map((one) => h("img", one)),
    source.links.length && h("p", { className: "links" }, source.links.flatMap((one) => [
      h("a", { href: one.href, target: /^(http|\/)/.test(one.href) && "_blank", rel: "noreferrer" }, one.label), " "])));
  return h("section", { className: "source", ariaLabel: "Passage" }, box);
}

export function block({ runs, rows }) {
  if (runs) return h("p", {}, runs.map(run));
  const cell = (one) => h("td", {}, one.map(run));
  return h("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Table" },
    h("table", {}, rows.map((row) => h("tr", {}, row.map(cell)))));
}
function run([text, signs, math]) {
  const tag = signs.includes("m") ? "mark" : signs.includes("q") ? "u" : "span";
  const shown = signs.includes("c") ? h("code", {}, text) : text;
  return h(tag, { className: signs.includes("q") ? "rests" : "" }, math ? formula(math) : shown);
}
