// Acts that the script does itself: what the server calls `:edit` is a function here.
//
//   register("edit", async (page, act) => { … });
//
// `page` is the `Review` of review.js. What such a function may use of it:
//
//   page.item, page.found     what is shown, as the server told it (item: null where nothing is left)
//   page.places               the cards that are shown: place.slot, place.element (an <article>),
//                             place.preview(faces) draws other faces in its frame,
//                             place.stage.broken (what MathJax could not read, once it has settled)
//   page.decide(what, args)   one decision about the item; resolves to the server's answer after the
//                             next item is shown; `refused` in it: nothing was done
//   page.redraw()             shows the item again as it was told last
//   page.tell(words, tone)    the status line; tone "refused" where something was not done
//   page.hold()               the page's keys sleep until the function that it returns is called
//   page.shown(work)          calls work(item) whenever an item is shown
//   page.keys.push(row)       a key of the page's own: { key, label, does(page), when(page) }
//
// What `ask` and `say` of talk.js throw may pass through: it ends in the status line.

const works = new Map();

export function register(name, work) {
  works.set(`:${name}`, work);
}

export function own(what) {
  return works.get(what);
}
