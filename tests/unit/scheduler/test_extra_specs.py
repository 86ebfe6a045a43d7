"""The operators of spec 7.6, each at its boundaries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novasim.scheduler.extra_specs import OPERATORS, match


@pytest.mark.parametrize(("spec", "fitting", "unfitting"), [
    ("ssd", ["ssd"], ["SSD", "ssd ", "", "hdd"]),
    ("", [""], ["a"]),
    ("= 10", ["10", "11", "10.5"], ["9.99", "ten", ""]),
    ("== 10", ["10", "10.0"], ["11", "9", "ten"]),
    ("!= 10", ["11", "9"], ["10", "10.0", "ten"]),
    (">= 10", ["10", "11"], ["9", "ten"]),
    ("<= 10", ["10", "9"], ["11", "ten"]),
    ("s== b", ["b"], ["a", "bb"]),
    ("s!= b", ["a", "bb"], ["b"]),
    ("s< b", ["a"], ["b", "c"]),
    ("s<= b", ["a", "b"], ["c"]),
    ("s> b", ["c", "bb"], ["b", "a"]),
    ("s>= b", ["b", "c"], ["a"]),
    ("<in> bc", ["abcd", "bc"], ["b c", "ac"]),
    ("<or> a <or> b", ["a", "b"], ["c", "<or>", "a b"]),
    ("<or> a", ["a"], ["b"]),
    ("<or> a b <or> c", ["a", "<or>"], ["b", "c", "a b"]),      # every second word is the operator
    ("<or>", [], ["a", "<or>"]),
    ("<all-in> a b", ["ab", "b a", "xayb"], ["a", "b"]),
    (">= ten", [], ["10"]),
    (">=", [], ["10", ""]),
    ("s==", [], ["a"]),
])
def test_operators(spec, fitting, unfitting):
    assert [value for value in [*fitting, *unfitting] if match(value, spec)] == fitting


@given(value=st.text(max_size=8), spec=st.tuples(st.sampled_from(["", *OPERATORS]), st.text(max_size=8)).map(" ".join))
def test_no_text_is_too_odd(value, spec):
    assert match(value, spec) in (True, False)
