"""The auditory bands in compiled loops: their sums over time, and the gradient of these.

In: ears (2, samples) at 48 kHz as numpy arrays in single precision.
Out: sums of the bands and of their envelopes over steps and frames.
"""
