"""`python -m pgdojo` is the command line."""

from pgdojo.cli import main

main()
