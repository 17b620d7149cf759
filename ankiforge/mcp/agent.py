"""The tools of the MCP server: what an agent may read and propose.

An agent is a client of the server: a language model that belongs to somebody else. No tool accepts a
card, changes a person's text, deletes, builds or connects to Anki. No answer contains text that must
stay on this machine (`#no-llm`), whichever table it comes from.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from typing import Any

from ankiforge import app
from ankiforge.config.workspace import Workspace
from ankiforge.draft import NO_LLM, private, withheld
from ankiforge.draft.chat import chat_request, import_chat, label_for
from ankiforge.draft.prompt import FACTS, Prompt, Prompts, Shape, rules_of, sendable, shape_of
from ankiforge.draft.reply import alike, foreign
from ankiforge.errors import BusyError, ForgeError, UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.events import PERSON, REDRAFT, SOURCE
from ankiforge.model import (
    AGENT,
    Card,
    Draft,
    Drafted,
    Guid,
    Highlight,
    HighlightKey,
    Origin,
    Severity,
    Source,
    Standing,
    Task,
    Verdict,
)
from ankiforge.pipeline import (
    DraftRecorder,
    Job,
    PrivatePassages,
    again,
    draft_again,
    ingest,
    unwritten,
)
from ankiforge.review.history import history_of, reasons, replaceable
from ankiforge.review.query import parse
from ankiforge.review.service import Service
from ankiforge.text.display import shortened
from ankiforge.text.quotes import locate

MOST_CARDS = 20
"""The maximum number of cards of a proposal."""
MOST_CHARACTERS = 60_000
"""The maximum length of a proposal as JSON."""
MOST_AN_HOUR = 600
"""The maximum number of cards that a server takes in an hour: a person has to review each."""
MOST_LISTED = 50
"""The maximum number of entries of a page."""
PAGE_CHARACTERS = 30_000
"""The length after which a page of highlights ends."""
CONTEXT_CHARACTERS = 1_500
"""The length of a highlight with the text around it."""
_LARGEST_NOTE = 2_000_000
"""The number of bytes of a note that are read for the text around a highlight."""
PATIENCE_S = 5.0
"""How long a call waits for another program that drafts in this workspace, in seconds."""

Opener = Callable[[str], AbstractContextManager[tuple[Workspace, Ledger]]]
"""Opens the workspace and its ledger; the argument names a lock to hold, "" = none."""
Sources = Callable[[Workspace, Ledger], AbstractContextManager[tuple[Source, ...]]]
"""Opens the sources of a workspace, and the processes that read them."""


class Refused(UsageError):
    """The call names something that does not exist, or that an agent may not have."""


class Agent:
    """The tools of the server, for one workspace."""

    def __init__(
        self, opener: Opener, sources: Sources, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`opener` raises if nobody has allowed agents to read this workspace."""
        self._open = opener
        self._sources = sources
        self._clock = clock
        self._lock = threading.Lock()
        self._proposed: deque[float] = deque()
        """The times of the cards proposed within the last hour."""

    # --- reading ----------------------------------------------------------------------------

    def list_highlights(
        self, offset: int = 0, limit: int = 20, document: str = ""
    ) -> dict[str, Any]:
        """Return a page of the highlights without a card; the first page has the drafting rules.

        Before the first page, changed files are read, but nothing is drafted. If another program is
        drafting, they are not read, and the answer says so.

        Args:
            offset: the number of highlights before the page.
            limit: the maximum number of highlights, at most `MOST_LISTED`.
            document: part of a title; "" = all.
        """
        self._check_page(offset, limit)
        with self._lock:
            note = self._read_files() if offset == 0 else ""
            with self._open("") as (workspace, ledger):
                hidden = Hidden(ledger)
                found, titles = [], dict[str, int]()
                wanted = document.casefold()
                for task in unwritten(ledger, None, AGENT, decks=_decks(workspace), once=True):
                    for one in sendable(task):
                        title = one.document.title
                        if hidden.highlight(one) or wanted not in title.casefold():
                            continue
                        titles[title] = titles.get(title, 0) + 1
                        found.append((task, one))
                page: list[dict[str, Any]] = []
                for task, one in islice(found, offset, offset + limit):
                    entry = _entry(one, task.brief.wants)
                    if page and len(json.dumps([*page, entry])) > PAGE_CHARACTERS:
                        break
                    page.append(entry)
                end = offset + len(page)
                most = sorted(titles.items(), key=lambda item: -item[1])[:MOST_LISTED]
                answer: dict[str, Any] = {
                    "without_card": len(found),
                    "by_document": [{"title": title, "highlights": n} for title, n in most],
                    "highlights": page,
                    "next_offset": end if end < len(found) else None,
                }
                if note:
                    answer["note"] = note
                answer = hidden.answer(answer)
                if offset == 0:
                    answer["rules"] = drafting_rules(workspace, found[0][0] if found else None)
                return answer

    def rules(self) -> str:
        """Return the drafting rules of the workspace."""
        with self._lock, self._open("") as (workspace, _):
            return drafting_rules(workspace)

    def _read_files(self) -> str:
        """Read changed files; return why that was not possible; "" if it was."""
        try:
            with (
                self._open("drafting") as (workspace, ledger),
                self._sources(workspace, ledger) as sources,
            ):
                job = app.make_job(workspace, sources, None)
                run = ledger.start_run("mcp")
                problems = sum(len(step.problems) for step in ingest(job, ledger, run))
                ledger.finish_run(run)
        except BusyError:
            return "another ankiforge is at work here: what was marked just now may be missing"
        return f"{problems} files or notes could not be read: ankiforge run" if problems else ""

    def get_context(self, highlight: str) -> dict[str, Any]:
        """Return a highlight with the text around it, at most `CONTEXT_CHARACTERS` long."""
        with self._lock, self._open("") as (_, ledger):
            one = _highlight(ledger, highlight)
            hidden = Hidden(ledger)
            if hidden.highlight(one):
                raise Refused("this passage must stay on this machine (#no-llm)")
            [one] = sendable(hidden.mark(one)) or (one,)
            entry = {**_entry(one), "under": list(one.above)}
            if hidden.document(one):
                entry["note"] = "text around it is not shown: a passage near it is under #no-llm"
                return hidden.answer(entry)
            before, after = _note_around(ledger, one, hidden) or (one.prefix, one.suffix)
            room = max(CONTEXT_CHARACTERS - len(one.exact), 0) // 2
            before, after = hidden.text(before), hidden.text(after)
            return hidden.answer(
                {**entry, "before": before[-room:] if room else "", "after": after[:room]}
            )

    def list_cards(
        self, query: str = "", state: str = "", offset: int = 0, limit: int = 20, by: str = ""
    ) -> dict[str, Any]:
        """Return cards that match a query of `ankiforge list`, and are in a state.

        Args:
            query: words and `field:value` terms.
            state: `waiting`; `needs_work` (forgotten too often, or with a remark typed while studying;
                with their history); `mine` (proposed by this agent and not decided yet); "" = all.
            offset: the number of cards before the page.
            limit: the maximum number of cards, at most `MOST_LISTED`.
            by: the name and version of the agent.
        """
        self._check_page(offset, limit)
        with self._lock, self._open("") as (workspace, ledger):
            service, hidden = Service(workspace, ledger), Hidden(ledger)
            if state == "needs_work":
                wanted = parse(query)
                cards = (service.card(guid) for guid in ledger.queries.problem_cards.all())
                found = [one for one in cards if one and service.matches(wanted, one)]
            else:
                found = [
                    one
                    for one in service.matching(query, everything=False)
                    if state == ""
                    or (state == "waiting" and one.verdict is Verdict.PENDING)
                    or (state == "mine" and _is_untouched(ledger, one, by))
                ]
            shown = [one for one in found if not hidden.card(one)]
            page = shown[offset : offset + limit]
            end = offset + len(page)
            entries = []
            for one in page:
                entry = _card_entry(one)
                if state == "needs_work":
                    entry["history"] = "; ".join(reasons(history_of(ledger, one)))
                entries.append(entry)
            return hidden.answer(
                {
                    "cards": entries,
                    "total": len(shown),
                    "next_offset": end if end < len(shown) else None,
                }
            )

    def get_card(self, card: str) -> dict[str, Any]:
        """Return a card with its source, its findings and the decisions about it."""
        with self._lock, self._open("") as (workspace, ledger):
            hidden, found = Hidden(ledger), Service(workspace, ledger).card(card)
            if found is None:
                raise Refused(f"there is no card {card!r}")
            if hidden.card(found):
                raise Refused("this card must stay on this machine (#no-llm)")
            return hidden.answer(
                {
                    **_card_entry(found),
                    "source": _entry(hidden.bare(found.highlight)),
                    "decisions": [
                        {"what": one.what, "by": one.by, "at": one.at}
                        for one in ledger.decisions.of(found.guid)
                    ],
                }
            )

    def search_library(self, query: str, limit: int = 5) -> dict[str, Any]:
        """Return works that match words, a title, a DOI or an address, with their highlights."""
        if not query.strip():
            raise Refused("query: name words, a title, a DOI, an address")
        self._check_page(0, limit)
        with self._lock, self._open("") as (_, ledger):
            hidden, works = Hidden(ledger), []
            for match in ledger.search.find(query[:1_000]):
                documents = [one for one in match.work.documents if not hidden.title(one)]
                if not documents:
                    continue
                marks = [
                    one
                    for one in match.highlights
                    if (known := ledger.highlights.get(one.key)) and not hidden.highlight(known)
                ]
                cards = [
                    one
                    for known in match.work.cards
                    if not hidden.card(one := ledger.cards.get(known.guid))
                ]
                shown = {*(one.key for one in marks), *(one.guid for one in cards)}
                if match.matched and not match.matched & shown:
                    continue  # only private words match
                works.append(
                    {
                        "title": documents[0].title,
                        "creators": list(documents[0].creators),
                        "issued": documents[0].issued,
                        "highlights": [
                            {"highlight": one.key, "marked": shortened(one.text.exact, 500)}
                            for one in marks[:MOST_LISTED]
                        ],
                        "cards": [
                            {"card": one.guid, "fields": dict(one.fields)}
                            for one in cards[:MOST_LISTED]
                        ],
                    }
                )
                if len(works) == limit or len(json.dumps(works)) > PAGE_CHARACTERS:
                    break
            return hidden.answer({"works": works})

    def counts(self) -> dict[str, int]:
        """Return the numbers of cards that wait for the person."""
        with self._lock, self._open("") as (_, ledger):
            queries = ledger.queries
            return {
                "waiting": sum(1 for _ in queries.pending()),
                "needs_work": len(queries.problem_cards.all()),
            }

    @staticmethod
    def _check_page(offset: int, limit: int) -> None:
        if offset < 0 or not 1 <= limit <= MOST_LISTED:
            raise Refused(f"offset is 0 or more, limit is 1 to {MOST_LISTED}")

    # --- proposing --------------------------------------------------------------------------

    def propose_cards(self, cards: list[dict[str, str]], by: str) -> dict[str, Any]:
        """Record proposals like the reply of a model server, and return what the checks found.

        Args:
            cards: each has a `highlight` (its key), a `kind` (`basic`, `cloze`, `two-way` or `none`), a
                `quote` and the fields of that kind; `replaces` is the id of a card.
            by: the name and version of the agent.

        Returns:
            For every highlight, in order: the cards with findings, the reason why there are none, or
            why the proposal was refused.
        """
        if not 1 <= len(cards) <= MOST_CARDS:
            raise Refused(f"propose 1 to {MOST_CARDS} cards at a time")
        if len(json.dumps(cards)) > MOST_CHARACTERS:
            raise Refused(f"a proposal has at most {MOST_CHARACTERS:,} characters")
        wanted: dict[tuple[HighlightKey, str], list[dict[str, str]]] = {}
        for card in cards:
            key = (HighlightKey(card.get("highlight", "")), card.get("replaces", ""))
            wanted.setdefault(key, []).append(card)
        with self._lock:
            self._count(len(cards))
            with self._open("drafting") as (workspace, ledger):
                recording = _Recording(workspace, ledger, by)
                results = [recording.propose(*key, given) for key, given in wanted.items()]
                ledger.finish_run(recording.run)
                return recording.hidden.answer({"results": results})

    def _count(self, cards: int) -> None:
        """Count cards towards the limit of an hour."""
        now = self._clock()
        while self._proposed and self._proposed[0] < now - 3_600:
            self._proposed.popleft()
        if len(self._proposed) + cards > MOST_AN_HOUR:
            raise Refused(
                f"more than {MOST_AN_HOUR} cards in an hour: a person has to decide on each;"
                " go on later"
            )
        self._proposed.extend([now] * cards)


class _Recording:
    """Records a proposal, highlight by highlight."""

    def __init__(self, workspace: Workspace, ledger: Ledger, by: str) -> None:
        self._workspace = workspace
        self._ledger = ledger
        self._by = by
        self._prompts = app.load_prompts(workspace, chat=True)
        self.hidden = Hidden(ledger)
        job = app.make_job(workspace, (), None)
        self._job: Job = replace(job, drafter_name=AGENT, accepts=lambda draft: False)
        self.run = ledger.start_run("mcp")

    def propose(
        self, key: HighlightKey, replaces: str, given: list[dict[str, str]]
    ) -> dict[str, Any]:
        """Record the cards proposed for one highlight, or as a replacement for one card."""
        entry = {"highlight": key, **({"replaces": replaces} if replaces else {})}
        try:
            highlight = _highlight(self._ledger, key)
            if self.hidden.highlight(highlight):
                raise Refused("this passage must stay on this machine (#no-llm)")
            for card in given:
                if fault := _fault(card):
                    raise Refused(fault)
            if len(given) > FACTS:
                raise Refused(f"at most {FACTS} cards for a highlight, each of another fact")
            drafter = _Proposal(given, self._by, self._prompts)
            steps = (
                self._replace(highlight, Guid(replaces), drafter)
                if replaces
                else self._new(highlight, drafter)
            )
            self._ledger.replies.put(
                drafter.request, drafter.text, model=self._by,
                prompt=self._prompts.usual.fingerprint, tokens_in=0, tokens_out=0,
            )  # fmt: skip
            problems = [one for step in steps for one in step.problems]
            if drafter.refused:
                raise Refused(drafter.refused)
        except Refused as refused:
            return {**entry, "refused": refused.message}
        return {**entry, **self._result(key, drafter), **_told(problems)}

    def _new(self, highlight: Highlight, drafter: _Proposal) -> Iterator[Any]:
        """Record cards for a highlight that has none."""
        key = highlight.key
        if reason := withheld(highlight):
            raise Refused(reason)
        tasks = list(
            unwritten(self._ledger, None, AGENT, only=frozenset({key}), decks=self._job.decks)
        )
        if not any(sendable(task) for task in tasks):
            cards = [
                one.guid
                for one in self._ledger.cards.of_highlight(key)
                if one.standing is Standing.LIVE and not self.hidden.card(one)
            ]
            if cards:
                raise Refused(f"it has a card: {', '.join(cards)}; to propose another: `replaces`")
            raise Refused("it is not pending: a person decided on it, or it was answered before")
        recorder = DraftRecorder(self._job, self._ledger, self.run)
        return recorder.record(drafter.draft(iter(tasks)), AGENT)

    def _replace(self, highlight: Highlight, guid: Guid, drafter: _Proposal) -> Iterator[Any]:
        """Record a replacement for a card.

        A waiting card of this agent that nobody has changed is drafted again; the other cards of the
        highlight are not changed. A card that needs work stays until a person accepts the new one.
        """
        key, ledger = highlight.key, self._ledger
        card = next(ledger.cards.several([guid]), None)
        if card is None or card.highlight.key != key or self.hidden.card(card):
            raise Refused(f"there is no card {guid!r} of this highlight")
        if drafter.is_none:
            raise Refused("`none` replaces no card: the reader rejects it")
        problems = ledger.queries.problem_cards
        live = [one for one in ledger.cards.of_highlight(key) if one.standing is Standing.LIVE]
        own = card in live and _is_untouched(ledger, card, self._by)
        instead = problems.replaced_by(guid) if own else (guid,)
        if not instead:
            return self._redraft(card, [one for one in live if one.guid != guid], drafter)
        if not own and (guid not in problems.all() or not replaceable([card])):
            raise Refused("only your own waiting card, or one that needs work, can be replaced")
        for one in live:
            if one.verdict is Verdict.PENDING and not _is_untouched(ledger, one, self._by):
                raise Refused(f"another card of this highlight waits for the reader: {one.guid}")
        job = replace(self._job, only=frozenset({key}), instead=((instead[0], ""),), limit=None)
        return draft_again(job, ledger, self.run, (drafter,))

    def _redraft(self, card: Card, others: list[Card], drafter: _Proposal) -> Iterator[Any]:
        """Draft a card again; the drafts of the other cards are recorded with it, so that they are kept."""
        key = card.highlight.key
        drafter.keep(others)
        tasks = (replace(one, beside=False) for one in again(self._ledger, [key], self._job.decks))
        recorder = DraftRecorder(self._job, self._ledger, self.run)
        yield from recorder.record(drafter.draft(tasks), AGENT)
        made = self._made(key, drafter)
        if made and card.guid not in [one.guid for one in made]:  # of another kind: a new note
            after = {"standing": Standing.RETIRED.value, "standing_why": "rewritten"}
            with self._ledger.unit():
                self._ledger.decisions.change(card.guid, "retire", after, by=SOURCE)

    def _made(self, key: HighlightKey, drafter: _Proposal) -> list[Card]:
        """Return the cards made from a proposal."""
        return [
            one
            for one in self._ledger.cards.of_highlight(key)
            if any(made.draft.origin.request == drafter.request for made in one.candidates)
        ]

    def _result(self, key: HighlightKey, drafter: _Proposal) -> dict[str, Any]:
        """Return the cards made from a proposal, or why there are none."""
        if cards := self._made(key, drafter):
            return {"cards": [_card_entry(one) for one in cards]}
        merged = [
            one.guid
            for one in self._ledger.cards.of_highlight(key)
            if one.standing is Standing.LIVE
        ]
        if drafter.reasons:
            return {"no_card": "; ".join(drafter.reasons)}
        return {"merged_into": merged} if merged else {"no_card": "nothing new was proposed"}


class _Proposal:
    """A `Drafter` whose drafts are the cards that an agent proposed."""

    def __init__(self, given: list[dict[str, str]], by: str, prompts: Prompts) -> None:
        self._given, self._by, self._prompts = given, by, prompts
        self.text = json.dumps(given, ensure_ascii=False, sort_keys=True)
        self.request = chat_request(f"{by}\n{self.text}")
        self.is_none = all(one["kind"] == "none" for one in given)
        self.reasons: list[str] = []
        """The reasons why highlights get no card."""
        self.refused = ""
        """Why nothing was recorded; "" if something was."""
        self._kept: tuple[Draft, ...] = ()

    def keep(self, cards: list[Card]) -> None:
        """Also yield the drafts of these cards, unchanged."""
        facts: dict[str, int] = {}
        self._kept = tuple(
            replace(one.draft, intent=facts.setdefault(card.choice or card.guid, len(facts)))
            for card in cards
            for one in (card.open or (card.leading,))
        )

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield one result per task; if a proposal cannot become a card, set `refused` and yield nothing."""
        results = (
            drafted
            for task in tasks
            for drafted in import_chat(self._labelled(task), [task], self._prompts)
        )
        self.refused = "its highlight is not there any more"
        for drafted in results:
            reasons = [one.reason for one in drafted.no_cards]
            made = [
                replace(
                    one,
                    intent=one.intent + len(self._kept),
                    origin=Origin(AGENT, self._by, one.origin.prompt, self.request),
                )
                for one in drafted.drafts
            ]
            if not made and not (self.is_none and reasons):
                self.refused = "; ".join(reasons) or "no card can be made of it"
            elif any(alike(one, other) for one in made for other in self._kept):
                self.refused = "another card of this highlight says the same"
            else:
                self.refused, self.reasons = "", reasons
                spoken = {one.highlight for one in made}
                spoken |= {one.highlight for one in drafted.no_cards}
                asked = tuple(one for one in drafted.task.highlights if one.key in spoken)
                yield replace(
                    drafted,
                    task=replace(drafted.task, highlights=asked),
                    drafts=(*self._kept, *made),
                    failed=(),
                    problems=(),
                )

    def _labelled(self, task: Task) -> str:
        """Return the proposal as the reply of a model to this task."""
        label = label_for(task.instead or task.highlights[0].key)
        return json.dumps({"cards": [{**one, "h": label} for one in self._given]})


# --- private text ---------------------------------------------------------------------------


class Hidden:
    """Decides, over the whole ledger, what must not be shown to an agent (`#no-llm`)."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._passages = PrivatePassages(ledger)

    def mark(self, highlight: Highlight) -> Task:
        """Return a highlight as a task, marked if it or its document contains private text."""
        return self._passages.mark(Task(highlight.document, (highlight,)))

    def highlight(self, highlight: Highlight) -> bool:
        """Return whether a highlight is private, or contains private text."""
        [marked] = self.mark(highlight).highlights
        everywhere = self._ledger.queries.private_if_anywhere(highlight.key)
        return bool(
            private(marked)
            or (everywhere is not None and private(everywhere))
            or self._passages.stand_in(
                f"{highlight.exact} {highlight.comment}", highlight.document.key
            )
        )

    def bare(self, highlight: Highlight) -> Highlight:
        """Return a highlight, without the text around it if that may contain private text."""
        return next(iter(sendable(self.mark(highlight))), replace(highlight, prefix="", suffix=""))

    def document(self, highlight: Highlight) -> bool:
        """Return whether a passage of the highlight's document is private."""
        return self.mark(highlight).discreet

    def title(self, document: Any) -> bool:
        """Return whether a whole document is private."""
        return NO_LLM in {tag.lstrip("#").casefold() for tag in document.tags}

    def card(self, card: Card) -> bool:
        """Return whether a card is from a private passage, or contains private text."""
        if any(map(self.highlight, (card.highlight, *card.also))):
            return True
        words = [text for one in card.candidates for _, text in one.draft.fields]
        words += [one.draft.quote for one in card.candidates]
        words += [text for _, text in card.fields]
        return self._passages.stand_in("\n".join(words), card.highlight.document.key)

    def text(self, text: str) -> str:
        """Return a text, or a placeholder if it contains private text."""
        return "(not shown: #no-llm)" if self._passages.stand_in(text) else text

    def answer(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of a tool with placeholders for texts that contain private text.

        Titles, headings and findings may repeat it.
        """
        return {name: self._masked(part) for name, part in entry.items()}

    def _masked(self, part: Any) -> Any:
        if isinstance(part, str):
            return self.text(part)
        if isinstance(part, dict):
            return self.answer(part)
        return [self._masked(one) for one in part] if isinstance(part, list) else part


# --- entries --------------------------------------------------------------------------------


def _decks(workspace: Workspace) -> Any:
    from ankiforge.config.deckfiles import load_decks

    return load_decks(workspace.root)


def _highlight(ledger: Ledger, key: str) -> Highlight:
    found = ledger.highlights.get(HighlightKey(key))
    if found is None:
        raise Refused(f"there is no highlight {key[:200]!r}: list_highlights shows the keys")
    return found


def _note_around(ledger: Ledger, one: Highlight, hidden: Hidden) -> tuple[str, str] | None:
    """Return the text of a note before and after a highlight; None if it is in no note.

    Paragraphs that are tagged `#no-llm` or contain private text are replaced.
    """
    from ankiforge.extract.markdown import plain_text

    for kind in ("obsidian", "markdown"):
        root = ledger.roots.of(kind).get(one.document.source)
        path = root / one.document.path if root and root.is_dir() else None
        if path is None or path.suffix.lower() not in (".md", ".txt", ".markdown"):
            continue
        try:
            if not path.resolve().is_relative_to(root.resolve()):  # type: ignore[union-attr]
                continue
            written = path.read_bytes()[:_LARGEST_NOTE].decode("utf-8-sig", "replace")
        except OSError:
            continue
        shown = [
            "[…]" if f"#{NO_LLM}" in paragraph.casefold() else hidden.text(paragraph)
            for paragraph in written.split("\n\n")
        ]
        text = plain_text("\n\n".join(shown))
        if found := locate(one.exact, text):
            return text[: found[0]], text[found[1] :]
    return None


def _entry(one: Highlight, wants: str = "") -> dict[str, Any]:
    """Return a highlight for an agent, without empty values."""
    entry: Mapping[str, Any] = {
        "highlight": one.key,
        "title": one.document.title,
        "heading": one.heading,
        "page": one.page_label,
        "marked": one.exact,
        "sentence": one.sentence if one.sentence != one.exact else "",
        "phrases": [one.exact[start:end] for start, end in one.gaps],
        "comment": one.comment if one.instructs else "",
        "colour": one.colour,
        "wanted": wants,
    }
    return {name: value for name, value in entry.items() if value}


def _card_entry(card: Card) -> dict[str, Any]:
    """Return a card for an agent."""
    lead = card.leading
    findings = [
        {
            "rule": one.check,
            "severity": one.severity.value,
            "message": one.message,
        }
        for one in lead.findings
        if one.severity is not Severity.INFO
    ]
    return {
        "card": card.guid,
        "highlight": card.highlight.key,
        "title": card.highlight.document.title,
        "kind": card.kind.value,
        "fields": dict(card.fields),
        "quote": lead.draft.quote,
        "state": _state(card),
        "findings": findings,
        "drafter": " ".join(filter(None, (lead.draft.origin.drafter, lead.draft.origin.model))),
    }


def _state(card: Card) -> str:
    """Return the state of a card."""
    if card.standing is not Standing.LIVE:
        return "retired"
    if card.verdict is Verdict.REJECTED:
        return "rejected"
    if card.verdict is Verdict.PENDING:
        return "blocked" if card.blocked else "waiting"
    return "in Anki" if card.anki.there else "accepted"


def _is_untouched(ledger: Ledger, card: Card, by: str) -> bool:
    """Return whether a card waits unchanged as this agent, in any version, proposed it."""
    name = by.rpartition(" ")[0]
    origins = [one.draft.origin for one in card.candidates]
    return (
        card.undecided
        and all(one.drafter == AGENT and one.model.rpartition(" ")[0] == name for one in origins)
        and all(one.by != PERSON or one.what == REDRAFT for one in ledger.decisions.of(card.guid))
    )


def _fault(card: dict[str, str]) -> str:
    """Return the fault in the form of a proposed card; "" if there is none."""
    needed = {"none": ("why_none",), "cloze": ("text",)}.get(card["kind"], ("front", "back"))
    for name in needed:
        if not card.get(name, "").strip():
            return f"kind {card['kind']!r} needs `{name}`"
    for name in ("front", "back", "text"):
        if what := foreign(card.get(name, "")):
            return f"`{name}` has {what}: write Markdown, with `code` between backticks, no links"
    return ""


def _told(problems: list[Any]) -> dict[str, Any]:
    return {"note": "; ".join(one.what for one in problems)} if problems else {}


def drafting_rules(workspace: Workspace, task: Task | None = None) -> str:
    """Return the drafting rules, with the tool instead of the JSON of a reply."""
    prompts = app.load_prompts(workspace, chat=True)
    prompt: Prompt = prompts.of(task) if task is not None else prompts.usual
    shape = shape_of(task, prompt, 1) if task is not None else Shape(prompt.kinds)
    values = rules_of(shape)
    values["schema"] = (
        "the arguments of the tool propose_cards, where `highlight` stands for `h`."
        ' For "none", put the reason into `why_none`.'
    )
    return prompt.messages({**values, "title": "", "remark": "", "highlights": ""})[0]["content"]


def error_text(error: ForgeError) -> str:
    """Return an error as one line for an agent."""
    return f"{error.message}; {error.hint}" if error.hint else error.message
