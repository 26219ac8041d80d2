"""Tables as LaTeX that compiles where it is pasted: booktabs and nothing else."""

import re
import unicodedata

from benchmarks.report.cells import DASH, Cell, Column, Table, shortened

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
    "\u00a0": "~",
}


def escape(text: str) -> str:
    """Text that LaTeX sets as it reads; a letter that no plain font has becomes its plain form or its code point."""
    return "".join(SYMBOLS.get(letter) or _plain(letter) for letter in text.replace(" %", "\u202f%"))


def _plain(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() else " "
    close = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return "".join(SYMBOLS.get(c, c) for c in close) if close else f"[U+{ord(letter):04X}]"


def latex(tables: list[Table], suite: str, siunitx: bool = False) -> str:
    """Every table as a float of its own, ready to be pasted; with `siunitx`, scores are aligned at their points."""
    packages = r"\usepackage{booktabs}" + (r" and \usepackage{siunitx}" if siunitx else "")
    head = f"% {escape(' '.join(suite.split()))}: paste into a document with {packages} in its preamble.\n"
    return head + "\n".join(_table(table, suite, siunitx) for table in tables)


def _table(table: Table, suite: str, siunitx: bool) -> str:
    columns = [[row[at] for row in table.rows] for at in range(len(table.columns))]
    aligned = [siunitx and column.numeric and _is_measured(c) for column, c in zip(table.columns, columns, strict=True)]
    plain = ["r" if column.numeric else "l" for column in table.columns]
    formats = [_format(c) if s else p for s, p, c in zip(aligned, plain, columns, strict=True)]
    lines = [
        r"\begin{table*}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{3.5pt}",
        *(
            [r"\sisetup{separate-uncertainty=true,table-align-uncertainty=true,detect-weight=true}"]
            if any(aligned)
            else []
        ),
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{tab:{_label(suite)}-{table.name}}}\smallskip",
        rf"\begin{{tabular}}{{@{{}}{''.join(formats)}@{{}}}}",
        r"\toprule",
        *_head(table.columns, aligned),
        r"\midrule",
        *(" & ".join(_cell(cell, s) for cell, s in zip(row, aligned, strict=True)) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table*}",
        "",
    ]
    return "\n".join(lines)


MEASURED = re.compile(r"(−?)(\d+)\.?(\d*) ± ([\d.]+)")


def _is_measured(cells: list[Cell]) -> bool:
    matches = [MEASURED.fullmatch(cell.text) for cell in cells]
    return any(match and float(match[4]) for match in matches) and all(
        m or cell.text == DASH for m, cell in zip(matches, cells, strict=True)
    )


def _format(cells: list[Cell]) -> str:
    """siunitx's column for these cells: digits before and after the point, and of the half-width."""
    found = [match for cell in cells if (match := MEASURED.fullmatch(cell.text))]
    sign = "-" if any(match[1] for match in found) else ""
    widths = [len(str(int(match[4].replace(".", "")))) for match in found]
    return f"S[table-format={sign}{max(len(m[2]) for m in found)}.{max(len(m[3]) for m in found)}({max(widths)})]"


def _label(suite: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in suite)[:40]


def _head(columns: list[Column], aligned: list[bool]) -> list[str]:
    """Headings over as many lines as the longest needs, set from the bottom."""
    braces = ["{%s}" if is_aligned else "%s" for is_aligned in aligned]
    stacks = [_wrapped(shortened(column.title, 60), 15) for column in columns]
    height = max(len(stack) for stack in stacks)
    padded = [[""] * (height - len(stack)) + stack for stack in stacks]
    return [
        " & ".join(b % escape(s[line]) for b, s in zip(braces, padded, strict=True)) + r" \\" for line in range(height)
    ]


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        fits = len(lines[-1]) + len(word) < width or len(word) == 1
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if fits or not lines[-1] else [*lines, word]
    return lines


def _cell(cell: Cell, aligned: bool) -> str:
    if aligned:
        number = cell.text.replace("−", "-").replace("±", "+-")
        return "{--}" if cell.text == DASH else rf"\bfseries {number}" if cell.bold else number
    text = escape(shortened(cell.text))
    note = rf" {{\tiny {escape(cell.note)}}}" if cell.note else ""
    return (rf"\textbf{{{text}}}" if cell.bold else text) + note
