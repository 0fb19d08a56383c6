"""Read-only pictures of a run: values of the store and of the core in, text or JSON out.

Rules: nothing is written, started or decided here, the time is a parameter, and every figure comes
from an event. What agents and users wrote is made fit for a terminal before it is shown.
"""
