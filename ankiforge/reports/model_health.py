"""Doctor's look at the language model: is it there, and what does it draw?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ankiforge import app
from ankiforge.config import LLM, DrafterName, is_loopback, key_for, key_variable
from ankiforge.config.trust import unconfirmed
from ankiforge.config.workspace import Workspace
from ankiforge.errors import ForgeError
from ankiforge.reports.discover import Server, model_servers
from ankiforge.reports.health import Check, State, Surroundings, failed
from ankiforge.reports.models import Unreachable, models
from ankiforge.text.identifiers import model_name

_SHOWN = 5
"""Models that are named."""


def model_checks(workspace: Workspace, around: Surroundings) -> Iterator[Check]:
    """The model that is to draft; else those that could."""
    if workspace.config.drafter is not DrafterName.LLM:
        yield Check("model", State.OK, "not needed: drafter is rules")
        file = f"ankiforge.yaml{' (ankiforge init makes one)' if workspace.is_default else ''}"
        yield from (_could_draft(one, file) for one in model_servers(around.machine))
        return
    there = _there(workspace, around)
    if there.state is State.OK and (is_loopback(workspace.config.llm.base_url) or around.draw):
        yield _drawing(workspace)
        return
    yield there


def _could_draft(server: Server, file: str) -> Check:
    """A server on this machine, and the lines of a file that would use it."""
    name = f"model server {server.program}"
    if server.locked:
        says = f"{server.base_url} wants a key"
        do = "name it as llm.base_url, and the environment variable of its key as llm.key_env"
        return Check(name, State.OK, says, do)
    if not server.models:
        return Check(name, State.OK, f"{server.base_url} has no model")
    says = f"{server.base_url} has {', '.join(server.models[:_SHOWN])}"
    line = f"llm: {{base_url: {server.base_url}, model: {server.models[0]!r}}}"
    return Check(name, State.OK, says, f"to draft with it, in {file}: drafter: llm, and {line}")


# --- is it there? ---------------------------------------------------------------------------


def _there(workspace: Workspace, around: Surroundings) -> Check:
    llm = workspace.config.llm
    if blocked := _out_of_reach(workspace, around):
        return blocked
    try:
        offered = models(llm.base_url, key_for(LLM, llm.base_url, llm.key_env, around.environ))
    except Unreachable as error:
        if error.status in _NO_LIST:
            return Check("model", State.OK, f"{llm.model} at {llm.base_url}, which lists no models")
        if error.status in (401, 403) and not key_variable(LLM, llm.base_url, llm.key_env):
            do = (
                "name the environment variable of its key as llm.key_env in ankiforge.yaml,"
                f" then: ankiforge init --trust {workspace.root}"
            )
            return Check("model", State.FAIL, f"{llm.base_url} {error}: no key was sent", do, 3)
        others = [one for one in model_servers(around.machine) if one.base_url != llm.base_url]
        found = f"; or use {others[0].program} at {others[0].base_url}" if others else ""
        do = f"start it (ollama serve), or mend llm.base_url in ankiforge.yaml{found}"
        return Check("model", State.FAIL, f"{llm.base_url} {error}", do, 3)
    if offered and not _offers(offered, llm.model):
        says = f"{llm.base_url} does not list {llm.model!r}"
        some = ", ".join(offered[:_SHOWN])
        return Check("model", State.WARN, says, f"set llm.model to one it has, such as {some}", 1)
    draw = "" if is_loopback(llm.base_url) else "; doctor --draw has it draw one card"
    return Check("model", State.OK, f"{model_name(llm.model)} at {llm.base_url}{draw}")


_NO_LIST = (404, 405, 501)
"""What a server answers that has models, and no list of them."""


def _offers(offered: tuple[str, ...], model: str) -> bool:
    """Ollama lists `qwen3:latest` for `qwen3`, Gemini `models/…`."""
    names = {model, f"{model}:latest", f"models/{model}"}
    return not names.isdisjoint(offered)


def _out_of_reach(workspace: Workspace, around: Surroundings) -> Check | None:
    """Why the server is not to be asked at all."""
    llm = workspace.config.llm
    if is_loopback(llm.base_url):
        return None
    if around.offline:
        says = f"{llm.base_url} was not asked: --offline"
        return Check("model", State.WARN, says, "run doctor without --offline", 1)
    if any(one.stops for one in unconfirmed(workspace, around.folders, around.environ)):
        says = f"{llm.base_url} was not asked: the workspace is not trusted yet"
        return Check("model", State.WARN, says, "see trust above", 1)
    name = key_variable(LLM, llm.base_url, llm.key_env)
    if name and not around.environ.get(name):
        says = f"the environment variable {name} is not set, {llm.base_url} will want a key"
        return Check("model", State.FAIL, says, f"export {name}=…", 2)
    return None


# --- what does it draw? ---------------------------------------------------------------------


def _drawing(workspace: Workspace) -> Check:
    from ankiforge.reports.probe import draw

    llm = workspace.config.llm
    where = f"{model_name(llm.model)} at {llm.base_url}"
    try:
        settings = replace(app.server_settings(workspace), budget_usd=None)
        prompts, limits = app.load_prompts(workspace), app.check_limits(workspace.config)
        drawn = draw(settings, prompts, limits)
    except ForgeError as error:
        found = failed("model", error)
        return replace(found, exit_code=found.exit_code if found.exit_code > 1 else 3)
    speed = f", {drawn.tokens_a_second:.0f} tokens/s" if drawn.tokens_a_second else ""
    without = f"; without {', '.join(drawn.dropped)}" if drawn.dropped else ""
    cost = f"; {drawn.cost_usd:.4f} dollars" if drawn.cost_usd else ""
    how = f"{drawn.shape}{without}; {drawn.seconds:.1f} s{speed}{cost}"
    if drawn.card and not drawn.fault:
        return Check("model", State.OK, f"{where} drew a card: {drawn.card} ({how})")
    what = (
        f"drew one that is not ready: {drawn.card}: {drawn.fault}"
        if drawn.card
        else (f"drew no card of a plain fact: {drawn.fault}")
    )
    return Check("model", State.WARN, f"{where} {what} ({how})", "try a larger model", 1)
