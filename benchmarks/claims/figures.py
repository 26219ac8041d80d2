"""The figures of claims whose papers argue with one, drawn from the runs that settle them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.claims.verdicts import Judgement
from benchmarks.markup.blocks import Figure
from benchmarks.record.vocabulary import EARTH_MOVER, GRADIENT_NORM, TRAIN_SECONDS, WASSERSTEIN_ESTIMATE
from benchmarks.report.figures import papers
from benchmarks.report.figures.curves import score_curves
from benchmarks.report.figures.plan import WITHOUT_VECTORS, Drawing
from benchmarks.report.figures.style import FORMS


@dataclass(frozen=True)
class Picture:
    """What the figure of a claim shows, the same for who cannot see it, the function of the results on its data set and
    a width in inches that draws it, the quantities that it draws over the whole of a run, and whether it draws samples
    and critics of `shown_runs`."""

    caption: str
    alt: str
    draw: Callable[..., Any]
    curves: tuple[str, ...] = ()
    samples: bool = False


def drawings(judgements: Sequence[Judgement]) -> list[Drawing]:
    """The figures of those claims that were run and have one, each under its claim's name."""
    found = []
    for judgement in judgements:
        name, results = judgement.claim.name, judgement.results
        if results is not None and name in PICTURES:
            picture = PICTURES[name]
            block = Figure(name, picture.caption, picture.alt)
            endings = WITHOUT_VECTORS if picture.samples else FORMS
            found.append(Drawing(block, None, partial(picture.draw, results.each_dataset[0]), endings=endings))
    return found


PICTURES = {
    "centres-are-nearer": Picture(
        "The exact Wasserstein distance on pixels from a batch of real images to another batch of as many, to the "
        "centres of as many clusters of the rest, and to the mean image, over the size of a batch: geometric means "
        "with 95 % intervals over repeats.",
        "Three lines a data set: that of the centres lies below that of another batch, and the mean image's is level.",
        papers.distances_of_batches,
    ),
    "clip-gradients-by-layer": Picture(
        "Figure 1b of Gulrajani et al. 2017 from our runs: the critic's gradient by the output of each hidden layer, "
        "geometric means with 95 % intervals over seeds. A line ends where norms read 0.",
        "Lines over twelve layers: level under the penalty, rising or falling by decades under clipping.",
        papers.layers,
    ),
    "clipped-critics-are-too-simple": Picture(
        "Figure 1a of Gulrajani et al. 2017 from our runs: the critic's scores after its training, in twelve bands "
        "(grey, darker is more real), under data (small, black) and fixed fakes (colour), which are data plus noise. "
        "The first seed, not chosen by its result.",
        "Two panels: under clipping the bands are boxes about the whole of the data, under the penalty they bend "
        "towards each mode.",
        papers.surfaces,
        samples=True,
    ),
    "dirac-gan": Picture(
        "Trajectories of the Dirac-GAN, as Mescheder et al. 2018 draw them: the ways of three starts from step 4 "
        "(circles), every fourth of 500 steps; dots are where 20 starts end, and the cross is the equilibrium. Of a "
        "state and its mirror image through the cross, which the losses do not tell apart, one is drawn.",
        "Lines in the plane of fake and slope, a panel a loss, that circle about the equilibrium: under R1 alone lines "
        "and dots end there.",
        papers.trajectories,
        (EARTH_MOVER, GRADIENT_NORM, WASSERSTEIN_ESTIMATE),
    ),
    "penalty-weight-lp": Picture(
        "The distance from the data at the end against the weight of the penalty, geometric means with 95 % intervals "
        "over seeds.",
        "A line for each of the two penalties over their weights.",
        papers.sensitivity,
    ),
    "penalty-wins-by-steps": Picture(
        "Figure 3 of Gulrajani et al. 2017 from our runs: the FID against generator steps, real images that the critic "
        "saw, and seconds, means with 95 % intervals over seeds.",
        "Four curves in each of three panels: the gradient penalty with Adam and with RMSProp, weight clipping, DCGAN.",
        score_curves,
        ("fid_fashion-mnist_10k_train", TRAIN_SECONDS),
    ),
}
