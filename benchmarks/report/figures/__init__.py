"""The figures of a report: which there are (`plan`), how they look (`style`), and each kind in a module."""
