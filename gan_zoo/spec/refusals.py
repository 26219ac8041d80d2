"""Combinations of a loss and a net that are known not to work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gan_zoo.losses import Loss
from gan_zoo.spec.run import RunSpec
from gan_zoo.validation import KeyPath, SpecError, lookup


@dataclass(frozen=True)
class Refusal:
    """A combination that is known not to work, and where that is said; `insist: [its name]` runs it all the same."""

    applies: Callable[[RunSpec], bool]
    key: KeyPath
    reason: str


REFUSALS: dict[str, Refusal] = {
    "batch-norm-under-penalty": Refusal(
        lambda spec: bool(spec.loss.penalties) and getattr(spec.architecture, "critic_mixes_samples", False),
        ("architecture", "critic_norm"),
        "batch normalisation in the critic cannot go with a gradient penalty, which is per sample "
        "(Gulrajani et al. 2017, section 4): use none or layer",
    ),
    "clip-without-wasserstein": Refusal(
        lambda spec: spec.loss.weight_clip is not None and not needs_lipschitz(spec.loss),
        ("loss", "weight_clip"),
        "weight clipping is there to make a Wasserstein term's critic Lipschitz (Arjovsky et al. 2017, section 3), and "
        "this loss has no such term: leave weight_clip out",
    ),
    "clip-with-penalty": Refusal(
        lambda spec: spec.loss.weight_clip is not None and bool(spec.loss.penalties),
        ("loss", "weight_clip"),
        "a gradient penalty replaces weight clipping (Gulrajani et al. 2017, section 4), and clipped weights keep the "
        "critic from the gradient norms that the penalty asks for: use one of the two",
    ),
    "clip-with-spectral": Refusal(
        lambda spec: spec.loss.weight_clip is not None and _is_spectral(spec),
        ("loss", "weight_clip"),
        "a spectrally normalised weight is W / sigma(W) (Miyato et al. 2018, section 2), so clipping W bounds nothing "
        "and only distorts it: use one of the two",
    ),
    "wasserstein-without-bound": Refusal(
        lambda spec: (
            needs_lipschitz(spec.loss)
            and not (spec.loss.penalties or spec.loss.weight_clip is not None or _is_spectral(spec))
        ),
        ("loss",),
        "a Wasserstein term is bounded only over Lipschitz critics (Arjovsky et al. 2017, eq. 2): this one grows for "
        "ever; add a penalty, weight_clip or critic_norm: spectral",
    ),
}


def needs_lipschitz(loss: Loss) -> bool:
    return bool(getattr(loss.adversarial, "needs_lipschitz", False))


def _is_spectral(spec: RunSpec) -> bool:
    return getattr(spec.architecture, "critic_norm", None) == "spectral"


def insisted(spec: RunSpec, names: Sequence[str], path: KeyPath) -> tuple[str, ...]:
    """Those of `names` that overrule a refusal of `spec`. Raises: SpecError with reason and paper for any other."""
    for i, name in enumerate(names):
        lookup(REFUSALS, name, (*path, "insist", i), "refusal")
    refused = [name for name, refusal in REFUSALS.items() if refusal.applies(spec)]
    for name in refused:
        if name not in names:
            refusal = REFUSALS[name]
            raise SpecError((*path, *refusal.key), f"'{spec.loss_name}': {refusal.reason}, or insist: [{name}]")
    return tuple(refused)
