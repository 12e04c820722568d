"""The path of learning: what is mastered, how far a module is, and what comes next."""
