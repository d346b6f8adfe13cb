"""Running the notebooks, the verdict on their results, and the report made of them.

In: notebooks with parameters, tables, figures.
Out: executed notebooks, results held against the published ones (`compendium.published`), tables in
texts, the report and its pages (`compendium.pages`).
"""

from qastanet.lazy import need

need("pandas", "yaml", extra="compendium")
