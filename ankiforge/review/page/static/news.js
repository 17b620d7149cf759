// Asks now and then what has changed: the terminal, a run and other windows decide and add cards as well.

import { ended, tell } from "./telling.js";
import { ask, Gone } from "./talk.js";

const EVERY_MS = 3_000;

export class News {
  #known = { found: null, count: 0 };
  #begun = false;
  #changed = "";

  // `told`: called with what the server says of all lists.
  constructor(page, told) {
    this.page = page;
    this.told = told;
    this.#wait();
    addEventListener("focus", () => this.look());
  }

  #wait() {
    setTimeout(async () => {
      if (!document.hidden) await this.look();
      this.#wait();
    }, EVERY_MS);
  }

  // The first time the numbers alone come before all that one may filter by: that takes longer.
  async look() {
    const first = !this.#begun;
    this.#begun = true;
    if (first) await this.#ask({ facets: "no" });
    await this.#ask({ since: this.#changed });
  }

  async #ask(more) {
    const shown = this.page.found;
    const { id: at = "", stamp = "" } = this.page.item ?? {};
    try {
      const found = await ask("/api/views", { ...this.page.asked, ...more, at, stamp });
      ended(false);
      if (shown !== this.page.found) return;
      this.#changed = found.changed ?? "";
      if (found.views) this.told(found);
      if (shown && found.views) this.#compare(shown, found);
    } catch (error) {
      if (error instanceof Gone) ended(true);
    }
  }

  // What came since the item was shown, or was decided elsewhere; nobody who types is interrupted.
  #compare(shown, { views, stale }) {
    const count = views[shown.view];
    const before = this.#known.found === shown ? this.#known.count : shown.count;
    this.#known = { found: shown, count };
    const free = this.page.idle && !this.page.held;
    if (stale && free) return this.#renew("This card has changed elsewhere");
    if (stale) this.#changed = ""; // asked again, until nobody types
    if (count <= before) return;
    tell(`${count - before} new here`);
    const resting = document.activeElement === document.getElementById("title");
    if (!shown.item && free && resting) this.#renew(`${count - before} new here`);
  }

  #renew(words) {
    this.page.visit({}, this.page.item?.id, undefined, () => tell(words));
  }
}
