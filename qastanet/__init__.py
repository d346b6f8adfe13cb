"""QASTAnet: predict how good coded spatial audio sounds.

    >>> import qastanet
    >>> qastanet.score(reference, degraded, sampling_rate=48000)  # doctest: +SKIP
    0.6429

The modules, in the order of the data flow:

* sound: `sound_files`, `audio`, `alignment`, `delay_search`, `conventions`, `preparation`,
  `pieces` (long files)
* scene to ears: `ambisonics`, `binaural`, `binaural_cues`
* hearing: `gammatone`, `hearing_threshold`, `envelope`, `features`, `directiveness`, `differences`
* the same compiled, without gradients: `fast`, `fast_kernels`, `fast_hilbert`
* models: `network`, `model`, `released`; `feature_statistics`, `monotone`, `default_model`,
  `uncertainty`; and without PyTorch `plain_network`, `monotone_scorer`, `scorer`;
  `attribution` (where quality is lost)
* use: `registry`, `scoring`, `batch`, `feature_store`, `metric`, `manifest`, `campaign`,
  `explanation`
* exploring: `placed_sound`, `one_frame`, `codec_bench`, `level_bench`, `benches`, `widgets`
* other metrics: `emobiq`, `ambiqual`, `other_metrics`, `channelwise`, `optional_metrics`
* listening tests: `listening_tests`, `webmushra`, `aes2023`, `parametric_coding`, `rating_models`
* training: `dry_sounds`, `synthetic_scenes`, `degradations`, `codecs`, `synthetic_pairs`,
  `pair_statistics`, `training_sets`, `training`, `pretraining`, `rating_scale`,
  `cross_validation`, `fold_agreement`, `ablations`
* evidence: `statistics`, `resampling`, `bootstrap`, `mapping`, `significance`, `correlations`,
  `comparison`, `listener_noise`, `probes`
* a test of one's own: `rated_manifest`, `webmushra_manifest`, `own_pairs`, `own_training`,
  `own_scale`, `own_agreement`, `own_scores`
* compendium and command line: `storage`, `tables`, `plots`, `plots_evaluation`, `plots_training`,
  `paper_figures`, `plots_paper`, `workflow`, `provenance`, `listening_page`, `report_parts`,
  `report`, `cli_training`, `cli`
"""

import importlib
import pkgutil

__version__ = "0.1.0"

CONFORMANCE = 3
"""Raised by one whenever a score changes; CHANGELOG.md says when and why."""

_LAZY = {"score": "scoring", "load_model": "scoring", "InputError": "errors"}

__all__ = ["CONFORMANCE", "InputError", "__version__", "load_model", "score"]


def __getattr__(name: str):
    """Import public functions and modules on first use, so that `qastanet --version` is instant."""
    if name in _LAZY:
        return getattr(importlib.import_module(f"qastanet.{_LAZY[name]}"), name)
    if name in _modules():
        return importlib.import_module(f"qastanet.{name}")
    raise AttributeError(f"module 'qastanet' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the public functions and the modules."""
    return sorted({*globals(), *_LAZY, *_modules()})


def _modules() -> set[str]:
    """Return the names of the modules of the package."""
    found = {module.name for module in pkgutil.iter_modules(__path__)}
    return {name for name in found if not name.startswith("_")}
