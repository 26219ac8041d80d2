"""Tables as LaTeX that compiles where it is pasted: booktabs and nothing else."""

import re
import unicodedata
from dataclasses import dataclass

from benchmarks.markup.blocks import DASH, Column, Entry, Table, led, shortened

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
    "≈": r"$\approx$",
    "†": r"\dag{}",
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


ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030c": "v", "\u0327": "c"}


def escape(text: str) -> str:
    """Text that LaTeX sets as it reads; a letter that no plain font has becomes its plain form or its code point."""
    letters = re.findall(r"(?s).[\u0300-\u036f]*", unicodedata.normalize("NFC", text.replace(" %", "\u202f%")))
    written = []
    for letter in letters:
        written.append(SYMBOLS.get(letter) or _plain(letter))
    return "".join(written)


def _plain(letter: str) -> str:
    """A letter with its accents."""
    if letter.isascii():
        return letter if letter.isprintable() else " "
    base, *marks = list(unicodedata.normalize("NFKD", letter))
    if base.isascii() and len(marks) == 1 and marks[0] in ACCENTS:
        return rf"\{ACCENTS[marks[0]]}{{{SYMBOLS.get(base, base)}}}"
    plain = ""
    for sign in filter(str.isascii, (base, *marks)):
        plain += SYMBOLS.get(sign, sign)
    return plain or f"[U+{ord(letter[0]):04X}]"


def latex(tables: list[Table], suite: str, siunitx: bool = False) -> str:
    """Every table as a float of its own, ready to be pasted; with `siunitx`, scores are aligned at their points."""
    packages = r"\usepackage{booktabs}" + (r" and \usepackage{siunitx}" if siunitx else "")
    head = f"% {escape(' '.join(suite.split()))}: paste into a document with {packages} in its preamble.\n"
    return head + "\n".join(_table(table, suite, siunitx) for table in tables)


@dataclass(frozen=True)
class _Form:
    """How a column is set: its format, and into how many columns of LaTeX its entries are split."""

    format: str
    parts: int = 1


def _table(table: Table, suite: str, siunitx: bool) -> str:
    columns, forms = [], []
    for at, column in enumerate(table.columns):
        entries = [row[at] for row in table.rows]
        by_point = siunitx and column.numeric and _is_measured(entries)
        columns.append(entries)
        forms.append(_by_point(entries) if by_point else _plain_form(column, entries))
    formats = "".join(form.format for form in forms)
    # Beside a paragraph set ragged, LaTeX takes \\ for the end of its line, not of the row.
    end = r" \tabularnewline" if PARAGRAPH in formats else r" \\"
    head = _head(table.columns, columns)
    titles, rows = [], []
    for line in head:
        titles.append(" & ".join(map(_title, line, forms)) + end)
    for row in table.rows:
        rows.append(" & ".join(map(_entry, row, table.columns, forms)) + end)
    lines = [
        r"\begin{table*}[t]",
        rf"\centering{_size(head, columns)}",
        *([SIUNITX] if any(form.parts > 1 for form in forms) else []),
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{tab:{_label(suite)}-{table.name}}}\smallskip",
        r"\makebox[\textwidth]{%",
        rf"\begin{{tabular}}{{@{{}}{formats}@{{}}}}",
        r"\toprule",
        *titles,
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}%",
        "}",
        *_protocol(table),
        r"\end{table*}",
        "",
    ]
    return "\n".join(lines)


def _protocol(table: Table) -> list[str]:
    """How the numbers came about, as a note below the table."""
    if not table.protocol:
        return []
    texts = []
    for topic, rest in map(led, table.protocol):
        texts.append(rf"\textit{{{escape(topic)}:}} {escape(rest)}" if topic else escape(rest))
    return [r"\par\smallskip", rf"\parbox{{\textwidth}}{{\scriptsize Protocol. {' '.join(texts)}}}"]


SIUNITX = r"\sisetup{mode=text,detect-weight=true,group-digits=false}"
BOLD = r"\fontseries{b}\selectfont "  # whose digits are as wide as plain ones, as those of \bfseries are not
PARAGRAPH = r"p{0.24\textwidth}"  # four of them fill a page


def _plain_form(column: Column, entries: list[Entry]) -> _Form:
    """To the right, to the left, or set as paragraphs where there are sentences."""
    plain = "r" if column.numeric else PARAGRAPH if any(map(_is_sentence, entries)) else "l"
    return _Form(rf"@{{\quad}}{plain}" if column.quoted else plain)


def _is_sentence(entry: Entry) -> bool:
    """Whether a entry has words too many for one line."""
    return " " in entry.text and shortened(entry.text) != entry.text


MEASURED = re.compile(r"(−?[\d.]+)(?: ± ([\d.]+))?")


def _is_measured(entries: list[Entry]) -> bool:
    """Whether a column has values with a half-width, and beside them nothing but plain values and dashes."""
    texts = [entry.text for entry in entries if entry.text != DASH]
    return any("±" in text for text in texts) and all(map(MEASURED.fullmatch, texts))


def _by_point(entries: list[Entry]) -> _Form:
    """Mean, sign, half-width and mark, each in a column: numbers stand under numbers and points under points.

    siunitx's own form of an uncertainty drops one of 0 and sets the sign closer to some numbers than to others.
    """
    means, halves = [], []
    for entry in entries:
        mean, half = _parts(entry)
        means.append(mean)
        halves.append(half)
    numbers = rf"S[table-format={_digits(means)}]@{{\;}}c@{{\;}}S[table-format={_digits(halves)}]"
    return _Form(rf"{numbers}@{{\;}}l", 4) if any(map(_after, entries)) else _Form(numbers, 3)


def _parts(entry: Entry) -> tuple[str, str]:
    """Mean and half-width as siunitx reads them; empty where there is none."""
    found = MEASURED.fullmatch(entry.text)
    return (found[1].replace("−", "-"), found[2] or "") if found else ("", "")


def _digits(numbers: list[str]) -> str:
    """siunitx's format for these numbers: a sign, digits before and after the point."""
    sign, before, after = "", 1, 0
    for number in numbers:
        whole, _, decimals = number.lstrip("-").partition(".")
        sign = "-" if number.startswith("-") else sign
        before, after = max(before, len(whole)), max(after, len(decimals))
    return f"{sign}{before}.{after}"


def _label(suite: str) -> str:
    return re.sub("[^A-Za-z0-9]", "-", suite)[:40]


def _head(columns: list[Column], entries: list[list[Entry]]) -> list[list[str]]:
    """Lines of headings, each no wider than its column needs, set from the bottom."""
    stacks = []
    for column, below in zip(columns, entries, strict=True):
        width = max(5, *map(_length, below))
        stacks.append(_wrapped(shortened(column.title, 60), width))
    height = max(map(len, stacks))
    padded = [[""] * (height - len(stack)) + stack for stack in stacks]
    return [*map(list, zip(*padded, strict=True))]


def _title(word: str, form: _Form) -> str:
    return rf"\multicolumn{{{form.parts}}}{{c}}{{{escape(word)}}}" if form.parts > 1 else escape(word)


def _size(head: list[list[str]], entries: list[list[Entry]]) -> str:
    """\\footnotesize where the text is as wide as the table then needs, else \\scriptsize: TeX decides where it is set.

    A letter of footnotesize, 8 points, is 0.54 of that wide.
    """
    letters = 0
    for *words, below in zip(*head, entries, strict=True):
        letters += max(*map(len, words), *map(_length, below))
    needed = 0.54 * 8 * letters + 2 * 3.5 * len(entries)
    small, usual = r"\scriptsize\setlength{\tabcolsep}{2.5pt}", r"\footnotesize\setlength{\tabcolsep}{3.5pt}"
    return rf"\ifdim\textwidth<{needed:.0f}pt{small}\else{usual}\fi"


def _length(entry: Entry) -> int:
    return len(_spaced(shortened(entry.text), entry.mark.symbol, entry.note))


def _spaced(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        fits = len(lines[-1]) + len(word) < width
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if fits or not lines[-1] else [*lines, word]
    return lines


def _entry(entry: Entry, column: Column, form: _Form) -> str:
    if form.parts > 1:
        return _split(entry, form)
    if PARAGRAPH in form.format:
        return rf"\raggedright {escape(entry.text)}"
    text = escape(shortened(entry.text))
    marked = rf"\textbf{{{text}}}" if entry.mark.bold else rf"\textit{{{text}}}" if column.quoted else text
    return f"{marked} {_after(entry)}" if _after(entry) else marked


def _split(entry: Entry, form: _Form) -> str:
    """A value in the columns of its parts."""
    mean, half = _parts(entry)
    bold = BOLD if entry.mark.bold else ""
    parts = [bold + mean if mean else "{--}", r"$\pm$" if half else "", bold + half if half else "", _after(entry)]
    return " & ".join(parts[: form.parts])


def _after(entry: Entry) -> str:
    """The mark and the note behind a number."""
    note = rf"{{\tiny {escape(entry.note)}}}" if entry.note else ""
    return _spaced(escape(entry.mark.symbol), note)
