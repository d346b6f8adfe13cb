"""A listening test of one's own: statistics, scale, training, scores of every metric.

In: a rated manifest.
Out: weights or a scale of one's own, predictions, agreement.
"""

from qastanet.lazy import need

need("pandas", "torch", "tqdm", extra="train")
