"""Interfaces of the store, the notifier, the clock and others, with their contracts in prose."""
