"""The seams of the system: what core needs of a store, a notifier, a clock, with the contract in prose."""
