"""A browser tab without a browser: speaks Streamlit's websocket protocol to one page.

Benchmarks and load tests need many tabs and a server whose cost can be told from the browser's.
It runs the page once, keeps every widget value it was sent as is, and then reruns the page's live
fragment as the browser's timer would.
"""

from __future__ import annotations

import contextlib
import threading
import time
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect


class PageClient:
    """One open tab on `path` of the server at `port`; a context manager.

    Args:
        port: of a Streamlit server on this machine.
        path: page path such as `live`.
        query: query string without the question mark.
    """

    def __init__(self, port: int, path: str = "", query: str = "") -> None:
        self.path = path
        self.query = query
        self.fragment_id = ""
        self.interval = 0.0
        self.messages = 0
        self.bytes = 0
        self.errors: list[str] = []
        self._socket: ClientConnection = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
        )

    def __enter__(self) -> PageClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def run(self, timeout: float = 30.0) -> float:
        """Run the whole page; seconds until it finished."""
        return self._rerun("", timeout)

    def tick(self, timeout: float = 30.0) -> float:
        """Rerun the live fragment once, as its timer does; seconds until it finished."""
        if not self.fragment_id:
            raise RuntimeError(f"The page /{self.path} has no fragment that reruns by itself.")
        return self._rerun(self.fragment_id, timeout)

    def watch(self, active: threading.Event, stop: threading.Event) -> None:
        """Be an open tab until told to stop: run the page, then send the fragment's timer ticks
        while `active` is set and take what comes, without waiting for one before the next."""
        self._send("")
        due = time.monotonic() + 1.0
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                self._receive(max(due - time.monotonic(), 0.001))
            if time.monotonic() >= due:
                due = time.monotonic() + (self.interval or 1.0)
                if active.is_set():
                    self._send(self.fragment_id)

    def _rerun(self, fragment_id: str, timeout: float) -> float:
        begin = time.perf_counter()
        self._send(fragment_id)
        while True:
            reply = self._receive(timeout)
            if (
                reply.WhichOneof("type") == "script_finished"
                # A run that asks for another one is not the end: that one's own end follows.
                and reply.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                return time.perf_counter() - begin

    def _send(self, fragment_id: str) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_name = self.path
        state.fragment_id = fragment_id
        state.is_auto_rerun = bool(fragment_id)
        self._socket.send(message.SerializeToString())

    def _receive(self, timeout: float) -> ForwardMsg:
        data = self._socket.recv(timeout=timeout, decode=False)
        reply = ForwardMsg()
        reply.ParseFromString(data)
        self.messages += 1
        self.bytes += len(data)
        kind = reply.WhichOneof("type")
        if kind == "auto_rerun":
            self.fragment_id = reply.auto_rerun.fragment_id
            self.interval = reply.auto_rerun.interval
        elif kind == "delta" and reply.delta.new_element.WhichOneof("type") == "exception":
            self.errors.append(reply.delta.new_element.exception.message)
        return reply
