// A cloze around what is selected in a field, as Anki's editor makes it.

// `same`: with the number of the last gap, else with the next one.
export function wrapGap(field, same) {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const numbers = [...value.matchAll(/\{\{c(\d+)::/g)].map((found) => Number(found[1]));
  const last = Math.max(0, ...numbers);
  const number = same ? Math.max(last, 1) : last + 1;
  const opens = `{{c${number}::`;
  field.setRangeText(`${opens}${value.slice(start, end)}}}`, start, end, "end");
  if (start === end) field.setSelectionRange(start + opens.length, start + opens.length);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
