// An element with its properties and what stands in it; words are set as text.

export function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function button(onclick, properties, ...children) {
  return made("button", { type: "button", onclick, ...properties }, ...children);
}
