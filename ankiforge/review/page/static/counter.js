// "34 of 120 · 21 accepted · about 4 min left", and the bar that says the same.

const at = (id) => document.getElementById(id);
const SAID = {
  accept: "accepted",
  "accept all": "accepted",
  pick: "accepted",
  reject: "rejected",
  edit: "edited",
  make: "made",
  cloze: "made",
  undo: "taken back",
};

export function showCounter(found) {
  const { place, count } = found;
  at("counter").textContent = found.item ? words(found) : "";
  at("progress").max = Math.max(count, 1);
  at("progress").value = place;
  at("progress").hidden = !found.item;
  document.title = [count ? `${place} of ${count}` : "", found.title, "ankiforge review"].filter(Boolean).join(" · ");
}

function words({ place, count, pace, skipped }) {
  const left = pace.minutes < 1 ? "less than a minute left" : `about ${Math.round(pace.minutes)} min left`;
  const later = skipped ? [`${skipped} skipped`] : [];
  return [`${place} of ${count}`, ...made(pace.made), ...later, left].join(" · ");
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
