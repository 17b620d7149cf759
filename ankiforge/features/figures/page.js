// The editor of a figure's masks: a click toggles a mask, a drag draws a new one.
import { h, putOver } from "/static/dom.js";
import { refuse } from "/static/pace.js";
import { faces } from "/static/parts.js";
import { formatCount } from "/static/say.js";

const MIN_DRAG = 0.01; // the minimum drag, relative to the picture; a shorter one is a click
const clamp = (n) => Math.min(Math.max(n, 0), 1);

faces.push((card, onChange) => card.figure && makeMaskEditor(card, onChange));

function makeMaskEditor(card, onChange) {
  const { src } = card.figure;
  let hide = card.figure.hide;
  const masks = card.figure.masks.map((one) => ({ ...one }));
  const image = h("img", { src, alt: card.figure.alt, draggable: false });
  const layer = h("div", { className: "masks" });
  const board = h("div", { className: "board" }, src ? image : h("p", { className: "hint" }, "The picture is missing."), layer);
  const status = h("p", { className: "label", role: "status" });
  const hint = onChange && h("p", { className: "hint" },
    "Click a label to choose it, drag to add one.");
  const hideAllBox = h("input", { type: "checkbox", onchange: toggleHideMode });
  const hideAllLabel = onChange && h("label", { className: "check" }, hideAllBox, h("span", {}, "Hide all labels on each card"));
  const node = h("div", { className: "figure" }, status, board, h("div", { className: "figure-foot" }, hint, hideAllLabel));

  const countMasks = () => masks.filter((one) => one.on).length;
  function draw(mine) {
    layer.replaceChildren(...masks.map(renderMask));
    const n = countMasks();
    status.textContent = masks.length ? `${n} of ${formatCount(masks.length, "label")} chosen.` : "No label found.";
    if (onChange) hideAllLabel.hidden = masks.length < 2;
    node.classList.toggle("one", hide === "one");
    hideAllBox.checked = hide === "all";
    if (mine) onChange?.();
  }
  function renderMask(one) {
    const says = one.label || "a part that you drew";
    const made = onChange
      ? h("button", { type: "button", className: "mask", title: one.label, ariaLabel: says, onclick: () => toggleMask(one) })
      : h("span", { className: "mask", title: one.label });
    if (onChange) made.ariaPressed = String(one.on);
    made.classList.toggle("off", !one.on);
    const { left, top, width, height } = one;
    return putOver(made, { left, top, width, height });
  }
  function toggleMask(one) {
    if (ghost) return; // the click ended a drag
    const at = masks.indexOf(one), had = document.activeElement?.closest?.(".masks");
    if (one.on && !one.number) masks.splice(at, 1); // it isn't stored yet
    else one.on = !one.on;
    draw(true);
    if (had) (layer.children[at] ?? layer.lastElementChild)?.focus();
  }
  function toggleHideMode() {
    if (!onChange) return;
    hide = hide === "all" ? "one" : "all";
    draw(true);
  }

  // ---- Drawing. A drag may start on a mask, which then gets no click.
  let from = null, ghost = null;
  const place = (e) => {
    const box = board.getBoundingClientRect();
    return [clamp((e.clientX - box.left) / box.width), clamp((e.clientY - box.top) / box.height)];
  };
  /** @type {(one: number[], other: number[]) => {left: number, top: number, width: number, height: number}} */
  const span = ([a, b], [c, d]) => ({ left: Math.min(a, c), top: Math.min(b, d), width: Math.abs(a - c), height: Math.abs(b - d) });
  function begin(e) {
    if (!e.button && src) from = place(e);
  }
  function move(e) {
    if (!from) return;
    const box = span(from, place(e));
    if (!ghost && Math.max(box.width, box.height) < MIN_DRAG) return;
    if (!ghost) board.setPointerCapture(e.pointerId);
    ghost ??= layer.appendChild(h("span", { className: "mask ghost" }));
    putOver(ghost, box);
  }
  function stop() {
    from = null;
    ghost?.remove();
    setTimeout(() => { ghost = null; }); // after the click event that follows
  }
  function finish(e) {
    if (!from) return;
    const box = span(from, place(e));
    stop();
    if (!ghost || box.width < MIN_DRAG / 2 || box.height < MIN_DRAG / 2) return;
    masks.push({ number: 0, label: "", on: true, drawn: true, ...box });
    draw(true);
  }
  if (onChange) {
    board.addEventListener("pointerdown", begin);
    board.addEventListener("pointermove", move);
    board.addEventListener("pointerup", finish);
    board.addEventListener("pointercancel", stop);
  }

  // The card's field (see `text/occlusion.py`), or null if no mask is left. A number that was ever exported stays with its
  // label.
  function readDecision() {
    if (!countMasks()) {
      refuse(src ? "No label is chosen: click one, or drag over what is to be hidden. Or reject the figure." : "The picture is missing, so no label can be drawn. Reject the figure.");
      return null;
    }
    let highest = Math.max(card.used ?? 0, ...masks.map(({ number }) => number));
    const lines = masks.map(({ number, drawn, on, left, top, width, height, label }) =>
      `${number || (highest += 1)}${drawn ? "+" : ""}${on ? "" : "-"} ${left} ${top} ${width} ${height} ${label}`);
    return { masks: [`hide ${hide}`, ...lines].join("\n") };
  }
  draw(false);
  if (!onChange) return { node };
  const cards = () => formatCount(countMasks(), "card");
  return { node, readDecision, told: cards, says: () => (countMasks() ? `Make ${cards()}` : "Choose labels") };
}
