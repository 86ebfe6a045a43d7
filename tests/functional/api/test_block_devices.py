"""The disks that a create names one by one: the image's and what the flavor has, each in a field of its own."""

import pytest

BOB = "bob:p1"
IMAGE = {"source_type": "image", "destination_type": "local", "boot_index": 0, "delete_on_termination": True}
BLANK = {"source_type": "blank", "destination_type": "local", "boot_index": -1}
SWAP = BLANK | {"guest_format": "swap"}
BIG = {"name": "big", "id": "big", "ram": 64, "vcpus": 1, "disk": 1, "OS-FLV-EXT-DATA:ephemeral": 4, "swap": 64}


def create(cloud, devices, version="2.1", **fields):
    body = {"name": "x", "flavorRef": "big", "imageRef": cloud.image, "block_device_mapping_v2": devices} | fields
    cloud.call("POST", "/flavors", {"flavor": BIG})
    return cloud.call("POST", "/servers", {"server": body}, version, BOB)


def test_the_image_of_a_disk_counts(cloud):
    device = IMAGE | {"uuid": cloud.image}
    assert create(cloud, [device], imageRef="").status == create(cloud, [device]).status == 202
    assert cloud.conductor.sent[-1][3]["image"]["id"] == cloud.image


@pytest.mark.parametrize("devices", [
    [BLANK], [BLANK | {"volume_size": 3}, BLANK | {"volume_size": "1"}], [SWAP], [SWAP | {"volume_size": 64}],
    [BLANK | {"guest_format": "ext4", "boot_index": "-1", "device_name": None}, SWAP]])
def test_what_the_flavor_has_can_be_named(cloud, devices):
    assert create(cloud, [IMAGE | {"uuid": cloud.image}, *devices]).status == 202
    assert create(cloud, devices).status == 202


@pytest.mark.parametrize(("devices", "told"), [
    ([BLANK | {"volume_size": 5}], "the ephemeral disks requested are larger than the flavor allows, 4 GB."),
    ([BLANK, BLANK | {"volume_size": 1}], "the ephemeral disks requested are larger than the flavor allows, 4 GB."),
    ([SWAP | {"volume_size": 65}], "the swap drive requested is larger than the flavor allows, 64 MB."),
    ([SWAP | {"volume_size": 1}] * 2, "more than one swap drive is requested."),
    ([{"source_type": "volume", "destination_type": "volume", "uuid": "x"}],
     "only a local disk, blank or made from an image, is supported by this cluster, not source_type 'volume', "
     "destination_type 'volume'."),
    ([BLANK | {"destination_type": "volume", "volume_size": 1}],
     "only a local disk, blank or made from an image, is supported by this cluster, not source_type 'blank', "
     "destination_type 'volume'."),
    ([IMAGE | {"uuid": "other"}], "its image other is not imageRef 155d900f-4e14-4e4c-a73d-069cbf4541e6.")])
def test_what_cannot_be_had_is_refused(cloud, devices, told):
    answer = create(cloud, devices)
    assert (answer.status, answer.message) == (400, f"Block Device Mapping is Invalid: {told}")


@pytest.mark.parametrize(("version", "device"), [
    ("2.1", {"source_type": "disk"}), ("2.1", {"volume_size": 0}), ("2.1", {"volume_size": "big"}),
    ("2.1", {"boot_index": "first"}), ("2.1", {"uuid": 5}), ("2.1", {"mine": 1}), ("2.31", {"tag": "a"}),
    ("2.33", {"tag": "a"}), ("2.32", {"tag": "a,b"}), ("2.66", {"volume_type": "fast"})])
def test_bad_fields_are_refused(cloud, version, device):
    networks = {"networks": "none"} if version >= "2.37" else {}
    assert "Invalid input" in create(cloud, [BLANK | device], version, **networks).message


@pytest.mark.parametrize(("version", "device"), [("2.32", {"tag": "a"}), ("2.42", {"tag": "a"}),
                                                 ("2.67", {"volume_type": "fast"})])
def test_fields_that_came_later(cloud, version, device):
    networks = {"networks": "none"} if version != "2.32" else {}
    assert create(cloud, [BLANK | device], version, **networks).status == 202
