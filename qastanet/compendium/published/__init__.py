"""Results made again, held against the published ones.

In: a file that was made, and the one of that name in the repository.
Out: whether they say the same, within the tolerance of their kind, and where not; the published
file, left as it is if they do.
"""
