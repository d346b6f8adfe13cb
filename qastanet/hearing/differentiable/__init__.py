"""The steps of the bands in PyTorch, exact in double precision and with a gradient of their own.

In: ears (..., samples) at 48 kHz as tensors.
Out: sums and products of bands and envelopes per frame, of which `qastanet.hearing.features` makes
the features.
"""

from qastanet.lazy import need

need("torch")
