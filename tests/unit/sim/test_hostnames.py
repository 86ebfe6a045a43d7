"""Names of many hosts in short."""

import pytest

from novasim import exceptions
from novasim.sim import hostnames


@pytest.mark.parametrize(("text", "names"), [
    ("a", ["a"]), ("a, b", ["a", "b"]), ("c-[08-11]", ["c-08", "c-09", "c-10", "c-11"]),
    ("x[1-2].dc,y", ["x1.dc", "x2.dc", "y"]), ("[9-10]", ["9", "10"])])
def test_expand(text, names):
    assert hostnames.expand(text) == names


@pytest.mark.parametrize(("text", "told"), [
    ("a-[3-1]", "3 is more than 1"), ("", "'' is no host name"), ("a,,b", "no host name"), ("a b", "no host name"),
    ("a-[1-x]", "no host name"), ("a,a", "twice"), ("a-[1-2],a-2", "twice")])
def test_bad_names(text, told):
    with pytest.raises(exceptions.Invalid, match=told):
        hostnames.expand(text)


def test_of_a_cluster():
    assert hostnames.expand(hostnames.of_cluster(3)) == ["cmp-0001", "cmp-0002", "cmp-0003"]
