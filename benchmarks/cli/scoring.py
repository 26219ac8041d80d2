"""The commands about metrics alone: score, fetch-weights, check-metrics, train-extractor, import-extractor."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from benchmarks.cli.options import (
    LARGEST_IMAGE,
    add_data,
    add_device,
    add_plugins,
    data_root,
    folder,
    whole_number,
)

if TYPE_CHECKING:
    from benchmarks.cli.options import Commands

MOST_SAMPLES = 10_000_000


def add_commands(commands: "Commands") -> None:
    score = commands.add_parser("score", help="score images from anywhere by the protocol of sweeps")
    score.add_argument(
        "--images",
        type=folder,
        required=True,
        metavar="DIR|FILE",
        help="a folder of pictures, an .npy or .npz array, or a generator's weights.safetensors",
    )
    score.add_argument("--reference", metavar="NAME|PATH", help="a data set, or a folder or file of real images")
    score.add_argument(
        "--image-size",
        type=whole_number(1, LARGEST_IMAGE),
        metavar="N",
        help="resize the reference to N x N pixels",
    )
    score.add_argument("--metrics", nargs="+", default=[], metavar="NAME", help="(default: the data set's own)")
    score.add_argument(
        "--samples",
        type=whole_number(1, MOST_SAMPLES),
        metavar="N",
        help="how many to score (default: all, or as in the run)",
    )
    score.add_argument(
        "--seed", type=whole_number(0, 2**63 - 1), metavar="N", help="of the latents, or of the choice among images"
    )
    spec_help = "the generator's spec.json, if not beside its weights"
    score.add_argument("--spec", type=folder, metavar="FILE", help=spec_help)
    score.add_argument("--json", action="store_true", help="as JSON")
    add_plugins(score)
    score.set_defaults(command=_score_images)
    fetch = commands.add_parser("fetch-weights", help="put Inception's weights in place, checked by hash")
    fetch.add_argument("--from", type=folder, metavar="FILE", dest="source", help="a copy (default: download, 91 MB)")
    fetch.set_defaults(command=fetch_weights)
    check = commands.add_parser("check-metrics", help="hold the Inception score of CIFAR-10 to its published value")
    check.set_defaults(command=_check_metrics)
    for command in (score, check):
        command.add_argument("--weights", type=folder, metavar="FILE", help="Inception's weights, if not in place")
        add_device(command, "CPU threads")
    for command in (score, fetch, check):
        add_data(command)
    _add_extractors(commands)


def _add_extractors(commands: "Commands") -> None:
    """The commands about the classifiers that images are scored by."""
    train = commands.add_parser("train-extractor", help="train the classifier that images are scored by")
    train.add_argument("name", metavar="NAME|PATH", help="a data set, or images with classes in a folder or file")
    train.add_argument(
        "--image-size", type=whole_number(1, LARGEST_IMAGE), metavar="N", help="resize the images to N x N pixels"
    )
    out_help = "write weights and card there, as the package brings them, and keep nothing"
    train.add_argument("--out", type=folder, metavar="DIR", help=out_help)
    train.set_defaults(command=_train_extractor)
    bring = commands.add_parser("import-extractor", help="score a data set by a classifier that someone else trained")
    bring.add_argument("file", type=folder, metavar="FILE|EXPORT", help="its file, or an export that it came with")
    bring.set_defaults(command=_import_extractor)
    for command in (train, bring):
        add_data(command)


def _score_images(options: argparse.Namespace) -> int:
    from benchmarks.tools.score import Request, as_text, score

    asked = {name: value for name, value in vars(options).items() if name not in ("command", "json", "data", "plugins")}
    result = score(Request(**{**asked, "metrics": tuple(options.metrics), "root": data_root(options)}))
    for note in result["notes"]:
        print(f"gan-zoo: {note}", file=sys.stderr)
    print(json.dumps(result, indent=2, ensure_ascii=False) if options.json else as_text(result))
    return 0


def fetch_weights(options: argparse.Namespace) -> int:
    from benchmarks.tools.score import fetch

    print(fetch(data_root(options), options.source))
    return 0


def _check_metrics(options: argparse.Namespace) -> int:
    from benchmarks.tools.score import check

    line, agrees = check(data_root(options), options.weights, options.device, options.threads)
    print(line)
    return 0 if agrees else 1


def _train_extractor(options: argparse.Namespace) -> int:
    from benchmarks.tools.extractors import train

    line, agrees = train(options.name, data_root(options), options.image_size, options.out)
    print(line)
    return 0 if agrees else 1


def _import_extractor(options: argparse.Namespace) -> int:
    from benchmarks.tools.extractors import bring

    print(*bring(options.file, data_root(options)), sep="\n")
    return 0
