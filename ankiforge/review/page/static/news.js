// Asks now and then how much each view holds: the terminal and `watch` decide and add as well.

import { ended, tell } from "./telling.js";
import { ask, Gone } from "./talk.js";

const EVERY_MS = 10_000;

export class News {
  #known = { found: null, count: 0 };
  #begun = false;

  // `told`: called with what the server says of all views.
  constructor(page, told) {
    this.page = page;
    this.told = told;
    setInterval(() => document.hidden || this.look(), EVERY_MS);
    addEventListener("focus", () => this.look());
  }

  // The first time the numbers alone come before all that one may filter by: that takes longer.
  async look() {
    const first = !this.#begun;
    this.#begun = true;
    if (first) await this.#ask({ facets: "no" });
    await this.#ask({});
  }

  async #ask(more) {
    const shown = this.page.found;
    try {
      const found = await ask("/api/views", { ...this.page.asked, ...more });
      ended(false);
      if (shown !== this.page.found) return;
      this.told(found);
      if (shown) this.#compare(shown, found.views[shown.view]);
    } catch (error) {
      if (error instanceof Gone) ended(true);
    }
  }

  // What came since the item was shown, or since it was told of.
  #compare(shown, count) {
    const before = this.#known.found === shown ? this.#known.count : shown.count;
    this.#known = { found: shown, count };
    if (count <= before) return;
    tell(`${count - before} new here`);
    const resting = document.activeElement === document.getElementById("title");
    if (!shown.item && this.page.idle && resting) this.page.visit({});
  }
}
