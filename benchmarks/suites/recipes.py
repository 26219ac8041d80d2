"""Recipes: training settings of papers, of their codes where those differ, and of common tutorials, under names.

A suite asks for one by `train: {recipe: gulrajani2017/toy}`. What the suite itself says of `train` and `architecture`
wins, then what the recipe says of single losses, then what it says of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.suites.settings import under
from gan_zoo.validation import lookup


@dataclass(frozen=True)
class Recipe:
    """`train` and `architecture` as in a suite, `losses` as in its overrides, with the losses that the recipe is for;
    `source` tells where it stands, `note` what of that is not in it.
    """

    source: str
    train: Mapping[str, Any]
    architecture: Mapping[str, Any]
    losses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    note: str = ""


def adam(lr: float, beta1: float, beta2: float) -> dict[str, Any]:
    return {"name": "adam", "lr": lr, "betas": [beta1, beta2]}


def rmsprop(lr: float, alpha: float) -> dict[str, Any]:
    return {"name": "rmsprop", "lr": lr, "alpha": alpha}


def settings(steps: int, batch_size: int, n_critic: int, optimizer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"steps": steps, "batch_size": batch_size, "n_critic": n_critic, "optimizer": optimizer, **more}


TOY_NET = {"name": "mlp", "z_dim": 2, "width": 512, "depth": 3}
TENSORFLOW_CLIP = {"train": {"optimizer": rmsprop(5e-5, 0.9)}}
DCGAN_LOSS = {"train": {"optimizer": adam(2e-4, 0.5, 0.999), "n_critic": 1}}
BATCH_NORM = {"architecture": {"critic_norm": "batch"}}
LSUN_LOSSES = {
    "wgan-gp": {},
    "wgan-clip": {**TENSORFLOW_CLIP, **BATCH_NORM},
    "non-saturating": {**DCGAN_LOSS, **BATCH_NORM},
    "lsgan": {"train": {"optimizer": rmsprop(1e-4, 0.9), "n_critic": 1}, **BATCH_NORM},
}
HALVED = "its DCGAN halves the critic's loss, which Adam all but cancels"
RMSPROP = "RMSProp is torch's, which starts at a mean square of 0, not 1, and adds 1e-8 to its root, not 1e-10 in it"
PIXELS = "a pixel is x/127.5 - 1 here, and 2 (x/256 - 1/2) + U[0, 1/128) in theirs"
TENSORFLOW_RMSPROP = f"clipping's {RMSPROP}"
PADDING = "convolutions are padded alike on all sides, theirs by one more at right and bottom"
LSUN_NOTE = f"first weights are normal, theirs uniform of the same deviation; {TENSORFLOW_RMSPROP}"

RECIPES: dict[str, Recipe] = {
    "gulrajani2017/toy": Recipe(
        "Gulrajani et al. 2017, algorithm 1, for figure 1 (text)",
        settings(100_000, 256, 5, adam(1e-4, 0.0, 0.9)),
        TOY_NET,
        {"wgan-gp": {}, "wgan-clip": TENSORFLOW_CLIP},
        "batch, steps and clipping's optimiser are their code's: the text has none; in the figure the fakes are fixed, "
        f"data and noise, which is train: {{fakes: noisy}}; {TENSORFLOW_RMSPROP}",
    ),
    "gulrajani2017/toy-code": Recipe(
        "igul222/improved_wgan_training, gan_toy.py: lambda 0.1 and beta1 0.5 against the text's 10 and 0",
        settings(100_000, 256, 5, adam(1e-4, 0.5, 0.9)),
        TOY_NET,
        {"wgan-gp": {"loss": {"weight": 0.1}}, "wgan-clip": TENSORFLOW_CLIP},
        TENSORFLOW_RMSPROP,
    ),
    "gulrajani2017/mnist": Recipe(
        "igul222/improved_wgan_training, gan_mnist.py",
        settings(200_000, 50, 5, adam(1e-4, 0.5, 0.9)),
        {"name": "dcgan", "z_dim": 128, "dim": 64},
        {
            "wgan-gp": {},
            "wgan-clip": {**TENSORFLOW_CLIP, "architecture": {"generator_norm": "batch", "critic_norm": "batch"}},
            "non-saturating": DCGAN_LOSS,
        },
        f"{HALVED}; its images are in [0, 1], 50,000 of them, so that its slope 1 is a slope of 1/2 here; {PADDING}; "
        f"{TENSORFLOW_RMSPROP}",
    ),
    "gulrajani2017/cifar10-figure3": Recipe(
        "Gulrajani et al. 2017, figure 3, with gan_cifar.py of their code",
        settings(200_000, 64, 5, adam(1e-4, 0.5, 0.9)),
        {"name": "dcgan", "z_dim": 128, "dim": 128, "generator_norm": "batch"},
        {
            "wgan-gp": {},
            "wgan-clip": {**TENSORFLOW_CLIP, **BATCH_NORM},
            "non-saturating": {**DCGAN_LOSS, **BATCH_NORM},
        },
        f"{HALVED}; {PADDING}; {TENSORFLOW_RMSPROP}",
    ),
    "gulrajani2017/cifar10-resnet": Recipe(
        "Gulrajani et al. 2017, appendix F and table 3",
        settings(100_000, 64, 5, adam(2e-4, 0.0, 0.9), lr_decay="linear"),
        {"name": "resnet", "z_dim": 128, "dim": 128},
        {"wgan-gp": {}},
        f"their code's generator steps see 128 samples, here 64; {PIXELS}",
    ),
    "gulrajani2017/lsun": Recipe(
        "Gulrajani et al. 2017, figure 2 (text)",
        settings(200_000, 64, 5, adam(1e-4, 0.5, 0.9)),
        {"name": "figure2-baseline"},
        LSUN_LOSSES,
        f"other nets of the figure by architecture: {{name: figure2-...}}; {LSUN_NOTE}",
    ),
    "gulrajani2017/lsun-code": Recipe(
        "igul222/improved_wgan_training, gan_64x64.py: beta1 0 against the text's 0.5",
        settings(200_000, 64, 5, adam(1e-4, 0.0, 0.9)),
        {"name": "figure2-baseline"},
        LSUN_LOSSES,
        LSUN_NOTE,
    ),
    "arjovsky2017": Recipe(
        "Arjovsky et al. 2017, algorithm 1: RMSProp 5e-5, c 0.01, n_critic 5, batch 64",
        settings(200_000, 64, 5, rmsprop(5e-5, 0.99)),
        {"name": "dcgan", "z_dim": 100, "dim": 64, "generator_norm": "batch", "init": "normal"},
        {"wgan-clip": BATCH_NORM},
        "their code takes 100 critic steps in each of the first 25 generator steps and in every 500th; the number of "
        "steps is ours",
    ),
    "mescheder2018": Recipe(
        "LMescheder/GAN_stability, configs/default.yaml: RMSProp 1e-4, gamma 10, batch 64",
        settings(100_000, 64, 1, rmsprop(1e-4, 0.99)),
        {"name": "resnet"},
        {"r1": {"loss": {"gamma": 20.0}}},
        "their code has no 1/2 before gamma, so that its 10 is 20 in the paper's penalty; nets and number of steps are "
        "ours; their samples come from an average of weights (0.999)",
    ),
    "miyato2018/cifar10-resnet": Recipe(
        "pfnet-research/sngan_projection, configs/sn_cifar10_unconditional.yml",
        settings(50_000, 64, 5, adam(2e-4, 0.0, 0.9), lr_decay="linear"),
        {"name": "resnet", "z_dim": 128, "dim": 128},
        {"sngan": {}},
        "their generator is 256 channels wide, and its steps see 128 samples; the critic's last layer sees a sum over "
        f"pixels, here a mean; {PIXELS}",
    ),
    "petzka2018/toy": Recipe(
        "mikigom/WGAN-LP-tensorflow: RMSProp 5e-5, batch 256, 10 critic steps, lambda in {1, 5, 10, 100}",
        settings(20_000, 256, 10, rmsprop(5e-5, 0.9)),
        {**TOY_NET, "activation": "leaky_relu"},
        {name: {"loss": {"weight": 5.0}} for name in ("wgan-gp", "wgan-lp")},
        "lambda 5 of the four; their first weights are Glorot's, and each of the first 25 generator steps follows 100 "
        f"critic steps; {RMSPROP}",
    ),
    "tutorial/mlp-mnist": Recipe(
        "common tutorial settings for WGAN-GP on MNIST: Adam 1e-4 (0.5, 0.999), lambda 10, batch 64, MLP 100-256-784",
        settings(50_000, 64, 5, adam(1e-4, 0.5, 0.999)),
        {"name": "mlp", "z_dim": 100, "width": 256, "depth": 1, "critic_activation": "leaky_relu"},
        {"wgan-gp": {}},
        note="the number of steps is ours",
    ),
    "tutorial/8gaussians": Recipe(
        "tutorial settings for WGAN-GP on 8 Gaussians: Adam 5e-6 (0.5, 0.9), lambda 0.2, 20 critic steps, batch 512",
        settings(100_000, 512, 20, adam(5e-6, 0.5, 0.9)),
        {"name": "mlp", "z_dim": 2, "width": 400, "depth": 3},
        {"wgan-gp": {"loss": {"weight": 0.2}}},
        "the number of steps is ours",
    ),
}


def with_recipe(content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """A suite's content upon its recipe's, the recipe's overrides by loss, and the recipe's name, source and note.

    Raises: SpecError for an unknown recipe.
    """
    train = content.get("train")
    if not isinstance(train, Mapping) or "recipe" not in train:
        return dict(content), {}, {}
    recipe = lookup(RECIPES, train["recipe"], ("train", "recipe"), "recipe")
    own = {key: value for key, value in train.items() if key != "recipe"}
    given: dict[str, Any] = {"train": own}
    architecture = content.get("architecture")
    if isinstance(architecture, str):
        architecture = {"name": architecture}
    if isinstance(architecture, Mapping):
        given["architecture"] = architecture
    elif architecture is not None:
        return {**content, "train": own}, {}, {}  # which whoever checks it will refuse
    merged = under({"train": recipe.train, "architecture": recipe.architecture}, given)
    same_net = merged["architecture"].get("name") == recipe.architecture["name"]
    by_loss: dict[str, Any] = {}
    for name, override in recipe.losses.items():
        if not override:
            continue
        by_loss[name] = dict(override)
        if "train" in override:
            by_loss[name]["train"] = under(override["train"], own)
        if not same_net:  # what a recipe says of its own net says nothing of another
            by_loss[name].pop("architecture", None)
    return {**content, **merged}, by_loss, {"name": train["recipe"], "source": recipe.source, "note": recipe.note}
