// What features add; their scripts fill these lists. The first two are about the card of an item.

// Functions that return nodes below the card, or nothing.
/** @type {Array<(item: any, press: (key: string) => void) => any>} */
export const parts = [];

// Functions that draw a card in place of its two sides, or return nothing. If a person may change it there, `changed` is to be
// called when they do, and there is more than a node: `made`, what is sent when it is accepted (null if something is missing);
// what the button `says`; and what is `told` to have become of it.
/** @type {Array<(card: any, changed: any) => undefined | {node: HTMLElement, made?: () => any, says?: () => string, told?: () => string}>} */
export const faces = [];

// Functions that make what stands above the rows of all cards. `read` asks about the words of the box, and `show` returns whether
// it has anything to show of that.
/** @type {Array<(list: import("./rows.js").Rows) => {node: HTMLElement, read: (words: string) => Promise<any>, show: (found: any) => boolean}>} */
export const above = [];
