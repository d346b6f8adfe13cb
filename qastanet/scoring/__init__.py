"""Scores for users: pairs, campaigns, training loops, explanations.

In: names of files or arrays, the name of a model, options.
Out: scores with their report, tables of scores, explanations as data.
"""
