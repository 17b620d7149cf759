// A round: the items of a list that wait, the one that is shown, and what became of others. Only the methods of `Round`
// change it.

export const TEN = 10;

class Round {
  // All lists as the server counts them: {id, name}, and of those whose items wait {left, done}.
  lists = [];
  // How many accepted cards Anki lacks.
  ready = 0;
  // The id of the list that is shown.
  list = "";
  // The items that the page has of it, and which of them is shown.
  items = [];
  at = 0;
  // The item behind a row, which is shown instead of its list.
  opened = null;
  // The reply of a list that has rows to look at instead of items.
  rows = null;
  // Rows that a list of items has as well.
  notices = [];
  // The ids of items that were decided on: the server may name them once more meanwhile.
  gone = new Set();
  // How often each decision was made.
  tally = {};
  // The decisions since the last ending: how many, what takes each of them back, and when the first card was shown.
  ten = { decided: 0, actions: [], since: 0 };
  // Whether ten are decided, so that their ending is shown before the next ones.
  resting = false;
  // What may be taken back, the oldest first: {id, act}, and `item` if it was skipped.
  undos = [];

  get here() {
    return this.lists.find((list) => list.id === this.list);
  }

  get item() {
    if (this.opened) return this.opened;
    return this.rows || this.resting ? null : this.items[this.at] ?? null;
  }

  // The item that comes next, if it is another one.
  get next() {
    if (this.rows || this.opened || this.items.length < 2) return null;
    return this.items[(this.at + 1) % this.items.length];
  }

  // ---- Lists.

  begin(list, reply) {
    this.list = list;
    this.opened = null;
    this.items = reply.items ?? [];
    this.rows = reply.items ? null : reply;
    this.notices = reply.rows ?? [];
    this.gone = new Set();
    this.at = 0;
    this.tally = {};
    this.goOn();
  }

  // Begin the next ten.
  goOn() {
    this.resting = false;
    this.ten = { decided: 0, actions: [], since: performance.now() };
  }

  count({ lists, ready }) {
    if (!lists) return;
    this.lists = lists;
    this.ready = ready;
  }

  open(item) {
    this.opened = item;
  }

  close() {
    this.opened = null;
  }

  // Show the item at a place of the list.
  goTo(at) {
    this.opened = null;
    this.at = at;
  }

  // Show an item before the one that is shown, which comes next.
  insert(item) {
    this.opened = null;
    this.items.splice(this.at, 0, item);
  }

  step(by) {
    const { length } = this.items;
    this.at = (this.at + by + length) % length;
  }

  // Add items of the list that are new to the page. Return how many.
  add(items) {
    const known = new Set([...this.gone, ...this.items.map((item) => item.id)]);
    const fresh = items.filter((item) => !known.has(item.id));
    this.items.push(...fresh);
    return fresh.length;
  }

  // ---- Decisions. They are shown before the server has stored them; `restore` takes that back.

  snapshot() {
    const { items, at, opened, tally, lists, resting, ten } = this;
    return { items: [...items], at, opened, tally: { ...tally }, lists: structuredClone(lists), resting, ten: { ...ten, actions: [...ten.actions] } };
  }

  restore(before, item) {
    Object.assign(this, before);
    this.gone.delete(item.id);
  }

  decided(item, act) {
    this.tally[act] = (this.tally[act] ?? 0) + 1;
    if (act !== "later") this.ten.decided += 1;
    if (this.ten.decided >= TEN && !this.opened) this.resting = true;
    this.gone.add(item.id);
  }

  // An item is done or, if it was skipped, comes again; the next one is shown.
  leave(item, skipped = false) {
    if (this.opened) return;
    const { here } = this;
    if (!skipped && here.left) {
      here.left -= 1;
      here.done += 1;
    }
    this.items = this.items.filter((other) => other !== item);
    if (this.at >= this.items.length) this.at = 0;
  }

  // Another item comes in the place of one: it has changed, or other drafts of its passage are left.
  replace(item, other) {
    this.gone.delete(other.id);
    if (this.opened) this.opened = other;
    this.items = this.items.map((each) => (each === item ? other : each));
  }

  // An item no longer waits.
  drop(item) {
    if (this.opened) {
      this.opened = null;
      return;
    }
    this.items = this.items.filter((each) => each !== item);
    this.at = Math.min(this.at, Math.max(this.items.length - 1, 0));
  }

  // ---- Undo.

  undone(id) {
    const undo = this.undos.find((each) => each.id === id);
    this.undos = this.undos.filter((each) => each !== undo);
    return undo;
  }

  unskipped(item) {
    this.undos.pop();
    this.gone.delete(item.id);
  }

  // An item waits again, as the first one, in place of what its passage offered since.
  putBack(item, act, replaced = []) {
    const ids = new Set([item.id, ...replaced]);
    for (const id of ids) this.gone.delete(id);
    this.items = [item, ...this.items.filter((each) => !ids.has(each.id))];
    this.at = 0;
    this.resting = false;
    if (act) this.tally[act] -= 1;
    if (act && act !== "later") this.ten.decided = Math.max(this.ten.decided - 1, 0);
  }
}

export const round = new Round();
