"""Outlast."""
