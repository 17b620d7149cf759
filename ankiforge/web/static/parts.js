// Extension points, filled by the scripts of features. The first two concern the card of an item.

// Functions that return nodes to show below the card, or nothing.
/** @type {Array<(item: any, press: (key: string) => void) => any>} */
export const parts = [];

// Functions that draw a card in place of its two sides, or return nothing. An editable drawing calls `onChange` after each edit,
// and has more than a node: `readDecision` returns what to send on accept (null if something is missing), `says` the button's
// label, and `told` the message afterwards.
/** @type {Array<(card: any, onChange: any) => undefined | {node: HTMLElement, readDecision?: () => any, says?: () => string, told?: () => string}>} */
export const faces = [];

// Functions that create a section above the rows of all cards. `read` requests results for the words in the search box, and
// `show` displays them and returns whether there are any.
/** @type {Array<(list: import("./rows.js").Rows) => {node: HTMLElement, read: (words: string) => Promise<any>, show: (found: any) => boolean}>} */
export const above = [];
