"""The model of hearing: from signals to features, differences and their statistics.

`hearing.features` and `hearing.directiveness` define what is heard; `hearing.fast` computes it for
scoring, `hearing.differentiable` holds the steps with a gradient.

In: ears (2, samples) or a sound field (channels, samples) at 48 kHz.
Out: features per band and frame, differences of two signals, statistics over time.
"""
