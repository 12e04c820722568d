"""The path of learning: what is mastered, how far a module is, what comes next, and the certificate at its end."""
