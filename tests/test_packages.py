"""The packages as rooms: few modules in each, none long; each says what comes in and goes out."""

import ast
import re
from pathlib import Path

import pytest

import qastanet

PACKAGE = Path(qastanet.__file__).parent
ROOMS = sorted(file.parent for file in PACKAGE.rglob("__init__.py") if file.parent != PACKAGE)
MOST_MODULES = 12
MOST_LINES = 300


def test_there_are_rooms():
    assert {"sound", "hearing", "plots"} <= {room.name for room in ROOMS}


@pytest.mark.parametrize("room", [PACKAGE, *ROOMS], ids=lambda room: room.name)
def test_a_room_has_few_modules_and_none_is_long(room):
    modules = [file for file in room.glob("*.py") if file.name != "__init__.py"]
    assert 0 < len(modules) <= MOST_MODULES
    for file in modules:
        assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, file


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_what_comes_in_and_what_goes_out(room):
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert "\nIn: " in text and "\nOut: " in text


def test_what_people_look_for_is_where_the_readme_says():
    text = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    rows = text.partition("Some things people look for")[2].partition("##")[0]
    places = re.findall(r"`([\w/]+\.py)`", rows)
    assert len(places) >= 8
    assert all((PACKAGE / place).is_file() for place in places)
