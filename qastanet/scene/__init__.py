"""Scenes made and spoilt: rooms, dry sounds, synthetic scenes, codecs, degradations.

In: seeds, positions, rooms, strengths.
Out: reference and degraded signals with known content.
"""
