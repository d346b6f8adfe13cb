"""Where tests find upstream files that are not part of the project.

``QASTANET_DATA_MIRROR`` names a folder laid out ``<owner>/<repository>/<commit>/<path>`` and
``QASTANET_GOLDEN_AES`` a folder with one rendering of the AES 2023 stimuli. Tests that need one
that is not there are skipped.
"""

import os
from pathlib import Path

import pytest

AMBIQUAL = "QxLabIreland/Ambiqual/eb9ed41bfa8016b6e6d9c3f5ccf47b3b8044892d"
AES2023 = "BenjSta/ambisonics_param_coding_AES_2023/f4905805f84c97165fca52f2a1ee0145e368fc63"


def folder(variable: str, below: str = "") -> Path:
    """Folder named by an environment variable, or skip the test."""
    root = os.environ.get(variable)
    if not root:
        pytest.skip(f"set {variable} to check against the upstream files")
    path = Path(root) / below
    if not path.is_dir():
        pytest.skip(f"{variable} is set, but there is no {below or 'such folder'} in it")
    return path


def upstream(repository: str) -> Path:
    """Folder of one upstream repository in the mirror, or skip the test."""
    return folder("QASTANET_DATA_MIRROR", repository)
