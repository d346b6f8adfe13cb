"""The benches behind the notebooks with sliders.

In: positions of sliders.
Out: a picture, numbers and sounds within a second.
"""
