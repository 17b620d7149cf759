"""The second reading: drafts go back, with their passages, to the model or chat that wrote them.

A model reads what the checks left, before it is recorded; a chat reads drafts that wait. What it
doubts is a finding like those of the checks: it warns, and the person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.draft import second_reading, without_comment
from ankiforge.draft.chat import label_for
from ankiforge.draft.prompt import load
from ankiforge.draft.second_reading import MOST, CardToRead
from ankiforge.draft.sendable import SendableText
from ankiforge.errors import ItemError, ServiceError
from ankiforge.ledger import Ledger, offers, recording
from ankiforge.ledger.tables.waiting import all_in_order
from ankiforge.model import Draft, Drafted, Finding, Highlight, Problem, Severity, Waiting

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.draft.llm import Model
    from ankiforge.draft.sendable import Privacy

DOUBTED = "doubted"
"""The rule that a doubt breaks."""


# --- by a model, before drafts are recorded ---------------------------------------------


def read_again(
    model: Model | None,
    privacy_of_now: Callable[[], Privacy],
    results: Iterable[list[Drafted]],
) -> Iterator[list[Drafted]]:
    """Yield checked results, with the doubts of a model that reads its cards a second time.

    They come together until `MOST` cards are to be read. If the model does not answer, they
    come as they are, with a problem.
    """
    if model is None or not model.reads_again:
        yield from results
        return
    privacy = privacy_of_now()
    gathered: list[Drafted] = []
    for drafted in results:
        gathered += drafted
        if sum(len(each.drafts) for each in gathered) >= MOST:
            yield _read(model, privacy, gathered)
            gathered = []
    if gathered:
        yield _read(model, privacy, gathered)


def _read(model: Model, privacy: Privacy, results: list[Drafted]) -> list[Drafted]:
    """Return results with the doubts of a model."""
    to_read: list[tuple[int, int, CardToRead]] = []
    for place, result in enumerate(results):
        for number, draft in enumerate(result.drafts):
            card = _sendable(privacy, result.highlight, draft)
            if card is not None:
                to_read.append((place, number, card))
    if not to_read:
        return results
    read = list(results)
    try:
        verdicts = model.read_again([card for _, _, card in to_read])
    except (ItemError, ServiceError) as error:
        place = to_read[0][0]
        where = results[place].highlight.document.title
        problem = Problem(where, f"not read a second time: {error.message}", error.hint)
        read[place] = replace(results[place], problem=results[place].problem or problem)
        return read
    for (place, number, _), says in zip(to_read, verdicts, strict=True):
        if says:
            drafts = list(read[place].drafts)
            findings = (*drafts[number].findings, _doubt(says))
            drafts[number] = replace(drafts[number], findings=findings)
            read[place] = replace(read[place], drafts=tuple(drafts))
    return read


def _sendable(privacy: Privacy, highlight: Highlight, draft: Draft) -> CardToRead | None:
    """Return a draft as it may be read; None if it is blocked, or has to stay here."""
    from ankiforge.check import read

    bare = without_comment(highlight)
    if draft.blocked or privacy.why(bare):
        return None
    passage = privacy.passage(bare)
    words = read(draft)

    def text(plain: str) -> SendableText:
        return privacy.text(plain, bare.document.key)

    about = " › ".join(filter(None, (passage.title, passage.by, passage.heading)))
    return CardToRead(
        about=SendableText(about),
        passage=passage.marked,
        around=passage.around,
        question=text(words.asked),
        answer=text("; ".join(words.answers)),
    )


def _doubt(says: str) -> Finding:
    return Finding(DOUBTED, Severity.WARN, f"the quote says: {says}")


# --- by a chat, of drafts that wait -----------------------------------------------------


def text_for_chat(
    folder: WorkspaceFolder, privacy: Privacy, drafts: Iterable[Waiting]
) -> str:
    """Return the text that asks a chat about drafts that wait; "" if there is nothing to ask."""
    labelled: dict[str, CardToRead] = {}
    for draft in drafts:
        card = _sendable(privacy, draft.highlight, draft)
        if card is not None and len(labelled) < MOST:
            labelled[label_for(draft.id)] = card
    if not labelled:
        return ""
    prompt = load(second_reading.PROMPT, folder.root)
    return second_reading.text_for_chat(labelled, prompt)


def take(ledger: Ledger, verdicts: Mapping[str, str]) -> tuple[int, int]:
    """Give the drafts that wait the doubts of a chat; return how many it read, and doubts.

    Args:
        ledger: has the drafts.
        verdicts: by label, as the answer gives them.
    """
    doubts: dict[str, Finding | None] = {}
    for draft in offers.each_waiting(ledger, all_in_order(ledger, "llm")):
        says = verdicts.get(label_for(draft.id))
        if says is not None:
            doubts[draft.id] = _doubt(says) if says else None
    recording.give_findings(ledger, DOUBTED, doubts)
    return len(doubts), len(list(filter(None, doubts.values())))
