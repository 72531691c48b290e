"""Review: a page on this machine where a person decides on rows beside their source."""
