"""How far a figure that was drawn again lies from the published one: its elements, one by one."""

import base64
import io
from collections.abc import Iterable
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from qastanet.compendium.published.deviations import NUMBER, Comparison, Difference, different

DRAWN = 0.1
"""Points (1/72 inch) in figures: not to be seen."""
LEVELS = 8
"""Of 255 in the images of figures: a step of a colour map."""


def compare_drawings(published: bytes, made: bytes) -> Comparison:
    """Compare two drawings (SVG): the same elements, texts and styles, and where they lie."""
    before, now = (_elements(text) for text in (published, made))
    size = len(now), sum(len(_attributes(element)) for element in now)
    if [element.tag for element in before] != [element.tag for element in now]:
        return Comparison(*size, [different("elements", len(before), len(now))])
    found: list[Difference] = []
    for number, pair in enumerate(zip(before, now, strict=True), 1):
        place = f"element {number} ({pair[0].tag.rpartition('}')[2]})"
        found += _element_differences(place, *map(_attributes, pair))
    return Comparison(*size, found)


def _elements(text: bytes) -> list[ElementTree.Element]:
    """Return all elements of a drawing in their order, without what describes the file."""
    root = ElementTree.fromstring(text)
    for child in [child for child in root if child.tag.endswith("metadata")]:
        root.remove(child)
    return list(root.iter())


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    """Return what an element draws: its text and attributes without names made of hashes."""
    found = {k.rpartition("}")[2]: v for k, v in element.attrib.items()}
    if not found.get("href", "").startswith("data:") and "-" not in found.get("href", ""):
        found.pop("href", None)  # a marker or a clipping path; letters are named with a hyphen
    kept = {k: v for k, v in found.items() if k not in ("id", "clip-path")}
    return kept | {"text": (element.text or "").strip()}


def _element_differences(place: str, before: dict, now: dict) -> Iterable[Difference]:
    """Yield the differences of two elements of a drawing."""
    if before.keys() != now.keys():
        yield different(place, sorted(before), sorted(now))
        return
    for name in [name for name in now if before[name] != now[name]]:
        first, second = before[name], now[name]
        if first.startswith("data:image"):
            pixels = [_pixels(value) for value in (first, second)]
            if pixels[0].shape != pixels[1].shape:
                yield different(place, *(f"image {each.shape}" for each in pixels))
                continue
            levels = float(np.abs(pixels[0] - pixels[1]).max())
            yield Difference(place, "this image", "another", levels, LEVELS, "levels of 255")
            continue
        values = [_coordinates(text, name == "d") for text in (first, second)]
        skeletons = [NUMBER.sub("#", text) for text in (first, second)]
        if name == "d" and skeletons[0] != skeletons[1]:  # a line is drawn with fewer corners
            values = [np.concatenate([v.min(axis=0), v.max(axis=0)]) for v in values]
        elif skeletons[0] != skeletons[1] or name in ("href", "style", "text"):
            yield different(f"{place} {name}", first[:60], second[:60])
            continue
        distance = float(np.abs(values[0] - values[1]).max())
        if distance:
            yield Difference(f"{place} {name}", first[:40], second[:40], distance, DRAWN, "points")


def _coordinates(text: str, points: bool) -> NDArray:
    """Return the numbers of a text, as points (n, 2) if they are."""
    numbers = np.array([float(value) for value in NUMBER.findall(text)])
    return numbers.reshape(-1, 2) if points else numbers


def _pixels(address: str) -> NDArray:
    """Return an image that is part of a drawing."""
    from PIL import Image

    content = base64.b64decode(address.partition("base64,")[2])
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGBA"), dtype=float)
