"""Every number in the prose of README and model card that is a result comes from a table."""

import json
import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from qastanet.compendium.text_tables import number
from qastanet.compendium.texts import PLACE, TEXTS

ROOT = Path(__file__).parents[1]
PROCESSED = ROOT / "data" / "processed"

SECTIONS = (
    "How well do metrics agree",
    "The network of the paper",
    "What is reproduced",
    "How fast",
)
"""Sections of the README whose prose tells results."""

NO_RESULTS = re.compile(r"version 0\.1|0\.90 \(Ambiqual and eMoBi-Q: 0\.72\)")
"""A name, and what the paper reports."""


@cache
def table(name):
    return pd.read_csv(PROCESSED / f"{name}.csv")


def agreement(metric, dataset, measure="pearson", all_items=True, unseen="recording left out"):
    rows = table("overview")
    rows = rows[(rows.metric == metric) & (rows.dataset == dataset) & (rows.unseen == unseen)]
    return number(rows.loc[(rows.subset == "all") == all_items, measure].item())


def released(seconds):
    rows = table("released_behaviour").query("probe == 'identical'").set_index("duration_s")
    return f"{rows.score[seconds]:.2f}"


def recordings(dataset):
    words = {3: "three", 4: "four", 6: "six", 7: "seven", 8: "eight"}
    scenes = table("scores").query(f"dataset == '{dataset}'").content.nunique()
    found = table("overview").query(f"dataset == '{dataset}'").recordings.max()
    return words[int(found)], words[scenes]


def listeners(dataset, end="max"):
    return str(int(getattr(table("scores").query(f"dataset == '{dataset}'").listeners, end)()))


README = {
    r"AES 2023 at Pearson (\S+) over all": lambda: agreement("parts", "aes2023"),
    r"all items and (\S+) without the mono": lambda: agreement("parts", "aes2023", all_items=False),
    r"codec set at (\S+) and": lambda: agreement("parts", "ambiqual2"),
    r"and (\S+) without 32 kbit/s": lambda: agreement("parts", "ambiqual2", all_items=False),
    r"Ambiqual and BINAQUAL \((\S+)\) order": lambda: agreement(
        "binaqual", "ambiqual2", "spearman", unseen="as it is"
    ),
    r"better than ours \((\S+)\), within": lambda: agreement("parts", "ambiqual2", "spearman"),
    r"of ambisonics, (\d+) listeners\)": lambda: listeners("aes2023"),
    r"second experiment, (\d+) listeners\)": lambda: listeners("ambiqual2"),
    r"speech codecs \((\d+) to \d+ listeners\)": lambda: listeners("neural2024", "min"),
    r"speech codecs \(\d+ to (\d+) listeners\)": lambda: listeners("neural2024"),
    r"scores (\S+) if it lasts 6 s": lambda: released(6),
    r"and (\S+) if it lasts 10 s": lambda: released(10),
    r"scores on (\d+) real pairs": lambda: str(
        len(json.loads((ROOT / "tests/golden/released_scores.json").read_text())["rows"])
    ),
    r"AES 2023 consists of (\w+) recordings": lambda: recordings("aes2023")[0],
    r"recordings in (\w+) scenes, the codec set": lambda: recordings("aes2023")[1],
    r"the codec set of (\w+) in": lambda: recordings("ambiqual2")[0],
    r"the codec set of \w+ in (\w+), so": lambda: recordings("ambiqual2")[1],
}
"""What stands in the README -> what it must be."""

CARD = {
    r"Where the recording was not seen: AES 2023 (\S+) \(": lambda: agreement("parts", "aes2023"),
    r"\((\S+) without its mono": lambda: agreement("parts", "aes2023", all_items=False),
    r"items\), the codec set (\S+) \(": lambda: agreement("parts", "ambiqual2"),
    r"\((\S+) without 32 kbit/s\)": lambda: agreement("parts", "ambiqual2", all_items=False),
    r"neural codecs (\S+)\.": lambda: agreement("parts", "neural2024"),
}
"""The same of the model card."""


def prose(name):
    """Return a text without tables, code and line breaks."""
    text = PLACE.sub("", (ROOT / name).read_text(encoding="utf-8"))
    text = re.sub(r"```.*?```|\[[^\]]*\]\([^)]*\)", " ", text, flags=re.DOTALL)
    return re.sub(r"[ \t]*\n(?!#)[ \t]*", " ", text)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [(TEXTS[0], pattern) for pattern in README] + [(TEXTS[1], pattern) for pattern in CARD],
)
def test_number_in_prose_is_that_of_the_table(name, pattern):
    found = re.findall(pattern, prose(name))
    assert len(found) == 1, f"{name} no longer says '{pattern}'"
    assert found[0] == (README | CARD)[pattern]()


def test_no_other_result_is_told_in_prose():
    known = set(README)
    for section in re.split(r"\n#+ ", prose("README.md")):
        if not section.startswith(SECTIONS):
            continue
        text = NO_RESULTS.sub("", section)
        told = set()
        for pattern in known:
            told |= {match.span(1) for match in re.finditer(pattern, section)}
        decimals = re.findall(r"(?<![\w/-])0?\.\d+", text)
        matched = [section[a:b] for a, b in told]
        missing = [each for each in decimals if each not in matched]
        assert not missing, (section[:30], missing)


def test_how_long_and_how_large():
    seconds = pd.read_csv(ROOT / "notebooks" / "durations.csv").query("profile == 'default'")
    told = float(re.search(r"notebooks take (\d+) minutes", prose("README.md"))[1])
    assert seconds[seconds.audio == 0].seconds.sum() / 60 == pytest.approx(told, rel=0.35)
    networks = table("paper_networks").seeds.sum()
    told = re.search(r"networks of the paper again, some (\S+),", prose("README.md"))[1]
    assert networks == pytest.approx(float(told.replace(",", "")), rel=0.1)


def test_only_zimtohrli_exceeds_what_codings_carry_on_the_neural_codecs():
    rows = table("overview").query("dataset == 'neural2024' and metric != 'listeners'")
    above = rows[rows.pearson > rows.shuffled_high]
    assert above.metric.tolist() == ["zimtohrli"]
