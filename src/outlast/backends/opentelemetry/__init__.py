"""Traces through OpenTelemetry's API only, so that the program chooses what collects them."""
