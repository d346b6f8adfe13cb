"""How the weights come about: pairs to train on, recipe, folds, calibration, weights file.

In: rated and synthetic pairs, mean ratings.
Out: predictions out of fold (`training.folds` decides what is left out), curves, the weights file.
"""

from qastanet.lazy import need

need("pandas", "torch", "tqdm", extra="train")
