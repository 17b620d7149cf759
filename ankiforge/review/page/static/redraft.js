// Asking the model again: the person may go on to other cards until the answer is there.

import { say } from "./talk.js";
import { register } from "./own.js";

export function wireRedraft() {
  register("redraft", (page, act) => {
    const { item, found, asked } = page;
    const start = (words) => begin(page, { item, next: found.next, asked }, { ...act.args, words });
    if (!act.asks) return void start("");
    const wake = page.hold();
    page.desk.ask(act, (words) => {
      wake();
      if (words !== null) start(words);
    });
  });
}

async function begin(page, { item, next, asked }, args) {
  const { id: at, stamp } = item;
  const model = document.body.dataset.model;
  if (model) page.tell(`Asking ${model} …; you may go on to other cards`);
  try {
    const body = { ...asked, what: "redraft", at, stamp, next, args };
    const found = await answered(page, body);
    if (found.refused) page.tell(`Not redrafted: ${[found.refused, found.hint].filter(Boolean).join("; ")}`, "refused");
    else arrived(page, found, at);
  } catch (error) {
    page.desk.failed(error);
  }
}

// Somebody else may be drafting: that is said, and it is tried until he is done.
async function answered(page, body) {
  for (;;) {
    const found = await say("/api/decide", body);
    if (!found.waits) return found;
    page.tell(found.told);
  }
}

// What somebody types is not taken away from under his hands.
function arrived(page, found, at) {
  if (page.item?.id === at && page.view === found.view && !page.held) page.show(found);
  page.tell(found.told);
}
