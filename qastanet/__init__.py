"""QASTAnet: predict how good coded spatial audio sounds.

    >>> import qastanet
    >>> qastanet.score(reference, degraded, sampling_rate=48000)  # doctest: +SKIP
    0.6429

The modules follow the flow of the data: `audio`, `ambisonics`, `binaural`, `gammatone`,
`hearing_threshold`, `envelope`, `features`, `directiveness`, `differences`, `network`, `model`;
the same without gradients, fast, and for long files: `fast`, `pieces`, `plain_network`, `scorer`;
then `registry` and `released` (public files and weights), `scoring`, `feature_store`, `batch` (many
pairs) and `cli`; and for the compendium `listening_tests`, `statistics`, `plots`, `workflow`. The model `default`:
`feature_statistics`, `monotone`, `monotone_scorer`, `default_model`; its training: `dry_sounds`,
`synthetic_scenes`, `codecs`, `degradations`, `pair_statistics`, `synthetic_pairs`,
`training_sets`, `pretraining`, `training`, `cross_validation`, `uncertainty`, `shipping`,
`ablations`, `paper_training`.
"""

import importlib

__version__ = "0.1.0"

CONFORMANCE = 1
"""Raised by one whenever a score changes; CHANGELOG.md says when and why."""

_LAZY = {"score": "scoring", "load_model": "scoring", "InputError": "errors"}

__all__ = ["CONFORMANCE", "InputError", "__version__", "load_model", "score"]


def __getattr__(name: str):
    """Import the public functions on first use, so that `qastanet --version` is instant."""
    if name in _LAZY:
        return getattr(importlib.import_module(f"qastanet.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'qastanet' has no attribute '{name}'")
