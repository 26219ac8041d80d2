"""Runs a notebook's cells in this process, as its kernel would, and puts what they say and show into it.

python .../tests/notebook.py .../docs/tutorial.ipynb   from an empty folder, for the sweep in it writes results there
"""

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

DOTS, COLOURS = 80, 32  # an inch, and in all: a picture that is committed is small


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the outputs of its cells: printed text, and the value of a cell's last line."""
    names: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"], cell["outputs"] = count, _outputs("".join(cell["source"]), names, count)
    return notebook


def _outputs(source: str, names: dict[str, Any], count: int) -> list[dict[str, Any]]:
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None
    outputs: list[dict[str, Any]] = []
    if said.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(said.getvalue())})
    if value is not None:
        shown = {"output_type": "execute_result", "execution_count": count, "metadata": {}}
        outputs.append({**shown, "data": _shown(value)})
    return outputs


def _shown(value: Any) -> dict[str, Any]:
    """A value by its richest form among those that a reader on the web sees without a kernel."""
    if hasattr(value, "savefig"):
        return {"image/png": _picture(value)}
    if hasattr(value, "_repr_markdown_"):
        return {"text/markdown": _lines(value._repr_markdown_())}
    return {"text/plain": _lines(repr(value))}


def _picture(figure: Any) -> str:
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS)
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(path: Path, target: Path) -> None:
    notebook = executed(json.loads(path.read_text(encoding="utf-8")))
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[-1]))
