"""RunSpec: everything that one run is, frozen, with one canonical JSON form both ways and a key by which it is known.

Two specs with the same key give the same weights on the same kind of device, of the same data, in the same numerics
and by the same SCIENCE_VERSION. What does not change the numbers (engine, number of workers, where a data set lies on
disk) is not part of a spec.
"""

from gan_zoo.optimizers import Adam, RMSprop
from gan_zoo.spec.parts import DatasetSpec, EvaluateSpec, Seed, TrainSpec
from gan_zoo.spec.reading import run_spec, spec_of_loss
from gan_zoo.spec.refusals import REFUSALS
from gan_zoo.spec.run import SCIENCE_VERSION, RunSpec

__all__ = [
    "REFUSALS",
    "SCIENCE_VERSION",
    "Adam",
    "DatasetSpec",
    "EvaluateSpec",
    "RMSprop",
    "RunSpec",
    "Seed",
    "TrainSpec",
    "run_spec",
    "spec_of_loss",
]
