"""The shell: the loop, its lanes, and one effect per action.

It acts and decides nothing. Every effect may be carried out twice, or again after a kill half-way;
nothing is done before the events that want it are in the log.
"""
