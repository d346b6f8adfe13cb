"""QASTAnet: predict how good coded spatial audio sounds.

    >>> import qastanet
    >>> qastanet.score(reference, degraded, sampling_rate=48000)  # doctest: +SKIP
    0.6429

The packages, in the order of the data flow; each imports only those that stand before it:

* `sound`: `alignment`, `ambisonics`, `binaural`, `checks`, `conventions`, `delay_search`,
  `options`, `pair_report`, `pieces`, `preparation`, `sampling`, `sound_files`
* `scene`: `binaural_cues`, `codecs`, `degradations`, `dry_sounds`, `parametric_coding`,
  `parametric_scenes`, `room`, `synthetic_scenes`
* `hearing`: `differences`, `directiveness`, `envelope`, `fast`, `fast_hilbert`, `fast_kernels`,
  `feature_statistics`, `features`, `gammatone`, `hearing_threshold`
* `models`: `attribution`, `default_model`, `interval`, `model`, `monotone`, `monotone_scorer`,
  `network`, `plain_network`, `released`, `scorer`
* `scoring`: `batch`, `campaign`, `explanation`, `feature_store`, `loading`, `manifest`, `metric`,
  `pair_scores`, `progress`, `workers`
* `rivals`: `ambiqual`, `channelwise`, `emobiq`, `optional_metrics`, `other_metrics`
* `listening_tests`: `aes2023`, `ambiqual_ratings`, `contents`, `rated_manifest`, `rated_pairs`,
  `rating_models`, `webmushra`, `webmushra_manifest`
* `agreement`: `bootstrap`, `condition_means`, `correlations`, `listener_noise`, `mapping`,
  `resampling`, `significance`, `statistics`
* `training`: `calibration`, `cross_validation`, `pair_statistics`, `paper_training`, `pretraining`,
  `rating_scale`, `recipe`, `shipping`, `synthetic_pairs`, `training_sets`
* `evidence`: `ablations`, `all_scores`, `comparison`, `comparison_tables`, `comparison_views`,
  `evaluation`, `fold_agreement`, `model_comparison`, `paper_data`, `probes`
* `own_test`: `own_agreement`, `own_pairs`, `own_scale`, `own_scores`, `own_training`
* `plots`: `agreement`, `explanation`, `explanation_page`, `front_end`, `learning`, `mean_ratings`,
  `names`, `paper`, `score_curves`, `style`
* `compendium`: `listening_page`, `provenance`, `report`, `report_parts`, `tables`, `workflow`
* `explore`: `benches`, `codec_bench`, `figures`, `level_bench`, `one_frame`, `placed_sound`,
  `widgets`

Below them `errors`, `lazy`, `version`, `storage`, `outputs` and `registry`, above them
`cli_training`, `cli_batch` and `cli`.
"""

import importlib
import pkgutil

from qastanet.version import CONFORMANCE, __version__

_LAZY = {"score": "scoring.pair_scores", "load_model": "scoring.loading", "InputError": "errors"}

__all__ = ["CONFORMANCE", "InputError", "__version__", "load_model", "score"]


def __getattr__(name: str):
    """Import public functions and packages on first use: `qastanet --version` is instant."""
    if name in _LAZY:
        return getattr(importlib.import_module(f"qastanet.{_LAZY[name]}"), name)
    if name in _modules():
        return importlib.import_module(f"qastanet.{name}")
    raise AttributeError(f"module 'qastanet' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the public functions and the packages."""
    return sorted({*globals(), *_LAZY, *_modules()})


def _modules() -> set[str]:
    """Return the names of the packages and modules."""
    found = {module.name for module in pkgutil.iter_modules(__path__)}
    return {name for name in found if not name.startswith("_")}
