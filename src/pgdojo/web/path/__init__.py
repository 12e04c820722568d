"""Parts of the page Path."""
