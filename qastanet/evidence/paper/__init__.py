"""What the network of the paper can do, and the data behind the figures that the paper has.

In: kept scores of many networks (`qastanet.training.paper_kept`), rated pairs, tables of scores.
Out: means and spread, differences of variants, learning curves, one pair dissected.
"""
