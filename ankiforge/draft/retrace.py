"""Which words a reply answered: a request is not kept, but today's settings may make it again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from ankiforge.draft.desk.ladder import Form, names
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.wording.prompt import Wording
from ankiforge.draft.wording.requests import Message, body, chunks
from ankiforge.model import Task


def retraced(
    request: str, tasks: Iterable[Task], settings: Iterable[ServerSettings], prompt: Wording
) -> tuple[Message, ...]:
    """The messages of the request of this hash, if one of the tasks makes it; else ().

    A request about several highlights is not made again from one of them.
    """
    asked = [chunk for task in tasks for chunk in chunks(task, 1)]
    for chunk, server in product(asked, tuple(settings)):
        question = body(chunk, server, prompt)
        if request in names(question, server, Form()):
            return tuple(question["messages"])
    return ()
