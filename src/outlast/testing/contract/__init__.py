"""The contract suites by subject; `store_contract` and `notifier_contract` put them together."""
