"""The diagnostics that a report shows of the critics on a data set: caption, alternative text, drawing."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.record.vocabulary import CRITIC_LOSS_HELD_OUT, EARTH_MOVER, WASSERSTEIN_ESTIMATE, gradient_norms
from benchmarks.report.dataset_results import DatasetResults
from benchmarks.report.figures.critic import (
    layer_names,
    layers,
    logged,
    norms,
    overfitting,
    transport,
    weight_shares,
    weights,
)


@dataclass(frozen=True)
class Diagnostic:
    """A figure of one data set: its file's name, caption and alternative text, whether it has data, and its drawing."""

    name: str
    caption: str
    alt: str
    has_data: Callable[[DatasetResults], bool]
    draw: Callable[..., Figure]


DIAGNOSTICS = (
    Diagnostic(
        "slopes",
        "the norm of the critic's gradient ‖∇f‖ on held-out data, on fakes and between (quantiles over points, mean "
        "over seeds; logarithmic, each row its own scale) and the share of points where it exceeds 1, with 95 % "
        "t-interval. The dashed line is 1: the norm that gradient penalties ask for, and the bound of a 1-Lipschitz f.",
        "Bands of gradient norms over generator steps, a row a loss.",
        lambda dataset: logged(dataset, gradient_norms("between", "q50")),
        norms,
    ),
    Diagnostic(
        "layers",
        "how the critic's gradient changes on its way back: mean ‖∂f/∂h‖ between data and fakes by the layer with "
        "output h, the first next to the input, at the first and the last evaluation (mean and 95 % t-interval over "
        "seeds; logarithmic, one scale; as Gulrajani et al. 2017, figure 1b).",
        "Gradient norms by layer, a panel a loss.",
        lambda dataset: bool(layer_names(dataset)),
        layers,
    ),
    Diagnostic(
        "weights",
        "the critic's weights at the end: the share of them in each of 65 bins between a run's largest ±|w|, a line a "
        "seed, logarithmic (as Gulrajani et al. 2017, figure 1b). Clipping: the share exactly at the "
        "bound is named; more are close to it, in the outer bins.",
        "Histograms of weights, a panel a loss.",
        lambda dataset: any(list(weight_shares(dataset, loss)) for loss in dataset.losses),
        weights,
    ),
    Diagnostic(
        "overfitting",
        "what the critic minimises, on data that it was trained on and on held-out data, both against the same fakes "
        "(mean and 95 % t-interval over seeds). A line on training data that falls below the other is a critic that "
        "overfits (Gulrajani et al. 2017, figure 5).",
        "The critic's loss on training and on held-out data over generator steps, a panel a loss.",
        lambda dataset: logged(dataset, CRITIC_LOSS_HELD_OUT),
        overfitting,
    ),
    Diagnostic(
        "transport",
        "the critic's estimate E f(x) - E f(x~) beside the exact earth mover's distance of the samples that are scored "
        "(mean and 95 % t-interval over seeds; each panel its own scale). Only a critic of a Wasserstein loss "
        "with gradient norms of at most 1 estimates that distance, from below; larger norms exceed it, clipped "
        "critics know it up to an unknown factor, and for other losses it is a difference of scores on no common "
        "scale.",
        "The critic's Wasserstein estimate and the exact distance over generator steps, a panel a loss.",
        lambda dataset: logged(dataset, EARTH_MOVER) and logged(dataset, WASSERSTEIN_ESTIMATE),
        transport,
    ),
)
