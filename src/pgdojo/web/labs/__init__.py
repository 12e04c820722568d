"""Drawing labs: the catalogue, a lab's steps with their findings, the console and the plot of the client."""
