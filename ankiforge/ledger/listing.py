"""What the sources of a run listed: it shows which documents are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ankiforge.ledger.readings import ReadDocument, place_of
from ankiforge.model import Problem, Scan, Sighting, Unchanged, Unread


class Listing:
    """The documents that the sources of a run listed, whether they were read or not."""

    def __init__(self) -> None:
        self.places: dict[str, set[str]] = defaultdict(set)
        """The places of the listed documents, by container, which may have none."""
        self.complete: set[str] = set()
        """Containers of which everything was listed: what is not listed is absent."""
        self.folders: dict[str, str] = {}
        """The folders of containers; "" if one has none."""
        self._unread: set[str] = set()
        """Places of documents that could not be read."""
        self._unread_folders: tuple[str, ...] = ()
        """Folders, with `/` at their ends, of whose documents none could be read."""

    def read_documents(self, sightings: Iterable[Sighting]) -> Iterator[ReadDocument]:
        """Note the places that are listed; yield the documents that were read."""
        for sighting in sightings:
            if isinstance(sighting, Unchanged):
                self.places[sighting.container].add(sighting.path)
            elif isinstance(sighting, Unread):
                self._unread.add(sighting.path)
                self._unread_folders += (f"{sighting.path}/",)
            elif isinstance(sighting, Problem):
                self._unread.add(sighting.where)
                if sighting.where.endswith("/"):
                    self._unread_folders += (sighting.where,)
            elif isinstance(sighting, Scan):
                self.places.setdefault(sighting.container, set())
                self.folders[sighting.container] = sighting.folder
                if sighting.complete:
                    self.complete.add(sighting.container)
            else:
                self.places[sighting.container].add(place_of(sighting))
                yield sighting

    def is_unread(self, place: str) -> bool:
        """Return whether a document could not be read: then it is not absent."""
        return place in self._unread or place.startswith(self._unread_folders)

    def has(self, container: str, place: str) -> bool:
        """Return whether a document is there, whether it could be read or not."""
        return place in self.places.get(container, ()) or self.is_unread(place)
