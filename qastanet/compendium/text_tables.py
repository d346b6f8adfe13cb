"""The tables of README and model card, in Markdown: metrics, networks, choices, claims."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from qastanet.compendium import claims
from qastanet.compendium.claim_rules import HOLDS
from qastanet.evidence.comparison.overview import ALL, AS_IT_IS, SEEN, main_form
from qastanet.evidence.paper import many_networks
from qastanet.plots.names import DATASETS, LABELS, MINUS, number

PROCESSED = Path("data/processed")

MEASURED = Path("benchmarks/results.csv")

EXTREME = {"aes2023": "without Mono", "ambiqual2": "without 32 kbit/s"}
"""What the subset without the extreme condition leaves out."""

COMPARED = (
    *("parts", "qastanet-retrained", "qastanet-tuned", "qastanet-released", "emobiq", "binaqual"),
    *("ambiqual-la", "ambiqual-lq", "visqol", "zimtohrli", "lsd", "log-mel"),
    *("bitrate", "condition-mean"),
)
"""Rows of the table of everything."""

NO_RIVALS = ("bitrate", "condition-mean", "conformance-3")
"""Rows that are no metrics of others."""

EXAMPLES = {
    claims.LITTLE: "from scratch, ten training scenes against six",
    claims.EXPERT: "log-mel features, recording left out",
}
"""Words in the test that is shown of a claim; else the first."""


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def interval(row, name: str = "pearson") -> str:
    """Write a correlation with its interval.

    Args:
        row: of `qastanet.evidence.comparison.overview.overview`.
        name: of the correlation.
    """
    value, low, high = (number(getattr(row, f"{name}{end}")) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def columns(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Tests and subsets in the order of the table."""
    return list(dict.fromkeys(zip(table.dataset, table.subset, strict=True)))


def title(table: pd.DataFrame, dataset: str, subset: str) -> str:
    """Name a test and a subset, with the number of items.

    Example:
        >>> table = pd.DataFrame({"dataset": "aes2023", "subset": "all", "items": [38]})
        >>> title(table, "aes2023", "all")
        'AES 2023, all (38)'
    """
    part = table[(table.dataset == dataset) & (table.subset == subset)]
    what = "all" if subset == ALL else EXTREME.get(dataset, subset)
    return f"{DATASETS[dataset]}, {what} ({part['items'].max():g})"


def rows(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Metrics and what they have not seen, in the order in which they are shown."""
    known = set(zip(table.metric, table.unseen, strict=True))
    wanted = [(m, u) for m in COMPARED for u in (AS_IT_IS, *SEEN.values())]
    return [key for key in wanted if key in known]


def everything() -> str:
    """Pearson / Spearman of every metric on every test."""
    table = pd.read_csv(PROCESSED / "overview.csv")
    tests = columns(table)
    table["both"] = table.pearson.map(number) + " / " + table.spearman.map(number)
    values = table.pivot(index=["metric", "unseen"], columns=["dataset", "subset"], values="both")
    lines = []
    for key, cells in values.reindex(index=rows(table), columns=tests).fillna("–").iterrows():
        name = LABELS.get(key[0], key[0])
        lines.append([name if key[1] == AS_IT_IS else f"{name}; {key[1]}", *cells])
    return _markdown(["Pearson / Spearman", *(title(table, *key) for key in tests)], lines)


def ours() -> str:
    """Our model on every test, with intervals, points and parts."""
    table = pd.read_csv(PROCESSED / "overview.csv")
    table = table[table.metric == "parts"]
    head = ["", "not seen", "Pearson [95 %]", "Spearman [95 %]", "points off, scale told"]
    head += ["which coding / on which sound / rest", "shuffled within codings"]
    rows = []
    for dataset, subset in columns(table):
        chosen = table[(table.dataset == dataset) & (table.subset == subset)]
        for row in chosen.itertuples():
            parts = " / ".join(map(number, (row.conditions, row.scenes, row.rest)))
            rows.append([title(table, dataset, subset), row.unseen])
            rows[-1] += [interval(row), interval(row, "spearman")]
            rows[-1] += [f"{row.points:.1f}", parts, number(row.shuffled)]
    return _markdown(head, rows)


def beside() -> str:
    """Our model, the best of the others, and what hears nothing: a row per test and subset."""
    table = pd.read_csv(PROCESSED / "overview.csv")
    head = ["Pearson, items", "our model, recording not seen [95 %]", "best of the other metrics"]
    head += ["mean of the condition", "ours, shuffled within conditions"]
    head += ["another panel of listeners"]
    lines = []
    for dataset, subset in columns(table):
        part = table[(table.dataset == dataset) & (table.subset == subset)]
        own = part[(part.metric == "parts") & (part.unseen == "recording left out")].iloc[0]
        others = part[(part.unseen == AS_IT_IS) & ~part.metric.isin(NO_RIVALS)]
        best = others.loc[others.pearson.idxmax()]
        known = part.drop_duplicates("metric").set_index("metric").pearson
        lines.append([title(table, dataset, subset), interval(own)])
        lines[-1].append(f"{number(best.pearson)} ({LABELS[best.metric].removeprefix(MINUS)})")
        hearing_nothing = known.get("condition-mean", np.nan), own.shuffled
        lines[-1] += map(number, (*hearing_nothing, known.get("listeners", np.nan)))
    return _markdown(head, lines)


def networks() -> str:
    """The paper's network: the mean of many, and single ones."""
    table = pd.read_csv(PROCESSED / "paper_spread.csv")
    words = {"swap": "SWAP", "swap-binaural": "SWAP, binaural", **many_networks.POOLINGS}
    words |= {"released": "sum, from the released weights"}
    words |= {plan: f"SWAP {what}" for plan, what in many_networks.ABLATIONS.items()}
    words |= {plan: f"SWAP, {what}" for plan, what in many_networks.CONTROL.items()}
    left = {"pooled-loso": "scene left out", **SEEN}
    head = ["networks", "not seen", "items of", "seeds", "mean of all: Pearson / points off"]
    head += ["one network: Pearson", "points off"]
    rows = []
    for row in table[table.protocol.isin(left)].itertuples():
        if row.protocol != "lodo" and row.dataset != "pooled":
            continue
        name = claims.BOTH if row.dataset == "pooled" else DATASETS[row.dataset]
        both = f"{number(row.pearson)} / {row.rmse:.1f}"
        single = f"{number(row.pearson_one)} ± {number(row.pearson_sd)}"
        off = f"{row.rmse_one:.1f} ± {row.rmse_sd:.1f}"
        rows.append([words[row.model], left[row.protocol], name, str(row.seeds), both, single, off])
    return _markdown(head, rows)


def choice() -> str:
    """What the model reaches when three choices are made again without the test."""
    table = pd.read_csv(PROCESSED / "chosen_again.csv")
    head = ["test left out of the choice", "norm, width, movement then"]
    head += ["chosen without it", "as shipped"]
    rows = []
    for row in table.itertuples():
        movement = "none" if np.isinf(row.movement) else f"{row.movement:g} dB"
        numbers = f"{row.norm:g}, {number(row.width, '.1f')}, {movement}"
        cells = [f"{row.subset.replace(', ', ' (')}, {row.items} items)", numbers]
        cells.append(f"{number(row.pearson)} / {number(row.spearman)}")
        cells.append(f"{number(row.pearson_shipped)} / {number(row.spearman_shipped)}")
        rows.append(cells)
    return _markdown(head, rows)


def coverage() -> str:
    """How many ratings the interval holds once the scale of a test that was left out is told."""
    table = pd.read_csv(PROCESSED / "interval_coverage.csv")
    table = table[table.protocol == "lodo-scaled"]
    head = ["test left out, its scale told", "form", "ratings held", "of", "mean width (points)"]
    rows = [
        [DATASETS[row.dataset], row.signal, f"{row.coverage:.0%}", str(row.n), f"{row.width:.0f}"]
        for row in table.itertuples()
    ]
    return _markdown(head, rows)


def told() -> str:
    """What telling the scale of a test that was left out does to correlation and points."""
    table = pd.read_csv(PROCESSED / "training_agreement.csv")
    table = table[(table.metric == "parts") & (table.subset == "without_reference")]
    table = main_form(table).set_index(["dataset", "protocol"])
    head = ["test left out", "nothing told: Pearson / Spearman, points off", "scale told by other"]
    head[-1] += " recordings"
    rows = []
    for name in pd.unique(table.index.get_level_values(0)):
        rows.append([DATASETS[name]])
        for protocol in ("lodo", "lodo-scaled"):
            if (name, protocol) in table.index:
                row = table.loc[(name, protocol)]
                both = f"{number(row.pearson)} / {number(row.spearman)}"
                rows[-1].append(f"{both}, {row.rmse:.1f}")
    return _markdown(head, [row for row in rows if len(row) == len(head)])


def claimed() -> str:
    """How many tests of each claim of the paper hold, and what the main one gives."""
    table = pd.read_csv(PROCESSED / "claims.csv")
    counts = claims.summary(table)
    head = ["claim", "tests that could tell", "hold", "do not", "undecided", "for example"]
    rows = []
    for row in counts[counts.claim != claims.WHOLE].itertuples(index=False):
        told = table[(table.claim == row.claim) & table.value.notna()]
        first = told[told.test.str.contains(EXAMPLES.get(row.claim, ""), regex=False)].iloc[[0]]
        held = told[(told.verdict == HOLDS) & (row.claim != claims.ARTEFACTS)]
        shown = pd.concat([first, held]).drop_duplicates()
        rows.append([row.claim, *(str(n) for n in row[1:5])])
        rows[-1].append("; ".join(_example(each) for _, each in shown.iterrows()))
    return _markdown(head, rows)


SPEED = (
    ("`released`, four channels", "fast", "released", 1, 10),
    ("`default`, four channels", "fast", "default", 1, 10),
    ("`default`, two ears", "fast", "default", 0, 10),
    ("`released`, half an hour", "fast", "released", 1, 1800),
    ("`default`, two ears, PyTorch", "torch", "default", 0, 10),
    ("`default`, two ears, PyTorch with the gradient", "gradient", "default", 0, 10),
    ("`released`, four channels, scipy as in a textbook", "textbook", "released", 1, 10),
)
"""Rows of the table of speed: words, method, model, order and seconds of a pair."""


def speed() -> str:
    """How long a pair takes on one core."""
    found = pd.read_csv(MEASURED).query("cores == 1 and pairs == 1")
    found = found.set_index(["method", "model", "order", "duration_s"])
    lines = []
    for words, *key in SPEED:
        row = found.loc[tuple(key)]
        numbers = (row.wall_s, key[-1] / row.wall_s, row.first_s)
        lines.append((words, *(f"{x:.3g}" for x in numbers), f"{row.peak_mb:.0f}"))
    head = ("a pair of 10 s, on one core", "s", "times real time", "first of a process, s", "MB")
    return _markdown(head, lines)


def _example(row: pd.Series) -> str:
    """Say what one test of a claim gives."""
    start = f"{row.test} ({row['items']}): {number(row.value)}"
    if np.isnan(row.difference):
        return f"{start}; 5 % of all orders of the codings exceed {number(row.against)}"
    limits = ", ".join(number(row[name]) for name in ("low", "high"))
    start += f" and {number(row.against)}, difference {number(row.difference)} [{limits}]"
    units = "networks" if row.claim == claims.LITTLE else "recordings"
    of = 20 if units == "networks" else f"{row.recordings:g}"
    return f"{start}, ahead in {row.ahead:g} of {of} {units}: {row.verdict}"


TABLES: dict[str, Callable[[], str]] = {
    "everything": everything,
    "ours": ours,
    "beside": beside,
    "networks": networks,
    "choice": choice,
    "claims": claimed,
    "coverage": coverage,
    "told": told,
    "speed": speed,
}
