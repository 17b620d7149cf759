// Helpers to make and find nodes, and to render text, keys and formulas.
/** @type {(selector: string, root?: any) => any} */
export const $ = (selector, root = document) => root.querySelector(selector);
/** @type {(selector: string, root?: any) => any[]} */
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
const MATHML_NAMESPACE = "http://www.w3.org/1998/Math/MathML";

export function h(tag, props = {}, ...kids) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...kids.flat(3).filter(Boolean));
  return made;
}
// A button, labelled with its key.
export function makeButton(look, label, key, onclick, props = {}) {
  return h("button", { className: `button ${look}`, type: "button", onclick, ...props }, h("span", {}, label), makeKeyLabel(key));
}
export const makeLink = ({ href, label }) => h("a", { href, target: /^(http|\/)/.test(href) && "_blank", rel: "noreferrer" }, label);

// Position a node over part of a picture; `box` is relative to the picture's size.
export function putOver(node, box) {
  for (const [edge, part] of Object.entries(box)) node.style[edge] = `${(100 * part).toFixed(3)}%`;
  return node;
}

// A key as printed on the keyboard.
const KEY_SIGNS = { " ": "Space", Enter: "⏎", Escape: "Esc", ArrowRight: "→" };
export const formatKey = (key) => KEY_SIGNS[key] ?? (key.length > 1 ? key : key.toUpperCase());
export const makeKeyLabel = (key) => key && h("kbd", { ariaHidden: "true" }, formatKey(key));

export function renderFormula(text) {
  const made = new DOMParser().parseFromString(`<math xmlns="${MATHML_NAMESPACE}">${text}</math>`, "text/xml");
  return document.importNode(made.documentElement, true).firstElementChild;
}
const MIN_FORMULA_SIZE = 0.7; // the smallest size of a formula, relative to the text
// Shrink formulas that are too wide; much wider ones scroll, and fade at the edge.
export function fitFormulas(node) {
  for (const math of node.querySelectorAll("math")) {
    math.style.fontSize = "";
    math.classList.remove("wide");
    const part = math.clientWidth / math.scrollWidth;
    if (!math.clientWidth || part > 0.995) continue;
    math.style.fontSize = `${Math.max(part * 0.98, MIN_FORMULA_SIZE)}em`;
    math.classList.toggle("wide", math.scrollWidth > math.clientWidth + 1);
  }
}
