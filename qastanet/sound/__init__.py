"""Signals as arrays, their files, and pairs of them until two can be compared.

In: sound files (`sound.files`), or arrays (channels, samples) at any rate, in any ambisonic
convention.
Out: pairs (`sound.pairs`) of one shape at 48 kHz, in AmbiX or binaural, and a report of what was
done.
"""
