"""What client and engine say to each other: one JSON request, one JSON reply, at most one blob.

Before the reply to a request to watch come any number of partial results, each a blob.

A request is a method name and keyword arguments, so the engine never unpickles anything from
outside. A reply is a value or a sentence; the result of a lens follows as a pickle, which goes from
a lens worker through the engine to the client without being opened on the way.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import Any, Final

from engine.protocol import EngineError

MAX_REQUEST_BYTES: Final = 1 << 20  # a network of 200 layers takes some 30 kB
DIAL_SECONDS: Final = 5.0  # an engine that lives answers a call in milliseconds
KEY_VARIABLE: Final = "CONVSCOPE_ENGINE_KEY"


class Refusal(EngineError):
    """The engine's own no; the connection is as good as before."""


class SilentError(EngineError):
    """Somebody listens there and does not answer."""


@dataclass(frozen=True)
class Blob:
    """A value that travels as a pickle behind the reply."""

    data: bytes


@dataclass(frozen=True)
class Partial(Blob):
    """What is known so far; the reply is still to come."""


def parse_address(text: str) -> str | tuple[str, int]:
    """A socket address from `host:port` or the path of a unix socket.

    Raises:
        EngineError: when it is neither.
    """
    host, colon, port = text.rpartition(":")
    if "/" in text:
        return text
    if colon and host and port.isdigit() and 0 < int(port) < 65536:
        return host.strip("[]"), int(port)
    raise EngineError(
        f"The engine address {text[:60]!r} is neither host:port nor the path of a unix socket: "
        "correct CONVSCOPE_ENGINE."
    )


def dial(address: str | tuple[str, int], key: bytes) -> Connection[Any, Any]:
    """A connection to an engine, after both sides have proved that they know the key.

    Raises:
        OSError: nobody listens there.
        SilentError: somebody listens, but does not answer within DIAL_SECONDS.
        EngineError: somebody listens who does not have this key.
    """
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as line:
        _limit(line, DIAL_SECONDS)
        try:
            line.connect(address)
        except (BlockingIOError, TimeoutError) as error:
            raise _silent(address) from error
        connection: Connection[Any, Any] = Connection(line.detach())
    try:
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
    except BaseException as error:
        connection.close()
        if isinstance(error, BlockingIOError):
            raise _silent(address) from error
        if isinstance(error, AuthenticationError | EOFError):
            raise EngineError(
                f"The engine at {address} refused the key: set {KEY_VARIABLE} to the one it was "
                "started with."
            ) from error
        raise
    with socket.socket(fileno=connection.fileno()) as line:
        _limit(line, 0)  # answers take as long as they take; those who ask poll
        line.detach()
    return connection


def _limit(line: socket.socket, seconds: float) -> None:
    """Let connecting, reading and writing fail after so long; 0: never."""
    fraction, whole = math.modf(seconds)
    limit = struct.pack("@ll", int(whole), int(fraction * 1e6))  # struct timeval
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _silent(address: str | tuple[str, int]) -> SilentError:
    return SilentError(
        f"The engine at {address} does not answer ({DIAL_SECONDS:g} s): try again in a moment, and "
        "if it stays silent end its process."
    )


def authenticate(connection: Connection[Any, Any], key: bytes) -> None:
    """The engine's half of what `dial` does.

    Raises:
        AuthenticationError, EOFError, OSError: the other side does not know the key or has gone.
    """
    deliver_challenge(connection, key)
    answer_challenge(connection, key)


def encode_request(method: str, arguments: Mapping[str, Any]) -> bytes:
    """The bytes of a request.

    Raises:
        EngineError: an argument is no JSON value, or it is all too large.
    """
    try:
        data = json.dumps({"method": method, "arguments": arguments}).encode()
    except (TypeError, ValueError) as error:
        raise EngineError(
            f"The engine takes numbers, texts, lists and tables only: {error}."
        ) from error
    if len(data) > MAX_REQUEST_BYTES:
        raise EngineError(
            f"The request has {len(data) / 1e6:.1f} MB, more than the "
            f"{MAX_REQUEST_BYTES / 1e6:.1f} MB the engine takes: make it smaller."
        )
    return data


def decode_request(data: bytes) -> tuple[str, dict[str, Any]]:
    """Method and arguments.

    Raises:
        EngineError: the bytes are no request.
    """
    try:
        request = json.loads(data)
        method, arguments = request["method"], request["arguments"]
    except (ValueError, KeyError, TypeError, RecursionError):
        method, arguments = None, None
    if not isinstance(method, str) or not isinstance(arguments, dict):
        raise EngineError("The request is not a method and its arguments.")
    return method, arguments


def send_value(connection: Connection[Any, Any], value: Any) -> None:
    """Answer a request."""
    if isinstance(value, Blob):
        connection.send_bytes(b'{"blob":true}')
        connection.send_bytes(value.data)
    else:
        connection.send_bytes(json.dumps({"value": value}).encode())


def send_partial(connection: Connection[Any, Any], data: bytes) -> None:
    """Tell what is known so far; an answer follows."""
    connection.send_bytes(b'{"partial":true}')
    connection.send_bytes(data)


def send_error(connection: Connection[Any, Any], sentence: str) -> None:
    """Refuse a request."""
    connection.send_bytes(json.dumps({"error": sentence}).encode())


def receive_reply(connection: Connection[Any, Any]) -> Any:
    """What the engine answered; a lens's result as Blob, a partial one as Partial.

    Raises:
        Refusal: the engine refused, with its sentence.
        EOFError, OSError: the engine has gone.
    """
    reply = json.loads(connection.recv_bytes())
    if "error" in reply:
        raise Refusal(reply["error"])
    if reply.get("partial"):
        return Partial(connection.recv_bytes())
    return Blob(connection.recv_bytes()) if reply.get("blob") else reply["value"]
