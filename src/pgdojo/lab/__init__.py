"""Labs: engines and sandboxes, checks, the runner, and the small RDS."""
