"""Inception score: exp E_x KL(p(y|x) || p(y)), mean over 10 parts (Salimans et al. 2016, arXiv 1606.03498)."""

from gan_zoo.metrics.features import Features
from gan_zoo.metrics.measure import ImageMeasure

PARTS = 10


def inception_scores(generated: Features) -> dict[str, float]:
    """torch-fidelity's."""
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    return {"is": isc_features_to_metric(generated.logits.cpu(), splits=PARTS)[KEY_METRIC_ISC_MEAN]}


METRICS = {
    "is": ImageMeasure(
        "max",
        "IS",
        f"Inception score, {PARTS} parts",
        inception_scores,
        lowest=1.0,
        highest=float,
        fewest=PARTS,
        fewest_real=0,
        default=True,
    )
}
