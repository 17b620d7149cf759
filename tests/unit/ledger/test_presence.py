"""What is missing, once and for good; what comes back."""

from ankiforge.model import Problem, Scan, Standing, Verdict
from ankiforge.pipeline import EditJudge

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."


def presence(bench, key):
    row = bench.ledger._db.execute(
        "SELECT presence FROM highlight WHERE key = ?", (key,)
    ).fetchone()
    return row["presence"]


def made(bench, *marks):
    run, _ = bench.read({"a.md": list(marks)})
    return bench.keys(run), bench.forge(run)


def test_gone_needs_two_complete_scans_five_seconds_apart(bench):
    [key], _ = made(bench, bench.mark(WORDS))
    bench.read({})
    assert presence(bench, key) == "missing-once"
    bench.clock.pass_seconds(4)
    bench.read({})
    assert presence(bench, key) == "missing-once"
    bench.clock.pass_seconds(2)
    _, settled = bench.read({})
    assert presence(bench, key) == "gone"
    assert settled.gone == 1


def test_a_partial_scan_makes_nothing_missing(bench):
    [key], _ = made(bench, bench.mark(WORDS))
    bench.read({"b.md": [bench.mark("Another passage entirely, elsewhere.")]}, complete=False)
    assert presence(bench, key) == "present"


def test_a_note_that_cannot_be_read_loses_nothing(bench):
    [key], _ = made(bench, bench.mark(WORDS))
    run = bench.ledger.start_run("test")
    scan = Scan("notes", bench.container, True)
    problems = [Problem("/home/x/vault/a.md", "is not UTF-8")]
    bench.ledger.ingest.finish(run, [scan], problems, bench.clock(), judge=EditJudge(bench.ledger))
    assert presence(bench, key) == "present"


def test_a_vault_that_is_suddenly_empty_is_an_error_not_deletions(bench):
    marks = [bench.mark(f"{WORDS} It was seen in case {n}.") for n in "abcdef"]
    keys, _ = made(bench, *marks)
    _, settled = bench.read({})
    assert {presence(bench, key) for key in keys} == {"present"}
    assert [problem.where for problem in settled.problems] == [bench.container]


def test_a_pending_card_retires_with_its_highlight_and_lives_again_when_it_is_back(bench):
    bench.accept = False
    _, [guid] = made(bench, bench.mark(WORDS))
    for _ in range(2):
        bench.read({})
        bench.clock.pass_seconds(6)
    assert bench.ledger.cards.get(guid).standing is Standing.RETIRED
    bench.read({"a.md": [bench.mark(WORDS)]})
    assert bench.ledger.cards.get(guid).standing is Standing.LIVE


def test_an_accepted_card_outlives_its_highlight(bench):
    _, [guid] = made(bench, bench.mark(WORDS))
    for _ in range(2):
        bench.read({})
        bench.clock.pass_seconds(6)
    card = bench.ledger.cards.get(guid)
    assert (card.standing, card.verdict) == (Standing.LIVE, Verdict.ACCEPTED)


def test_skip_retires_and_unskip_revives(bench):
    [key], [guid] = made(bench, bench.mark(WORDS))
    bench.read({"a.md": [bench.mark(WORDS, skip="skip")]})
    assert presence(bench, key) == "ignored"
    assert bench.ledger.cards.get(guid).standing is Standing.RETIRED
    bench.read({"a.md": [bench.mark(WORDS)]})
    assert presence(bench, key) == "present"
    assert bench.ledger.cards.get(guid).standing is Standing.LIVE


def test_a_skipped_highlight_is_not_offered_for_drafting(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS, skip="skip")]})
    assert not list(bench.ledger.queries.to_draft(run, "rules"))


def test_an_accepted_card_says_that_its_passage_is_gone_until_it_is_back(bench):
    _, [guid] = made(bench, bench.mark(WORDS))
    for _ in range(2):
        bench.read({})
        bench.clock.pass_seconds(6)
    found = [finding.check for finding in bench.ledger.cards.get(guid).leading.findings]
    assert found == ["source_gone"]
    bench.read({"a.md": [bench.mark(WORDS)]})
    assert bench.ledger.cards.get(guid).leading.findings == ()
