// The repairs of a failing card, each with its changes.
import { renderSides } from "/static/card.js";
import { h, makeKeyLabel } from "/static/dom.js";
import { removeScripts } from "/static/face.js";
import { parts } from "/static/parts.js";

parts.push(({ near, repairs }, press) => repairs && [
  near && h("p", { className: "why", dir: "auto" }, h("b", {}, "Mixed up with: "), removeScripts(near.question), near.answer && [" → ", removeScripts(near.answer)]),
  repairs.length > 0 && h("ol", { className: "others", ariaLabel: "Repairs" }, repairs.map(({ says, cards, lines }, i) => h("li", {},
    h("button", { type: "button", className: "other-draft repair", onclick: () => press(String(i + 1)) }, repairs.length > 1 && makeKeyLabel(String(i + 1)),
      h("span", { dir: "auto" }, says, cards.map((card) => h("span", { className: "becomes" }, renderSides(card))), lines.map((line) => h("small", {}, line))))))),
]);
