"""pgdojo: one document becomes a training ground, with every answer cited to the exact words."""

__version__ = "0.1.0"
