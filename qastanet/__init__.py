"""QASTAnet: predict how good coded spatial audio sounds.

    >>> import qastanet
    >>> qastanet.score(reference, degraded, sampling_rate=48000)  # doctest: +SKIP
    0.6429

How data flow::

    sound -> hearing -> models -> scoring           a pair of sounds to a score
    scene -> sound                                  sounds that are made, of known content
    listening_tests -> training -> models           ratings to weights
    scoring, rivals, listening_tests -> evidence -> plots -> compendium

The packages; each imports only those that stand before it:

* `sound`: arrays, `sound.files` and `sound.pairs`, until two signals can be compared
* `scene`: rooms, dry sounds, codecs and degradations: scenes whose content is known
* `hearing`: the model of hearing, from signals to features, differences and parts; `hearing.fast`
  is compiled, `hearing.differentiable` has a gradient
* `models`: from differences or parts to a score
* `scoring`: pairs, campaigns, training loops, explanations
* `rivals`: other metrics behind one interface
* `listening_tests`: public ratings, and the sounds that were rated
* `training`: fitting networks and numbers to ratings; `training.folds` says what is left out
* `agreement`: statistics of agreement; knows no metric
* `evidence`: the tables behind figures and text: `evidence.comparison` of metrics, one's own among
  them, `evidence.paper` on its network, `evidence.our_model` on its choice
* `own_test`: a listening test of one's own
* `listening_design`: the next listening test: its plan, sounds and pages
* `plots`: figures of tables
* `compendium`: notebooks, verdict and report; `compendium.published` results, `compendium.pages`
* `explore`: what the notebooks to play with show: sliders, blind rating
* `cli`: the command line

Below them `errors`, `lazy`, `version`, `storage`, `outputs` and `registry`; beside them `weights`,
`templates`, and the tables `registry.csv` (public files) and `rated_items.csv` (public ratings).
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
