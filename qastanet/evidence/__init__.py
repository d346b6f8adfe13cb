"""What the compendium shows: scores of every metric, comparisons, ablations, probes.

In: rated pairs, scores, predictions out of fold, mean ratings.
Out: the tables behind figures and text.
"""

from qastanet.lazy import need

need("pandas", "tqdm", extra="compendium")
