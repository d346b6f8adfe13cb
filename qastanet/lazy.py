"""What `pip install qastanet` does not bring: found when it is first used, or said how to get it.

Scoring needs neither PyTorch nor tables nor plots. Modules that mainly hold definitions take
`torch` from here, so that importing them costs nothing; rooms that cannot do without a package say
so with `need`; the command line says the rest with `missing`.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from qastanet.errors import InputError

if TYPE_CHECKING:
    import torch
else:

    class _Torch:
        """Stand for the package: every attribute is the package's own."""

        def __getattr__(self, name: str) -> Any:
            need("torch")
            module = importlib.import_module("torch")
            self.__dict__.update(vars(module))  # found at once from now on, and by torch.compile
            return getattr(module, name)

    torch = _Torch()

__all__ = ["EXTRAS", "MissingExtraError", "missing", "need", "torch"]

EXTRAS = {
    **dict.fromkeys(("torch", "torchmetrics"), "torch"),
    **dict.fromkeys(("joblib", "pandas", "tqdm"), "train"),
    **dict.fromkeys(("h5py", "jinja2", "ipywidgets", "latex2mathml", "matplotlib"), "compendium"),
    **dict.fromkeys(("mistune", "nbconvert", "nbformat", "papermill", "pdoc"), "compendium"),
    **dict.fromkeys(("librosa", "seaborn", "shroom", "spaudiopy"), "compendium"),
    **dict.fromkeys(("statsmodels", "yaml", "anywidget"), "compendium"),
    "pyloudnorm": "design",
    "distributed": "cluster",
    **dict.fromkeys(("auraloss", "visqol", "zimtohrli"), "rivals"),
}
"""Package, as it is imported -> extra of this one that brings it."""


class MissingExtraError(InputError, ImportError):
    """A package that an extra brings is not installed."""


def need(*packages: str, extra: str | None = None) -> None:
    """Find out that packages of an extra are installed, without importing them.

    Args:
        packages: of EXTRAS
        extra: which one brings all of them; default: that of each package

    Raises:
        MissingExtraError: naming the package and the command that installs it

    Example:
        >>> need("distributed")
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise _told(package, extra)


def missing(error: ImportError) -> ImportError:
    """Return what to say of a failed import: how to get it if an extra brings it.

    Example:
        >>> print(missing(ImportError("No module named 'papermill'", name="papermill.execute")))
        papermill is not installed: pip install 'qastanet[compendium]'
    """
    package = (error.name or "").partition(".")[0]
    return _told(package) if package in EXTRAS else error


def _told(package: str, extra: str | None = None) -> MissingExtraError:
    """Say how to get a package."""
    command = f"pip install 'qastanet[{extra or EXTRAS[package]}]'"
    return MissingExtraError(f"{package} is not installed: {command}")
