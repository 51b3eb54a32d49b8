"""The public test kit: a fake clock, and the contract suites that every backend must pass.

It needs pytest, pytest-asyncio in its auto mode and hypothesis, which Outlast itself does not install.
"""
