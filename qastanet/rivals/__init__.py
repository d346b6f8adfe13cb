"""Other metrics behind one interface.

In: reference and degraded signal, sampling rate.
Out: scores by name.
"""
