"""XML of the API of 2014: one mapping between elements and the values that JSON has, steered by the tables below.

A key with a plain value is an attribute, one with an object an element, one with a list an element with an element an
item. What the tables do not name follows this rule, so a new field needs no line here. Requests are read with
defusedxml: a DTD, and with it every entity and external reference, is refused.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from xml.etree import ElementTree

import defusedxml.ElementTree

COMPUTE = "http://docs.openstack.org/compute/api/v1.1"
COMMON = "http://docs.openstack.org/common/api/v1.0"
_EXTENSIONS = "http://docs.openstack.org/compute/ext"
PREFIXES = {
    "atom": "http://www.w3.org/2005/Atom",
    "OS-DCF": f"{_EXTENSIONS}/disk_config/api/v1.1",
    "OS-EXT-AZ": f"{_EXTENSIONS}/extended_availability_zone/api/v2",
    "OS-EXT-IMG-SIZE": f"{_EXTENSIONS}/image_size/api/v1.1",
    "OS-EXT-SRV-ATTR": f"{_EXTENSIONS}/extended_server_attributes/api/v1.1",
    "OS-EXT-STS": f"{_EXTENSIONS}/extended_status/api/v1.1",
    "OS-FLV-DISABLED": f"{_EXTENSIONS}/flavor_disabled/api/v1.1",
    "OS-FLV-EXT-DATA": f"{_EXTENSIONS}/flavor_extra_data/api/v1.1",
    "OS-SCH-HNT": f"{_EXTENSIONS}/scheduler-hints/api/v2",
    "OS-SRV-USG": f"{_EXTENSIONS}/server_usage/api/v1.1",
    "os-flavor-access": f"{_EXTENSIONS}/flavor_access/api/v2",
    "os-extended-volumes": f"{_EXTENSIONS}/extended_volumes/api/v1.1",
}
_BY_NAMESPACE = {namespace: prefix for prefix, namespace in PREFIXES.items()}
_ROOTS_OF_COMMON = ("versions", "version", "choices")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Elements in elements of a request; the deepest that the API knows has six.
MOST_DEEP = 32


class List(NamedTuple):
    """A list: what an item is called, and the element around all; None when they stand in their parent directly."""
    item: str
    around: str | None


def _around(*names: tuple[str, str]) -> dict[str, List]:
    return {key: List(item, key) for key, item in names}


LISTS = _around(
    ("servers", "server"), ("flavors", "flavor"), ("images", "image"), ("migrations", "migration"),
    ("services", "service"), ("hypervisors", "hypervisor"), ("extensions", "extension"), ("versions", "version"),
    ("choices", "version"), ("media-types", "media-type"), ("instanceActions", "instanceAction"), ("events", "event"),
    ("availabilityZoneInfo", "availabilityZone"), ("flavor_access", "access"), ("aggregates", "aggregate"),
    ("hosts", "host"), ("server_groups", "server_group"), ("policies", "policy"), ("members", "member"),
    ("security_groups", "security_group"), ("networks", "network"), ("personality", "file"),
    ("block_device_mapping", "mapping"), ("block_device_mapping_v2", "mapping"),
    ("volumeAttachments", "volumeAttachment"),
    ("os-extended-volumes:volumes_attached", "os-extended-volumes:volume_attached"),
) | {"links": List("atom:link", None), "rate": List("rate", "rates"), "limit": List("limit", None)}
_LIST_OF = {kind.around: key for key, kind in LISTS.items() if kind.around}
_ITEM_OF = {kind.item: key for key, kind in LISTS.items() if not kind.around}


class Map(NamedTuple):
    """An object whose keys are free: what an entry is called, and its attribute of the key; an entry that has none is
    called as its key. ``value`` is the attribute of a value that is no text, ``holds`` the item of one that is a list.
    """
    item: str
    key: str
    value: str | None = None
    holds: str | None = None


MAPS = {
    "metadata": Map("meta", "key"), "extra_specs": Map("extra_spec", "key"), "hosts": Map("host", "name"),
    "addresses": Map("network", "id", holds="ip"), "absolute": Map("limit", "name", value="value"),
}
# An object of one pair that is an element by itself.
_PAIRS = {"meta": "key"}
# Keys that are elements with text: long, or so in 2014.
_TEXTS = frozenset({"message", "details", "user_data"})
_TEXTS_OF = {"quota_set": frozenset({"id"}), "quota_class_set": frozenset({"id"})}
# Key that is the text of an element that has attributes too.
_CONTENTS = {"file": "contents"}
# Keys that were spelt in another way, by element.
_ATTRIBUTES = {"server": {"tenant_id": "tenantId", "user_id": "userId"}}


def _text(value: Any) -> str:
    return _ILLEGAL.sub("\ufffd", str(value))


def _is_name(key: str) -> bool:
    prefix, colon, local = key.rpartition(":")
    return _NAME.fullmatch(local) is not None and (not colon or prefix in PREFIXES)


def dumps(body: dict[str, Any]) -> bytes:
    """An answer as XML. Its first key is the element; links that stand beside it go into it."""
    (name, value), *more = body.items()
    root = _element(name, value)
    for key, beside in more:
        _add(root, name, "links" if key.endswith("_links") else key, beside)
    names = [name for element in root.iter() for name in (element.tag, *element.attrib)]
    root.set("xmlns", COMMON if root.tag in _ROOTS_OF_COMMON else COMPUTE)
    for prefix in sorted({name.partition(":")[0] for name in names if ":" in name}):
        root.set(f"xmlns:{prefix}", PREFIXES[prefix])
    raw: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    # A reader would take a bare one for the end of a line.
    return raw.replace(b"\r", b"&#13;")


def _element(name: str, value: Any) -> ElementTree.Element:
    """The element of a key."""
    element = ElementTree.Element(name) if _is_name(name) else ElementTree.Element("item", key=_text(name))
    if name in _PAIRS and isinstance(value, dict) and len(value) == 1:
        [(key, text)] = value.items()
        element.set(_PAIRS[name], _text(key))
        element.text = _text(text)
    elif isinstance(value, list):
        item = LISTS[name].item if name in LISTS else "item"
        element.extend(_item(item, each) for each in value)
    elif isinstance(value, dict) and name in MAPS:
        element.extend(_entry(MAPS[name], key, each) for key, each in value.items())
    else:
        _fill(element, name, value)
    return element


def _fill(element: ElementTree.Element, name: str, value: Any) -> None:
    """Put an object, or a plain value, into its element."""
    if isinstance(value, dict):
        for key, each in value.items():
            _add(element, name, key, each)
    elif value is not None:
        element.text = _text(value)


def _item(name: str, value: Any) -> ElementTree.Element:
    item = ElementTree.Element(name)
    _fill(item, name, value)
    return item


def _entry(kind: Map, key: str, value: Any) -> ElementTree.Element:
    entry = ElementTree.Element(kind.item, {kind.key: _text(key)})
    if kind.value:
        entry.set(kind.value, _text(value))
    elif kind.holds:
        entry.extend(_item(kind.holds, each) for each in value)
    else:
        _fill(entry, kind.item, value)
    return entry


def _add(parent: ElementTree.Element, owner: str, key: str, value: Any) -> None:
    """Put a key of the object ``owner`` into its element."""
    kind = LISTS.get(key) if isinstance(value, list) else None
    if kind is not None and kind.around is None:
        parent.extend(_item(kind.item, each) for each in value)
    elif isinstance(value, dict | list) or not _is_name(key):
        child = _element(key, value)
        if kind is not None and kind.around is not None:
            child.tag = kind.around
        parent.append(child)
    elif _CONTENTS.get(owner) == key:
        parent.text = _text(value)
    elif value is not None and (key in _TEXTS or key not in _TEXTS_OF.get(owner, {key})):
        parent.append(_element(key, value))
    else:
        parent.set(_ATTRIBUTES.get(owner, {}).get(key, key), _text(value))


def loads(raw: bytes) -> dict[str, Any]:
    """What a request's XML says: an object of one key, the name of its root.

    :raises ValueError: when it is no XML, has a DTD, or is deeper than MOST_DEEP
    """
    try:
        root = defusedxml.ElementTree.fromstring(raw, forbid_dtd=True)
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(str(error)) from error
    name = _key(root)
    return {name: _value(root, name, 0)}


def _local(name: str) -> str:
    """A name with the prefix that we know its namespace by."""
    namespace, brace, local = name.removeprefix("{").partition("}")
    if not brace:
        return name
    return f"{_BY_NAMESPACE[namespace]}:{local}" if namespace in _BY_NAMESPACE else local


def _key(element: ElementTree.Element) -> str:
    """The key that an element stands for."""
    name = _local(element.tag)
    if name == "item" and "key" in element.attrib:
        return element.attrib.pop("key")
    return _LIST_OF.get(name, name)


def _value(element: ElementTree.Element, key: str, depth: int) -> Any:
    """What the element of a key says."""
    if key in _PAIRS and _PAIRS[key] in element.attrib:
        return {element.attrib[_PAIRS[key]]: element.text or ""}
    if key in MAPS and (key not in LISTS or any(MAPS[key].key in child.attrib for child in element)):
        return _pairs(element, MAPS[key], depth)
    if key in LISTS:
        return [_object(child, LISTS[key].item, depth + 1) for child in element]
    return _object(element, key, depth)


def _object(element: ElementTree.Element, name: str, depth: int) -> Any:
    """The object that an element is; its text when it has nothing else."""
    if depth > MOST_DEEP:
        raise ValueError(f"more than {MOST_DEEP} elements in elements")
    if not len(element) and not element.attrib:
        return element.text
    spelt = {theirs: ours for ours, theirs in _ATTRIBUTES.get(name, {}).items()}
    found: dict[str, Any] = {}
    for attribute, text in element.attrib.items():
        key = _local(attribute)
        found[spelt.get(key, key)] = text
    if name in _CONTENTS and element.text:
        found[_CONTENTS[name]] = element.text
    for child in element:
        _take(found, child, depth)
    return found


def _take(found: dict[str, Any], child: ElementTree.Element, depth: int) -> None:
    """Read an element into the object that it belongs to; of several with one name, into a list."""
    key = _key(child)
    if key in _ITEM_OF:
        found.setdefault(_ITEM_OF[key], []).append(_object(child, key, depth + 1))
        return
    value = _value(child, key, depth + 1)
    if key in found:
        found[key] = [*(found[key] if isinstance(found[key], list) else [found[key]]), value]
    else:
        found[key] = "" if key in _TEXTS and value is None else value


def _pairs(element: ElementTree.Element, kind: Map, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        key = child.attrib.pop(kind.key, None) or _local(child.tag)
        if kind.value:
            found[key] = child.get(kind.value, "")
        elif kind.holds:
            found[key] = [_object(item, kind.holds, depth + 2) for item in child]
        else:
            value = _object(child, kind.item, depth + 1)
            found[key] = "" if value is None else value
    return found
