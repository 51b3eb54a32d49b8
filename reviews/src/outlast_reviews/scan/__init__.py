"""Scans several products of one shop in one run, and says what changed since the last one."""
