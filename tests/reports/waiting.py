"""What waits in tables about the next command."""

from ankiforge.ledger import PendingItems
from ankiforge.ledger.pending_items import PassageLocation


def make_pending(**numbers: int) -> PendingItems:
    """Return what waits, of which only the numbers count."""

    def places(name: str, usefulness: float) -> list[PassageLocation]:
        return [
            PassageLocation(f"{name}{n}", "k", 1, "", n, usefulness)
            for n in range(numbers.get(name, 0))
        ]

    def ids(name: str) -> list[str]:
        return [place.id for place in places(name, 1.0)]

    return PendingItems(
        drafts=places("drafts", 1.0),
        new_passages=ids("drafts"),
        offered_drafts=ids("drafts"),
        conflicts=ids("conflicts"),
        revisions=ids("changes"),
        questions=ids("questions"),
        without_card=[*places("suggested", 0.9), *places("without", 0.1)],
        data_version=1,
    )
