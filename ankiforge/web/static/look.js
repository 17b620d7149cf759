// What a person sets about the page, and the browser remembers: light or dark, recall first.
import { $ } from "./dom.js";
import { isDark } from "./face.js";
import { recalled, remember } from "./settings.js";
import { flip, refill } from "./stage.js";

export const isRecallFirst = () => recalled("recall");

// Whether answers are hidden until a key shows them.
export function setRecallFirst(on) {
  remember("recall", on);
  $("#recall").checked = on;
  document.body.classList.toggle("recall", on);
  flip(on);
}

export const otherTheme = () => (isDark() ? "Light colours" : "Dark colours");

export function changeTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  remember("theme", theme);
  followTheme();
}

// Cards and the button follow the colours, which the system may change, too.
function followTheme() {
  $("#theme-name").textContent = otherTheme();
  refill();
}

export function beginLook() {
  $("#recall").checked = isRecallFirst();
  document.body.classList.toggle("recall", isRecallFirst());
  if (recalled("theme")) document.documentElement.dataset.theme = recalled("theme");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", followTheme);
  followTheme();
}
