"""Tables as LaTeX that compiles where it is pasted: booktabs and nothing else."""

import unicodedata

from benchmarks.report.cells import Cell, Column, Table, shortened

SYMBOLS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "`": r"\textasciigrave{}",
    '"': r"''",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "…": r"\ldots{}",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "²": r"$^2$",
    "‖": r"$\|$",
    "λ": r"$\lambda$",
    "∇": r"$\nabla$",
    "’": "'",
    "\u202f": r"\,",
}


def escape(text: str) -> str:
    """Text that LaTeX sets as it reads; a letter that no plain font has becomes its plain form or its code point."""
    return "".join(SYMBOLS.get(letter) or _plain(letter) for letter in text.replace(" %", "\u202f%"))


def _plain(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() else " "
    close = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return "".join(SYMBOLS.get(c, c) for c in close) if close else f"[U+{ord(letter):04X}]"


def latex(tables: list[Table], suite: str) -> str:
    """Every table as a float of its own, ready to be pasted."""
    head = f"% {escape(suite)}: paste into a document with \\usepackage{{booktabs}} in its preamble.\n"
    return head + "\n".join(_table(table, suite) for table in tables)


def _table(table: Table, suite: str) -> str:
    alignment = "".join("r" if column.numeric else "l" for column in table.columns)
    lines = [
        r"\begin{table*}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{3.5pt}",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{tab:{_label(suite)}-{table.name}}}\smallskip",
        rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
        *_head(table.columns),
        r"\midrule",
        *(" & ".join(_cell(cell) for cell in row) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table*}",
        "",
    ]
    return "\n".join(lines)


def _label(suite: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in suite)[:40]


def _head(columns: list[Column]) -> list[str]:
    """Headings over as many lines as the longest needs, set from the bottom."""
    stacks = [_wrapped(shortened(column.title, 60), 15) for column in columns]
    height = max(len(stack) for stack in stacks)
    padded = [[""] * (height - len(stack)) + stack for stack in stacks]
    return [" & ".join(escape(stack[line]) for stack in padded) + r" \\" for line in range(height)]


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        fits = len(lines[-1]) + len(word) < width or len(word) == 1
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if fits or not lines[-1] else [*lines, word]
    return lines


def _cell(cell: Cell) -> str:
    text = escape(shortened(cell.text))
    note = rf" {{\tiny {escape(cell.note)}}}" if cell.note else ""
    return (rf"\textbf{{{text}}}" if cell.bold else text) + note
