"""The commands for the language model that drafts: list, use, off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ankiforge.cli import output as cli
from ankiforge.cli.commands import COMMANDS, SuggestingGroup
from ankiforge.cli.progress import confirm_after_first_drafts, progress_bar
from ankiforge.errors import ItemError, UsageError, wrap_write_errors
from ankiforge.text import format_cost, format_count

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.draft.llm import Estimate
    from ankiforge.draft.server import ModelServer, Provider
    from ankiforge.model import Strings
    from ankiforge.pipeline.models import SelectedModel
    from ankiforge.pipeline.run_result import RunResult


@cli.command("""
  ankiforge model list         what this computer and your keys offer
  ankiforge model use openai   draft with the model of a provider
  ankiforge model use ollama   draft with a model of a server on this computer
  ankiforge model off          draft without a model again
""", cls=SuggestingGroup)  # fmt: skip
def model(call: cli.Call) -> None:
    """Choose the language model that drafts, or draft without one.

    Nothing is sent to another computer before you have said yes to what `use` shows.
    """


MAX_SHOWN_MODELS = 10
"""The maximum number of models to list per server. The models that are likely to write the best
questions come first.
"""

# --- list -----------------------------------------------------------------------------------


@cli.command("\n  ankiforge model list")
def list_(call: cli.Call) -> None:
    """Show the models you can use: with your keys, and on servers on this computer."""
    from ankiforge.draft import server as servers

    config = cli.find_workspace(call).config
    uses_model = config.drafter == "llm"
    wait_for_servers = servers.discover_servers()
    models = _list_provider_models(servers.find_providers_with_key())
    found_servers = wait_for_servers(servers.LOCAL_DISCOVERY_TIMEOUT)
    for server in found_servers:
        models += _list_server_models(server)
    for each in models:
        is_same = each.model == config.llm.model and each.base_url == config.llm.base_url
        is_used = uses_model and is_same
        call.print_value({**each.to_json(), "used": is_used}, [each.format(is_used)])
    for server in found_servers:
        hidden_count = len(server.models) - MAX_SHOWN_MODELS
        if hidden_count > 0:
            call.say(f"{server.name} has {hidden_count:,} more")
    if call.as_json or uses_model:
        return
    if models:
        call.say("  next  ankiforge model use NAME")
        return
    keys = ", ".join(provider.key_env for provider in servers.read_providers())
    nothing_runs = "neither Ollama nor LM Studio is running here"
    call.say(f"no key is set ({keys}), and {nothing_runs}")
    call.say("to let a chat write the questions: ankiforge draft")


class _UsableModel(NamedTuple):
    """A model that can be used, and where."""

    name: str
    """The name of the provider, or of the server on this computer."""
    model: str
    base_url: str
    details: str

    def to_json(self) -> dict[str, str]:
        """Return the model as it is printed with `--json`."""
        return {
            "name": self.name,
            "model": self.model,
            "place": self.base_url,
            "about": self.details,
        }

    def format(self, is_used: bool) -> str:
        """Return the line of the model in the list. A star marks the model in use."""
        sign = "*" if is_used else " "
        shown_model = self.model if self.model != self.name else ""
        return f"{sign} {self.name:12} {shown_model:22} {self.details}"


def _list_provider_models(providers: Iterable[Provider]) -> list[_UsableModel]:
    """List the default model of each provider whose key is set."""
    models = []
    for each in providers:
        details = f"{each.key_env} is set"
        if each.price_usd:
            details += "; ${:g} in, ${:g} out per million tokens".format(*each.price_usd)
        models.append(_UsableModel(each.name, each.model, each.base_url, details))
    return models


def _list_server_models(server: ModelServer) -> list[_UsableModel]:
    """List the first models of a server on this computer."""
    from ankiforge.draft.server import describe_question_quality

    models = []
    for name in server.models[:MAX_SHOWN_MODELS]:
        details = describe_question_quality(server.base_url, name)
        models.append(_UsableModel(server.name, name, server.base_url, details))
    return models


# --- use ------------------------------------------------------------------------------------

_PURPOSES = {row.model_purpose: row for row in COMMANDS.values() if row.model_purpose}
"""Maps each value of `--for` other than `drafting` to the command that uses the model."""


@cli.command("""
  ankiforge model use openai   with the key in OPENAI_API_KEY; or openrouter, …
                                      groq, mistral, deepseek, anthropic
  ankiforge model use ollama   or lmstudio, llama.cpp, or a model there
  ankiforge model use https://llm.example.org/v1 --model large --key-env MY_KEY
  ankiforge model use ollama --for meaning   search by meaning
""")  # fmt: skip
@click.argument("name", metavar="NAME")
@cli.text_option("--model", metavar="MODEL", help="Use this model there.")
@cli.text_option("--key-env", metavar="VARIABLE", help="The variable that holds the key.")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["drafting", *_PURPOSES]),
    default="drafting",
    help="Draft cards with it, or compare meanings in search.",
)
@cli.flag_option("--yes", help="Send what is shown; do not ask.")
def use(call: cli.Call, purpose: str, yes: bool, **named: Any) -> None:
    """Draft with a model from now on.

    Shows what would be sent, to whom and at what price, and asks. Then it drafts, and the
    setting is written, unless no card comes. The key is never stored.
    """
    from msgspec.structs import replace

    from ankiforge.cli.run import print_summary
    from ankiforge.pipeline.draft import iter_model_tasks
    from ankiforge.pipeline.models import resolve_model
    from ankiforge.pipeline.run_result import CommandRunOptions

    if purpose in _PURPOSES:
        import_module(_PURPOSES[purpose].module).use_model(call, yes=yes, **named)
        return
    choice = resolve_model(**named)
    if call.offline and not choice.is_local:
        hint = "run it without --offline, or use a model on this computer"
        raise UsageError("--offline forbids sending to another computer", hint=hint)
    folder = cli.find_workspace(call)
    with cli.open_workspace(call, folder=choice.configure_workspace(folder)) as workspace:
        # show what would be sent, to whom, and at what price
        model = workspace.build_model()
        assert model is not None
        job = replace(workspace.build_run_parameters(), limit=call.limit)
        tasks = iter_model_tasks(job, workspace.ledger)
        estimate = model.estimate_tasks(tasks)
        print_line = call.say if yes else call.warn
        reads_again = model.has_second_reading
        print_line("\n".join(_describe_terms(choice, estimate, reads_again=reads_again)))
        if not yes and not ask_consent(call, "Draft with it?", choice):
            return
        confirm_after_first_drafts(call, workspace, yes=yes)
        options = CommandRunOptions(limit=call.limit)
        result = workspace.draft(options, show=partial(progress_bar, call))
        # if the model can't be used, don't change the settings
        _require_cards(call, result, choice.llm.model)
        settings_path = None
        if result.drafted or result.error is None:
            settings_path = write_settings(call, folder, choice.settings_to_write)
        if settings_path is not None:
            call.say(f"written to {settings_path}; to undo it: ankiforge model off")
        if call.as_json:
            names = {"model": choice.llm.model, "base_url": choice.llm.base_url}
            count = {"settings": settings_path, "drafted": result.drafted}
            call.print_json({**names, **count})
        else:
            print_summary(call, workspace, result)
    cli.exit_if_failed(result.problems, result.error)


def _require_cards(call: cli.Call, result: RunResult, model: str) -> None:
    """Check that a model that answered made a card.

    Raises:
        ItemError: it made none.
    """
    if result.model_answered_count == 0 or result.drafted or result.error is not None:
        return
    call.print_problems(result.problems)
    asked = format_count(result.model_answered_count, "highlight")
    hint = "no setting was changed; try another model: ankiforge model list"
    raise ItemError(f"{model} made no card of {asked}", hint=hint)


def ask_consent(call: cli.Call, question: str, choice: SelectedModel) -> bool:
    """Ask for the user's consent before sending anything to a model.

    Raises:
        UsageError: the user can't be asked.
    """
    if not call.is_interactive:
        raise UsageError("no terminal to ask you on", hint="--yes agrees to this")
    is_agreed = click.confirm(question, default=choice.is_local, err=True)
    if not is_agreed:
        call.say("nothing was sent, and nothing was changed")
    return is_agreed


def _describe_terms(
    choice: SelectedModel, estimate: Estimate, *, reads_again: bool
) -> Iterator[str]:
    from ankiforge.draft.server import describe_question_quality

    llm = choice.llm
    key_text = f", with the key in {llm.key_env}" if llm.key_env else ""
    yield f"{choice.display_name}{key_text}"
    yield f"  {describe_question_quality(llm.base_url, llm.model)}"
    other_models = [name for name in choice.server_models if name != llm.model]
    for model_name in other_models[:MAX_SHOWN_MODELS]:
        yield f"  or --model {model_name:20} {describe_question_quality(llm.base_url, model_name)}"
    if len(other_models) > MAX_SHOWN_MODELS:
        yield f"  or one of {len(other_models) - MAX_SHOWN_MODELS:,} more"
    if not estimate.highlights:
        yield "  no highlight waits for a model now"
        return
    passages = format_count(estimate.highlights, "highlight")
    requests = format_count(estimate.requests, "request")
    size = f"up to {estimate.characters:,} characters in {requests}"
    yield f"  {passages} would be sent, {size}:"
    yield "  words, the text around them, comment, title and authors; nothing under #no-llm"
    if reads_again:
        yield "  it reads its cards once more, which costs about half as much again"
    if choice.is_local:
        yield "  it stays on this computer, and costs nothing"
    elif llm.price_usd is None:
        yield "  its price is not known"
    else:
        price_in, price_out = llm.price_usd
        cost = format_cost(estimate.cost_usd, local=False)
        yield f"  about {cost}, without reasoning: ${price_in:g} in, ${price_out:g} out"
        yield f"  per million tokens ({choice.price_source})"


# --- settings ------------------------------------------------------------------------------


def write_settings(
    call: cli.Call, folder: WorkspaceDirectory, settings: Mapping[Strings, object]
) -> str | None:
    """Update a workspace's `ankiforge.yaml` and return its path.

    If the file can't be updated automatically, print the lines for the user to add, and
    return None.

    Args:
        call: the command's options, for printing those lines.
        folder: the workspace's directory.
        settings: the new values, keyed by key path, e.g. `("llm", "model")`.
    """
    from ankiforge.config import SETTINGS_FILE_NAME
    from ankiforge.config.files import MAX_TEXT_FILE_BYTES, read_bounded, write_file
    from ankiforge.config.trust import explain_distrust, trust_workspace
    from ankiforge.config.workspace import find_user_directory
    from ankiforge.config.yamlfile import format_scalar, set_values

    file = folder.root / SETTINGS_FILE_NAME
    text = ""
    mode = 0o600
    if file.exists():
        text = read_bounded(file, MAX_TEXT_FILE_BYTES).decode("utf-8-sig")
        mode = file.stat().st_mode & 0o777
    new_text = set_values(text, settings)
    if new_text is None:
        call.say(f"write this into {file}:")
        for key_path, value in settings.items():
            call.say(f"  {'.'.join(key_path)}: {format_scalar(value)}")
        return None
    if new_text != text:
        with wrap_write_errors(file):
            write_file(file, new_text.encode(), mode=mode)
        # don't ask about our own change
        if explain_distrust(folder, find_user_directory()) is not None:
            trust_workspace(folder, find_user_directory())
    return str(file)


# --- off ------------------------------------------------------------------------------------


@cli.command("\n  ankiforge model off")
def off(call: cli.Call) -> None:
    """Draft without a model again. The model's drafts and settings stay."""
    folder = cli.find_workspace(call)
    was_used = folder.config.drafter == "llm"
    settings_path = None
    if was_used:
        settings_path = write_settings(call, folder, {("drafter",): "rules"})
    if call.as_json:
        call.print_json({"used": was_used, "settings": settings_path})
    else:
        call.print_result("the model is off: it drafts no more cards here")


model.add_command(list_)
model.add_command(use)
model.add_command(off)
