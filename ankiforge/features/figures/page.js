// A figure with its masks: a click switches one off, a drag draws another.
import { h, putOver } from "/static/dom.js";
import { faces } from "/static/parts.js";
import { count, tell } from "/static/say.js";

const LEAST = 0.01; // a shorter drag, in parts of the picture, is a click
const within = (n) => Math.min(Math.max(n, 0), 1);

faces.push((card, changed) => card.figure && figure(card, changed));

function figure(card, changed) {
  const { src } = card.figure;
  let hide = card.figure.hide;
  const masks = card.figure.masks.map((one) => ({ ...one }));
  const image = h("img", { src, alt: card.figure.alt, draggable: false });
  const layer = h("div", { className: "masks" });
  const board = h("div", { className: "board" }, src ? image : h("p", { className: "hint" }, "The picture is missing."), layer);
  const told = h("p", { className: "label", role: "status" });
  const hint = changed && h("p", { className: "hint" },
    "Click a label to leave it out, drag to add one.");
  const all = h("input", { type: "checkbox", onchange: hideOther });
  const whole = changed && h("label", { className: "check" }, all, h("span", {}, "Hide all labels on each card"));
  const node = h("div", { className: "figure" }, told, board, h("div", { className: "figure-foot" }, hint, whole));

  const left = () => masks.filter((one) => one.on).length;
  function paint(mine) {
    layer.replaceChildren(...masks.map(drawn));
    const n = left();
    const none = card.figure.masks.length ? "No mask is left. Drag over what is to be hidden, or reject." : "No label found. Drag over what is to be hidden, or reject.";
    told.textContent = n ? `${count(n, "label")}, ${count(n, "card")}.` : none;
    if (changed) [hint.hidden, whole.hidden] = [!masks.length, masks.length < 2];
    node.classList.toggle("one", hide === "one");
    all.checked = hide === "all";
    if (mine) changed?.();
  }
  function drawn(one) {
    const says = one.label || "a part that you drew";
    const made = changed
      ? h("button", { type: "button", className: "mask", title: one.label, ariaLabel: says, onclick: () => flip(one) })
      : h("span", { className: "mask", title: one.label });
    if (changed) made.ariaPressed = String(one.on);
    made.classList.toggle("off", !one.on);
    const { left, top, width, height } = one;
    return putOver(made, { left, top, width, height });
  }
  function flip(one) {
    if (ghost) return; // it was a drag
    const at = masks.indexOf(one), had = document.activeElement?.closest?.(".masks");
    if (one.on && !one.number) masks.splice(at, 1); // it was drawn just now
    else one.on = !one.on;
    paint(true);
    if (had) (layer.children[at] ?? layer.lastElementChild)?.focus();
  }
  function hideOther() {
    if (!changed) return;
    hide = hide === "all" ? "one" : "all";
    paint(true);
  }

  // ---- Drawing. A drag may begin on a mask; then it is no click.
  let from = null, ghost = null;
  const place = (e) => {
    const box = board.getBoundingClientRect();
    return [within((e.clientX - box.left) / box.width), within((e.clientY - box.top) / box.height)];
  };
  /** @type {(one: number[], other: number[]) => {left: number, top: number, width: number, height: number}} */
  const span = ([a, b], [c, d]) => ({ left: Math.min(a, c), top: Math.min(b, d), width: Math.abs(a - c), height: Math.abs(b - d) });
  function begin(e) {
    if (!e.button && src) from = place(e);
  }
  function move(e) {
    if (!from) return;
    const box = span(from, place(e));
    if (!ghost && Math.max(box.width, box.height) < LEAST) return;
    if (!ghost) board.setPointerCapture(e.pointerId);
    ghost ??= layer.appendChild(h("span", { className: "mask ghost" }));
    putOver(ghost, box);
  }
  function stop() {
    from = null;
    ghost?.remove();
    setTimeout(() => { ghost = null; }); // after the click that follows
  }
  function finish(e) {
    if (!from) return;
    const box = span(from, place(e));
    stop();
    if (!ghost || box.width < LEAST / 2 || box.height < LEAST / 2) return;
    masks.push({ number: 0, label: "", on: true, drawn: true, ...box });
    paint(true);
  }
  if (changed) {
    board.addEventListener("pointerdown", begin);
    board.addEventListener("pointermove", move);
    board.addEventListener("pointerup", finish);
    board.addEventListener("pointercancel", stop);
  }

  // The field of the card (`text/occlusion.py`); null if no mask is left. A number that Anki ever had stays with its label.
  function made() {
    if (!left()) {
      tell("No label is left. Draw one, or reject the figure.");
      return null;
    }
    let highest = Math.max(card.used ?? 0, ...masks.map(({ number }) => number));
    const lines = masks.map(({ number, drawn, on, left, top, width, height, label }) =>
      `${number || (highest += 1)}${drawn ? "+" : ""}${on ? "" : "-"} ${left} ${top} ${width} ${height} ${label}`);
    return { masks: [`hide ${hide}`, ...lines].join("\n") };
  }
  paint(false);
  if (!changed) return { node };
  const cards = () => count(left(), "card");
  return { node, made, told: cards, says: () => (left() ? `Make ${cards()}` : "Draw a label") };
}
