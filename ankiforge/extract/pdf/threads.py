"""Threads: replies become part of what they answer, groups one annotation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from ankiforge.extract.pdf.annotations import ON_TEXT, Annotation, Reference

CIRCLE = -1
"""In the place of what a reply answers, while this is sought and where it goes in a circle."""


def threaded(found: list[Annotation]) -> list[Annotation]:
    """One annotation per thread, in the order of the file; what says nothing is none."""
    threads: dict[int, list[int]] = defaultdict(list)
    for at, head in enumerate(_heads(found)):
        threads[head].append(at)
    spoken = ([found[at] for at in thread if not found[at].silent] for thread in threads.values())
    return [_merged(thread) for thread in spoken if thread]


def _heads(found: list[Annotation]) -> list[int]:
    """What each answers in the end; itself if it answers nothing, or goes in a circle."""
    by_reference = {one.reference: at for at, one in enumerate(found) if one.reference}
    heads: dict[int, int] = {}
    for at in range(len(found)):
        path: list[int] = []
        step: int | None = at
        while step is not None and step not in heads:
            heads[step] = CIRCLE
            path.append(step)
            step = _parent(found[step], by_reference)
        if path:
            heads |= dict.fromkeys(path, path[-1] if step is None else heads[step])
    return [at if heads[at] == CIRCLE else heads[at] for at in range(len(found))]


def _parent(one: Annotation, by_reference: Mapping[Reference, int]) -> int | None:
    """A passage marked on its own is never a mere reply."""
    if one.parent is None or (one.kind in ON_TEXT and not one.grouped):
        return None
    return by_reference.get(one.parent)


def _merged(thread: list[Annotation]) -> Annotation:
    """One annotation of a thread: the passage of the group, the words of all in order of time."""
    root = next((one for one in thread if one.parent is None), thread[0])
    others = [one for one in thread if one is not root]
    group = [root, *(one for one in others if one.grouped)]
    head = next((one for one in group if one.kind in ON_TEXT), root)
    own = [one.contents for one in group if one.contents]
    replies = sorted(
        (one for one in others if one.contents and not one.grouped), key=lambda one: one.dated
    )
    said = [
        f"— {one.author}: {one.contents}" if one.author else f"— {one.contents}" for one in replies
    ]
    return replace(head, contents="\n".join(own), comment="\n".join([*own, *said]))
