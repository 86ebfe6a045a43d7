"""Every row of the specification is shown by a test, or says why it differs; doc/conformance.md is made from it."""

import conformance
import pytest

ROWS = {"1/a": conformance.Row("1/a", "first"), "1/b": conformance.Row("1/b", "second", differs="there is none")}
MARKED = "tests/test_x.py", '''
import pytest
pytestmark = pytest.mark.spec("module")
TABLE = [pytest.param(1, marks=pytest.mark.spec("parameter"))]

@pytest.mark.spec("class")
class TestX:
    @pytest.mark.parametrize("x", TABLE)
    @pytest.mark.spec("method", "second")
    def test_x(self, x):
        pass

@pytest.mark.spec(f"1/{computed}")
def test_y():
    pass
'''


def test_every_row_has_its_test_or_its_reason(root):
    found = conformance.complaints(*conformance.collect(root))
    assert not found, "\n".join(found)


def test_markers_are_found_wherever_they_stand():
    assert dict(conformance.markers(*MARKED)) == {
        "module": "tests/test_x.py", "parameter": "tests/test_x.py", "class": "tests/test_x.py::TestX",
        "method": "tests/test_x.py::TestX::test_x", "second": "tests/test_x.py::TestX::test_x",
        "f'1/{computed}'": "tests/test_x.py::test_y"}


@pytest.mark.parametrize(("tests", "unknown", "complaint"), [
    ({"1/a": ["t"]}, [], None), ({}, [], "1/a has no test"), ({"1/a": ["t"], "1/b": ["t"]}, [], "1/b differs, and t"),
    ({"1/a": ["t"]}, ["t shows 9/z"], "t shows 9/z")])
def test_what_is_wrong_is_named(tests, unknown, complaint):
    rows = {name: conformance.Row(name, row.what, row.differs, tests.get(name, [])) for name, row in ROWS.items()}
    found = conformance.complaints(rows, unknown)
    assert (not found) if complaint is None else (len(found) == 1 and found[0].startswith(complaint))


def test_a_row_stands_in_the_file_once():
    with pytest.raises(ValueError, match="1/a"):
        conformance.read_rows("1/a: x\n1/b: y\n1/a: z\n")


def test_every_row_has_a_section(root):
    rows, _ = conformance.collect(root)
    assert sum(len(section) for _, section in conformance.tables(root)) == len(rows)
