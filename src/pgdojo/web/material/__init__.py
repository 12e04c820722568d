"""The parts of the page Material."""
