"""What a session is and how it may change: pure values, no I/O, no clock, no asyncio."""
