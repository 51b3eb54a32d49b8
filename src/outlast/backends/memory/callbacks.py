"""The receivers of webhooks, in memory."""

from collections.abc import Sequence
from dataclasses import replace

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.callbacks import Callback


class MemoryCallbacks(MemoryPart):
    """`Callbacks`."""

    async def add_callback(self, callback: Callback) -> None:
        with self._tables.lock:
            if callback.session_id in self._tables.sessions:
                of_session = self._tables.callbacks.setdefault(callback.session_id, {})
                of_session.setdefault(callback.url, (callback, None))

    async def due_callbacks(self, limit: int) -> Sequence[Callback]:
        with self._tables.lock:
            due = [
                replace(callback, queue=session.queue, version=session.version)
                for session_id, of_session in self._tables.callbacks.items()
                if (session := self._tables.sessions[session_id]).status.final
                for callback, delivery_id in of_session.values()
                if delivery_id is None
            ]
            return due[:limit]

    async def set_delivery(self, callback: Callback, delivery_id: str) -> None:
        with self._tables.lock:
            of_session = self._tables.callbacks.get(callback.session_id, {})
            if callback.url in of_session:
                of_session[callback.url] = (of_session[callback.url][0], delivery_id)

    async def renew_callbacks(self, session_ids: Sequence[str]) -> None:
        with self._tables.lock:
            for session_id in session_ids:
                of_session = self._tables.callbacks.get(session_id, {})
                for url, (callback, _) in of_session.items():
                    of_session[url] = (callback, None)
