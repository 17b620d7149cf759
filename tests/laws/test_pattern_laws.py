"""What holds for any pattern of files: it matches what trying everything matches."""

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from ankiforge.extract.files import compile_patterns
from tests.examples import examples
from tests.limits import no_hang

NAMES = ["a", "b", "ab", "*", "a*", "?b", "*a*", "**"]
PATTERNS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "/", "./"]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=5).map("/".join),
    st.sampled_from(["", "/"]),
)
PATHS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=5).map(
    "/".join
)


def plainly(parts: list[str], names: list[str], within: int) -> bool:
    """Match a pattern by trying everything, which takes for ever if there are many stars."""
    if not parts:
        return len(names) >= within
    if parts[0] == "**":
        return any(
            plainly(parts[1:], names[number:], within) for number in range(len(names) + 1)
        )
    return bool(
        names
        and fnmatchcase(names[0], parts[0])
        and plainly(parts[1:], names[1:], within)
    )


@examples(150)
@given(PATTERNS, st.lists(PATHS, min_size=20, max_size=20))
def test_a_pattern_matches_what_trying_everything_matches(pattern, paths):
    bare = pattern.removeprefix("./").rstrip("/")
    parts = bare.removeprefix("/").split("/")
    if "/" not in bare:
        parts = ["**", *parts]
    within = int(pattern.endswith("/"))
    fits = compile_patterns([pattern])
    for path in paths:
        assert fits(path) == plainly(parts, path.split("/"), within)


def test_stars_without_end_take_no_time():
    fits = compile_patterns(["*a" * 60 + "b", "/".join(["**", "a*"] * 30)])
    with no_hang():
        assert not fits("/".join(["a" * 200] * 29 + ["b"]))
