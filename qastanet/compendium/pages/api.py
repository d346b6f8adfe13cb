"""The description of the public names, made of their docstrings by pdoc; opens from disk."""

import contextlib
import io
import pkgutil
from pathlib import Path

import pdoc

import qastanet

LEFT_OUT = ("qastanet.__main__",)
"""Modules that do something when they are imported."""


def write_api(folder: Path) -> None:
    """Write a page for each module with its public names, and a search that needs no network.

    Args:
        folder: of the pages; `qastanet.html` is the first one
    """
    for name in qastanet.__all__:  # these are found on first use, which pdoc does not know
        setattr(qastanet, name, getattr(qastanet, name))
    found = pkgutil.iter_modules(qastanet.__path__, "qastanet.")  # pdoc looks into the packages
    modules = [module.name for module in found if module.name not in LEFT_OUT]
    pdoc.render.configure(docformat="google", show_source=False)
    with contextlib.redirect_stderr(io.StringIO()):  # types that only a checker imports
        pdoc.pdoc("qastanet", *modules, output_directory=folder)
