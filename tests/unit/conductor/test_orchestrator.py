"""What builds and moves have in common: attempts, selections, what is known of an image."""

import pytest

from novasim import exceptions
from novasim.conductor import orchestrator
from novasim.objects import Instance


def test_attempts_are_counted_up_to_the_last():
    properties = {}
    for number in (1, 2, 3):
        orchestrator.populate_retry(properties, 3, "u")
        orchestrator.note_selection(properties, {"host": f"h{number}", "nodename": "n", "limits": {"vcpu": 1.0}})
        assert properties["retry"]["num_attempts"] == number
    assert properties["retry"]["hosts"] == [["h1", "n"], ["h2", "n"], ["h3", "n"]]
    assert properties["limits"] == {"vcpu": 1.0}
    properties["retry"]["exc"] = "no memory"
    with pytest.raises(exceptions.MaxRetriesExceeded) as error:
        orchestrator.populate_retry(properties, 3, "u")
    assert error.value.text == ("Exceeded maximum number of retries. Exceeded max scheduling attempts 3 for instance "
                                "u. Last exception: no memory")


@pytest.mark.parametrize(("properties", "attempts"), [
    ({}, 1), ({"force_hosts": ["a"]}, 3), ({"force_nodes": ["a"]}, 3)])
def test_no_attempts_are_counted_where_there_is_one(properties, attempts):
    orchestrator.populate_retry(properties, attempts, "u")
    orchestrator.note_selection(properties, {"host": "h", "nodename": "n", "limits": None})
    assert "retry" not in properties
    assert properties["limits"] == {}


def test_what_a_server_remembers_of_its_image():
    server = Instance(uuid="u", image_ref="i", system_metadata={
        "image_min_ram": "64", "image_min_disk": "1", "image_os_type": "linux", "instance_type_id": "1"})
    assert orchestrator.image_from_system_metadata(server) == {
        "id": "i", "min_ram": 64, "min_disk": 1, "properties": {"os_type": "linux"}}
    assert orchestrator.image_from_system_metadata(Instance(uuid="u")) == {"properties": {}}
