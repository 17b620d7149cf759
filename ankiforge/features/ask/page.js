// Search results for the words in the search box of all cards, and an answer in sentences.
import { openChat } from "/static/chat.js";
import { $, makeButton, h, makeLink } from "/static/dom.js";
import { removeScripts } from "/static/face.js";
import { attempt, isFree } from "/static/pace.js";
import { above } from "/static/parts.js";
import { UNTIL_NEXT, tell } from "/static/say.js";
import { get, post } from "/static/server.js";

class Found {
  node = h("section", { className: "found", ariaLabel: "What you have read" });
  #list;

  constructor(list) {
    this.#list = list;
    list.field.placeholder = "Ask what you have read, or search cards";
  }
  async read(words) { return words ? get("found", { words }) : {}; }
  show({ works = [], passages = [], said = "" }) {
    const shown = [...works.map((work) => this.#renderWork(work)), ...passages.map((passage) => this.#renderPassage(passage))];
    const asks = passages.length && makeButton("outlined small", "Answer from these", "", () => this.answer());
    this.node.replaceChildren(...(shown.length || said ? [h("div", { className: "over-rows" }, h("h2", { className: "told" }, said || "What you have read"), asks), h("ul", { className: "rows" }, shown)] : []));
    return passages.length > 0;
  }
  #renderWork({ title, place, query }) {
    return h("li", {}, h("button", { type: "button", className: "row", onclick: () => this.#list.search(query) }, h("span", { className: "title", dir: "auto" }, title), h("span", { className: "place", dir: "auto" }, place)));
  }
  // A passage with the matching sentence in bold, below the sentence of the answer, if any.
  #renderPassage({ key, words: [before, sentence, after], place, cards, links, says }) {
    const state = cards.map(({ question, state: name }) => h("span", { className: "sub", dir: "auto" }, h("i", {}, `${name}: `), removeScripts(question)));
    const make = !cards.length && makeButton("outlined small", "Make a card", "", () => this.#list.open(key));
    const main = h("button", { type: "button", className: "row passage", dir: "auto", id: `row-${key}`, onclick: () => this.#list.open(key) }, says && h("span", { className: "says", dir: "auto" }, says),
      h("span", { className: "passage-words" }, removeScripts(before), " ", h("b", {}, removeScripts(sentence)), " ", removeScripts(after)), h("span", { className: "place" }, place), state);
    main.dataset.key = key;
    return h("li", {}, main, h("span", { className: "doors" }, make, links.map(makeLink)));
  }
  async answer() {
    const question = this.#list.field.value.trim();
    if (!question || !$(".passage", this.node) || !isFree()) return;
    tell("Reading …", { stays: UNTIL_NEXT });
    const show = (reply) => {
      this.show({ ...reply, passages: reply.sentences });
      tell(reply.sentences.length ? "Each sentence stands over its quote." : reply.said);
    };
    await attempt(async () => {
      const reply = await post("answer", { question });
      if (!reply.ask) return show(reply);
      const asks = async () => ({ said: "Asks for an answer from your passages.", text: reply.ask });
      return openChat(asks, async (answer) => show(await post("answer", { question, reply: answer })), () => {});
    });
  }
}

above.push((list) => new Found(list));
