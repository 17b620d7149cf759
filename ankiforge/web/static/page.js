// The page: a shelf of documents, a sitting at one of them or at a list, the rows of a list. The server knows what may be decided.
//
//   shelf    which documents wait          paper     the document: its pages, its marks, where they stand
//   sitting  ten decisions; its ending     card      the card beside its mark, its question, its editor
//   rows     all cards                     sentence  words to hide; shapes, a mark as one path
//   keys     what each key does            pace      when a key acts
import { beginChat, openChat } from "./chat.js";
import { $, all, h } from "./dom.js";
import { fill, isDark } from "./face.js";
import { beginFind, closeFind, openFind } from "./find.js";
import { beginKeys, fillMenu } from "./keys.js";
import { alone, attempt, isFree } from "./pace.js";
import { Rows, row } from "./rows.js";
import { LONG, UNTIL_NEXT, announce, count, quoted, tell, undoWith } from "./say.js";
import { get, post } from "./server.js";
import { recalled, remember } from "./settings.js";
import { Shelf } from "./shelf.js";
import { Sitting } from "./sitting.js";


class Page {
  // shelf, sitting or list
  view = "start";
  lists = []; // as the server counts them: {id, name}, and of those whose items wait {left}
  ready = 0; // accepted cards that Anki lacks
  undos = []; // what may be taken back, the oldest first: {id}, and where it was decided
  sitting = null;
  rows = null;
  shelf = new Shelf(this);

  // ---- Where the person is.

  #turn(view, title, hash) {
    this.view = document.body.dataset.view = view;
    document.title = `${title} · ankiforge`;
    $("#title").textContent = title;
    const back = this.lists.find(({ id }) => id === this.sitting?.origin.back)?.name ?? "Shelf";
    $("#to-shelf").ariaLabel = $("#to-shelf span").textContent = back;
    history.replaceState(null, "", `#${hash}`);
    $("#menu").open = false;
    closeFind();
  }
  #closeSitting() {
    this.sitting?.close();
    this.sitting = null;
  }
  async openShelf() {
    this.#closeSitting();
    await this.shelf.load();
    this.#turn("shelf", "Shelf", "new");
    $("#title").textContent = "ankiforge";
    $("#count").textContent = this.ready ? `${count(this.ready, "new card")} for Anki` : "";
    $("#ticks").replaceChildren();
    this.shelf.show();
  }
  // Open a document of the shelf.
  async open(entry) {
    const read = entry.read ?? get("sitting", { key: entry.key });
    delete entry.read;
    await this.#sit({ entry, title: entry.title, hash: `paper=${entry.id}`, read: () => get("sitting", { key: entry.key }) }, read);
  }
  async #sit(origin, read) {
    await attempt(async () => {
      const sitting = new Sitting(origin, this);
      await sitting.load(read);
      this.#closeSitting();
      this.sitting = sitting;
      this.#turn("sitting", origin.title, origin.hash);
      await sitting.begin();
    }, { bringsCard: true });
  }
  async openList(id) {
    const named = this.lists.find((list) => list.id === id);
    if (!named) return this.openShelf();
    if (id === "all") return attempt(() => this.#openRows());
    const read = async () => {
      const reply = await get("list", { id });
      this.counted(reply);
      return reply;
    };
    return this.#sit({ list: id, title: named.name, hash: id, read });
  }
  async #openRows() {
    this.#closeSitting();
    this.rows ??= new Rows(this);
    this.#turn("list", "All cards", "all");
    for (const place of ["#ticks", "#count"]) $(place).replaceChildren();
    $("#list").replaceChildren(this.rows.node);
    await this.rows.load();
  }
  async visit(id) {
    if (!isFree()) return;
    if (id === "new") await alone(() => this.openShelf());
    else await this.openList(id);
  }
  searchAll() {
    if (!isFree()) return;
    if (this.view !== "list") this.#openRows();
    this.rows.focusSearch();
  }
  // Open the item behind a row, or the passage with a key; from the shelf, the question about words.
  async openRow(id) {
    if (!isFree()) return;
    const { item } = await alone(() => get("item", { id })).catch(() => ({ item: null }));
    if (!item) return tell("Nothing is to be done here.");
    const from = this.view === "shelf" ? { title: "Words", hash: "new" }
      : { title: this.rows ? document.title.split(" · ")[0] : "Changed", hash: this.rows ? "all" : "changed", back: this.view === "list" ? "all" : this.sitting.origin.list };
    await this.#sit({ ...from, single: true,
      read: async () => ({ opened: item, number: 0, ids: [], results: [], items: [] }) });
  }
  // From a sitting back to where it was opened.
  leave() {
    const back = this.sitting?.origin.back;
    return back ? this.openList(back) : this.openShelf();
  }
  escape() {
    if ($(".menu[open]")) for (const menu of all(".menu[open]")) menu.open = false;
    else if (!$("#find").hidden) closeFind();
    else if (this.view === "sitting") this.sitting.escape();
    else if (this.view === "list" && !document.activeElement.matches("input")) this.openShelf();
    else if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  }
  // What comes after a document or list, once nothing of it is left or the person has enough of it.
  after({ entry, list }) {
    const next = this.shelf.documents.find(({ id }) => id !== entry?.id);
    if (next) return { label: `Next: ${next.title}`, run: () => this.open(next) };
    const other = this.lists.find(({ id, left }) => left && id !== list && id !== "new");
    return other ? { label: `Next: ${other.name}`, run: () => this.visit(other.id) } : null;
  }
  counted(reply) {
    if (!reply.lists) return;
    this.lists = reply.lists;
    this.ready = reply.ready;
  }
  find(purpose) {
    const { paper } = this.sitting ?? {};
    if (paper && (purpose === "find" || paper.body.pages)) openFind(paper, purpose);
  }

  // ---- Undo.

  async undo(id = this.undos.at(-1)?.id) {
    if (!isFree()) return;
    if (!id) return tell("Nothing to undo. Older decisions: ankiforge list --view recent.");
    await attempt(async () => {
      const last = this.undos.find((undo) => undo.id === id);
      const reply = await post("undo", id);
      this.undos = this.undos.filter((undo) => undo !== last);
      this.counted(reply);
      const { item } = reply;
      if (this.view === "list") await this.rows.load();
      else if (this.view === "shelf") await this.openShelf();
      else if (last?.paper !== undefined && last.sitting === this.sitting) await this.sitting.renewed(last.paper);
      else if (item && last?.sitting === this.sitting) this.sitting.putBack(reply);
      tell(item ? ["Taken back: ", quoted(item.line ?? item.title)] : "Taken back.");
    }, { bringsCard: true });
  }

  // ---- Anki.

  async send() {
    if (!isFree() || (this.sitting?.ending && !this.sitting.ending.mayAct)) return;
    tell("Opening Anki …", { stays: UNTIL_NEXT });
    await attempt(async () => {
      const reply = await post("send");
      this.counted(reply);
      tell(reply.said, { stays: reply.path ? UNTIL_NEXT : LONG, copy: reply.path });
    });
  }
  notices(rows) {
    return h("section", { className: "table notices", ariaLabel: "What your sources changed" },
      h("h3", {}, "What your sources changed"), h("ul", { className: "rows" }, rows.map((entry) => row(entry, this))));
  }

  // ---- A chat.

  // About the document of a highlight, if its key is given, or that of the sitting.
  chat(key = "") {
    if (!isFree()) return;
    const { sitting } = this;
    const about = key || (sitting?.origin.entry ? sitting.paper?.key : sitting?.origin.list === "failing" ? sitting.item?.id : "");
    const asks = () => {
      post("no-chat").catch(() => {}); // it is offered no more
      return get("chat", { key: about ?? "" });
    };
    openChat(asks, (answer) => post("chat", answer), async (brought) => {
      if (this.view === "shelf" || (brought && about?.startsWith("unmarked:"))) await this.openShelf();
      else if (brought && this.sitting) await this.#sit(this.sitting.origin, this.sitting.origin.read());
    });
  }

  // ---- What is shown, and what the browser remembers of it.

  // Show or hide answers; without `hides`, the other way than now.
  flip(hides) {
    const isHidden = document.body.classList.toggle("hiding", hides);
    this.refill();
    announce(isHidden ? "Answers hidden" : "Answers shown");
  }
  refill() {
    for (const frame of all("iframe.face")) fill(frame);
  }
  setRecall(on) {
    remember("recall", on);
    this.flip(on);
    tell(on ? "Recall first: the blue button shows the answer." : "Answers are shown at once.");
  }
  changeTheme() {
    remember("theme", isDark() ? "light" : "dark");
    this.showTheme();
  }
  // The colours that a person chose, else those of the system.
  showTheme() {
    document.documentElement.dataset.theme = recalled("theme") || (system.matches ? "dark" : "light");
    this.refill();
  }
  togglePrinted() {
    const on = document.body.classList.toggle("as-printed");
    remember("printed", on);
    if (!isDark()) tell("The page is dark in dark colours only.");
    else tell(on ? "Page as printed." : "Page in the dark.");
  }
}

const system = matchMedia("(prefers-color-scheme: dark)");
const page = new Page();
undoWith(() => page.undo());
page.showTheme();
document.body.classList.toggle("as-printed", recalled("printed"));
system.addEventListener("change", () => page.showTheme());
$("#to-shelf").addEventListener("click", () => page.leave());
$("#menu").addEventListener("toggle", () => { if ($("#menu").open) fillMenu(page); });
for (const each of all("[data-zoom]")) each.addEventListener("click", () => page.sitting?.paper?.zoomBy(Number(each.dataset.zoom)));
for (const each of all("[data-step]")) each.addEventListener("click", () => page.sitting?.stepMark(Number(each.dataset.step)));
beginChat();
beginFind();
beginKeys(page);

await page.shelf.load();
const { documents, begins } = page.shelf;
const asked = decodeURIComponent(location.hash.slice(1)) || begins;
const reopened = documents.find(({ id }) => asked === `paper=${id}`);
// a single document needs no shelf
if (reopened) await page.open(reopened);
else if (asked && asked !== "new") await page.openList(asked);
else if (!asked && page.shelf.isOpened) await page.open(documents[0]);
if (page.view === "start") await page.openShelf();
