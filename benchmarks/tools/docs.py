"""The pages about losses, built from the losses themselves: `gan-zoo docs` writes them, a test holds them to the code.

Nothing in them depends on the machine.
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.markup.markdown import code, table
from benchmarks.suites.recipes import RECIPES
from benchmarks.tools.pulls import picture
from gan_zoo.losses import LOSSES, Loss
from gan_zoo.losses.config import composed_name
from gan_zoo.spec import REFUSALS
from gan_zoo.verify import CHECKS, verify

HEAD = """\
# Losses

This page is built from the code by `gan-zoo docs`; a test fails where it is not current.

x is a real sample, x̃ = G(z) a fake one, f the critic's raw score, higher where more real, σ the sigmoid, ‖·‖ the
Euclidean norm over all numbers of one sample; x̂ = ε x + (1 - ε) x̃ with one ε ~ U[0, 1] for each sample, and
x + δ = x + std(x) α u / 2 with α ~ U[0, 1] for each sample and u ~ U[0, 1] for each of its numbers. Both players
minimise.

The pictures show a game on a line, of the critic f(x) = -s x, a real sample at 0 and a fake one. On the left the pull
of the generator on a fake at x, where s = 1: positive is towards the real sample. On the right the pull of the critic
on its own slope s, where the fake is at 1: positive makes it steeper, and where the line crosses zero it rests.

Any adversarial term goes with any penalties, in a suite as `{adversarial: hinge, penalties: [{r1: {gamma: 0.1}}]}`.
"""

OWN = """\
## A loss of your own

One file, complete:

```python
{example}```

`gan-zoo verify --plugin smoothed.py` holds it to the checks below. It joins the registry as
`gan_zoo/losses/smoothed.py` with one line, its name in `FAMILIES` of `gan_zoo/losses/__init__.py`; or from a package
of yours, by an entry point:

```toml
[project.entry-points."gan_zoo.losses"]
smoothed = "my_package.smoothed"
```
"""


def build(folder: Path) -> dict[str, str]:
    """The text of every page and picture by its path in `folder`, which has the examples."""
    sections, pictures = [HEAD], {}
    for name, loss in LOSSES.items():
        sections.append(section(name, loss))
        pictures[f"losses/{name}.svg"] = picture(loss)
    example = (folder / "examples" / "smoothed.py").read_text(encoding="utf-8")
    sections += [OWN.format(example=example), checks(), recipes(), refusals()]
    return {"losses.md": "\n".join(sections), **pictures}


def write(folder: Path) -> list[Path]:
    """Writes all pages and pictures; their paths."""
    paths = []
    for name, text in build(folder).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def section(name: str, loss: Loss) -> str:
    results = verify({name: loss})[name]
    passed, failed = [], []
    for check, result in results.items():
        if not result.passed:
            failed.append(check)
        elif result.deviation is not None:  # else the check has nothing to say of this loss
            passed.append(check)
    verdict = f"passes {', '.join(passed)}" + (f"; FAILS {', '.join(failed)}" if failed else "")
    named = [recipe for recipe, content in RECIPES.items() if name in content.losses]
    rows = [
        ("critic", code(loss.critic_formula)),
        ("generator", code(loss.generator_formula)),
        ("source", loss.paper),
        ("parts", code(composed_name(loss))),
        ("recipes", ", ".join(map(code, named)) or "none of its own"),
        ("verified", verdict),
    ]
    return f"## {name}\n\n{table(('', ''), rows)}\n\n![pulls of {name}](losses/{name}.svg)\n"


def checks() -> str:
    rows = [(name, check.about, f"{check.tolerance:g}") for name, check in CHECKS.items()]
    return (
        "## Checks\n\n`gan-zoo verify` measures how far each loss is from answers that are known.\n\n"
        f"{table(('check', 'known answer', 'allowed deviation'), rows, numeric=(2,))}\n"
    )


def recipes() -> str:
    heads = (
        *("recipe", "source", "optimiser, critic steps, batch, generator steps"),
        *("for single losses", "not in it"),
    )
    return (
        "## Recipes\n\n`train: {recipe: NAME}` in a suite starts from one; what the suite says itself wins.\n\n"
        f"{table(heads, _recipe_rows())}\n"
    )


def _recipe_rows() -> Iterator[tuple[str, ...]]:
    for name, recipe in RECIPES.items():
        train = recipe.train
        main = f"{brief(train['optimizer'])}; {train['n_critic']}; {train['batch_size']}; {train['steps']:,}"
        single = []
        for loss, override in recipe.losses.items():
            if override:
                single.append(f"{loss}: {brief(override)}")
        yield code(name), recipe.source, main, "; ".join(single), recipe.note


def brief(settings: object) -> str:
    """Nested settings in one line: optimizer rmsprop, lr 5e-05."""
    if isinstance(settings, dict):
        words = []
        for key, value in settings.items():
            said = brief(value)
            words.append(said if key in ("train", "name") else f"{key} {said}")
        return ", ".join(words)
    return ", ".join(map(brief, settings)) if isinstance(settings, list) else str(settings)


def refusals() -> str:
    rows = [(code(name), refusal.reason) for name, refusal in REFUSALS.items()]
    return (
        "## Refusals\n\nThese are refused before anything runs; `insist: [NAME]` in a suite runs them all the same, "
        f"and the run's spec records it.\n\n{table(('refusal', 'reason'), rows)}\n"
    )
