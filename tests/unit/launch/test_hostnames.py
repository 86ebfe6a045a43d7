"""Names of many hosts in short."""

import pytest

from novasim import exceptions
from novasim.launch import hostnames


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cmp-1", ["cmp-1"]),
        ("a, b", ["a", "b"]),
        ("cmp-[0009-0011]", ["cmp-0009", "cmp-0010", "cmp-0011"]),
        ("r1-[1-2].rack,z", ["r1-1.rack", "r1-2.rack", "z"]),
        ("c[7-7]", ["c7"]),
        ("c[8-11]", ["c8", "c9", "c10", "c11"]),
    ],
)
def test_a_text_stands_for_names(text, names):
    assert hostnames.expand(text) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no host name"),
        ("a,,b", "'' is no host name"),
        ("c[3-1]", "c[3-1]: 3 is more than 1"),
        ("c[1-3", "'c[1-3' is no host name"),
        ("c[x-y]", "'c[x-y]' is no host name"),
        ("a b", "'a b' is no host name"),
        ("c[1-3],c2", "given twice"),
    ],
)
def test_a_text_that_cannot_be_read_is_named(text, words):
    with pytest.raises(exceptions.Invalid) as caught:
        hostnames.expand(text)
    assert caught.value.text.startswith("--host: ")
    assert words in caught.value.text


@pytest.mark.parametrize("count", [1, 10, 9999])
def test_the_hosts_of_a_cluster_are_as_many_as_asked_for(count):
    names = hostnames.expand(hostnames.of_cluster(count))
    assert (len(names), names[0], names[-1]) == (count, "cmp-0001", f"cmp-{count:04d}")
