"""`checks:` reaches every command that judges cards, and a mistake in it stops them."""

import pytest

SETTINGS = "sources:\n  - obsidian: {{name: notes, path: notes}}\nanki: {{collection: none}}\nchecks: {checks}\n"


@pytest.fixture
def desk(forge):
    vault = forge.folder / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    (vault / "a.md").write_text(
        "However, ==dropout== reduces overfitting in large networks.\n", encoding="utf-8"
    )
    return forge


def write(desk, checks):
    (desk.folder / "ankiforge.yaml").write_text(SETTINGS.format(checks=checks), encoding="utf-8")


def severities(desk):
    return {f["check"]: f["severity"] for card in desk.cards() for f in card["findings"]}


@pytest.mark.parametrize(("checks", "heard"), [("{}", "warn"), ("{pronoun_start: info}", "info")])
def test_a_run_judges_by_what_was_set(desk, checks, heard):
    write(desk, checks)
    desk("run")

    assert severities(desk)["pronoun_start"] == heard


def test_an_edit_judges_by_what_was_set(desk):
    write(desk, "{cloze_gt40w: {limit: 5, severity: block}}")
    desk("run")
    guid = desk.cards()[0]["guid"]

    desk.ok(
        "edit", guid, "--field", "Text", "Dropout {{c1::masks}} units of nets while they train."
    )

    assert "cloze_gt40w" in severities(desk)


@pytest.mark.parametrize("command", [["run"], ["doctor"]])
def test_a_mistake_has_an_address(desk, command):
    write(desk, "{cloze_gt40: 5}")

    said = desk(*command)

    assert said.exit_code == 2
    assert "ankiforge.yaml:4: checks.cloze_gt40: unknown check" in said.stderr + said.stdout
    assert "cloze_gt40w" in said.stderr + said.stdout
