"""The suites as YAML files, and what reads one into a RunSpec a cell: suite, settings, recipes."""
