"""A record as a sweep would leave it, without a sweep, and a reader of pages."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd

from benchmarks.markup.blocks import Table
from benchmarks.markup.latex import latex
from benchmarks.markup.markdown import markdown
from benchmarks.markup.page import page
from benchmarks.record.export import RUN_COLUMNS, Record
from benchmarks.report.document import document
from benchmarks.report.figures.style import colour
from benchmarks.report.results import Results

LOSSES = ["minimax", "non-saturating", "wgan-clip", "wgan-gp", "wgan-lp", "wgan-gp-hinge"]
POINTS = {"emd": ("min", "Earth mover's distance"), "modes_covered": ("max", "Modes covered")}
IMAGES = {"fid_digits": ("min", "FID (digits)"), "is_digits": ("max", "IS (digits)")}


def synthetic(losses=LOSSES, datasets=("8gaussians", "digits"), seeds=5, steps=2000, failing=("minimax",)) -> Record:
    """A record as a sweep would leave it: odd data sets are images; the failing losses diverge on seeds 0 and 3."""
    rng = np.random.default_rng(7)
    runs, metrics, samples = [], [], {}
    for position, dataset in enumerate(datasets):
        points = position % 2 == 0
        samples[f"data/{dataset}"] = _samples(rng, points, 1.0)
        for rank, loss in enumerate(losses):
            for seed in range(seeds):
                key = f"{position:02d}{rank:02d}{seed:04d}"
                failed = loss in failing and seed % 3 == 0
                step = 700 if failed else steps
                runs.append(_run(key, loss, dataset, seed, step, steps, failed))
                metrics += _logged(rng, key, rank, points, step)
                if not failed:
                    samples[f"{key}/samples"] = _samples(rng, points, 1 + 0.3 * rank)
                    if points:
                        samples[f"{key}/critic"] = _critic(rank)
    frame = pd.DataFrame(metrics, columns=["run_key", "step", "name", "value"])
    return Record(_meta(losses, datasets, seeds, steps), pd.DataFrame(runs), frame, samples)


def _run(key, loss, dataset, seed, step, steps, failed):
    return dict.fromkeys(RUN_COLUMNS, "") | {
        "run_key": key,
        "loss": loss,
        "dataset": dataset,
        "architecture": "mlp 2-128-128-128",
        "seed": seed,
        "status": "diverged" if failed else "done",
        "error": f"the critic's loss is not finite at step {step}" if failed else "",
        "step": step,
        "steps": steps,
        "n_critic": 5 if loss.startswith("wgan") else 1,
        "batch_size": 64,
        "optimizer": "Adam 1e-4 (0.5, 0.9)",
        "parameters_generator": 33_666,
        "parameters_critic": 33_537,
        "train_seconds": 0.004 * step * (1 + 0.01 * seed),
        "images_seen": step * 64 * (5 if loss.startswith("wgan") else 1),
        "iterations_per_second": 250.0 / (1 + 0.01 * seed),
        "timing_comparable": True,
        "device": "cpu",
        "threads": 1,
        "engine": "plain",
        "commit": "0123456789abcdef",
        "dirty": False,
        "mlflow_run_id": f"run{key}",
    }


def _logged(rng, key, rank, points, last):
    rows = []
    seed_effect = rng.normal(0, 0.08)
    for step in range(100, last + 1, 100):
        decay = 1 + 8 * np.exp(-step / 400)
        noise = np.exp(seed_effect + rng.normal(0, 0.05))
        if points:
            scores = {"emd": 0.05 * (1 + 0.4 * rank) * decay * noise, "modes_covered": max(0, 8 - rank - (step < 500))}
        else:
            scores = {"fid_digits": (4 + 3 * rank) * decay * noise, "is_digits": 9 / (decay**0.3 * noise)}
        terms = {
            "critic/wasserstein_estimate": (2 - 0.1 * rank) / decay + rng.normal(0, 0.02),
            "critic/penalty": 0.1 * decay * noise,
            "critic/grad_norm": 1 + rng.normal(0, 0.05) * (rank + 1),
            "generator/adversarial": -1 / decay + rng.normal(0, 0.05),
            "train_seconds": 0.004 * step,
            "iterations_per_second": 250.0,
        }
        rows += [(key, step, name, float(value)) for name, value in {**scores, **terms}.items()]
    return rows


def _samples(rng, points, spread):
    if points:
        angles = np.pi / 4 * rng.integers(8, size=1000)
        centres = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], 1)
        return (centres + rng.normal(0, 0.03 * spread, (1000, 2))).astype(np.float32)
    y, x = np.mgrid[-1:1:8j, -1:1:8j]
    radius = rng.uniform(0.4, 0.9, (64, 1, 1, 1))
    rings = 255 * np.exp(-20 * (np.hypot(x, y) - radius) ** 2) + rng.normal(0, 10 * spread, (64, 1, 8, 8))
    return np.clip(rings, 0, 255).astype(np.uint8)


def _critic(rank):
    y, x = np.mgrid[-3:3:128j, -3:3:128j]
    return (np.cos((1 + 0.2 * rank) * x) + np.sin(y + rank)).astype(np.float32)


def _meta(losses, datasets, seeds, steps):
    of = {dataset: (POINTS, IMAGES)[position % 2] for position, dataset in enumerate(datasets)}
    described = {
        name: {"direction": d, "label": label, "protocol": f"n = 1000, {name}", "lowest": 0, "highest": None}
        for metrics in of.values()
        for name, (d, label) in metrics.items()
    }
    return {
        "suite": "synthetic",
        "description": "A made-up sweep.",
        "commands": ["gan-zoo run synthetic", "gan-zoo report synthetic"],
        "losses": list(losses),
        "datasets": list(datasets),
        "seeds": list(range(seeds)),
        "steps": dict.fromkeys(datasets, steps),
        "primary": {dataset: next(iter(metrics)) for dataset, metrics in of.items()},
        "metrics": described,
        "overrides": {"wgan-clip": {"train": {"optimizer": "rmsprop", "lr": 5e-5}}},
        "loss_info": {
            loss: {
                "formula_critic": "E f(x~) - E f(x)",
                "formula_generator": "-E f(x~)",
                "paper": "A paper, 2017, eq. 3",
            }
            for loss in losses
        },
        "environment": {
            "python": "3.12",
            "torch": "2.13",
            "device": "cpu",
            "commit": "0123456789abcdef",
            "dirty": False,
        },
        "report": {"baseline": "wgan-gp"} if "wgan-gp" in losses else {},
    }


HOSTILE = ["<script>alert(1)</script>", r"a_{}&%$#^~\|`*[x](y)", "x" * 300, "naïve λ 損失"]
FEW = ["minimax", "wgan-gp", "wgan-lp"]


def texts(record: Record, choice=None) -> tuple[str, str, str]:
    """Markdown, HTML and LaTeX of a record, without its figures."""
    results = Results(record, choice)
    blocks = document(results, [])
    tables = [block for block in blocks if isinstance(block, Table) and block.paper]
    return markdown("title", blocks), page("title", blocks, None, colour), latex(tables, "suite")


class Page(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


def executed(page: Page) -> int:
    """How many scripts of a page are programs, not numbers."""
    return page.tags.count("script") - sum((tag, name) == ("script", "type") for tag, name, _ in page.attributes)
