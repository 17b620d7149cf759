// The states that several modules share. Their values are also what the server and the style sheet call them.

// What the user does with a card: look at it, type a question, edit it, or neither, while typed text isn't stored yet.
export const MODE = Object.freeze({ LOOK: "look", ASK: "ask", EDIT: "edit", KEPT: "kept" });

// What a decision made of its item.
export const RESULT = Object.freeze({ CARD: "card", NONE: "none", LATER: "later" });

// How a highlight is drawn if it has a pending item.
export const PENDING = Object.freeze({ SUGGESTED: "suggested", ASKS: "asks" });
