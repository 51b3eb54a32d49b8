"""The receivers of webhooks, in memory."""

from collections.abc import Sequence
from dataclasses import replace

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.callbacks import MOST_RECEIVERS, Callback


class MemoryCallbacks(MemoryPart):
    """`Callbacks`."""

    async def add_callback(self, callback: Callback) -> bool:
        with self._tables.lock:
            if callback.session_id not in self._tables.sessions:
                return False
            of_session = self._tables.callbacks.setdefault(callback.session_id, {})
            if callback.url not in of_session and len(of_session) >= MOST_RECEIVERS:
                return False
            of_session.setdefault(callback.url, (callback, None))
            return True

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
            session = self._tables.sessions.get(callback.session_id)
            is_told = session is not None and session.status.final and session.version == callback.version
            if is_told and callback.url in of_session:
                of_session[callback.url] = (of_session[callback.url][0], delivery_id)
