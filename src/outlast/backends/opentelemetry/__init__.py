"""Traces through OpenTelemetry: its API alone, so that a program chooses what collects them."""
