"""Listening tests: ratings, screening, and the sounds that were rated.

In: files of ratings, manifests, public sounds.
Out: tidy tables of mean ratings, and the rated pairs of signals.
"""
