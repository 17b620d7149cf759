"""The commands for the language model that drafts: list, use, off."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from ankiforge.cli.commands import COMMANDS
from ankiforge.cli.output import (
    Call,
    CommandGroup,
    command,
    end_run,
    flag,
    session,
    text_option,
    workspace_of,
)
from ankiforge.cli.progress import progress_bar
from ankiforge.cli.settings import with_second_reading, write_settings
from ankiforge.errors import ItemError, UsageError
from ankiforge.text import cost_text, counted

if TYPE_CHECKING:
    from ankiforge.draft.llm import Estimate
    from ankiforge.pipeline.models import NamedModel
    from ankiforge.pipeline.workspace import Workspace


@command("""
  ankiforge model list                what this computer and your keys offer
  ankiforge model use openai          draft with the model of a provider
  ankiforge model use ollama          draft with a model of a server on this machine
  ankiforge model off                 draft without a model again
""", cls=CommandGroup)  # fmt: skip
def model(call: Call) -> None:
    """Choose the language model that drafts, or draft without one.

    Nothing is sent to another machine before you have said yes to what `use` shows.
    """


MOST_SHOWN = 10
"""How many models of a server are shown, the likeliest to write good questions first."""

# --- list -----------------------------------------------------------------------------------


@command("\n  ankiforge model list")
def list_(call: Call) -> None:
    """Show the models you can use: with your keys, and on servers on this machine."""
    from ankiforge.config import LlmSettings
    from ankiforge.draft.server import LONGEST_S, look, providers, what_is_known, with_key

    config = workspace_of(call).config
    in_use = config.llm if config.drafter == "llm" else LlmSettings(base_url="", model="")

    # what there is: (name, model, place, words)
    answered = look()
    rows: list[tuple[str, str, str, str]] = []
    unshown = list[str]()
    for each in with_key():
        about = f"{each.key_env} is set"
        if each.price_usd:
            about += "; ${:g} in, ${:g} out per million tokens".format(*each.price_usd)
        rows.append((each.name, each.model, each.base_url, about))
    for server in answered(LONGEST_S):
        more = len(server.models) - MOST_SHOWN
        if more > 0:
            unshown.append(f"{server.name} has {more:,} more")
        for writer in server.models[:MOST_SHOWN]:
            about = what_is_known(server.base_url, writer)
            rows.append((server.name, writer, server.base_url, about))

    for name, model, place, about in rows:
        used = (model, place) == (in_use.model, in_use.base_url)
        row = {"name": name, "model": model, "place": place, "about": about, "used": used}
        shown = model if model != name else ""
        call.show(row, [f"{'*' if used else ' '} {name:12} {shown:22} {about}"])
    for line in unshown:
        call.say(line)
    if call.as_json or in_use.model:
        return
    if answered(LONGEST_S) or any(with_key()):
        call.say("next: ankiforge model use NAME")
    else:
        keys = ", ".join(provider.key_env for provider in providers())
        call.say(f"no key is set ({keys}), and no Ollama or LM Studio runs here")
        call.say("questions from a chat window: ankiforge draft")


# --- use ------------------------------------------------------------------------------------

TRIES = 5
"""How many passages are tried until one gets a card."""


_PURPOSES = {row.model_for: row for row in COMMANDS.values() if row.model_for}
"""By its word for `--for`, the command that has a model of its own."""


class ModelOptions(TypedDict):
    """The model that a person names."""

    name: str
    model: str
    key_env: str


@command("""
  ankiforge model use openai          with the key in OPENAI_API_KEY; or openrouter, gemini,
                                      groq, mistral, deepseek, anthropic
  ankiforge model use ollama          or lmstudio, llama.cpp, or the name of a model there
  ankiforge model use https://llm.example.org/v1 --model large --key-env MY_KEY
  ankiforge model use ollama --for meaning   find what you read in other words (ankiforge search)
""")  # fmt: skip
@click.argument("name", metavar="NAME")
@text_option("--model", metavar="MODEL", help="Use this model there.")
@text_option("--key-env", metavar="VARIABLE", help="The variable that holds the key.")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["drafting", *_PURPOSES]),
    default="drafting",
    help="Draft cards with it, or compare meanings in search.",
)
@flag("--yes", help="Send what is shown; do not ask.")
def use(call: Call, purpose: str, yes: bool, **named: Unpack[ModelOptions]) -> None:
    """Draft with a model from now on.

    Shows what would be sent, to whom and at what price, and asks. Then up to five passages
    are tried, the setting is written, and the others are drafted. The key is never stored.
    """
    from ankiforge.cli.run import print_summary
    from ankiforge.pipeline.draft import for_model
    from ankiforge.pipeline.models import choose

    if purpose in _PURPOSES:
        import_module(_PURPOSES[purpose].module).use_model(call, yes=yes, **named)
        return
    choice = choose(**named)
    if call.offline and not choice.is_local:
        hint = "run it without --offline, or use a model of this machine"
        raise UsageError("--offline forbids sending to another machine", hint=hint)
    folder = workspace_of(call)
    trial = choice.in_use(folder)
    with session(call, folder=trial) as workspace:
        # what would be sent, to whom, at what price
        model = workspace.model()
        assert model is not None
        waiting = for_model(workspace.job(), workspace.ledger, call.limit)
        estimate = model.estimate(waiting)
        tell = call.say if yes else call.warn
        for line in _terms(choice, estimate):
            tell(line)
        if not (yes or agrees(call, "Draft with it?", choice)):
            return
    trial = with_second_reading(call, trial, writes=False)
    with session(call, folder=trial) as workspace:
        # one passage, then the setting, then the rest
        if estimate.highlights and not _try(call, workspace):
            message = f"{choice.llm.model} made no card of the passages that were tried"
            hint = "no setting was changed; try another model: ankiforge model list"
            raise ItemError(message, hint=hint)
        settings = choice.settings
        if trial.config.llm.second_reading:
            settings = {("llm", "second_reading"): True, **settings}
        written = write_settings(call, folder, settings)
        if written:
            call.say(f"written to {written}; ankiforge model off takes it back")
        limit = None if call.limit is None else max(call.limit - 1, 0)
        result = workspace.draft(limit=limit, show=partial(progress_bar, call))
        if call.as_json:
            call.data(
                {
                    "model": choice.llm.model,
                    "base_url": choice.llm.base_url,
                    "settings": written,
                    "drafted": result.drafted,
                }
            )
        else:
            print_summary(call, workspace, result)
    end_run(result)


def agrees(call: Call, question: str, choice: NamedModel) -> bool:
    """Ask before anything is sent to a model.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    if not call.interactive:
        raise UsageError("no terminal to ask you on", hint="--yes agrees to this")
    agrees = click.confirm(question, default=choice.is_local, err=True)
    if not agrees:
        call.say("nothing was sent, and nothing was changed")
    return agrees


def _terms(choice: NamedModel, estimate: Estimate) -> Iterator[str]:
    """Yield the size of the requests, their receiver, and their price."""
    from ankiforge.draft.server import what_is_known

    llm = choice.llm
    key = f", with the key in {llm.key_env}" if llm.key_env else ""
    yield f"{choice.title}{key}"
    yield f"  {what_is_known(llm.base_url, llm.model)}"
    others = [other for other in choice.others if other != llm.model]
    for other in others[:MOST_SHOWN]:
        yield f"  or --model {other:20} {what_is_known(llm.base_url, other)}"
    if len(others) > MOST_SHOWN:
        yield f"  or one of {len(others) - MOST_SHOWN:,} more"
    if not estimate.highlights:
        yield "  no highlight waits for a model now"
        return
    passages = counted(estimate.highlights, "highlight")
    requests = counted(estimate.requests, "request")
    size = f"up to {estimate.characters:,} characters in {requests}"
    yield f"  {passages} would be sent, {size}:"
    yield "  words, the text around them, comment, title and authors; nothing under #no-llm"
    if choice.is_local:
        yield "  it stays on this machine, and costs nothing"
    elif llm.price_usd is None:
        yield "  its price is not known here"
    else:
        price_in, price_out = llm.price_usd
        cost = cost_text(estimate.cost_usd, local=False)
        yield f"  about {cost}, without reasoning: ${price_in:g} in, ${price_out:g} out"
        yield f"  per million tokens ({choice.price_source})"


def _try(call: Call, workspace: Workspace) -> bool:
    """Let the model draft one passage after the other until one has a card, and show that."""
    from msgspec.structs import replace

    from ankiforge.ledger import QueryTerm, lists
    from ankiforge.model import HighlightKey
    from ankiforge.pipeline.draft import for_model
    from ankiforge.reports.cards import titled
    from ankiforge.text import on_one_line
    from ankiforge.text.cloze import with_brackets

    terms = [QueryTerm("drafter", "llm"), QueryTerm("verdict", "waiting")]
    before = set(lists.find(workspace.ledger, terms))
    tried = set[HighlightKey]()
    for _ in range(TRIES):
        job = replace(workspace.job(), passed_over=frozenset(tried))
        next_one = [*for_model(job, workspace.ledger, 1)]
        result = workspace.draft(
            limit=1, passed_over=tried, show=partial(progress_bar, call)
        )
        tried.update(each.key for task in next_one for each in task.highlights)
        call.problems(result.problems)
        if result.error is not None:
            raise result.error
        new = [id for id in lists.find(workspace.ledger, terms) if id not in before]
        for line in lists.lines(workspace.ledger, new[:1]):
            call.say("one card of it:")
            for field, words in (*line.fields, ("Quote", line.quote)):
                if words:
                    call.say(f"  {field.lower():6} {on_one_line(with_brackets(words))}")
            call.say(f"  {'from':6} {titled(line.highlight)}")
            return True
        if not result.asked:
            call.say("no highlight waits for a model now")
            return False
    return False


# --- off ------------------------------------------------------------------------------------


@command("\n  ankiforge model off")
def off(call: Call) -> None:
    """Draft without a model again. The model's drafts and its address stay."""
    folder = workspace_of(call)
    was_used = folder.config.drafter == "llm"
    written = write_settings(call, folder, {("drafter",): "rules"}) if was_used else None
    if call.as_json:
        call.data({"used": was_used, "settings": written})
    else:
        call.print("no model drafts here")


model.add_command(list_)
model.add_command(use)
model.add_command(off)
