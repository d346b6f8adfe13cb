"""Run the command line with `python -m qastanet`."""

import sys

from qastanet.cli import main

sys.exit(main())
