"""The commands with which a person decides: accept, reject, pick, merge, edit, undo and others."""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import OVERRULE, Call, command, exit_with
from ankiforge.cli.session import Session, session
from ankiforge.errors import ForgeError, RefusedError, UsageError

if TYPE_CHECKING:
    from ankiforge.ledger.events import Event
    from ankiforge.model import Card, Fields, HighlightKey
    from ankiforge.review import Target


def selects_cards(function: Callable[..., None]) -> Callable[..., None]:
    """Add the arguments ID or QUERY and the options `--all` and `--filter` to a command."""
    for decorate in (
        click.option("--filter", "query", default="", metavar="QUERY", help="With --all: only cards that the query matches."),
        click.option("--all", "every", is_flag=True, help="Apply to all cards (see --filter)."),
        click.argument("words", nargs=-1, metavar="[ID|QUERY]..."),
    ):  # fmt: skip
        function = decorate(function)
    return function


# --- accept, reject, restore ----------------------------------------------------------------


@command("""
  ankiforge accept afpl5zre
  ankiforge accept deck:Biology         show the matching cards and ask
  ankiforge accept --all --filter "deck:Biology -finding:*"
""")
@selects_cards
@OVERRULE
def accept(call: Call, words: tuple[str, ...], every: bool, query: str, force: bool) -> None:
    """Accept cards; a waiting correction replaces the card's text.

    With --all, cards with warnings or with several candidates are left out.
    """
    from ankiforge import review
    from ankiforge.cli.selection import report, selected

    with session(call) as now:
        cards = selected(now, words, every, query, review.acceptable_in_bulk)
        done = review.accept(now.ledger, cards, force=force)
    report(now, done, "accepted")


@command("""
  ankiforge reject afpl5zre --reason "too vague"
  ankiforge reject finding:yes_no                    show the matching cards and ask
  ankiforge reject --all --filter "verdict:pending finding:yes_no"
  ankiforge reject vault:notes/90e45ebadf289dce      no card is wanted for this highlight
""")
@selects_cards
@click.option("--reason", default="", help="Record the reason with the card.")
def reject(call: Call, words: tuple[str, ...], every: bool, query: str, reason: str) -> None:
    """Reject cards for good: the same answer is not offered again for that highlight.

    Given a highlight's key, record that no card is wanted for it.
    """
    from ankiforge import review
    from ankiforge.cli.selection import report, selected
    from ankiforge.model import HighlightKey
    from ankiforge.review.select import is_key

    if keys := [HighlightKey(word) for word in words if is_key(word)]:
        if others := [word for word in words if not is_key(word)]:
            what = f"{keys[0]} is the key of a highlight, and {others[0]} is not"
            raise UsageError(what, hint="use one command for cards and one for highlights")
        with session(call) as now:
            review.skip(now.ledger, keys, reason)
        for key in keys if call.out.as_json else ():
            call.out.data({"key": key, "done": True, "refused": ""})
        call.out.say(f"{len(keys)} skipped; to take it back: ankiforge undo")
        return
    with session(call) as now:
        cards = selected(now, words, every, query, lambda card: card.current)
        done = review.reject(now.ledger, cards, reason)
    report(now, done, "rejected")


@command("""
  ankiforge restore afpl5zre
  ankiforge restore --all --filter verdict:rejected
  ankiforge restore --missing           send again what is missing in Anki
""")
@selects_cards
@click.option("--missing", is_flag=True, help="Restore all cards that are missing in Anki.")
def restore(call: Call, words: tuple[str, ...], every: bool, query: str, missing: bool) -> None:
    """Bring cards back.

    A rejected card waits again, a retired one is used again, and one that was deleted in Anki or is
    missing there is sent again as a new note.
    """
    from ankiforge import review
    from ankiforge.cli.selection import report, selected
    from ankiforge.model import AnkiState

    if missing and (words or every):
        raise UsageError(
            "--missing means all cards that are missing in Anki; name no cards with it"
        )
    if missing:
        every, query = True, "anki:missing"

    def fits(card: Card) -> bool:
        return not card.current or card.anki in (AnkiState.MISSING, AnkiState.TOMBSTONE)

    with session(call) as now:
        done = review.restore(now.ledger, selected(now, words, every, query, fits))
    report(now, done, "restored")


# --- forms in which cards are written -------------------------------------------------------


@command("""
  ankiforge forms                              the waiting forms, and what you decided
  ankiforge forms "a ::: b" --accept           accept its cards, and later ones
  ankiforge forms "a ::: b" --each             decide on each card
  ankiforge forms "word:: value" --never --source Notes
""", lines=True)  # fmt: skip
@click.argument("form", default="", metavar="[FORM]")
@click.option("--accept", "choice", flag_value="accept", help="Accept the cards in this form, now and later.")  # fmt: skip
@click.option("--each", "choice", flag_value="each", help="Decide on each card.")
@click.option(
    "--never", "choice", flag_value="never", help="Make no cards from this form; reject none."
)
@click.option("--source", default="", metavar="NAME", help="Only in this source.")
def forms(call: Call, form: str, choice: str | None, source: str) -> None:
    """Decide on all cards that you wrote in one form, once for each source.

    Without FORM, list the forms with waiting cards, and those you have decided on. `ankiforge undo`
    takes a decision back, together with the cards you have not decided on since.
    """
    from ankiforge import review
    from ankiforge.cli.selection import report_refused
    from ankiforge.ledger.consents import Choice, WrittenForm
    from ankiforge.text.display import counted

    if bool(form) != bool(choice):
        raise UsageError("name a form and what to do: --accept, --each or --never")
    with session(call, read_only=choice is None) as now:
        found = [one for one in now.review.forms() if source in ("", one.source)]
        if choice is None:
            for one in found:
                waiting = len(one.waiting)
                of_it = f", {counted(waiting, 'card')} waiting" if waiting else ""
                if call.out.as_json:
                    call.out.data(one.as_json())
                else:
                    call.out.print(f"{one.written} in {one.source}: {one.said}{of_it}")
            return
        found = [one for one in found if one.written == form]
        if not found:  # it may be decided on before a card of it waits
            sources = now.ledger.consents.sources_of(form)
            found = [WrittenForm(one, form) for one in sources if source in ("", one)]
        if not found:
            what = f"no card is written as {form!r}" + (f" in {source}" if source else "")
            raise UsageError(what, hint="ankiforge forms lists the forms with waiting cards")
        if len(found) > 1:
            names = ", ".join(one.source for one in found)
            raise UsageError(f"{form!r} is in several sources: {names}", hint="--source NAME")
        if found[0].choice:
            raise RefusedError(
                f"you decided on {form!r} before: {found[0].said}",
                hint=f"ankiforge undo {found[0].event} first",
            )
        done = review.consent(now.ledger, found[0], Choice(choice))
        decided = replace(found[0], choice=Choice(choice))
    if call.out.as_json:
        call.out.data(decided.as_json())
    cards = counted(len(decided.waiting), "card")
    call.out.say(f"{decided.written} in {decided.source}: {decided.said}; {cards}")
    report_refused(now, done)


# --- pick, merge, distinct, resolve ---------------------------------------------------------


@command("""
  ankiforge pick afpl5zre.b                 accept the second candidate
  ankiforge pick afpl5zre.b afr3adwg.a      one candidate from each of two choices
""")
@click.argument("ids", nargs=-1, required=True, metavar="DRAFT_ID...")
@OVERRULE
def pick(call: Call, ids: tuple[str, ...], force: bool) -> None:
    """Accept one of several candidates; the others are not offered again.

    Picking a candidate that was passed over before replaces the earlier pick.
    """
    from ankiforge import review
    from ankiforge.cli.selection import report
    from ankiforge.review.select import find

    with session(call) as now:
        targets = [find(now.ledger, word) for word in ids]
        if bare := [target.card.guid for target in targets if not target.letter]:
            hint = f"ankiforge show {bare[0]} lists them"
            raise UsageError(f"which candidate of {bare[0]}?", hint=hint)
        done = review.pick(now.ledger, targets, force=force)
    report(now, done, "picked")


@command("""
  ankiforge merge afpl5zre afr3adwg      one card with both sources
""")
@click.argument("id", metavar="CARD")
@click.argument("twin", metavar="TWIN")
def merge(call: Call, id: str, twin: str) -> None:
    """Merge two cards that ask the same thing.

    The card with more reviews (if tied, the older one) stays and gets the other's source as
    well. The other is retired. `ankiforge undo` takes the merge back.
    """
    from ankiforge import review
    from ankiforge.review.select import find, foreign_note

    with session(call) as now:
        if foreign_note(now.ledger, twin) or foreign_note(now.ledger, id):
            hint = f"ankiforge reject {id}, or, to keep both: ankiforge distinct {id} {twin}"
            raise UsageError("a note that ankiforge did not make cannot be merged", hint=hint)
        done = review.merge(now.ledger, find(now.ledger, id).card, find(now.ledger, twin).card)
    if call.out.as_json:
        call.out.data({"guid": done.stays, "merged": done.went, "done": True, "refused": ""})
    call.out.say(f"merged: {done.stays} stays, {done.went} is retired; both sources are kept")


@command("""
  ankiforge distinct afpl5zre afr3adwg            these two are not duplicates
  ankiforge distinct afpl5zre nid:1700000000123   this card and a note in Anki
  ankiforge distinct afpl5zre                     this card and all that it resembles
""")
@click.argument("id", metavar="CARD")
@click.argument("twins", nargs=-1, metavar="[TWIN]...")
def distinct(call: Call, id: str, twins: tuple[str, ...]) -> None:
    """Record that a card is not a duplicate of another; it is not reported again.

    TWIN is a card, or a note in Anki as `nid:…`. Without TWIN, this covers all duplicates that `show` lists.
    """
    from ankiforge import review
    from ankiforge.cli.selection import report
    from ankiforge.review.select import find, foreign_note

    with session(call) as now:
        card = find(now.ledger, id).card
        named = tuple(
            foreign_note(now.ledger, word) or find(now.ledger, word).card.guid for word in twins
        )
        if card.guid in named:
            raise UsageError(
                f"{card.guid} cannot be compared with itself", hint="name another card"
            )
        if not (others := named or review.duplicates_of(card)):
            what = f"{card.guid} resembles no other card"
            raise UsageError(what, hint=f"ankiforge show {card.guid}")
        done = review.distinct(now.ledger, card, others)
    report(now, done, "is not a duplicate; that finding will not return")


@command("""
  ankiforge resolve afpl5zre --mine                    keep what is in Anki from now on
  ankiforge resolve afpl5zre --source --field Back     take the source's words for Back
""")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--mine", is_flag=True, help="Keep your words, whatever the source says later.")
@click.option("--source", is_flag=True, help="Take the source's words.")
@click.option(
    "--field", default="", metavar="NAME", help="Settle only this field; default: all in conflict."
)
def resolve(call: Call, ids: tuple[str, ...], mine: bool, source: bool, field: str) -> None:
    """Settle a field that both you (in Anki) and the source have changed; `show` prints both sides."""
    from ankiforge import review
    from ankiforge.cli.selection import report
    from ankiforge.model import Family
    from ankiforge.review.select import find
    from ankiforge.sync import plan_cards

    if mine == source:
        raise UsageError("choose whose words to keep: --mine or --source")
    names = dict.fromkeys(name for family in Family for name in family.content_fields)
    if field and field not in names:
        raise UsageError(f"there is no field called {field!r}", hint=f"one of {', '.join(names)}")
    with session(call) as now:
        targets = [find(now.ledger, word) for word in ids]
        plans = plan_cards(now.ledger, (one.card for one in targets), now.decks)
        conflicts = {one.card.guid: one.conflicts for one in plans}
        fresh = [find(now.ledger, target.card.guid) for target in targets]
        done = review.resolve(now.ledger, fresh, conflicts, mine=mine, field=field)
    after = "your words stay in Anki" if mine else "it reaches Anki with the next build or push"
    report(now, done, f"settled; {after}")


# --- undo -----------------------------------------------------------------------------------

_UNDONE_SHOWN = 3
"""The maximum number of undone decisions that are shown without -v."""


@command("""
  ankiforge undo             your last decision; repeat for the one before
  ankiforge undo afpl5zre    your last decision about this card
  ankiforge undo --all --filter verdict:rejected
  ankiforge undo 5f0c…       a decision by its id, from `ankiforge show -v`
""", lines=True)  # fmt: skip
@selects_cards
def undo(call: Call, words: tuple[str, ...], every: bool, query: str) -> None:
    """Undo your last decision, or the last one about these cards.

    Decisions made by one command are undone together, unless you name a card.
    """
    from ankiforge import review
    from ankiforge.anki.notes import RETIRED
    from ankiforge.cli.selection import report_refused, selected
    from ankiforge.review.select import names_card

    done: tuple[review.Result, ...] = ()
    undone: Sequence[Event]
    with session(call) as now:
        is_action = not words or (
            len(words) == 1
            and re.fullmatch("[0-9a-f]{16}", words[0])
            and not names_card(now.ledger, words[0])
        )
        if is_action and not (every or query):
            undone = review.undo(now.ledger, *words)
        else:
            about = now.ledger.decisions.decided_about()
            targets = selected(now, words, every, query, lambda card: card.guid in about)
            done, undone = review.undo_about(now.ledger, targets)
        subjects = () if call.out.as_json else [event.subject for event in undone]
        cards = {one: card for one in subjects if (card := now.review.card(one))}
    for event in undone if call.out.as_json else ():
        call.out.data({"guid": event.subject, "undone": event.what, "id": event.id})
    if not call.out.as_json:
        for line in _undone_lines(undone, cards, verbose=call.out.verbose):
            call.out.say(line)
        if any(card.anki.there for card in cards.values()):
            call.out.say(
                "Anki follows with the next build or push. An import cannot delete, so a card that"
                f" no longer exists here gets the tag {RETIRED} there. Words of yours that an import"
                " has replaced do not come back."
            )
    report_refused(now, done)


def _undone_lines(
    undone: Sequence[Event], cards: Mapping[str, Card], *, verbose: bool
) -> Iterator[str]:
    """Yield a line for each decision with its card, or for many, their number and the first cards."""
    from ankiforge.reports.cards import one_line, question_of
    from ankiforge.text.display import counted

    if len(undone) <= _UNDONE_SHOWN:
        for event in undone:
            words = question_of(cards[event.subject]) if event.subject in cards else ""
            yield f"undone: {event.what} {event.subject}" + (f"  {words}" if words else "")
        return
    kinds = Counter(event.what for event in undone).most_common()
    listed = ", ".join(f"{count:,} {what}" for what, count in kinds)
    yield f"undone: {counted(len(undone), 'decision')} ({listed}), such as:"
    for event in undone if verbose else undone[:_UNDONE_SHOWN]:
        card = cards.get(event.subject)
        yield f"  {one_line(card) if card else event.subject}"


# --- edit -----------------------------------------------------------------------------------


@command("""
  ankiforge edit afpl5zre                                   in $EDITOR
  ankiforge edit finding:yes_no                             all matching cards, one after another
  ankiforge edit afpl5zre --field Back "the inner membrane"
  ankiforge edit vault:notes/90e45ebadf289dce --field Front "What is REM?" --field Back "a phase"
""", shows="limit")  # fmt: skip
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
@click.option(
    "--field",
    "changes",
    nargs=2,
    multiple=True,
    metavar="NAME TEXT",
    help="Set a field to this Markdown text, without an editor.",
)
def edit(call: Call, words: tuple[str, ...], changes: tuple[tuple[str, str], ...]) -> None:
    """Reword cards, or make a card from a highlight. Your words stay when the source changes.

    Several cards open one after another. Leave one unsaved to skip it; empty the file to stop.
    """
    from ankiforge.cli.selection import shown_cards
    from ankiforge.model import HighlightKey
    from ankiforge.review.select import is_key

    fields = dict(changes)
    if any(map(is_key, words)):
        if len(words) > 1:
            what = f"{len(words)} words, and one is the key of a passage"
            raise UsageError(what, hint="make one card at a time: ankiforge edit KEY")
        _make_card(call, HighlightKey(words[0]), fields)
        return
    refused = False
    with session(call) as now:
        targets = shown_cards(now, words, lambda card: card.current)
        if fields and len(targets) > 1:
            what = f"--field sets the words of one card, but {len(targets)} are named"
            raise UsageError(what, hint="name it by its id; or leave out --field for an editor")
        if not fields:
            need_terminal(targets[0].card.guid)
        for number, target in enumerate(targets, 1):
            try:
                _reword(now, target, f"{number} of {len(targets)}", fields)
            except RefusedError as error:  # continue with the next card
                now.out.refusal(error.message, error.hint)
                refused = True
    if refused:
        exit_with(1)


def _reword(now: Session, target: Target, position: str, changes: dict[str, str]) -> None:
    from ankiforge import review
    from ankiforge.reports.cards import card_json
    from ankiforge.review.select import changed_fields

    review.refuse_edit(target)
    guid, card = target.card.guid, target.card
    if target.letter:  # edit the text of the candidate that the id names
        card = replace(card, fields=target.candidate.draft.fields)
    entry: AbstractContextManager[Fields | None]
    if changes:
        entry = nullcontext(changed_fields(card, changes))
    else:
        words = dict(card.fields)
        names = (name for name in card.family.content_fields if name != "Reverse")
        head = f"{guid}, {position}: leave it unsaved to skip it, empty it to stop"
        text = _comment(card.highlight.exact) + _comment(head)
        text += _form({name: words.get(name, "") for name in names})
        entry = _edit_in_editor(text, partial(changed_fields, card), now.workspace.folder)
    with entry as fields:
        if fields is None or fields == card.fields:
            now.out.say(f"nothing was changed: {guid}")
            return
        review.edit(now.ledger, target, fields, now.review.judge)
    card = now.ledger.cards.get(guid)
    if now.out.as_json:
        now.out.data(card_json(card, now.review.tags(card)))
    for finding in card.leading.findings:
        now.out.say(f"{finding.severity}: {finding.message}")
    unfit = (
        ", but a check blocks it: it is in no package until you fix that" if card.blocked else ""
    )
    now.out.say(f"edited: {card.guid}{unfit}")


def _make_card(call: Call, key: HighlightKey, words: dict[str, str]) -> None:
    """Make a card of a highlight from a person's text, in addition to its other cards."""
    from ankiforge import review
    from ankiforge.config.deckfiles import deck_of
    from ankiforge.reports.cards import card_json
    from ankiforge.review.decide import live_cards
    from ankiforge.review.select import new_fields

    with session(call, writes="drafting") as now:
        highlight = now.ledger.highlights.get(key)
        if highlight is None or not highlight.document.source:
            what = f"{key!r} is not the key of a highlight"
            raise UsageError(what, hint="ankiforge list --no-card shows their keys")
        others = len(live_cards(now.ledger, highlight.key))
        entry: AbstractContextManager[Fields | None]
        if words:
            entry = nullcontext(new_fields(words))
        else:
            need_terminal(key, "Front")
            how = "Front and Back make a question; Text with {{c1::…}} a cloze. Save to make the card."
            text = f"{_comment(highlight.exact)}{_comment(how)}Front: |-\n  \nBack: |-\n  \n"
            entry = _edit_in_editor(text, new_fields, now.workspace.folder)
        deck = deck_of(now.decks, highlight.document, highlight).deck
        with entry as fields:
            if fields is None:
                raise UsageError("nothing was saved", hint="no card was made")
            guid = review.make(now.ledger, highlight, fields, deck, now.review.judge)
        card = now.ledger.cards.get(guid)
        tags = now.review.tags(card) if call.out.as_json else ()
    if call.out.as_json:
        call.out.data(card_json(card, tags))
    beside = f", beside {others} from this passage" if others else ""
    call.out.say(f"made: {guid}{beside}; to take it back: ankiforge undo")


# --- $EDITOR --------------------------------------------------------------------------------


def need_terminal(id: str, field: str = "NAME") -> None:
    """Raise a UsageError if there is no terminal for an editor."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = f'ankiforge edit {id} --field {field} "TEXT"'
        raise UsageError("an editor needs a terminal, and there is none", hint=hint)


@contextmanager
def _edit_in_editor(
    text: str, read: Callable[[dict[str, str]], Fields], folder: Path
) -> Iterator[Fields | None]:
    """Open a text in `$EDITOR` and yield the fields parsed from it; None if nothing was changed.

    An invalid text is opened once more, with a comment about the error. If the text cannot be used
    in the end, its file is kept and named in the error, so that nothing typed is lost.

    Raises:
        Abort: the text was deleted.
        UsageError: the text is still invalid the second time, or the editor failed.
    """
    with tempfile.NamedTemporaryFile(
        dir=folder, prefix="typed-", suffix=".yaml", delete=False
    ) as opened:
        opened.write(text.encode())
    file = Path(opened.name)
    try:
        answer = _open_editor(file)
        if answer == text.encode():
            yield None
        elif not answer.strip():
            raise click.Abort
        else:
            try:
                fields = read(_parsed(answer))
            except UsageError as error:
                remark = f"{error.message} ({error.hint})" if error.hint else error.message
                file.write_bytes(_comment(remark).encode() + answer)
                fields = read(_parsed(_open_editor(file)))
            yield fields
    except click.Abort:
        file.unlink()
        raise
    except ForgeError as error:
        if file.read_bytes() != text.encode():
            hint = f"{error.hint}; " if error.hint else ""
            hint += f"what you typed is kept in {file}"
            raise type(error)(error.message, hint=hint) from error
        file.unlink()
        raise
    file.unlink()


def _open_editor(file: Path) -> bytes:
    """Open a file in the editor, and return its content afterwards."""
    try:
        click.edit(filename=str(file))
    except click.ClickException as error:
        raise UsageError(error.format_message()) from error
    return file.read_bytes()


def _parsed(answer: bytes) -> dict[str, str]:
    """Return the fields in a saved text.

    Raises:
        UsageError: the text is invalid or has no fields.
    """
    import yaml

    try:
        fields = yaml.safe_load(answer.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError("this is not UTF-8", hint="save it as such") from error
    except yaml.YAMLError as error:
        raise UsageError(f"this is not valid YAML: {error}") from error
    if not isinstance(fields, dict):
        raise UsageError(
            "the fields are missing", hint="write each field after its name, for example Front: |-"
        )
    return {str(name): str(value or "").rstrip("\n") for name, value in fields.items()}


def _form(fields: Mapping[str, str]) -> str:
    """Return fields as YAML for the editor, each as a literal block, which needs no quotes."""
    import yaml

    blocks = {
        name: yaml.safe_dump(text.rstrip("\n"), default_style="|", allow_unicode=True, width=2**20)
        for name, text in fields.items()
    }
    return "".join(f"{name}: {block}" for name, block in blocks.items())


def _comment(words: str) -> str:
    """Return a text as YAML comment lines."""
    lines = ("".join(filter(str.isprintable, line)) for line in words.splitlines())
    return "".join(f"# {line}\n" for line in lines)
