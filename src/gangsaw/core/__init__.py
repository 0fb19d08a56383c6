"""The pure core: values in, values out.

It decides and does nothing. It has no clock, files, processes or randomness; `now` is always a
parameter. What it wants done it says as actions; what has happened it is told as observations.
"""
