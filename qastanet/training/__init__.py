"""How the weights come about: pairs, recipe, folds (`training.folds`), calibration, weights file.

In: rated pairs, mean ratings.
Out: predictions out of fold, curves, the weights file.
"""

from qastanet.lazy import need

need("pandas", "torch", "tqdm", extra="train")
