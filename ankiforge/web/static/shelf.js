// The shelf: one row for each document in which something new waits, the best first. Enter opens one.
import { $, button, h, kbd } from "./dom.js";
import { paperOf } from "./paper.js";
import { announce, count, number } from "./say.js";
import { get, post, until } from "./server.js";

const KINDS = { sheets: "PDF", text: "note", list: "book" };
const COVERS = 12; // that are asked for at once
const LOOKED = 60; // ms, after which a document that is selected is opened ahead
const STATES = { a: "asks", c: "card", n: "none" };

export class Shelf {
  at = 0;
  documents = [];
  heading = "";
  chat = ""; // the sentence that offers a chat, until that was used or put away
  model = false; // whether one is set
  begins = ""; // where the page begins, if not with the shelf
  words = []; // the questions about words with their translation
  #page;
  #timer = 0;
  #covers = new Map();

  constructor(page) {
    this.#page = page;
  }

  async load() {
    const { documents, heading, chat, model, begins, words, ...counts } = await get("shelf");
    Object.assign(this, { documents, heading, chat, model, begins, words });
    this.at = Math.min(this.at, Math.max(this.documents.length - 1, 0));
    this.#page.counted(counts);
  }

  show() {
    const { documents, chat, words } = this;
    this.list = h("ol", { className: "documents", role: "listbox", ariaLabel: "Documents", tabIndex: 0 }, documents.map((each, i) => this.#row(each, i)));
    const lists = this.#page.lists.filter(({ id, left }) => id !== "new" && (left || left === undefined));
    $("#shelf").replaceChildren(h("div", { className: "shelf" },
      chat && this.#offer(),
      documents.length ? h("h2", {}, this.heading)
        : !words.length && h("div", { className: "nothing end" }, h("h2", {}, "Nothing waits."), h("p", {}, "Mark a passage in what you read, then run ankiforge again: it appears here.")),
      documents.length && this.list,
      words.map((text) => h("section", { className: "words", ariaLabel: "Words with your translation" },
        h("p", {}, text), button("outlined small", "Look", "", () => this.#page.visit("questions")))),
      h("p", { className: "below" }, !chat && !this.model && h("button", { type: "button", className: "plain", onclick: () => this.#page.chat() }, "Questions from your chat ", kbd("m")),
        lists.map(({ id, name, left }) => h("a", { href: `#${id}`, onclick: (e) => {
          e.preventDefault();
          this.#page.visit(id);
        } }, `${name} `, left && h("b", {}, number(left)))))));
    this.select(this.at, false);
    if (documents.length) this.list.focus({ preventScroll: true });
    for (const each of documents.slice(0, COVERS)) this.#cover(each);
  }

  #row(each, i) {
    const strip = [...each.states].map((state) => h("i", { "data-s": STATES[state] }));
    const cover = h("span", { className: `cover ${each.kind}`, ariaHidden: "true" }, h("span", {}, each.title));
    cover.style.setProperty("--hue", String([...each.title].reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 360, 7)));
    each.coverNode = cover;
    const cards = each.states.replace(/[^c]/g, "").length;
    return h("li", { role: "option", id: `doc-${i}`, "data-title": each.title, onclick: () => {
      this.select(i);
      this.open();
    } }, cover,
      h("span", { className: "name" }, h("b", { dir: "auto" }, each.title), h("span", { className: "by" }, [each.by, KINDS[each.kind]].filter(Boolean).join(" · "))),
      h("span", { className: "strip", role: "img", ariaLabel: `${count(each.states.length, "mark")}${cards ? `, ${cards} with a card` : ""}` }, strip),
      h("span", { className: "waits" }, `${number(each.waiting)} waiting`),
      h("span", { className: "go button filled small", ariaHidden: "true" }, "Open ", kbd("⏎")));
  }
  async #cover({ key, kind, coverNode }) {
    if (!this.#covers.has(key)) this.#covers.set(key, until(`cover?${new URLSearchParams({ key })}`).catch(() => null));
    const cover = await this.#covers.get(key);
    if (cover?.src) {
      const image = h("img", { src: cover.src, alt: "" });
      await image.decode().catch(() => {});
      coverNode.replaceChildren(image);
    } else if (cover?.words && kind === "text") coverNode.replaceChildren(h("small", { dir: "auto" }, cover.words));
    else coverNode.className = "cover list"; // its file is not here
  }

  select(at, tells = true) {
    const { documents } = this;
    if (!documents.length) return;
    this.at = Math.min(Math.max(at, 0), documents.length - 1);
    const rows = [...this.list.children];
    rows.forEach((row, i) => { row.ariaSelected = String(i === this.at); });
    this.list.setAttribute("aria-activedescendant", `doc-${this.at}`);
    rows[this.at].scrollIntoView({ block: "nearest" });
    const entry = documents[this.at];
    if (tells) announce(entry.title);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      paperOf(entry.key, entry.id, $("#paper"));
      entry.read ??= get("sitting", { key: entry.key });
    }, LOOKED);
  }
  step(by) { this.select(this.at + by); }
  open() {
    clearTimeout(this.#timer);
    if (this.documents.length) this.#page.open(this.documents[this.at]);
  }

  // Where no model is set, a chat is offered once.
  #offer() {
    const putAway = () => {
      this.chat = "";
      post("no-chat").catch(() => {}); // it is offered once more
      this.show();
    };
    return h("section", { className: "offer", ariaLabel: "Questions from your chat" },
      h("p", {}, this.chat), button("outlined small", "Copy for your chat", "m", () => this.#page.chat()), button("text small", "Not now", "", putAway));
  }
}
