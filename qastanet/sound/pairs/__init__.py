"""Two signals made comparable: delay, drift and level are measured, removed if asked, and told.

In: a reference and a degraded signal, or their files, with options.
Out: the two at one rate, shape and convention, and a report of what was found and done.
"""
