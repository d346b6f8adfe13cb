"""The one error that a user of QASTAnet is expected to meet, and how a command ends with it."""

import sys
from collections.abc import Callable


class InputError(ValueError):
    """A file, an array or an option cannot be used.

    The message names the thing, the offending value and the remedy. The command line prints it and
    exits with code 2.
    """


def exit_code(
    action: Callable[[], int | None], interrupted: str = "results are as they were"
) -> int:
    """Run a command, and say what was wrong with its input or that it was interrupted.

    Args:
        action: the command; what it returns is its exit code, nothing is 0.
        interrupted: what is said of the results then.

    Example:
        >>> exit_code(lambda: None), exit_code(lambda: 1)
        (0, 1)
    """
    try:
        return action() or 0
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; {interrupted}", file=sys.stderr)
        return 130
