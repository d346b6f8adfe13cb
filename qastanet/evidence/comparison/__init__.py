"""The metrics beside one another and the listeners: ours, the others, one of the reader's own.

In: a table of scores (`evidence.comparison.metrics`), predictions out of fold, mean ratings.
Out: correlations under each protocol, differences of metrics, what carries the agreement, views of
them for figures and print.
"""
