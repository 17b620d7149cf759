// The filter: a query as the terminal's `list` takes it, typed or put together of what is there.
//
// The server says what may be chosen: `facets`, [{ title, values: [{ label, count, query, on }] }],
// where `query` is the filter with this value added, or taken away where it is `on`; and `toggles`,
// [{ name, label, on }], which go with what is asked as { name: "yes" }.

import { made } from "./dom.js";

const at = (id) => document.getElementById(id);
const BOX = "facet:";

export class Filters {
  constructor(page) {
    this.page = page;
    at("filter").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#typed();
    });
    at("query").addEventListener("input", () => this.#clearable());
    at("filter-clear").addEventListener("click", () => {
      at("query").value = "";
      this.#typed();
    });
    addEventListener("pointerdown", ({ target }) => {
      if (!at("facets").contains(target)) at("facets").open = false;
    });
    page.shown(() => {
      if (document.activeElement !== at("query")) at("query").value = page.query;
      this.#clearable();
    });
  }

  show({ facets = [], toggles = [] }) {
    const drawn = facets.filter(({ values }) => values.length).map((facet) => this.#facet(facet));
    if (toggles.length) drawn.unshift(fieldset("Only", toggles.map((one) => this.#toggle(one))));
    const focused = document.activeElement.id;
    at("facets").hidden = !drawn.length;
    at("facet-list").replaceChildren(...drawn);
    if (focused.startsWith(BOX)) at(focused)?.focus();
  }

  #clearable() {
    at("filter-clear").hidden = !at("query").value;
  }

  // What is wrong with the query; "" = nothing.
  told(words) {
    at("filter-told").textContent = words;
    at("query").setAttribute("aria-invalid", String(Boolean(words)));
  }

  #typed() {
    const query = at("query").value.trim();
    at("query").blur();
    if (query === this.page.query) this.page.focus();
    else this.#visit({ query });
  }

  #visit(wanted) {
    this.page.visit(wanted, this.page.item?.id, (error) => {
      this.told(error.message);
      if ("query" in wanted) at("query").focus();
    });
  }

  #facet({ title, values }) {
    const one = (value) => tick(title, value, () => this.#visit({ query: value.query }));
    return fieldset(title, values.map(one));
  }

  #toggle({ name, label, count, on }) {
    const { [name]: _, ...others } = this.page.toggles;
    const toggles = on ? others : { ...others, [name]: "yes" };
    return tick("", { label, count, on }, () => this.#visit({ toggles }));
  }
}

function fieldset(title, rows) {
  return made("fieldset", {}, made("legend", {}, title), ...rows);
}

function tick(title, { label, count, on }, onchange) {
  const box = made("input", { type: "checkbox", id: `${BOX}${title}:${label}`, checked: on, onchange });
  return made("label", {}, box, made("span", {}, label), made("span", { className: "count" }, count ?? ""));
}
