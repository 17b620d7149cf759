"""`ankiforge status`: what waits, and the one command to type next."""

import pytest

NOTE = "Working memory holds about ==four chunks== at a time.\n"
REST = "==Well, who would have thought that?==\n"


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize(
    ("note", "run", "then", "expected"),
    [
        ("", [], [], "run PATH"),
        (NOTE, [], [], "run"),
        (NOTE + REST, [], [], "draft"),
        (NOTE, ["--accept", "review"], [], "review"),
        (NOTE, ["--accept", "review"], ["accept", "--all"], "build"),
        (NOTE, ["--accept", "review"], ["reject", "--all"], "run"),
    ],
)
def test_the_next_command(forge, vault, note, run, then, expected):
    if note:
        (vault / "a.md").write_text(note, encoding="utf-8")
        forge("run", vault, *run, code=0)
    if then:
        forge(*then, code=0)

    found = forge.json("status")

    assert found["next"] == expected
    assert found["sources"] == (["notes"] if note else [])
    assert f"next  ankiforge {expected}   " in forge.ok("status").stdout


def test_what_waits_is_counted(forge, vault):
    (vault / "a.md").write_text(NOTE + REST, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")

    found = forge.json("status")

    assert found["highlights"] == {
        "total": 2,
        "with_card": 0,
        "waiting": 1,
        "more": 0,
        "without": 1,
        "skipped": 0,
    }
    parts = {"new": 1, "changed": 0, "questions": 0, "more": 0}
    assert found["waiting"] == {"total": 1, **parts}
    told = forge.ok("status").stdout
    assert told.splitlines()[:3] == [
        "  2 highlights",
        "  1 new card waiting",
        "  1 more highlight without a card: ankiforge list --no-card",
    ]

    forge.ok("accept", "--all")
    found = forge.json("status")
    assert (found["cards"]["accepted"], found["waiting"]["total"]) == (1, 0)
    forge.ok("undo")
    forge.ok("reject", "--all")
    found = forge.json("status")
    assert (found["cards"]["accepted"], found["waiting"]["total"]) == (0, 0)
    assert found["cards"]["rejected"] == 1
