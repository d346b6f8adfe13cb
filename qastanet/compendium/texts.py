"""Tables in the README and in the model card, written from the kept results.

A text has places `<!-- table NAME -->` ... `<!-- end -->`; what stands between is made by
`qastanet.compendium.text_tables`. So no number in such a table is typed. `python -m
qastanet.compendium.texts` writes them (`make texts`), with `--check` it only tells whether they are
as they would be written. The ratings that the package carries
(`qastanet.listening_design.predicted_points`) are written with them.
"""

import argparse
import re
import sys
from pathlib import Path

import pandas as pd

from qastanet.compendium.text_tables import PROCESSED, TABLES
from qastanet.listening_design.predicted_points import ITEMS, rated_items
from qastanet.storage import replacing, write_table

TEXTS = ("README.md", "qastanet/weights/MODEL_CARD.md")
PLACE = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(text: str) -> str:
    """Return a text with its tables made anew.

    Raises:
        KeyError: if a place names a table that there is none of
    """
    return PLACE.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


def main(arguments: list[str] | None = None) -> int:
    """Write the tables, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args(arguments)
    off = []
    for name in TEXTS:
        before = Path(name).read_text(encoding="utf-8")
        after = written(before)
        if after == before:
            continue
        off.append(name)
        if not options.check:
            with replacing(name) as temporary:
                temporary.write_text(after, encoding="utf-8")
    if not options.check:
        scores, predictions = (
            pd.read_csv(PROCESSED / f"{x}.csv") for x in ("scores", "predictions")
        )
        write_table(rated_items(scores, predictions), ITEMS, 4)
    if options.check and off:
        print(f"{', '.join(off)}: tables are not those of the results; `make texts`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
