// Anki: open what it lacks, bring its edits back as a patch, foresee the minutes a day.
import { $, h } from "./dom.js";
import { counted, go } from "./lists.js";
import { attempt, isFree } from "./pace.js";
import { round } from "./round.js";
import { LONG, UNTIL_NEXT, count, tell } from "./say.js";
import { get, post } from "./server.js";
import { show } from "./stage.js";

const PATCH_STAYS = 60000; // ms; one types a command meanwhile
const ASK_AGAIN = 1500; // ms

let foreseen = null;

export async function send() {
  if (!isFree()) return;
  tell("Opening Anki …", { stays: UNTIL_NEXT });
  await attempt(async () => {
    const reply = await post("send");
    counted(reply);
    tell(reply.said, { stays: reply.path ? UNTIL_NEXT : LONG, copy: reply.path });
    if (round.resting) show();
    else if (!round.opened && !round.items.length) await go(round.list);
  });
}

// The edits made in Anki, as a patch of the notes, on the clipboard.
export async function copyPatch() {
  if (!isFree()) return;
  tell("Reading Anki …", { stays: UNTIL_NEXT });
  await attempt(async () => {
    const { text, command, files, refused } = await post("patch");
    const left = refused.length ? ` Left out: ${refused.join("; ")}.` : "";
    if (!text) {
      tell(`No edit in Anki can be brought to your notes.${left}`, { stays: LONG });
      return;
    }
    await navigator.clipboard.writeText(text);
    const said = `The patch of ${count(files, "note")} is copied. Save it as edits.patch, then: `;
    tell(said, { stays: PATCH_STAYS, copy: `${command} "$PWD/edits.patch"` });
    if (left) $("#toast-text").append(left);
  });
}

// How many new cards fit into the person's minutes of Anki. The server computes it beside the page: ask until it is there.
export async function foresee() {
  const told = await get("minutes").catch(() => null);
  if (!told) return;
  if (!told.ready) {
    setTimeout(foresee, ASK_AGAIN);
    return;
  }
  foreseen = told;
  $("#minutes").textContent = told.line;
  $("#minutes").hidden = !told.line;
  $(".end .minutes")?.remove();
  if (!told.line) return;
  $(".end")?.append(h("p", { className: "minutes" }, told.line));
}

export function foreseeAgain() {
  if (foreseen) foresee();
}
