"""Figure of the learning curve: agreement against the number of training scenes."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from qastanet.evidence.paper.learning_curve import MODELS
from qastanet.plots.names import DATASETS, content_name
from qastanet.plots.style import PAGE, PALETTE


def learning_curve(table: pd.DataFrame) -> Figure:
    """Pearson's correlation and error on the same scenes, whatever was trained on.

    Args:
        table: of `qastanet.evidence.paper.learning_curve.learning_curve`.
    """
    table = table.round(4).assign(name=table.model.map(MODELS))
    tested = pd.unique(table.tested)
    size = (PAGE, 4.4)
    figure, axes = plt.subplots(2, len(tested), figsize=size, sharex=True, sharey="row")
    look = {"x": "scenes", "hue": "name", "dodge": 0.5, "palette": PALETTE[: len(MODELS)]}
    for column, name in zip(axes.T, tested, strict=True):
        part = table[table.tested == name]
        single, whole = part[part.network != "mean"], part[part.network == "mean"]
        for axis, measure in zip(column, ("pearson", "rmse"), strict=True):
            shown = {"y": measure, "ax": axis, "legend": False} | look
            thin = {"markers": "", "linewidth": 0.8, "errorbar": ("pi", 80), "err_kws": {"lw": 0.6}}
            sns.pointplot(single, **thin, **shown)
            sns.pointplot(
                whole, markers="D", markersize=3.5, linestyle="none", errorbar=None, **shown
            )
            axis.set(xlabel="Training scenes" if measure == "rmse" else "", ylabel="")
        heard = ", ".join(content_name(each) for each in name.split(" + "))
        heard = heard[:1].upper() + heard[1:]
        column[0].set_title(f"{heard}\n({DATASETS[part.dataset.iloc[0]]}, {part.n.iloc[0]} items)")
        column[0].axhline(0, color="0.5", lw=0.6)
        column[0].set_ylim(-1.02, 1.02)
    axes[0, 0].set_ylabel("Pearson")
    axes[1, 0].set_ylabel("RMSE (points)")
    marks = [
        plt.Line2D([], [], color=colour, label=label)
        for colour, label in zip(PALETTE, MODELS.values(), strict=False)
    ]
    words = {"-": "single networks: mean, and 80 % of twenty", "none": "mean of the twenty"}
    marks += [
        plt.Line2D([], [], color="0.3", ls=line, marker="D" if line == "none" else "", label=label)
        for line, label in words.items()
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=3)
    return figure
