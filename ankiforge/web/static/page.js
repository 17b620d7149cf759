// The page: it joins its parts. The server knows what may be decided.
//
//   server    requests                     round   what waits, and what became of it
//   stage     paints an item, rows, end    decide  decisions and undo
//   lists     go from list to list         anki    what concerns Anki; chat, a chat window
//   actions   all actions with their keys  keys    the keyboard; palette
import { copyPatch, foresee, foreseeAgain, send } from "./anki.js";
import { beginChat, openChat } from "./chat.js";
import { act, undo } from "./decide.js";
import { beginDocument, toggleDocument } from "./document.js";
import { $, all, reading, wide } from "./dom.js";
import { beginFind } from "./find.js";
import { openHelp } from "./help.js";
import { beginKeys, openPalette } from "./keys.js";
import { close, closeSide, counted, follow, go, goToMark, open, tenMore, toggleSide } from "./lists.js";
import { beginLook, changeTheme, setRecallFirst } from "./look.js";
import { connect } from "./stage.js";

connect({ act, undo, go, follow, open, close, counted, tenMore, send, copyPatch, foresee: foreseeAgain });

addEventListener("click", ({ target }) => {
  const menu = $(".menu[open]");
  if (!(target instanceof Element)) return;
  if (menu && !menu.contains(target)) menu.open = false;
  if (!target.closest("#side, #menu")) closeSide();
});
wide.addEventListener("change", () => {
  for (const passage of all(".passage")) passage.open = wide.matches;
});
$("#undo").addEventListener("click", () => {
  $("#toast").hidden = true;
  undo();
});
for (const button of all(".send")) button.addEventListener("click", send);
reading.addEventListener("change", () => toggleDocument(false));
$("#document-open").addEventListener("click", () => toggleDocument());
$("#menu").addEventListener("click", toggleSide);
$("#recall").addEventListener("change", (e) => setRecallFirst(e.target.checked));
$("#chat-open").addEventListener("click", openChat);
$("#palette-open").addEventListener("click", openPalette);
$("#keys").addEventListener("click", openHelp);
$("#theme").addEventListener("click", changeTheme);

beginChat();
beginDocument(goToMark);
beginFind();
beginKeys();
beginLook();
await go(location.hash.slice(1) || "new");
foresee();
