"""What an RPC contract is: methods with their version, kind and arguments, declared as plain signatures.

A call that does not fit fails in the caller, before anything is sent; an endpoint that does not fit fails when its
service starts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from novasim import exceptions

CALL, CAST = "call", "cast"


class Method(NamedTuple):
    """One method of a contract.

    ``directed``: sent to one host's server, not to whichever is free. ``older``: versions with the same arguments,
    in which objects travel as plain dicts, for peers below ``version`` (spec 4.3). ``added``: optional arguments and
    the version that they came with: sent, in that version, where they say something and the cap allows it. ``raises``:
    what the caller is told of quietly; anything else is a fault of the endpoint and is logged there. ``fanout``: sent
    to every server.
    """
    name: str
    kind: str
    version: str
    signature: inspect.Signature
    directed: bool
    older: tuple[str, ...]
    raises: tuple[type[Exception], ...]
    added: Mapping[str, str]
    doc: str
    fanout: bool = False

    def bind(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Check keyword arguments and fill in defaults.

        :raises RoutingError: naming what is missing or too much
        """
        if arguments.keys() == self.signature.parameters.keys():
            return arguments
        try:
            bound = self.signature.bind(**arguments)
        except TypeError as error:
            raise exceptions.RoutingError(method=self.name, reason=str(error)) from error
        bound.apply_defaults()
        return bound.arguments


def _declare(kind: str, version: str, directed: bool, older: tuple[str, ...], raises: tuple[type[Exception], ...],
             added: Mapping[str, str] | None, fanout: bool = False) -> Callable[[Callable[..., Any]], Method]:
    def declare(function: Callable[..., Any]) -> Method:
        signature = inspect.signature(function, eval_str=True)
        arguments = list(signature.parameters.values())[1:]
        return Method(function.__name__, kind, version, signature.replace(parameters=arguments), directed, older,
                      raises, added or {}, inspect.getdoc(function) or "", fanout)
    return declare


def cast(version: str, directed: bool = False, older: tuple[str, ...] = (), raises: tuple[type[Exception], ...] = (),
         added: Mapping[str, str] | None = None, fanout: bool = False) -> Callable[..., Method]:
    """Declare a method that nobody waits for.

    :param raises: for who waits all the same (:meth:`novasim.rpc.client.Client.wait_for`)
    """
    return _declare(CAST, version, directed, older, raises, added, fanout)


def call(version: str, directed: bool = False, older: tuple[str, ...] = (), raises: tuple[type[Exception], ...] = (),
         added: Mapping[str, str] | None = None) -> Callable[..., Method]:
    """Declare a method whose caller waits for the result."""
    return _declare(CALL, version, directed, older, raises, added)


class Contract:
    """Base of the declarations: a topic, a namespace, the version an endpoint of today understands, the older majors
    it understands too, names for version caps of past releases, and what the services of past generations
    (services.version) understand at most."""

    topic: ClassVar[str]
    namespace: ClassVar[str | None] = None
    version: ClassVar[str]
    older_versions: ClassVar[tuple[str, ...]] = ()
    aliases: ClassVar[dict[str, str]] = {}
    generations: ClassVar[tuple[str, ...]] = ()
    methods: ClassVar[dict[str, Method]] = {}

    def __init_subclass__(cls) -> None:
        cls.methods = {name: value for part in reversed(cls.__mro__) for name, value in vars(part).items()
                       if isinstance(value, Method)}


def subject(arguments: dict[str, Any]) -> str | None:
    """The uuid of the server that a message is about, the first where it is about several."""
    instance = arguments.get("instance")
    if instance is not None:
        uuid: str | None = instance.get("uuid") if isinstance(instance, dict) else instance.uuid
        return uuid
    request_spec = arguments.get("request_spec") or {}
    return next(iter(request_spec.get("instance_uuids") or ()), None)


def check(contract: type[Contract], endpoint: object) -> None:
    """See that an object has every method of a contract, with the same arguments.

    :raises RoutingError: naming the first that differs
    """
    for method in contract.methods.values():
        implementation = getattr(endpoint, method.name, None)
        if implementation is None:
            raise exceptions.RoutingError(method=method.name, reason=f"{type(endpoint).__name__} lacks it")
        have = [name for name in inspect.signature(implementation).parameters if name != "ctxt"]
        want = list(method.signature.parameters)
        if have != want:
            raise exceptions.RoutingError(
                method=method.name, reason=f"{type(endpoint).__name__} takes {have}, the contract says {want}")
