"""Kairan: high-volume mail inside an organisation."""

__version__ = "0.1.0"
