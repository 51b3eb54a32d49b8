"""A listener that records its hints, for tests of notifiers."""

import asyncio


class RecordingListener:
    """Records the hints that it receives."""

    def __init__(self):
        self._hints = asyncio.Queue()

    def __call__(self, topic, key):
        self._hints.put_nowait((topic, key))

    async def wait_for(self, *wanted):
        """Wait for exactly these hints, in any order; answers all that was heard until then."""
        heard, missing = [], set(wanted)
        async with asyncio.timeout(30):
            while missing:
                heard.append(await self._hints.get())
                missing.discard(heard[-1])
        return heard

    def heard(self):
        """What came since, without waiting."""
        return [self._hints.get_nowait() for _ in range(self._hints.qsize())]
