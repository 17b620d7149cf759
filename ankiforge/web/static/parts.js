// What features add to the card of an item: functions that return nodes, or nothing. The scripts of features fill it.

/** @type {Array<(item: any, press: (key: string) => void) => any>} */
export const parts = [];
