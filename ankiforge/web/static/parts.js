// What features add to the card of an item; their scripts fill these lists.

// Functions that return nodes below the card, or nothing.
/** @type {Array<(item: any, press: (key: string) => void) => any>} */
export const parts = [];

// Functions that draw a card in place of its two sides, or return nothing. If a person may change it there, `changed` is to be
// called when they do, and there is more than a node: `made`, what is sent when it is accepted (null if something is missing);
// what the button `says`; and what is `told` to have become of it.
/** @type {Array<(card: any, changed: any) => undefined | {node: HTMLElement, made?: () => any, says?: () => string, told?: () => string}>} */
export const faces = [];
