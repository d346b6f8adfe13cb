"""From differences or parts to a score: the models, their weights, and what a loss is made of.

In: features of reference and degraded signal; weights.
Out: a score 0..1, its interval, the loss shared out.
"""
