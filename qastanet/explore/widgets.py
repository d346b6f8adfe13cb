"""Controls for the exploration notebooks: at every move a new picture, numbers and sounds.

This module alone needs ipywidgets.
"""

import html
import io
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import ipywidgets
import matplotlib
import numpy as np
import soundfile
import traitlets
from matplotlib.figure import Figure
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.plots.style import STYLE
from qastanet.sound.sampling import SAMPLING_RATE

DPI = 110
"""Resolution of the pictures."""

LOOK = {"style": {"description_width": "11em"}, "layout": {"width": "28em"}}

PICTURE = {"max_width": "100%", "align_self": "flex-start"}

WRAPPED = {"flex_flow": "row wrap"}


class Shown(NamedTuple):
    """What follows from the controls.

    Attributes:
        figure: draws the picture.
        text: one or two sentences, HTML.
        sounds: name -> ears (2, samples) at 48 kHz.
    """

    figure: Callable[[], Figure]
    text: str
    sounds: Mapping[str, NDArray]


class Bench(ipywidgets.VBox):
    """Controls above, what follows from them below.

    Args:
        controls: name -> control; their values are the arguments of `show`
        show: works out what is shown
        start: values that some of the controls have at first

    Raises:
        InputError: if a control has another name, or cannot have the value

    Example:
        >>> quiet = lambda level: Shown(Figure, f"{level} dB", {"noise": np.zeros((2, 480))})
        >>> bench = Bench({"level": slider("Level", 0, 0, 60, 5)}, quiet)
        >>> bench.controls["level"].value = 20
        >>> bench.text.value
        '20 dB'
    """

    def __init__(
        self,
        controls: Mapping[str, ipywidgets.Widget],
        show: Callable[..., Shown],
        start: Mapping[str, object] | None = None,
    ):
        _set(controls, start or {})
        self.controls = dict(controls)
        self._work_out, self._last = show, None
        self.picture = ipywidgets.Image(format="png", layout=PICTURE)
        self.text = ipywidgets.HTML()
        self.players = ipywidgets.HBox(layout=WRAPPED)
        self.messages = ipywidgets.Output()
        box = ipywidgets.HBox([*controls.values()], layout=WRAPPED)
        super().__init__([box, self.text, self.players, self.picture, self.messages])
        for control in controls.values():
            control.observe(self.refresh, names="value")
        self.refresh()

    def refresh(self, _: object = None) -> None:
        """Work out and show what follows from the controls, unless it is there already."""
        values = {name: control.value for name, control in self.controls.items()}
        if values == self._last:
            return
        with self.messages:  # an error in a reaction to a control would go unseen otherwise
            try:
                shown = self._work_out(**values)
            except InputError as error:
                self._last = None
                self.text.value = f"<b>{html.escape(str(error))}</b>"
                return
            self.picture.value = _png(shown.figure)
            self.text.value = shown.text
            self._play(shown.sounds)
            self._last = values

    def _play(self, sounds: Mapping[str, NDArray]) -> None:
        """Give the players their sounds."""
        if not self.players.children:
            self.players.children = [_player(name) for name in sounds]
        for box, content in zip(self.players.children, _wavs(sounds), strict=True):
            box.children[1].value = content


def shown_box(shown: Shown) -> ipywidgets.VBox:
    """Return a picture, text and players that stay as they are."""
    players = [_player(*each) for each in zip(shown.sounds, _wavs(shown.sounds), strict=True)]
    picture = ipywidgets.Image(value=_png(shown.figure), format="png", layout=PICTURE)
    box = ipywidgets.HBox(players, layout=WRAPPED)
    return stacked(ipywidgets.HTML(shown.text), box, picture)


def stacked(*parts: ipywidgets.Widget) -> ipywidgets.VBox:
    """Return widgets one below the other."""
    return ipywidgets.VBox(parts)


def _player(name: str, content: bytes = b"") -> ipywidgets.VBox:
    """Return a player under the name of its sound."""
    audio = ipywidgets.Audio(value=content, format="wav", autoplay=False)
    return stacked(ipywidgets.Label(name), audio)


def _set(controls: Mapping[str, ipywidgets.Widget], start: Mapping[str, object]) -> None:
    """Give controls the values they have at first."""
    for name, value in start.items():
        if name not in controls:
            raise InputError(f"no control is called '{name}'; there are {', '.join(controls)}")
        try:
            controls[name].value = value
        except traitlets.TraitError as error:
            raise InputError(f"{name} cannot be {value!r}: {error}") from error
        if controls[name].value != value:
            raise InputError(f"{name} cannot be {value!r}: it is out of range")


def _png(draw: Callable[[], Figure]) -> bytes:
    """Draw in the style of the compendium, without changing that of the notebook."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        draw().savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def _wavs(sounds: Mapping[str, NDArray]) -> Iterator[bytes]:
    """Give the sounds as files; all are turned down alike if one would clip."""
    peak = max(1.0, *(float(np.abs(sound).max()) for sound in sounds.values()))
    for sound in sounds.values():
        buffer = io.BytesIO()
        soundfile.write(buffer, sound.T / peak, SAMPLING_RATE, format="WAV", subtype="PCM_16")
        yield buffer.getvalue()


def slider(label: str, value: float, low: float, high: float, step: float):
    """Return a slider over numbers; it acts when it is let go.

    Example:
        >>> slider("Level", 10, 0, 100, 5).max
        100
    """
    whole = all(isinstance(each, int) for each in (value, low, high, step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    limits = {"value": value, "min": low, "max": high, "step": step}
    return kind(**limits, description=label, continuous_update=False, **LOOK)


def scale(label: str, options: Mapping, first: object = None) -> ipywidgets.SelectionSlider:
    """Return a slider over named values; it acts when it is let go.

    Example:
        >>> scale("Bitrate", {"64 kbit/s": 64, "96 kbit/s": 96}).value
        64
    """
    first = next(iter(options.values())) if first is None else first
    return ipywidgets.SelectionSlider(
        options=list(options.items()),
        value=first,
        description=label,
        continuous_update=False,
        **LOOK,
    )


def choice(label: str, options) -> ipywidgets.Dropdown:
    """Return a list to choose one of.

    Example:
        >>> choice("Sound", ["noise", "talker"]).value
        'noise'
    """
    look = LOOK | {"layout": {"width": "auto", "min_width": "28em"}}
    return ipywidgets.Dropdown(options=list(options), description=label, **look)
