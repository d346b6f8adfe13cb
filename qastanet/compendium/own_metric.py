"""Every table and figure with a metric of the reader's own: `make reproduce SCORES=mine.csv`.

The notebooks on agreement run on the kept scores with the reader's columns beside them; their
results are written to a folder of their own, and the published ones stay.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from qastanet import storage
from qastanet.compendium.running import execute
from qastanet.compendium.workflow import NOTEBOOKS, default_parameters, folder_for
from qastanet.errors import exit_code
from qastanet.evidence.comparison.own_metric import with_own_metrics
from qastanet.outputs import Output, claim

SCORES = Path("data/processed/scores.csv")
RUN = ("09_correlations", "10_paper_figures")
"""Notebooks that compare metrics."""


def run_own_metrics(path: Path) -> Path:
    """Compare the metrics of a file with all others on the public listening tests.

    Args:
        path: see `qastanet.evidence.comparison.own_metric`.

    Returns:
        The folder with tables, figures and the executed notebooks: build/<name of the file>.

    Raises:
        InputError: if the file cannot be used, or its name is that of a profile
    """
    table = with_own_metrics(pd.read_csv(SCORES), path)
    folder = folder_for(path)
    scores = folder / SCORES
    runs = {notebook: default_parameters(NOTEBOOKS / f"{notebook}.ipynb") for notebook in RUN}
    made = [folder / v for x in runs.values() for k, v in x.items() if k.startswith("out_")]
    made += [folder / f"{notebook}{end}" for notebook in RUN for end in (".ipynb", ".html")]
    ours = scores.is_file()  # an earlier run's
    claim([Output(each, lambda _: ours) for each in (scores, *made)], [path])
    scores.parent.mkdir(parents=True, exist_ok=True)
    storage.write_table(table, scores, 4)
    for notebook, values in runs.items():
        values["in_scores"] = str(scores)
        if "in_correlations" in values:
            values["in_correlations"] = str(folder / values["in_correlations"])
        execute(NOTEBOOKS / f"{notebook}.ipynb", values, ("out_",), folder, folder)
    return folder


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m qastanet.compendium.own_metric")
    parser.add_argument("scores", type=Path, help="CSV file: stimulus,signal,<metric>,...")
    scores = parser.parse_args().scores
    return exit_code(lambda: print(f"results: {run_own_metrics(scores)}"))


if __name__ == "__main__":
    sys.exit(main())
