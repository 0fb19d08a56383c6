"""gangsaw runs many coding agents on one git repository and lands their tested work."""

__version__ = "0.1.0"
