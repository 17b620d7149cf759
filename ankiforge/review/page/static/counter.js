// "12 of 64 decided · 8 accepted · about 4 min left", and the bar that says the same.

const at = (id) => document.getElementById(id);
const SAID = {
  accept: "accepted",
  "accept all": "accepted",
  pick: "accepted",
  keep: "accepted",
  reject: "rejected",
  "reject all": "rejected",
  edit: "edited",
  make: "made",
  cloze: "made",
  undo: "taken back",
};
const DECIDED = ["decide", "passages"];

// Where things are decided, what was decided counts; elsewhere, the place in the list.
export function showCounter(found) {
  const { place, count, pace } = found;
  const decides = DECIDED.includes(found.top);
  const [value, max] = decides ? [pace.done, pace.done + count] : [place, count];
  at("counter").textContent = found.item ? words(found, decides ? `${value} of ${max} decided` : `${place} of ${count}`) : "";
  at("progress").max = Math.max(max, 1);
  at("progress").value = value;
  at("progress").hidden = !found.item;
  document.title = [count ? `${count} left` : "", found.title, "ankiforge review"].filter(Boolean).join(" · ");
}

function words({ pace, skipped }, first) {
  const minutes = pace.minutes < 1 ? "less than a minute left" : `about ${Math.round(pace.minutes)} min left`;
  const left = pace.minutes === null ? [] : [minutes];
  const later = skipped ? [`${skipped} skipped`] : [];
  return [first, ...made(pace.made), ...later, ...left].join(" · ");
}

// What was decided in this visit; what has no word of its own is "settled".
function made(decisions) {
  const sums = new Map();
  for (const [what, times] of Object.entries(decisions)) {
    const word = SAID[what] ?? "settled";
    sums.set(word, (sums.get(word) ?? 0) + times);
  }
  return [...sums].map(([word, times]) => `${times} ${word}`);
}
