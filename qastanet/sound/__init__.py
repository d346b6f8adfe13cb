"""Sound files and signals, until two of them can be compared.

In: sound files, or arrays (channels, samples) at any rate, in any ambisonic convention.
Out: pairs of one shape at 48 kHz, in AmbiX or binaural, and a report of what was done.
"""
