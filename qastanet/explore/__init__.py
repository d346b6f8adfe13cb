"""The benches behind the notebooks with sliders, and the page on which a listening test is rated.

In: positions of sliders.
Out: a picture, numbers and sounds within a second; results of a listening test.
"""

from qastanet.lazy import need

need("ipywidgets", "matplotlib", "pandas", "spaudiopy", "torch", extra="compendium")
