// The bar of buttons below a card.
import { $, makeButton } from "./dom.js";

const BUTTONS = $("#buttons");

// Show buttons {look, label, key, run} in a fixed order. The first is the one that Enter presses.
export function drawButtons(buttons) {
  BUTTONS.replaceChildren(...buttons.map(({ look, label, key, run }) =>
    makeButton(look === "filled" ? look : "outlined", label, key, run, { "aria-keyshortcuts": key })));
}

const isBroken = () => BUTTONS.lastChild?.offsetTop !== BUTTONS.firstChild?.offsetTop;

// Keep the buttons in one row: first with less space between them, then without their keys.
function fitButtons() {
  BUTTONS.classList.remove("tight", "without-keys");
  if (isBroken()) BUTTONS.classList.add("tight");
  if (isBroken()) BUTTONS.classList.add("without-keys");
}
new ResizeObserver(fitButtons).observe(BUTTONS);
new MutationObserver(fitButtons).observe(BUTTONS, { childList: true });
