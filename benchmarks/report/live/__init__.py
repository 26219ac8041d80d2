"""What the script of a page draws: numbers of the export as JSON, for charts, the player of samples, panels of runs."""
