"""People: who may do what, what a trainer sees of a team and of its material, and what leaves the house."""
