"""The parts of the page Team."""
