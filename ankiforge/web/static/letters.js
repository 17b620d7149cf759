// Find text in a list of strings by letters and digits alone, in the same way as the program finds quotes.
const NOT_ALPHANUMERIC = /[^\p{L}\p{N}]/gu;
const ASCII = /^[\x20-\x7e]$/;

const foldChar = (char) => (ASCII.test(char) ? char : char.normalize("NFKD")).toLowerCase().replace(NOT_ALPHANUMERIC, "");

// Reduce text to its normalized letters and digits.
export const foldLetters = (text) => [...text].map(foldChar).join("");

// Index the letters of several texts: for each letter, its text and offset.
export function foldAllLetters(texts) {
  const letters = [];
  const places = [];
  texts.forEach((text, piece) => {
    let offset = 0;
    for (const char of text) {
      for (const letter of foldChar(char)) {
        letters.push(letter);
        places.push([piece, offset]);
      }
      offset += char.length;
    }
  });
  return { letters: letters.join(""), places };
}

// All occurrences of a text, as positions of its [first, last] letters.
export function findOccurrences({ letters, places }, words) {
  const wantedLetters = foldLetters(words);
  const ranges = [];
  if (!wantedLetters) return ranges;
  for (let at = letters.indexOf(wantedLetters); at >= 0; at = letters.indexOf(wantedLetters, at + wantedLetters.length)) {
    ranges.push([places[at], places[at + wantedLetters.length - 1]]);
  }
  return ranges;
}

// Return the selected text, with formulas as TeX. A partly selected formula is included in full.
/** @param {Selection} selection */
export function selectedText(selection) {
  const range = selection.getRangeAt(0).cloneRange();
  const mathOf = (node) => (node instanceof Element ? node : node.parentElement).closest("math");
  const first = mathOf(range.startContainer);
  if (first) range.setStartBefore(first);
  const last = mathOf(range.endContainer);
  if (last) range.setEndAfter(last);
  const content = range.cloneContents();
  const formulas = content.querySelectorAll("math");
  for (const math of formulas) math.replaceWith(`$${math.getAttribute("alttext")}$`);
  return formulas.length ? content.textContent : selection.toString();
}

// Return the text nodes below a node, except in formulas, whose rendered characters differ from the source.
/** @returns {Text[]} */
export function findTextNodes(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) {
    const text = /** @type {Text} */ (walker.currentNode);
    if (!text.parentElement.closest("math")) nodes.push(text);
  }
  return nodes;
}
