"""Writing a person's answers into the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from ankiforge.errors import writing

if TYPE_CHECKING:
    from ankiforge.cli.output import Call
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.model import Strings


def write_settings(
    call: Call, folder: WorkspaceFolder, settings: Mapping[Strings, object]
) -> str | None:
    """Write settings, after a confirmation where they ask for one; return the path of the file.

    None if a person has to do it.
    """
    from ankiforge.config import FILE_NAME
    from ankiforge.config.ownfiles import TEXT_BYTES, own_file
    from ankiforge.config.trust import concerns, confirm
    from ankiforge.config.workspace import load, user_folder
    from ankiforge.config.yamlfile import scalar, with_values
    from ankiforge.extract import registry

    file = own_file(folder.root / FILE_NAME)
    text = ""
    mode = 0o600
    if file.is_there():
        text = file.read(TEXT_BYTES).decode("utf-8-sig")
        mode = file.path.stat().st_mode & 0o777
    edited = with_values(text, settings)
    if edited is None:
        call.say(f"write this into {file}:")
        for place, value in settings.items():
            call.say(f"  {'.'.join(place)}: {scalar(value)}")
        return None
    if edited != text:
        with writing(file.path):
            file.write(edited.encode(), mode=mode)
    # the person has just said yes to it
    asked = [
        each
        for each in concerns(load(folder.root, registry))
        if each.at.steps[:1] in {place[:1] for place in settings}
    ]
    confirm(folder, asked, user_folder())
    return str(file.path)


def with_second_reading(
    call: Call, folder: WorkspaceFolder, *, writes: bool = True
) -> WorkspaceFolder:
    """Ask a person, once ever, whether the model that drafts reads its cards a second time.

    Returns the workspace with the answer; a yes is written into the settings if `writes`.
    """
    config = folder.config
    llm = config.llm
    if config.drafter != "llm" or llm.second_reading is not None:
        return folder
    from msgspec.structs import replace

    from ankiforge.config import is_loopback
    from ankiforge.config.workspace import first_time
    from ankiforge.pipeline.models import can_read_again

    asks = call.interactive and not call.quiet and can_read_again(llm)
    if not (asks and first_time("second reading")):
        return folder
    call.warn(
        "In a second reading the model compares each card with its passage, twenty at a\n"
        "  time, and names what the passage says if that is something else; you decide.\n"
        "  The passages are sent once more; it costs about half as much again."
    )
    here = is_loopback(llm.base_url)
    question = "Let it read its cards a second time?"
    agrees = click.confirm(question, default=here, err=True)
    if agrees and writes:
        write_settings(call, folder, {("llm", "second_reading"): agrees})
    llm = replace(llm, second_reading=agrees)
    return replace(folder, config=replace(config, llm=llm))
