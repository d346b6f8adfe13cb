"""What the compendium shows: scores of every metric, comparisons, ablations, probes.

In: rated pairs, scores, predictions out of fold, mean ratings.
Out: the tables behind figures and text: of all metrics (`evidence.comparison`), the network of the
paper (`evidence.paper`), the choice of our model (`evidence.our_model`).
"""

from qastanet.lazy import need

need("pandas", "tqdm", extra="compendium")
