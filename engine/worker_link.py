"""A job worker's side of its pipe: signs of life and last words out, commands in.

Three threads share it: the training, a heart that beats while the training computes, and an ear
that ends the process when the engine has gone.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from engine.words import Beat, Moved, Word
from training.control import Command


class WorkerLink:
    """Talks to the engine; is also the `Controls` of the training loop.

    Attributes:
        step: what the heart reports.
        on_wait: called each time the paused loop begins to wait, between two updates; with True the
            first time of a pause.
    """

    def __init__(self, pipe: Connection[Any, Any]) -> None:
        self.step = 0
        self.on_wait: Callable[[bool], None] = lambda first: None
        self._pipe = pipe
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._paused = False

    def start(self, beat_seconds: float) -> None:
        """Begin to listen and to beat."""
        threading.Thread(target=self._listen, name="ear", daemon=True).start()
        threading.Thread(target=self._beat, args=(beat_seconds,), name="heart", daemon=True).start()

    def say(self, word: Word) -> None:
        """Tell the engine. If it has gone, the ear is about to end this process."""
        with self._sending, contextlib.suppress(OSError):
            self._pipe.send(word)

    def put(self, command: Command) -> None:
        """A command of our own, before those of the engine."""
        self._commands.put(command)

    def poll(self) -> list[Command]:
        """The commands since the last call; never waits."""
        commands = []
        while not self._commands.empty():
            commands.append(self._commands.get())
        return commands

    def wait(self) -> Command:
        """The next command, while paused."""
        self.on_wait(not self._paused)
        if not self._paused:
            self._paused = True
            self.say(Moved("paused"))
        command = self._commands.get()
        if command.action == "resume":
            self._paused = False
            self.say(Moved("running"))
        return command

    def _listen(self) -> None:
        while True:
            try:
                self._commands.put(self._pipe.recv())
            except (EOFError, OSError):
                os._exit(1)

    def _beat(self, seconds: float) -> None:
        pause = threading.Event()
        while not pause.wait(seconds):
            self.say(Beat(self.step))
