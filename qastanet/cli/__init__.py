"""The command line: `qastanet score`, `explain`, `batch`, `manifest`, `train`, `design`, `fetch`.

In: arguments.
Out: text, files, an exit code.
"""

from qastanet.cli.commands import main

__all__ = ["main"]
