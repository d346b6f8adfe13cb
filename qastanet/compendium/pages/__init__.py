"""What the pages of the report are made of, and tables for print.

In: kept results, executed notebooks, docstrings, a synthetic scene.
Out: HTML and LaTeX of tables, formulas, sounds, the API, and where each number comes from.
"""
