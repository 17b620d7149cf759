"""What is missing, once and for good; what comes back."""

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
