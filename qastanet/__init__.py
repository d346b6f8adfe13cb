"""QASTAnet: predict how good coded spatial audio sounds.

    >>> import qastanet
    >>> qastanet.score(reference, degraded, sampling_rate=48000)  # doctest: +SKIP
    0.6429

The modules, in the order of the data flow:

* sound: `sound_files`, `audio`, `alignment`, `preparation`, `pieces` (long files)
* scene to ears: `ambisonics`, `binaural`, `binaural_cues`
* hearing: `gammatone`, `hearing_threshold`, `envelope`, `features`, `directiveness`, `differences`
* the same compiled, without gradients: `fast`, `fast_kernels`, `fast_hilbert`
* models: `network`, `model`, `released`; `feature_statistics`, `monotone`, `default_model`,
  `uncertainty`; and without PyTorch `plain_network`, `monotone_scorer`, `scorer`;
  `attribution` (where quality is lost)
* use: `registry`, `scoring`, `batch`, `feature_store`, `metric`, `manifest`, `campaign`,
  `explanation`, `cli`
* other metrics: `emobiq`, `ambiqual`, `other_metrics`, `channelwise`, `optional_metrics`
* listening tests: `listening_tests`, `webmushra`, `aes2023`, `parametric_coding`, `rating_models`
* training: `dry_sounds`, `synthetic_scenes`, `degradations`, `codecs`, `synthetic_pairs`,
  `pair_statistics`, `training_sets`, `training`, `pretraining`, `cross_validation`, `ablations`
* evidence: `statistics`, `resampling`, `bootstrap`, `mapping`, `significance`, `correlations`,
  `comparison`, `listener_noise`, `probes`
* compendium: `storage`, `tables`, `plots`, `workflow`
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
