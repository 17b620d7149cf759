"""The page asks once for each source about a form in which several cards are written."""

from __future__ import annotations

from ankiforge.ledger.consents import Choice, WrittenForm
from ankiforge.ledger.events import Event
from ankiforge.model import h16
from ankiforge.review.page.items import Act, Content, Item, slot_of, stamp_of
from ankiforge.review.page.source import source_html
from ankiforge.review.service import Service
from ankiforge.text.fold import isolated

_EXAMPLES = 3
"""The number of example cards shown for a form."""


def form_id(source: str, written: str) -> str:
    """Return the id of the item that asks about a form."""
    return h16(source, written)


def form_of(service: Service, identity: str) -> WrittenForm | None:
    """Return a form that waits for consent; None if it no longer does."""
    return next(
        (one for one in service.forms_to_ask() if form_id(one.source, one.written) == identity),
        None,
    )


def decided_as(event: Event) -> str:
    """Return the words for a decision on a form, for the list of recent actions."""
    choice = Choice(event.body["choice"])
    form = WrittenForm(event.subject, event.body["written"], choice=choice)
    return f"Cards written as “{form.written}” in {isolated(form.source)}: {form.said}"


def form_item(service: Service, identity: str) -> Item | None:
    """Return the question whether a form is accepted, with some of its cards."""
    form = form_of(service, identity)
    if form is None:
        return None
    cards = tuple(service.ledger.cards.several(form.waiting[:_EXAMPLES]))
    count = len(form.waiting)

    def content() -> Content:
        slots = (
            slot_of(service, card, card.leading, f"{at} of {count}")
            for at, card in enumerate(cards, 1)
        )
        return Content(source_html(cards[0].highlight, cards[0].leading.draft.quote), tuple(slots))

    acts = (
        Act("A", f"Accept all {count}, and later ones", "consent", (("choice", "accept"),)),
        Act("l", "Look at each", "consent", (("choice", "each"),)),
        Act("N", "Never here", "consent", (("choice", "never"),)),
    )
    return Item(
        identity,
        f"{count} cards written as “{form.written}” in {isolated(form.source)}",
        stamp_of(form),
        content,
        acts=acts,
        cards=cards,
        compared=True,
        why=f"You wrote {count} cards in one form. Are lines like these cards?",
    )
