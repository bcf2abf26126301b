"""Pages of HTML that stand alone: a report of what a search found, and a playground of a sequence."""
