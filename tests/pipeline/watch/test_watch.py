"""What a watcher does with what happens to its sources: on real files, in the test's own time."""

from pathlib import Path
from threading import Timer

from ankiforge.cli import serve
from ankiforge.config.files import lock_file
from tests.pipeline.watch.conftest import CELLS

LENS = "The {{c1::aperture}} decides how much light enters the eye.\n"
METAL = "Which metal melts in a hand?::Gallium"


def words(forge) -> dict[str, str]:
    """The back of each question that is a card or a draft, with its verdict."""
    return {one["fields"].get("Back", ""): one["verdict"] for one in forge.cards()}


def answers(package: Path, notes_in) -> set[str]:
    return (
        {fields[1] for _, fields, _ in notes_in(package).values()}
        if package.exists()
        else set()
    )


# --- a person writes ----------------------------------------------------------------------------


def test_what_is_written_is_in_the_package_after_20_quiet_seconds(
    forge, desk, watch, vault, notes_in
):
    package, note = desk / "ankiforge.apkg", vault / "Metals.md"

    def happens(life):
        yield set()
        assert len(notes_in(package)) == 2, "what was finished before goes out at once"
        for text in (
            METAL[:-3],
            METAL,
            f"{METAL}, at thi",
            f"{METAL}, at thirty degrees",
        ):
            note.write_text(f"{text}\n", "utf-8")
            yield {note}
            yield from life.later(10)
            assert len(forge.cards()) == len(notes_in(package)) == 2
        yield from life.later(15)
        assert words(forge)["Gallium, at thirty degrees"] == "accepted"
        assert "Gallium, at thirty degrees" in answers(package, notes_in)

    life = watch(happens)
    assert len(forge.cards()) == 3, "no half of a sentence is left"
    assert [one["notes"]["added"] for one in life.of("delivered")] == [2, 1]
    assert life.of("problem") == []


def test_a_card_in_the_package_keeps_its_words_until_the_new_ones_are_whole(
    forge, desk, watch, vault, notes_in
):
    package, note = desk / "ankiforge.apkg", vault / "Cells.md"

    def happens(life):
        yield set()
        [guid] = [one["guid"] for one in forge.cards() if "Back" in one["fields"]]
        for end in ("of wat", "of water through a mem", "of water through a membrane"):
            note.write_text(CELLS.replace("of water", end), "utf-8")
            yield {note}
            yield from life.later(10)
            assert notes_in(package)[guid][1][1] == "Movement of water"
            assert forge.cards(guid)[0]["fields"]["Back"] == "Movement of water"
        yield from life.later(15)
        assert notes_in(package)[guid][1][1] == "Movement of water through a membrane"

    watch(happens)
    assert len(forge.cards()) == 2


def test_a_run_reads_what_a_watcher_that_was_stopped_had_left_for_later(
    forge, watch, vault
):
    def happens(life):
        yield set()
        (vault / "Metals.md").write_text(METAL, "utf-8")
        yield {vault / "Metals.md"}

    watch(happens)
    assert "Gallium" not in words(forge)
    forge.ok("run")
    assert words(forge)["Gallium"] == "accepted"


def test_what_was_accepted_beside_it_is_in_the_package_within_ten_minutes(
    forge, desk, settings, watch, notes_in
):
    settings("accept: {rules: review}\n")

    def happens(life):
        yield set()
        yield from life.later(150)
        assert not (desk / "ankiforge.apkg").exists()
        forge.ok("accept", "--all")
        yield from life.later(610)
        assert len(notes_in(desk / "ankiforge.apkg")) == 2

    life = watch(happens)
    assert len(life.of("delivered")) == 1


# --- what goes wrong ----------------------------------------------------------------------------


def test_a_vault_that_is_gone_or_empty_loses_no_card_and_is_told_once(
    forge, watch, vault, no_waiting
):
    away = vault.with_name("away")

    def happens(life):
        yield set()
        vault.rename(away)
        yield {vault}
        yield from life.later(1300)
        assert len(life.of("problem")) == 1
        assert {one["verdict"] for one in forge.cards()} == {"accepted"}
        assert "gone" not in str(forge.cards())
        away.rename(vault)
        (vault / "Lens.md").write_text(LENS, "utf-8")
        yield {vault}
        yield from life.later(130)

    watch(happens)
    assert len(forge.cards()) == 3


def test_what_is_only_worth_knowing_is_told_as_a_note(watch, vault):
    bold = "\n\n".join(f"The **part {number}** is small." for number in range(25))
    (vault / "Bold.md").write_text(bold, "utf-8")

    def happens(life):
        yield set()
        yield from life.later(10)

    told = watch(happens, as_json=False).said
    assert " note: notes: phrases in bold are not read as marks: 25" in told
    assert "failed" not in told


def test_damaged_settings_are_told_once_and_read_again_when_they_are_mended(
    forge, desk, watch, vault
):
    file = desk / "ankiforge.yaml"
    good = file.read_text("utf-8")

    def happens(life):
        yield set()
        file.write_text("nonsense: true\n", "utf-8")
        (vault / "Lens.md").write_text(LENS, "utf-8")
        yield {vault / "Lens.md"}
        yield from life.later(200)
        assert len(life.of("problem")) == 1
        file.write_text(good, "utf-8")
        yield from life.later(130)

    watch(happens)
    assert len(forge.cards()) == 3


def test_another_program_that_drafts_is_waited_for(forge, desk, watch, vault):
    def happens(life):
        yield set()
        (vault / "Lens.md").write_text(LENS, "utf-8")
        yield {vault / "Lens.md"}
        yield from life.later(15)
        lock = lock_file(desk / ".ankiforge" / "drafting.lock", 0)
        assert lock is not None
        Timer(0.2, lock.close).start()
        yield from life.later(10)
        assert len(forge.cards()) == 3

    assert watch(happens).of("problem") == []


def test_one_that_drafts_for_long_is_a_note_and_no_failure(
    forge, desk, watch, vault, monkeypatch
):
    monkeypatch.setattr(serve, "LOCK_TIMEOUT", 0.05)

    def happens(life):
        yield set()
        (vault / "Lens.md").write_text(LENS, "utf-8")
        yield {vault / "Lens.md"}
        yield from life.later(15)
        lock = lock_file(desk / ".ankiforge" / "drafting.lock", 0)
        assert lock is not None
        with lock:
            yield from life.later(20)
        yield from life.later(40)
        assert len(forge.cards()) == 3

    told = watch(happens, as_json=False).said
    assert told.count("is drafting here") == 1
    assert " note: watch: another ankiforge" in told
    assert "failed" not in told


# --- a model ------------------------------------------------------------------------------------


def test_a_model_gets_no_half_sentence_and_all_passes_share_one_budget(
    forge, settings, watch, vault, fake
):
    note = vault / "Cells.md"
    note.write_text("Nothing is marked here.\n", "utf-8")
    with fake.LlmServer() as server:
        budget = "price_usd: [1, 1], budget_usd: 0.0005"
        settings(
            f"drafter: llm\nllm: {{model: m, base_url: {server.base_url}, {budget}}}\n"
        )

        def happens(life):
            yield set()
            note.write_text("==We should all sleep more.==\n", "utf-8")
            yield {note}
            yield from life.later(10)
            assert server.asked == []
            yield from life.later(15)
            assert "sleep more" in str(server.asked[0])
            first = len(server.asked)
            for number in range(40):
                page = vault / f"Page {number}.md"
                page.write_text(
                    f"==The passage {number} says something else.==\n", "utf-8"
                )
                yield {page}
                yield from life.later(125)
            assert first < len(server.asked) < first + 40

        assert "budget" in str(watch(happens).of("problem"))


def test_a_model_that_is_down_is_told_once_and_other_cards_go_out(
    desk, settings, watch, vault, fake, notes_in, no_retries
):
    (vault / "Lens.md").write_text("==We should all sleep more.==\n", "utf-8")
    with fake.LlmServer() as server:
        settings(f"drafter: llm\nllm: {{model: m, base_url: {server.base_url}}}\n")

    def happens(life):
        yield set()
        yield from life.later(100)
        assert len(life.of("problem")) == 1

    watch(happens)
    assert len(notes_in(desk / "ankiforge.apkg")) == 2


# --- a running Anki -----------------------------------------------------------------------------


def test_cards_are_pushed_and_a_closed_anki_is_asked_again(
    desk, settings, watch, serving, tmp_path
):
    collection = str(tmp_path / "profile" / "collection.anki2")
    with serving(tmp_path / "profile") as closed:
        settings(connect=closed.address, collection=collection)

    def happens(life):
        yield set()
        yield from life.later(100)
        assert len(life.of("problem")) == 1
        assert (desk / "ankiforge.apkg").exists()
        with serving(tmp_path / "profile") as anki:
            settings(connect=anki.address, collection=collection)
            yield from life.later(40)
            with anki.collection() as col:
                assert col.note_count() == 2

    life = watch(happens, "--push")
    assert [one["notes"]["added"] for one in life.of("delivered") if one["pushed"]] == [2]


def test_without_a_source_there_is_nothing_to_watch(forge):
    assert "nothing to watch" in forge("watch", code=2).stderr
