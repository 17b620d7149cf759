// How the reader likes the page; remembered for this visit.

const KEPT = "ankiforge-looks";
const system = matchMedia("(prefers-color-scheme: dark)");

class Looks {
  #listeners = [];
  #chosen = { dark: null, answers: true, phone: false };

  constructor() {
    Object.assign(this.#chosen, JSON.parse(sessionStorage.getItem(KEPT) ?? "{}"));
    system.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  get dark() {
    return this.#chosen.dark ?? system.matches;
  }

  // Question and answer are shown together.
  get answers() {
    return this.#chosen.answers;
  }

  // Cards are as wide as on a phone.
  get phone() {
    return this.#chosen.phone;
  }

  toggle(name) {
    this.#chosen[name] = !this[name];
    sessionStorage.setItem(KEPT, JSON.stringify(this.#chosen));
    this.#apply();
  }

  changed(work) {
    this.#listeners.push(work);
  }

  #apply() {
    const { dataset } = document.documentElement;
    dataset.scheme = this.dark ? "dark" : "light";
    dataset.cards = this.phone ? "phone" : "wide";
    for (const listener of this.#listeners) listener();
  }
}

export const looks = new Looks();
