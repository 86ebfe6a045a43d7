"""The disks that a create names one by one: local ones, since there are no volumes.

A simulated guest has the disks of its flavor; what is named must fit them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from novasim import exceptions
from novasim.objects import Flavor

IMAGE, BLANK, LOCAL, SWAP = "image", "blank", "local", "swap"


def _invalid(reason: str) -> exceptions.ValidationError:
    return exceptions.ValidationError(detail=f"Block Device Mapping is Invalid: {reason}")


def check(body: Mapping[str, Any], flavor: Flavor) -> str:
    """See that the disks of a create can be had.

    :returns: the id of the image that it is made from; "" without one
    :raises ValidationError: 400, for a volume, or for more than the image and what the flavor has
    """
    if body.get("block_device_mapping"):
        raise _invalid("there are no volumes in this cluster, and block_device_mapping knows no other disks.")
    image_id = str(body.get("imageRef", "")).rstrip("/").rsplit("/", 1)[-1]
    swaps: list[int] = []
    ephemeral_gb = 0
    for device in body.get("block_device_mapping_v2", []):
        source, destination = device.get("source_type"), device.get("destination_type", LOCAL)
        if destination != LOCAL or source not in (IMAGE, BLANK):
            raise _invalid("only a local disk, blank or made from an image, is supported by this cluster, not "
                           f"source_type {source!r}, destination_type {destination!r}.")
        if source == IMAGE:
            image_id = _image(device, image_id)
        elif device.get("guest_format") == SWAP:
            swaps.append(int(device.get("volume_size") or flavor.swap))
        else:
            ephemeral_gb += int(device.get("volume_size") or flavor.ephemeral_gb)
    if len(swaps) > 1:
        raise _invalid("more than one swap drive is requested.")
    if sum(swaps) > flavor.swap:
        raise _invalid(f"the swap drive requested is larger than the flavor allows, {flavor.swap} MB.")
    if ephemeral_gb > flavor.ephemeral_gb:
        raise _invalid(f"the ephemeral disks requested are larger than the flavor allows, {flavor.ephemeral_gb} GB.")
    return image_id


def _image(device: Mapping[str, Any], image_id: str) -> str:
    named = str(device.get("uuid") or "")
    if image_id and named != image_id:
        raise _invalid(f"its image {named} is not imageRef {image_id}.")
    return named
