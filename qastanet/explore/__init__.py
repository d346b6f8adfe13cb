"""The benches behind the notebooks with sliders.

In: positions of sliders.
Out: a picture, numbers and sounds within a second.
"""

from qastanet.lazy import need

need("ipywidgets", "matplotlib", "pandas", "spaudiopy", "torch", extra="compendium")
