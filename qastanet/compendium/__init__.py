"""Running the notebooks, and the report made of their results.

In: notebooks with parameters, tables, figures.
Out: executed notebooks, tables for print, the pages of the report.
"""

from qastanet.lazy import need

need("pandas", "yaml", extra="compendium")
