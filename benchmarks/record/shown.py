"""The names of metrics in MLflow, where they decide what its pages show first, and back.

A run's page has a section for what comes before a name's last slash, in alphabetical order, then all names without a
slash; a chart is titled by what comes after it. So the record has there

    primary score/<metric>              the score that reports call primary
    samples/last, samples/over training a picture of samples at the end, and one at each evaluation
    scores/<metric>                     all other scores
    scores of other latents/...         those of final weights, drawn again
    training/critic/<term>, ...         what a player logged, and diagnostics
    validation/<metric>_validation      the score on the validation split, which must not be taken for the reported one

and all other names as `benchmarks.record.vocabulary` has them. Records of before have those alone: both are read.
"""

from benchmarks.record.vocabulary import CLOCKS, DIAGNOSTICS, PLAYERS, REDRAWN, VALIDATION, is_score

PRIMARY, SCORES, OF_OTHER_LATENTS = "primary score/", "scores/", "scores of other latents/"
TRAINING = "training/"
SAMPLES = "samples/"
PICTURES = {"last": f"{SAMPLES}last", "samples": f"{SAMPLES}over training"}
"""The pictures of a record by their keys in MLflow. The last one is there at step 0, for losses whose steps differ."""
VALIDATED, AS_VALIDATED = "validation/", "_validation"


def shown(name: str, primary: str = "") -> str:
    """The name in MLflow of a metric of the record; `primary`: the score that reports call primary."""
    if name.startswith(VALIDATION):
        return f"{VALIDATED}{name.removeprefix(VALIDATION)}{AS_VALIDATED}"
    if name.startswith(REDRAWN):
        return f"{OF_OTHER_LATENTS}{name.removeprefix(REDRAWN)}"
    if name.startswith((*PLAYERS, DIAGNOSTICS)):
        return f"{TRAINING}{name}"
    if is_score(name) and name not in CLOCKS:
        return f"{PRIMARY if name == primary else SCORES}{name}"
    return name


def told(name: str) -> str:
    """The name in the record of a metric in MLflow, of today or of before."""
    if name.startswith(VALIDATED):
        return f"{VALIDATION}{name.removeprefix(VALIDATED).removesuffix(AS_VALIDATED)}"
    if name.startswith(OF_OTHER_LATENTS):
        return f"{REDRAWN}{name.removeprefix(OF_OTHER_LATENTS)}"
    for section in (TRAINING, PRIMARY, SCORES):
        if name.startswith(section):
            return name.removeprefix(section)
    return name
