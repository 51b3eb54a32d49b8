"""Measures the accuracy of the checks on labelled files and on planted campaigns."""
