"""Parts of the page You."""
