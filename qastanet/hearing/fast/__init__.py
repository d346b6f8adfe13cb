"""The features on the CPU, compiled, in single precision and without gradients: what scoring uses.

In: signals (channels, samples) at 48 kHz, whole or in pieces of one second.
Out: the features of `qastanet.hearing.features` in a hundredth of the time; depth of fluctuation.
"""
