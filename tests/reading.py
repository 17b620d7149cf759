"""What a source yielded, picked apart for tests."""

from collections.abc import Iterable

from ankiforge.model import Extracted, Highlight, Problem, Scan, Sighting


def documents(found: Iterable[Sighting]) -> list[Extracted]:
    return [one for one in found if isinstance(one, Extracted)]


def highlights(found: Iterable[Sighting]) -> list[Highlight]:
    return [mark for one in documents(found) for mark in one.highlights]


def texts(found: Iterable[Sighting]) -> list[str]:
    return [mark.exact for mark in highlights(found)]


def problems(found: Iterable[Sighting]) -> list[Problem]:
    return [one for one in found if isinstance(one, Problem)]


def only_problem(found: Iterable[Sighting]) -> Problem:
    [problem] = problems(found)
    return problem


def scans(found: Iterable[Sighting]) -> dict[str, bool]:
    """Container → whether its scan is complete."""
    return {one.container: one.complete for one in found if isinstance(one, Scan)}
