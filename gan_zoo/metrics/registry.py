"""The registry of metrics. A file of metrics is a module with `METRICS`, a measure per name, beside its formulas.

A new metric is one such file in this folder and its name in FAMILIES; from outside the package it comes by `--plugin`
or an entry point, see `gan_zoo.registry`.
"""

from collections.abc import Mapping
from typing import Any

from gan_zoo.metrics.measure import CriticMeasure, ImageMeasure, PointMeasure
from gan_zoo.registry import Registry, from_families

FAMILIES = (  # in the order of the reports
    "transport",
    "modes",
    "cross_entropy",
    "frechet",
    "inception_score",
    "classes",
    "kernel",
    "neighbours",
    "critics",
)
Measure = PointMeasure | ImageMeasure | CriticMeasure


def complaint(known: Mapping[str, Any], name: str, measure: Any) -> str:
    """Says what is wrong with a new metric; "" where nothing is."""
    if not isinstance(measure, Measure):
        return "expected a PointMeasure, an ImageMeasure or a CriticMeasure of gan_zoo.metrics.measure"
    return ""


METRICS: Registry[Measure] = Registry(
    "METRICS", "metric", from_families("gan_zoo.metrics", FAMILIES, "METRICS"), complaint
)


def point_measures() -> dict[str, PointMeasure]:
    return {name: measure for name, measure in METRICS.items() if isinstance(measure, PointMeasure)}


def image_measures() -> dict[str, ImageMeasure]:
    return {name: measure for name, measure in METRICS.items() if isinstance(measure, ImageMeasure)}


def critic_measures() -> dict[str, CriticMeasure]:
    return {name: measure for name, measure in METRICS.items() if isinstance(measure, CriticMeasure)}
