"""The numbers that the script of a page draws, as JSON: for charts, the player of samples, panels of runs."""
