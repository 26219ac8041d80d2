"""Scores of generated samples. A metric's name says what it measures; its protocol says with what."""

from gan_zoo.metrics.evaluator import Evaluator, default_metrics, metric_names
from gan_zoo.metrics.inception import WEIGHTS_FILE, fetch_weights
from gan_zoo.metrics.metric import Metric
from gan_zoo.metrics.on_critics import CriticEvaluator

AnyEvaluator = Evaluator | CriticEvaluator
"""What scores the samples of a generator, or a critic that trains alone."""

__all__ = [
    "WEIGHTS_FILE",
    "AnyEvaluator",
    "CriticEvaluator",
    "Evaluator",
    "Metric",
    "default_metrics",
    "fetch_weights",
    "metric_names",
]
