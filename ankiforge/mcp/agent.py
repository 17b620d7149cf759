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
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from ankiforge import app
from ankiforge.config.workspace import Workspace
from ankiforge.deliver import roots
from ankiforge.draft import NO_LLM, private, withheld
from ankiforge.draft.chat import chat_request, import_chat, label_for
from ankiforge.draft.prompt import FACTS, Prompt, Prompts, Shape, rules_of, sendable, shape_of
from ankiforge.draft.reply import foreign
from ankiforge.errors import BusyError, ForgeError, UsageError
from ankiforge.ledger import Ledger, Line
from ankiforge.model import AGENT, Highlight, Origin, Proposal, Severity, Source, Task, Waiting
from ankiforge.review.query import parse
from ankiforge.run import Checks, PrivatePassages, for_model, ingest
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
LAPSES = 4
"""A card that was forgotten so often needs work."""
PATIENCE_S = 5.0
"""How long a call waits for another program that drafts in this workspace, in seconds."""

Opener = Callable[[str], AbstractContextManager[tuple[Workspace, Ledger]]]
"""Opens the workspace and its ledger; the argument names a lock to hold, "" = none."""
Sources = Callable[[Workspace, Ledger], tuple[Source, ...]]
"""Opens the sources of a workspace."""


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
                for task in for_model(app.make_job(workspace, ()), ledger):
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
            with self._open("drafting") as (workspace, ledger):
                job = app.make_job(workspace, self._sources(workspace, ledger))
                problems = len(ingest(job, ledger).problems)
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
        """Return cards and drafts that match a query of `ankiforge list`, and are in a state.

        Args:
            query: words and `field:value` terms.
            state: `waiting`; `needs_work` (forgotten too often, or with a remark typed while studying,
                with their history); `mine` (proposed by this agent and not decided yet); `rejected`
                (with the reader's reason); "" = all that stand.
            offset: the number of entries before the page.
            limit: the maximum number of entries, at most `MOST_LISTED`.
            by: the name of the agent.
        """
        self._check_page(offset, limit)
        with self._lock, self._open("") as (_, ledger):
            hidden = Hidden(ledger)
            ids = ledger.find(parse(query).terms, everything=state == "rejected")
            shown = []
            for line in ledger.lines(ids):
                note = _work(ledger, line) if state in ("needs_work", "rejected") else ""
                fits = {
                    "": True,
                    "waiting": line.waiting is not None,
                    "mine": _is_own(line, by),
                    "needs_work": bool(note) and line.verdict == "accepted",
                    "rejected": line.verdict == "rejected",
                }[state]
                if fits and not hidden.line(line):
                    shown.append((line, note))
            page = [
                _line_entry(line) | ({"history": note} if note else {})
                for line, note in shown[offset : offset + limit]
            ]
            end = offset + len(page)
            more = end if end < len(shown) else None
            return hidden.answer({"cards": page, "total": len(shown), "next_offset": more})

    def get_card(self, card: str) -> dict[str, Any]:
        """Return a card or draft with its source, its findings and the decisions about it."""
        with self._lock, self._open("") as (_, ledger):
            hidden = Hidden(ledger)
            found = list(ledger.lines([card]))
            if not found:
                raise Refused(f"there is no card {card[:60]!r}: list_cards shows the ids")
            [line] = found
            if hidden.line(line):
                raise Refused("this card must stay on this machine (#no-llm)")
            decisions = ledger.history(line.id) if line.card else []
            return hidden.answer(
                {
                    **_line_entry(line),
                    "source": _entry(hidden.bare(line.highlight)),
                    "decisions": [
                        {"what": one.what, "by": one.by, "at": one.at} for one in decisions
                    ],
                }
            )

    def search_library(self, query: str, limit: int = 5) -> dict[str, Any]:
        """Return documents that match words, a title, a DOI or an address, with their highlights."""
        if not query.strip():
            raise Refused("query: name words, a title, a DOI, an address")
        self._check_page(0, limit)
        with self._lock, self._open("") as (_, ledger):
            hidden, works = Hidden(ledger), []
            for match in ledger.search(query[:1_000]):
                document = match.documents[0]
                marks = [one for one in match.highlights if not hidden.highlight(one)]
                lines = [one for one in match.lines if not hidden.line(one)]
                if hidden.title(document) or not (marks or lines):
                    continue
                works.append(
                    {
                        "title": document.title,
                        "creators": list(document.creators),
                        "issued": document.issued,
                        "highlights": [
                            {"highlight": one.key, "marked": shortened(one.exact, 500)}
                            for one in marks[:MOST_LISTED]
                        ],
                        "cards": [
                            {"card": one.id, "fields": dict(one.fields)}
                            for one in lines[:MOST_LISTED]
                        ],
                    }
                )
                if len(works) == limit or len(json.dumps(works)) > PAGE_CHARACTERS:
                    break
            return hidden.answer({"works": works})

    def counts(self) -> dict[str, int]:
        """Return the numbers of drafts and questions that wait for the person."""
        with self._lock, self._open("") as (_, ledger):
            drafts = ledger.counts()["drafts"]
            waiting = drafts["new"] + drafts["revision"]
            return {"waiting": waiting, "questions": len(ledger.questions())}

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
        wanted: dict[str, list[dict[str, str]]] = {}
        for card in cards:
            wanted.setdefault(card.get("highlight", ""), []).append(card)
        with self._lock:
            self._check_count(len(cards))
            with self._open("drafting") as (workspace, ledger):
                recording = _Recording(workspace, ledger, by)
                results = [recording.propose(key, given) for key, given in wanted.items()]
                recording.close()
                made = sum(len(one.get("cards", ())) for one in results)
                self._proposed.extend([self._clock()] * made)
                return recording.hidden.answer({"results": results})

    def withdraw(self, card: str, by: str) -> dict[str, Any]:
        """Drop a draft that this agent proposed and nobody has decided on."""
        with self._lock, self._open("drafting") as (_, ledger):
            found = list(ledger.lines([card]))
            if not found or not _is_own(found[0], by):
                raise Refused(
                    f"{card[:60]!r} is not a waiting draft of yours: list_cards state mine"
                )
            ledger.withdraw(card)
            return {"withdrawn": card}

    def _check_count(self, cards: int) -> None:
        """Check the limit of an hour; only drafts that were recorded count."""
        now = self._clock()
        while self._proposed and self._proposed[0] < now - 3_600:
            self._proposed.popleft()
        if len(self._proposed) + cards > MOST_AN_HOUR:
            raise Refused(
                f"more than {MOST_AN_HOUR} cards in an hour: a person has to decide on each;"
                " go on later"
            )


class _Recording:
    """Records a proposal, highlight by highlight."""

    def __init__(self, workspace: Workspace, ledger: Ledger, by: str) -> None:
        self._ledger, self._by = ledger, by
        self._prompts: Prompts = app.load_prompts(workspace, chat=True)
        self._replies = app.open_replies(workspace)
        self._checks = Checks(app.make_job(workspace, ()), ledger)
        self.hidden = Hidden(ledger)

    def close(self) -> None:
        """Close the file of replies."""
        self._replies.close()

    def propose(self, key: str, given: list[dict[str, str]]) -> dict[str, Any]:
        """Record the cards proposed for one highlight; what is wrong with them is in the answer."""
        try:
            return {"highlight": key, **self._recorded(_highlight(self._ledger, key), given)}
        except Refused as refused:
            return {"highlight": key, "refused": refused.message}

    def _recorded(self, highlight: Highlight, given: list[dict[str, str]]) -> dict[str, Any]:
        if self.hidden.highlight(highlight):
            raise Refused("this passage must stay on this machine (#no-llm)")
        if reason := withheld(highlight):
            raise Refused(reason)
        for card in given:
            if fault := _fault(card):
                raise Refused(fault)
        waiting = [
            one for one in self._ledger.waiting(highlight.key) if _is_own_draft(one, self._by)
        ]
        if len(given) + len(waiting) > FACTS:
            raise Refused(f"at most {FACTS} cards for a highlight, each of another fact")
        text = json.dumps(given, ensure_ascii=False, sort_keys=True)
        request = chat_request(f"{self._by}\n{text}")
        prompt = self._prompts.usual.fingerprint
        self._replies.put(request, text, model=self._by, prompt=prompt, tokens_in=0, tokens_out=0)
        task = self.hidden.mark(highlight)
        if not sendable(task):
            raise Refused("this passage must stay on this machine (#no-llm)")
        label = label_for(highlight.key)
        answer = json.dumps({"cards": [{**one, "h": label} for one in given]})
        [drafted] = import_chat(answer, [task], self._prompts)
        if not drafted.drafts:
            reasons = [one.reason for one in drafted.no_cards]
            if reasons and all(one["kind"] == "none" for one in given):
                self._ledger.record(
                    highlight.key, (), reasons[0], "no_card", by_model=True, beside=True
                )
                return {"no_card": "; ".join(reasons)}
            raise Refused("; ".join(reasons) or "no card can be made of it")
        origin = Origin(AGENT, self._by, drafted.drafts[0].origin.prompt, request)
        drafts = [replace(one, origin=origin, intent=0) for one in drafted.drafts]
        self._checks.known.refresh()
        made, refused = [], []
        for proposal in self._checks.proposals(highlight, drafts, None):
            id = self._ledger.propose(highlight.key, proposal)
            if id:
                made.append({"card": id, **_findings(proposal)})
            else:
                refused.append("the reader rejected these words, or has this card")
        if not made:
            raise Refused(refused[0])
        return {"cards": made} | ({"note": refused[0]} if refused else {})


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
        return bool(
            private(marked)
            or any(map(private, self._ledger.highlights(of=highlight.key)))
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

    def line(self, line: Line) -> bool:
        """Return whether a card or draft is from a private passage, or contains private text."""
        if self.highlight(line.highlight):
            return True
        words = [*(text for _, text in line.fields), line.words.quote]
        return self._passages.stand_in("\n".join(words), line.highlight.document.key)

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


def _highlight(ledger: Ledger, key: str) -> Highlight:
    try:
        return ledger.highlight(key)
    except ForgeError as error:
        what = f"there is no highlight {key[:200]!r}: list_highlights shows the keys"
        raise Refused(what) from error


def _note_around(ledger: Ledger, one: Highlight, hidden: Hidden) -> tuple[str, str] | None:
    """Return the text of a note before and after a highlight; None if it is in no note.

    Paragraphs that are tagged `#no-llm` or contain private text are replaced.
    """
    from ankiforge.extract.markdown import plain_text

    for kind in ("obsidian", "markdown"):
        known = roots(ledger).get(f"{kind}:{one.document.source}")
        root = Path(known) if known else None
        path = root / one.document.path if root and root.is_dir() else None
        if path is None or path.suffix.lower() not in (".md", ".txt", ".markdown"):
            continue
        try:
            if root is None or not path.resolve().is_relative_to(root.resolve()):
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


def _line_entry(line: Line) -> dict[str, Any]:
    """Return a card or draft for an agent."""
    origin = line.words.origin
    state = line.verdict if line.verdict != "pending" else "waiting"
    return {
        "card": line.id,
        "highlight": line.highlight.key,
        "title": line.highlight.document.title,
        "kind": line.kind.value,
        "fields": dict(line.fields),
        "quote": line.words.quote,
        "state": "in Anki" if line.anki == "seen" else state,
        "drafter": " ".join(filter(None, (origin.drafter, origin.model))),
        **(_findings(line.waiting.proposal) if line.waiting else {"findings": []}),
    }


def _findings(proposal: Proposal) -> dict[str, Any]:
    """Return what the checks found, and whether a finding blocks."""
    findings = [
        {"rule": one.check, "severity": one.severity.value, "message": one.message}
        for one in proposal.findings
        if one.severity is not Severity.INFO
    ]
    return {"findings": findings} | ({"blocked": True} if proposal.blocked else {})


def _work(ledger: Ledger, line: Line) -> str:
    """Return why a card needs work, or why the reader rejected it; "" if neither."""
    if line.card is not None and line.verdict == "rejected":
        return line.card.why or "rejected"
    seen = next(ledger.notes(line.id), None) if line.card else None
    if seen is None:
        return ""
    leech = any(tag.casefold() == "leech" for tag in seen.tags)
    said = [f"forgotten {seen.lapses} times"] if leech or seen.lapses >= LAPSES else []
    said += [f"the reader's remark: {seen.feedback}"] if seen.feedback else []
    return "; ".join(said)


def _is_own(line: Line, by: str) -> bool:
    """Return whether a draft waits as this agent proposed it."""
    return line.waiting is not None and _is_own_draft(line.waiting, by)


def _is_own_draft(waiting: Waiting, by: str) -> bool:
    origin = waiting.draft.origin
    return origin.drafter == AGENT and origin.model == by


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
