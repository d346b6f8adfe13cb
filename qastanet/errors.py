"""The one error that a user of QASTAnet is expected to meet."""


class InputError(ValueError):
    """A file, an array or an option cannot be used.

    The message names the thing, the offending value and the remedy. The command line prints it and
    exits with code 2.
    """
