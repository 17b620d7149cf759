// The page: a shelf of documents, a sitting at a document or list, and the rows of all cards. The server enforces all rules.
//
//   shelf    the pending documents         paper     the document: its pages and highlights, and where they are
//   sitting  ten decisions; its ending     card      the card beside its highlight; question and edit: what the user types
//   rows     all cards                     sentence  words to blank out; shapes: outlines of highlights
//   bar      the buttons below a card      tie       the line from a card to its highlight; strip: all highlights
//   keys     the keyboard                  pace      the timing of keys
import { beginChat, openChat } from "./chat.js";
import { $, findAll } from "./dom.js";
import { darkQuery, fillFrame, renderQuestion } from "./face.js";
import { beginKeys, fillMenu } from "./keys.js";
import { runAlone, attempt, isFree, mayLeaveEnding } from "./pace.js";
import { forgetPaper } from "./paper.js";
import { Rows } from "./rows.js";
import { LONG, UNTIL_NEXT, formatCount, hush, quote, tell, setUndo } from "./say.js";
import { get, post } from "./server.js";
import { Shelf } from "./shelf.js";
import { Sitting } from "./sitting.js";

const ALL_CARDS = { title: "All cards", list: "all" };

class Page {
  // shelf, sitting or list
  view = "start";
  ready = 0; // the number of accepted cards that Anki lacks
  kept = new Map(); // cards with words that aren't saved, by the id of their item
  undos = []; // what can be undone, oldest first: {id, sitting}; for a new highlight also `from`, the key of the one before
  visited = new Set(); // the rows of the shelf that were opened since it was shown
  sitting = null;
  rows = null;
  shelf = new Shelf(this);

  // ---- Navigation.

  #showView(view, title, hash) {
    this.view = document.body.dataset.view = view;
    document.title = `${title} · ankiforge`;
    $("#title").textContent = title;
    const back = this.sitting?.origin.back?.title ?? "Shelf";
    $("#to-shelf").ariaLabel = $("#to-shelf span").textContent = back;
    history.replaceState(null, "", `#${hash}`);
    $("#menu").open = false;
  }
  #closeSitting() {
    this.sitting?.close();
    this.sitting = null;
  }
  async openShelf() {
    hush();
    this.#closeSitting();
    await this.shelf.load();
    this.showShelf();
  }
  showShelf() {
    this.#showView("shelf", "Shelf", "new");
    $("#title").textContent = "ankiforge";
    $("#count").textContent = this.ready ? `${formatCount(this.ready, "new card")} for Anki` : "";
    $("#ticks").replaceChildren();
    this.visited.clear();
    this.shelf.show();
  }
  // Open a row of the shelf: a document, or a list.
  async open(entry) {
    const { id, list, title } = entry;
    this.visited.add(id);
    const at = this.shelf.documents.findIndex((each) => each.id === id);
    if (at >= 0) this.shelf.at = at;
    const read = () => (list ? get("list", { id }) : get("sitting", { id }));
    const first = entry.read ?? read();
    delete entry.read;
    await this.#startSitting({ entry, title, hash: list ?? `paper=${id}`, read }, first);
  }
  async #startSitting(origin, read) {
    hush();
    await attempt(async () => {
      const sitting = new Sitting(origin, this);
      await sitting.load(read);
      this.#closeSitting();
      this.sitting = sitting;
      this.#showView("sitting", origin.title, origin.hash);
      await sitting.begin();
    }, { bringsCard: true });
  }
  async openAll(searches = true) {
    if (searches && !isFree()) return; // don't return to the search while a decision is being stored
    hush();
    this.#closeSitting();
    this.rows ??= new Rows(this);
    this.#showView("list", ALL_CARDS.title, "all");
    for (const place of ["#ticks", "#count"]) $(place).replaceChildren();
    $("#list").replaceChildren(this.rows.node);
    if (searches) this.rows.focusSearch();
    await attempt(() => this.rows.load());
  }
  async openLost() {
    await this.openAll();
    this.rows?.search("finding:source_gone");
  }
  // Open the item of a row, or the passage with a key.
  async openRow(id) {
    if (!isFree()) return;
    const { item } = await runAlone(() => get("item", { id })).catch(() => ({ item: null }));
    if (!item) return tell("There is nothing to do here.");
    const back = this.view === "list" ? ALL_CARDS : this.sitting.origin.entry;
    await this.#startSitting({ title: back.title, hash: back.list, back, single: true,
      read: async () => ({ opened: item, number: 0, ids: [], results: [], items: [] }) });
  }
  // Leave a sitting for the view from which it was opened.
  leave() {
    const back = this.sitting?.origin.back;
    return back === ALL_CARDS ? this.openAll(false) : back ? this.open(back) : this.openShelf();
  }
  escape() {
    if ($(".menu[open]")) for (const menu of findAll(".menu[open]")) menu.open = false;
    else if (this.view === "sitting") this.sitting.escape();
    else if (this.view === "list" && !document.activeElement.matches("input")) this.openShelf();
    else if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  }
  // The next row of the shelf with pending items that was not visited yet, first the document on screen beside a list.
  after({ entry }, paper) {
    const open = this.shelf.documents.filter((each) => each.is_open && each.list !== "best" && !this.visited.has(each.id));
    const here = entry?.list === "you" && open.find((each) => each.id === paper?.id);
    const next = here || open[0];
    return next && { label: `${here ? "On in" : "Next:"} ${next.title}`, run: () => this.open(next) };
  }
  counted({ ready }) { this.ready = ready ?? this.ready; }
  // The current view: the shelf, a sitting, or all cards.
  get place() { return { shelf: this.shelf, list: this.rows, sitting: this.sitting }[this.view]; }

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
      else if (last?.isMark) await this.#return(last.sitting, () => this.sitting.reload(last.from));
      else if (item && last) await this.#return(last.sitting, () => this.sitting.putBack(reply));
      else if (this.view === "shelf") await this.openShelf();
      tell(item ? ["Undone: ", quote(renderQuestion(item))] : "Undone.");
    }, { bringsCard: true });
  }

  // Go back to a sitting, which may have been closed, and show something in it.
  async #return(sitting, shows) {
    if (sitting !== this.sitting) {
      this.#closeSitting();
      this.sitting = sitting;
      this.#showView("sitting", sitting.origin.title, sitting.origin.hash);
      sitting.observe();
    }
    await shows();
  }

  // ---- Anki.

  async send() {
    if (this.sitting?.ending ? !mayLeaveEnding() : !isFree()) return;
    tell("Opening Anki …", { stays: UNTIL_NEXT });
    await attempt(async () => {
      const reply = await post("send");
      this.counted(reply);
      tell(reply.said, { stays: reply.path ? UNTIL_NEXT : LONG, copy: reply.path });
    });
  }

  // ---- A chat.

  // What the chat is asked about by key: the selected row, or the sitting's document or item; "" is everything.
  get #subject() {
    const { item, origin, paper } = this.sitting ?? {};
    const row = this.view === "shelf" ? this.shelf.documents[this.shelf.at] : null;
    return (row?.chat && row.id) || (origin?.entry?.list ? item?.id : origin?.entry && paper?.id) || "";
  }
  chat(about = this.#subject) {
    if (!isFree()) return;
    const { paper } = this.sitting ?? {};
    const asks = () => get("chat", { id: about });
    tell("Reading the document for your chat …", { stays: UNTIL_NEXT });
    openChat(asks, (answer) => post("chat", answer), async (brought, opens) => {
      const isUnmarked = paper ? !paper.marks.length : this.view === "shelf";
      if (brought && isUnmarked) forgetPaper(about);
      if (this.view === "shelf") {
        await this.openShelf();
        const entry = opens && this.shelf.documents.find((each) => each.id === about);
        if (entry) await this.open(entry);
      }
      else if (brought && this.sitting) await this.#startSitting(this.sitting.origin, this.sitting.origin.read());
    });
  }

}

const page = new Page();
setUndo(() => page.undo());
darkQuery.addEventListener("change", () => findAll("iframe.face").forEach(fillFrame));
$("#to-shelf").addEventListener("click", () => page.leave());
$("#menu").addEventListener("toggle", () => { if ($("#menu").open) fillMenu(page); });
for (const each of findAll("[data-step]")) each.addEventListener("click", () => page.sitting?.stepMark(Number(each.dataset.step)));
addEventListener("focus", () => { if (page.view === "shelf" && !page.shelf.documents.length) page.openShelf(); }); // the user may have run ankiforge
beginChat();
beginKeys(page);

await page.shelf.load();
const wanted = decodeURIComponent(location.hash.slice(1)) || page.shelf.begins;
const findWanted = () => page.shelf.documents.find(({ id, list }) => wanted === (list ?? `paper=${id}`));
while (wanted.startsWith("paper=") && !findWanted() && await page.shelf.loadMore());
// a document in which little waits has no row of its own
const wantedEntry = findWanted() ?? (wanted.startsWith("paper=") && { id: wanted.slice("paper=".length), title: "" });
// open a single document without the shelf
if (wantedEntry) await page.open(wantedEntry);
else if (wanted === "all") await page.openAll();
else if (!wanted && page.shelf.isOpened) await page.open(page.shelf.documents[0]);
if (page.view === "start") page.showShelf();
