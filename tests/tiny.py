"""A suite of two tiny cells, for tests of interruptions and faults, and what a sweep of it leaves behind."""

from pathlib import Path
from typing import Any

from benchmarks.record.store import Store
from benchmarks.suites.suite import Suite, load_suite

SUITE = """\
name: tiny
losses: [wgan-gp]
datasets: [8gaussians]
seeds: 2
architecture: {{name: mlp, width: 4, depth: 1}}
train: {{steps: {steps}, batch_size: 4, n_critic: 1, optimizer: {{name: adam, lr: 1e-3}}}}
evaluate: {{every: {every}, samples: 20, metrics: [emd]}}
"""
CLOCKS = r".*_seconds|iterations_per_second"


def tiny_suite(folder: Path, steps: int, every: int) -> Suite:
    """The suite, from a file in `folder`."""
    (folder / "tiny.yaml").write_text(SUITE.format(steps=steps, every=every))
    return load_suite(str(folder / "tiny.yaml"))


def result(store: Store) -> dict[str, Any]:
    """Weights and all metrics but the clocks, of as many runs as there are cells; the steps that have pictures."""
    record = store.record("tiny")
    runs = store._client.search_runs([store.experiment("tiny")], "tags.kind = 'cell'")
    assert len(runs) == len(record.runs) == 2
    kept = record.metrics[~record.metrics.name.str.fullmatch(CLOCKS)]
    pictures = [store._client.list_artifacts(run.info.run_id, "images") for run in runs]
    steps = [{entry.path.split("+")[2] for entry in found if entry.path.endswith(".png")} for found in pictures]
    return {"weights": record.runs.weights_hash.tolist(), "metrics": kept.values.tolist(), "pictures": steps}
