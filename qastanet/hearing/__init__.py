"""The model of hearing: from signals to features, differences and their statistics.

In: ears (2, samples) or a sound field (channels, samples) at 48 kHz.
Out: features per band and frame, differences of two signals, statistics over time.
"""
