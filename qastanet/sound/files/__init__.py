"""Reading sound files of many kinds, whole or in pieces, and noticing when one is damaged.

In: names of files, sets of mono files, pipes.
Out: samples with the sampling rate and what the file says of itself; an error that names the file.
"""
