"""A design on a real server without PHP: its files are served, ratings are sent, and read back.

Needs pymushra (`pip install 'qastanet[server]'`). The pages of webMUSHRA itself are not packaged;
what they ask for and what they send is asked for and sent here.
"""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pandas as pd
import pytest
import requests
import yaml

from qastanet.cli import main

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pymushra") is None,
    reason="needs pymushra: pip install 'qastanet[server]'",
)


@pytest.fixture
def folder(tmp_path):
    wishes = (
        "--scenes 2 --trials 2 --per-trial 2 --seconds 1 --conditions tilt:3 narrow:0.5 noise:0.1"
    )
    metrics = ["--metrics", "parts", "binaqual", "--quiet"]
    assert main(["design", *wishes.split(), *metrics, "-o", str(tmp_path / "mine")]) == 0
    return tmp_path / "mine"


@pytest.fixture
def address(folder, tmp_path):
    """Start the server on the folder as it is; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from pymushra.cli import cli; cli()"
    command = [sys.executable, "-c", code, "-w", str(folder), "-d", str(tmp_path / "db.json")]
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(
            [*command, "server", "-p", str(port)], stdout=log, stderr=log, start_new_session=True
        )
    try:
        for _ in range(300):
            try:
                requests.get(f"http://127.0.0.1:{port}/design.csv", timeout=5)
                break
            except requests.RequestException:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # with the process that it reloads itself in
        server.wait(timeout=30)


def session(config, listener):
    """Return what webMUSHRA sends when a listener is done."""
    trials = []
    for page in config["pages"][2][1:]:
        sounds = ["reference", *page["stimuli"]]
        scores = {"reference": 98, "anchor35": 20 + listener, "anchor70": 40}
        responses = [
            {"stimulus": name, "score": scores.get(name, 60 + listener), "time": 900, "comment": ""}
            for name in sounds
        ]
        trials.append({"type": page["type"], "id": page["id"], "responses": responses})
    participant = {"name": ["listener"], "response": [f"L{listener}"]}
    facts = {"testId": config["testId"], "config": "configs/mine.yaml", "participant": participant}
    return facts | {"trials": trials}


def test_a_design_is_served_rated_and_read_back(folder, address, tmp_path, capsys):
    config = yaml.safe_load(requests.get(f"{address}/configs/mine.yaml", timeout=30).text)
    for page in config["pages"][2][1:]:
        for place in (page["reference"], *page["stimuli"].values()):
            sound = requests.get(f"{address}/{place}", timeout=30)
            assert sound.status_code == 200 and sound.content == (folder / place).read_bytes()
    for listener in range(3):
        sent = {"sessionJSON": json.dumps(session(config, listener))}
        answer = requests.post(f"{address}/{config['remoteService']}", data=sent, timeout=30)
        assert answer.json()["error"] is False
    results = tmp_path / "results.csv"
    results.write_bytes(requests.get(f"{address}/admin/download/mine.csv", timeout=30).content)
    sounds = folder / "configs" / "resources" / "mine"
    arguments = ["--webmushra", str(results), "--sounds", str(sounds), "--anchor", "anchor70"]
    assert main(["manifest", *arguments, "-o", str(tmp_path / "mine.csv")]) == 0
    assert "10 pairs, 3 of 3 listeners" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "mine.csv")
    means = table.groupby("condition").mos.mean()
    assert means[["reference", "anchor35", "anchor70", "tilt3"]].tolist() == [98, 21, 40, 61]
