"""The golden corpus: each history gives what was recorded with commit eaf6667; see README.md."""

import hashlib
import importlib.util
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.golden import histories

HERE = Path(__file__).parent
RECORDED, DIFFERS = HERE / "recorded", HERE / "differs"
SUMS = RECORDED / "SHA256SUMS"
MODE = os.environ.get("ANKIFORGE_GOLDEN", "")
HISTORIES = histories.read_histories()
WORKSPACES = histories.read_workspaces()
NAMES = [*HISTORIES, *(f"workspace {name}" for name in WORKSPACES)]
HAS_ANKI = importlib.util.find_spec("anki") is not None


def recorded_at(name: str) -> Path:
    return RECORDED / f"{name.replace(',', '').replace(' ', '-')}.json"


def differs_at(name: str) -> Path:
    return DIFFERS / f"{name.replace(',', '').replace(' ', '-')}.yaml"


def compact(steps: list[dict[str, Any]]) -> str:
    """JSON whose objects are broken down to the level of one card, passage or note."""

    def dump(value: Any, depth: int) -> str:
        if not isinstance(value, dict) or not value or depth == 0:
            return json.dumps(value, ensure_ascii=False)
        pad = " " * (4 - depth)
        inner = [f"{pad}{json.dumps(key)}: {dump(one, depth - 1)}" for key, one in value.items()]
        return "{\n" + ",\n".join(inner) + "}"

    return "[\n" + ",\n".join(dump(step, 3) for step in steps) + "\n]\n"


def expected(name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What was recorded, and the steps that may differ, by their label."""
    steps = json.loads(recorded_at(name).read_text(encoding="utf-8"))
    path = differs_at(name)
    differs = histories.loaded(path) if path.exists() else {}
    return steps, differs


def record(name: str, steps: list[dict[str, Any]]) -> None:
    path, text = recorded_at(name), compact(steps)
    RECORDED.mkdir(exist_ok=True)
    if path.exists() and path.read_text(encoding="utf-8") != text and MODE != "rerecord":
        pytest.fail(f"{path.name} would change: a recording is never replaced, see README.md")
    path.write_text(text, encoding="utf-8")
    sums = dict(reversed(line.split()) for line in SUMS.read_text().splitlines()) if SUMS.exists() else {}  # fmt: skip
    sums[path.name] = hashlib.sha256(text.encode()).hexdigest()
    known = {recorded_at(one).name for one in NAMES}
    lines = [f"{sums[one]}  {one}" for one in sorted(sums) if one in known]
    SUMS.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_gives_what_was_recorded(name, tmp_path, forge_in, fake):
    history = HISTORIES[name]
    if histories.needs_anki(history) and not HAS_ANKI:
        pytest.skip("the anki wheel is not installed")
    compare(name, histories.play(history, tmp_path, forge_in, fake))


@pytest.mark.parametrize("name", WORKSPACES)
def test_a_workspace_of_eaf6667_goes_on(name, tmp_path, forge_in, fake):
    workspace = {**WORKSPACES[name], "steps": WORKSPACES[name]["then"]}
    if histories.needs_anki(workspace) and not HAS_ANKI:
        pytest.skip("the anki wheel is not installed")
    with tarfile.open(HERE / "workspaces" / f"{name.replace(' ', '-')}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    came = histories.play(workspace, tmp_path, forge_in, fake)
    runs = [step for step in came if "forge: run" in step["step"]]
    for step in runs[:2]:
        assert "new" not in step["counts"]["highlights"], step
        assert not {"added", "updated"} & step["counts"].get("notes", {}).keys(), step
        assert "asked" not in step or "cannot be read" in name, step
    compare(f"workspace {name}", came)


def compare(name: str, came: list[dict[str, Any]]) -> None:
    """Hold what came against the recording, or write it down, as ANKIFORGE_GOLDEN says."""
    came = json.loads(json.dumps(came))
    if MODE in ("record", "rerecord"):
        record(name, came)
        return
    steps, differs = expected(name)
    if MODE == "differs":
        explain(name, steps, differs, came)
        return
    assert [step["step"] for step in came] == [step["step"] for step in steps]
    for now, then in zip(came, steps, strict=True):
        if now["step"] in differs:
            then = {"step": now["step"], **differs[now["step"]]["expect"]}
        assert now == then, f"{name}, {now['step']}"


def explain(
    name: str, steps: list[dict[str, Any]], differs: dict[str, Any], came: list[dict[str, Any]]
) -> None:
    """Write down what differs from the recording, for a person to say why."""
    then = {step["step"]: step for step in steps}
    found = {}
    for now in came:
        label = now["step"]
        if now != then.get(label):
            reason = differs.get(label, {}).get("reason", "")
            found[label] = {
                "reason": reason,
                "expect": {k: v for k, v in now.items() if k != "step"},
            }
    DIFFERS.mkdir(exist_ok=True)
    differs_at(name).unlink(missing_ok=True)
    if found:
        text = yaml.safe_dump(found, allow_unicode=True, sort_keys=False, width=100)
        differs_at(name).write_text(text, encoding="utf-8")


def test_recordings_are_as_they_were_made():
    lines = [line.split() for line in SUMS.read_text(encoding="utf-8").splitlines()]
    assert {name for _, name in lines} == {recorded_at(name).name for name in NAMES}
    assert {path.name for path in RECORDED.glob("*.json")} == {name for _, name in lines}
    for digest, name in lines:
        assert hashlib.sha256((RECORDED / name).read_bytes()).hexdigest() == digest, name


def test_each_difference_has_a_reason_and_is_one():
    names = {differs_at(name): name for name in NAMES}
    for path in DIFFERS.glob("*.yaml"):
        steps, differs = expected(names[path])
        then = {step["step"]: step for step in steps}
        for label, one in differs.items():
            assert len(one["reason"].split()) >= 3, f"{path.name}, {label}: why does it differ?"
            assert {"step": label, **one["expect"]} != then[label], (
                f"{path.name}, {label}: the same"
            )
