"""PyTorch, imported when it is first used.

Scoring on the CPU does without PyTorch (`qastanet.hearing.fast`), whose import takes longer and
more memory than the score itself. Modules that mainly hold definitions take `torch` from here.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
else:

    class _Torch:
        """Stand for the package: every attribute is the package's own."""

        def __getattr__(self, name: str) -> Any:
            return getattr(importlib.import_module("torch"), name)

    torch = _Torch()

__all__ = ["torch"]
