"""The version, and the number that is raised whenever a score changes."""

__version__ = "0.2.0"

CONFORMANCE = 4
"""Raised by one whenever a score changes; CHANGELOG.md says when and why."""
