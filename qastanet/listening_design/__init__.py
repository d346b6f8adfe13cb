"""The next listening test: what is rated is chosen, written as a folder, and planned.

In: references and ways to code them, the public ratings.
Out: a folder that webMUSHRA or a notebook runs; how many listeners and recordings a question needs.
"""

from qastanet.lazy import need

need("pandas", "pyloudnorm", "yaml", extra="design")
