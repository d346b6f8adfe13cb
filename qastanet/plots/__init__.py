"""Figures and the page of an explanation: a table or arrays in, a figure out.

In: tables and arrays.
Out: matplotlib figures; files .svg, .pdf, .png, .html.
"""

from qastanet.lazy import need

need("matplotlib", "pandas", "seaborn", extra="compendium")
