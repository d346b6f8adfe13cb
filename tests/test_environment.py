"""What is installed, what is declared, and that both agree."""

import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import qastanet
from qastanet.lazy import EXTRAS
from qastanet.sound.ambisonics import spaudiopy_module
from qastanet.sound.binaural import load_hrirs

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _declared(*extras):
    """Return name -> versions; what an extra takes from others of this package is followed."""
    found, lines = {}, list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    for item in map(Requirement, lines):
        if item.name == PROJECT["name"]:
            more = _declared(*item.extras)
        else:
            more = {canonicalize_name(item.name): item.specifier}
        for name, versions in more.items():
            found[name] = found.get(name, SpecifierSet()) & versions
    return found


def _locked():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def test_scoring_needs_few_packages_and_bounds_none_of_them():
    core = _declared()
    assert set(core) == {*("numpy", "scipy", "numba", "soundfile", "safetensors", "pooch", "av")}
    assert all(bound.operator == ">=" for versions in core.values() for bound in versions)


def test_every_package_of_an_extra_is_told_of_by_its_name():
    """The one line that names an extra names one that brings the package."""
    modules = metadata.packages_distributions()
    for module, extra in EXTRAS.items():
        for package in modules.get(module, []):
            assert canonicalize_name(package) in _declared(extra), module


def test_the_lock_has_exact_pins_within_the_declared_ranges():
    locked = _locked()
    for name, specifier in _declared("compendium", "test").items():
        assert locked[name] in specifier, name


def test_what_is_installed_is_what_is_locked():
    installed = {
        canonicalize_name(item.metadata["Name"]): item.version.partition("+")[0]
        for item in metadata.distributions()
    }
    differing = {
        name: (version, installed.get(name))
        for name, version in _locked().items()
        if installed.get(name) != version
    }
    assert not differing


def test_environment_yml_agrees_with_pyproject():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [item for item in content["dependencies"] if isinstance(item, str)]
    (pip,) = [item["pip"] for item in content["dependencies"] if isinstance(item, dict)]
    found = {}
    for line in conda + [item for item in pip if not item.startswith("-e")]:
        item = Requirement(re.sub(r"^pytorch", "torch", line))
        found[canonicalize_name(item.name)] = item.specifier
    assert "-e ." in pip
    python = found.pop("python")
    assert str(python) == PROJECT["requires-python"]
    found.pop("pip")
    assert found == _declared("compendium", "test")


def test_binder_installs_versions_within_the_declared_ranges():
    content = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text())
    assert all(isinstance(item, str) for item in content["dependencies"])  # nothing local
    declared, found = _declared("compendium"), {}
    for line in content["dependencies"]:
        item = Requirement(re.sub(r"(?<![<>=])=(?!=)", "==", line).replace("pytorch-cpu", "torch"))
        found[canonicalize_name(item.name)] = item.specifier
    (python,) = found.pop("python")
    assert python.operator == "==" and SpecifierSet(PROJECT["requires-python"]).contains(
        python.version
    )
    found.pop("pip")
    assert found == {name: declared[name] for name in found} and "torch" in found


def test_binder_installs_the_package_with_what_notebooks_need():
    script = ROOT / ".binder" / "postBuild"
    assert os.access(script, os.X_OK)
    text = script.read_text()
    assert text.startswith("#!") and "set -e" in text and "'.[compendium]'" in text
    command = shlex.split(text.strip().splitlines()[-1])
    assert command[:2] == ["python", "-c"]
    subprocess.run([sys.executable, *command[1:]], check=True, cwd=ROOT)


def test_version_and_conformance_are_in_the_changelog():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert PROJECT["version"] == qastanet.__version__
    assert f"## {qastanet.__version__}" in changelog
    assert f"Conformance {qastanet.CONFORMANCE}:" in changelog


def test_spaudiopy_works_with_the_installed_numpy_and_scipy():
    spaudiopy = spaudiopy_module()
    assert spaudiopy.sph.sh_matrix(3, np.zeros(2), np.ones(2), "real").shape == (2, 16)
    assert spaudiopy.decoder.magls_bin(load_hrirs(), 1).shape == (2, 4, 128)


def test_names_went_where_the_changelog_says():
    text = (ROOT / "CHANGELOG.md").read_text()
    lines = text.partition("### Where names went in 0.2.0")[2].partition("\nGone with")[0]
    modules, _, names = lines.partition("| name | now |")
    places = []
    for package, known in re.findall(r"^\| `([\w.]+)` \| (.*) \|$", modules, re.MULTILINE):
        present = re.sub(r"`\w+` \(now ([^)]*)\)", r"\1", known)
        places += [f"{package}.{name}" for name in re.findall(r"`(\w+)`", present)]
    for now in re.findall(r"^\| `.* \| (.*) \|$", names, re.MULTILINE):
        places += re.findall(r"`([\w.]+)`", now)
    assert len(places) > 100
    for place in places:
        assert pkgutil.resolve_name(f"qastanet.{place}") is not None
