"""Blocks (text, tables, figures) as Markdown, LaTeX, HTML and CSV. Knows no result and nothing of GANs."""
