"""How our model was chosen: configurations, the choice made again, how few ratings tell a scale.

In: parts of all rated pairs, predictions out of fold.
Out: the agreement of each configuration, and of what is chosen without the test that is predicted.
"""
