"""What holds for any pattern of files: it matches what the plain regular expression matches."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from ankiforge.extract.files import matcher
from tests.examples import examples

TOKENS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
PATTERNS = st.lists(
    st.sampled_from(["a", "b", "/", *TOKENS]), min_size=1, max_size=8
).map("".join)
PATHS = st.text("ab/", min_size=1, max_size=9)


def plainly(pattern: str, path: str) -> bool:
    """Match a pattern by trying everything, which takes for ever if there are many stars."""
    tokens = re.findall(r"\*\*/|\*\*|.", pattern)
    return bool(re.fullmatch("".join(TOKENS.get(one, one) for one in tokens), path))


@examples(500)
@given(PATTERNS, st.lists(PATHS, min_size=20, max_size=20))
def test_a_pattern_matches_what_the_plain_expression_matches(pattern, paths):
    assume(not pattern.endswith("/"))
    assume(
        not re.search(r"[^/]\*\*/", pattern)
    )  # `**/` counts only where a name may begin
    fits = matcher([pattern])
    assert [fits(path) for path in paths] == [plainly(pattern, path) for path in paths]


@examples(500)
@given(
    st.lists(st.sampled_from(["a*", "b*", "*"]), min_size=3, max_size=5).map("".join),
    st.lists(PATHS, min_size=20, max_size=20),
)
def test_each_wildcard_before_one_that_crosses_folders_counts(part, paths):
    pattern = f"{part}a/**/b"
    whole = [f"{path}a/b" for path in paths]
    fits = matcher([pattern])
    assert [fits(path) for path in whole] == [plainly(pattern, path) for path in whole]
