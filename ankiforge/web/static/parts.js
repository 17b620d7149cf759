// Extension points, filled by the scripts of features. The first two concern the card of an item.

// Functions that return nodes to show below the card, or nothing.
/** @type {Array<(item: any, press: (key: string) => void) => any>} */
export const parts = [];

// Functions that draw a card instead of its two sides, or return nothing. If the user can edit the drawing, it calls `onChange`
// after each edit, and returns more than a node: `readDecision`, what to send on accept (null if something is missing); `says`, the
// button's label; and `told`, what became of it.
/** @type {Array<(card: any, onChange: any) => undefined | {node: HTMLElement, readDecision?: () => any, says?: () => string, told?: () => string}>} */
export const faces = [];

// Functions that make a section above the rows of all cards. `read` requests results for the words in the search box, and
// `show` returns whether it has any to show.
/** @type {Array<(list: import("./rows.js").Rows) => {node: HTMLElement, read: (words: string) => Promise<any>, show: (found: any) => boolean}>} */
export const above = [];
