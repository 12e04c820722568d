"""The steps by which a journal's tables grew; run by code, see `pgdojo.learner.database`."""
