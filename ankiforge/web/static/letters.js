// Where words are in a text that is in pieces: by their letters and digits alone, as the program finds quotes.
const SIGNS = /[^\p{L}\p{N}]/gu;
const ASCII = /^[\x20-\x7e]$/;

const folded = (char) => (ASCII.test(char) ? char : char.normalize("NFKD")).toLowerCase().replace(SIGNS, "");

// The letters of a text.
export const lettersOf = (text) => [...text].map(folded).join("");

// The letters of pieces of text, and for each of them the piece and the offset in it.
export function lettersOfAll(texts) {
  const letters = [];
  const places = [];
  texts.forEach((text, piece) => {
    let offset = 0;
    for (const char of text) {
      for (const letter of folded(char)) {
        letters.push(letter);
        places.push([piece, offset]);
      }
      offset += char.length;
    }
  });
  return { letters: letters.join(""), places };
}

// The places of all occurrences of words, as [first, last] letters.
export function occurrences({ letters, places }, words) {
  const wanted = lettersOf(words);
  const found = [];
  if (!wanted) return found;
  for (let at = letters.indexOf(wanted); at >= 0; at = letters.indexOf(wanted, at + wanted.length)) {
    found.push([places[at], places[at + wanted.length - 1]]);
  }
  return found;
}

// The texts below a node; formulas are left out, which are drawn otherwise than they are written.
/** @returns {Text[]} */
export function textsIn(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const text = /** @type {Text} */ (walker.currentNode);
    if (!text.parentElement.closest("math")) found.push(text);
  }
  return found;
}
