"""What is remembered of a learner: the journal, and what is computed from it."""
