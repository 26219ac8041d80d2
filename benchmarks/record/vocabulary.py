"""The names that a record uses beside those of scores, and how to make and take apart each of them.

    <metric>                        a reported score, such as emd
    apart/<metric>                  the same score of other samples against other data (the validation split), by which
                                    a best checkpoint is chosen
    sampling/<metric>/<repeat>      the same score of the final weights on the latents of another draw
    critic/<term>, generator/<term> what a player logged while it trained, and what was seen of the critic
    truth/...                       how far a critic that trained alone is from the best one, where that is known
    diagnostics/...                 quantities that only figures of diagnostics show

and the arrays of `samples.npz`: `data/<data set>` for real data, `<run key>/samples` for generated ones at the end of a
run, `<run key>/samples@<step>` before, `<run key>/critic` (and `critic@<step>`) for the critic's scores on a grid,
`<run key>/square` for the square of the plane that this grid and pictures of points lie on (the coordinates of its
middle and half of a side; records of before have none, and theirs is [-3, 3]^2), `<run key>/weights` for the histogram
of its weights.

`gan_zoo.evaluation`, `gan_zoo.diagnostics` and the engines write the names; they are spelled in old records too, so
none is ever changed. MLflow has some of them under other sections: see `benchmarks.record.shown`.
"""

from collections.abc import Iterable

PLAYERS = ("critic/", "generator/")
DIAGNOSTICS = "diagnostics/"
VALIDATION = "apart/"
REDRAWN = "sampling/"
REAL_DATA = "data/"

GRADIENT_NORM = "critic/grad_norm"
WASSERSTEIN_ESTIMATE = "critic/wasserstein_estimate"
CRITIC_LOSS_TRAIN = "critic/loss_train"
CRITIC_LOSS_HELD_OUT = "critic/loss_held_out"
WEIGHTS_AT_BOUND = "critic/weights_at_bound"
LAYER_GRADIENT_NORM = "diagnostics/layer_grad_norm/"
EARTH_MOVER = "emd"
"""The exact earth mover's distance, a score of data sets of points."""

TRAIN_SECONDS = "train_seconds"
CLOCKS = (TRAIN_SECONDS, "evaluate_seconds", "record_seconds", "iterations_per_second")
"""Of a cell that shares its machine with others."""


def is_player_term(name: str) -> bool:
    """Whether a logged quantity is of the critic or the generator, and so is no score."""
    return name.startswith(PLAYERS)


def is_score(name: str) -> bool:
    """Whether a name can be that of a reported score: scores alone have no slash."""
    return "/" not in name


def validation(metric: str) -> str:
    """The score on the validation split, by which a best checkpoint is chosen."""
    return f"{VALIDATION}{metric}"


def redrawn(metric: str, repeat: int) -> str:
    """The score of the final weights on the latents of one more draw, counted from 0."""
    return f"{REDRAWN}{metric}/{repeat}"


def gradient_norms(where: str, statistic: str) -> str:
    """A statistic (q05, q50, q95, above_1) of the norm of the critic's gradient on real, between or fake points."""
    return f"diagnostics/grad_norm_{where}/{statistic}"


def layer_depth(name: str) -> int:
    """The depth of a layer from the name of its gradient norm: 1 for diagnostics/layer_grad_norm/01_hidden1."""
    return int(name.removeprefix(LAYER_GRADIENT_NORM).partition("_")[0])


def real_data(dataset: str) -> str:
    """The array of real samples of a data set."""
    return f"{REAL_DATA}{dataset}"


def of_run(run_key: str, array: str) -> str:
    """The name in a record of an array that a cell kept: real data is shared by all, the rest is the cell's own."""
    return array if array.startswith(REAL_DATA) else f"{run_key}/{array}"


def final_samples(run_key: str) -> str:
    """The array of samples that a run generated last."""
    return f"{run_key}/samples"


def samples_at(step: int | str) -> str:
    """The name of the samples of an earlier checkpoint; `*` for a pattern of all."""
    return f"samples@{step}"


def critic_at(step: int | str) -> str:
    """The name of the critic's scores at an earlier checkpoint; `*` for a pattern of all."""
    return f"critic@{step}"


def sample_step(name: str, run_key: str) -> int | None:
    """The generator step of an array of earlier samples of this run; None for any other array."""
    start, _, step = name.rpartition("@")
    return int(step) if start == final_samples(run_key) and step.isdigit() else None


def critic_scores(samples: str) -> str:
    """The array of the critic's scores that belongs to an array of samples."""
    return samples.replace("/samples", "/critic")


def square_shown(run_key: str) -> str:
    """The array of the square that pictures of a run's points show."""
    return f"{run_key}/square"


def weight_histogram(run_key: str) -> str:
    """The array of the histogram of the last critic's weights."""
    return f"{run_key}/weights"


def meant(metric: str, known: Iterable[str]) -> list[str]:
    """The metrics that a name means: itself, or those that say samples and split after it, as scores do."""
    names = list(known)
    return [metric] if metric in names else [name for name in names if name.startswith(f"{metric}_")]
