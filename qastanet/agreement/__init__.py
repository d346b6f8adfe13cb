"""Statistics of agreement: numbers in, numbers out; nothing here knows a metric by name.

In: scores and ratings as columns, scenes to resample.
Out: correlations, errors, intervals, tests, ceilings.
"""
