"""Saved views, which MLflow's pages offer in a menu and open by a link: scores, runs and samples of a data set, times.

MLflow keeps each as a tag of the experiment, `mlflow.sharedViewState.<id>`: JSON with a name, two times and the state
of the page, which is JSON compressed by zlib in base64. The keys of a state are those of MLflow's own source
(`ExperimentPageUIState`, `ExperimentPageSearchFacetsState`, `RunsChartsCardConfig`).
"""

import base64
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.record.shown import PICTURES, SAMPLES, SCORES, shown

TAG = "mlflow.sharedViewState."
TRAINING_RUNS = "workflowType=machine_learning"
"""In an address: pages for training runs, not those for chat models."""
OF = ": "
"""In the name of a view, between its data set and what it shows of it."""
OURS = "gan-zoo-"
"""The beginning of the ids of our views: those that people save themselves are left alone."""
CURRENT = "in_latest_sweep"
"""The tag of the run of a cell or a timing, true or false; a record also keeps those of sweeps before the latest."""
ORDER = ("scores", "samples", "runs", "timing", "sweeps")
PAGE = 100
"""Runs that MLflow's page loads at a time."""
FOLDED = (
    *("training/critic", "training/generator", "training/diagnostics/layer_grad_norm"),
    *(f"training/diagnostics/grad_norm_{where}" for where in ("real", "between", "fake")),
    *("validation", "Model metrics", "System metrics"),
)
"""Sections of charts that stand folded after the scores; the last two are MLflow's own."""
PICTURES_HEIGHT = 640  # pixels
COLUMN_WIDTH = 6, 60, 120
"""Pixels of a column of a table: for each letter of its name, besides, and at least."""
PACE = "seconds_per_iteration"
TABLES = (f"{OURS}runs-", f"{OURS}sweeps")
"""The beginnings of the ids of views that are tables; all others are charts."""


def address(experiment: str, view: str) -> str:
    """The address of a view by its id, from that of MLflow's server on; it says whether table or charts are shown, for
    a saved state does not."""
    mode = "TABLE" if view.startswith(TABLES) else "CHART"
    return f"#/experiments/{experiment}/runs?viewStateShareKey={view}&compareRunsMode={mode}&{TRAINING_RUNS}"


@dataclass(frozen=True)
class View:
    """One saved view."""

    id: str
    name: str
    state: Mapping[str, Any]

    def tag(self, now: int) -> str:
        """The value of its tag; `now`: milliseconds."""
        packed = base64.b64encode(zlib.compress(json.dumps(self.state).encode())).decode()
        return json.dumps({"name": self.name, "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"})


def saved(tags: Mapping[str, str]) -> list[View]:
    """Our views among the tags of an experiment: those of data sets by name, then all others."""
    found = []
    for tag, value in tags.items():
        if tag.startswith(f"{TAG}{OURS}"):
            content = json.loads(value)
            state = zlib.decompress(base64.b64decode(content["state"].removeprefix("deflate;")))
            found.append(View(tag.removeprefix(TAG), content["name"], json.loads(state)))
    return sorted(found, key=_place)


def _place(view: View) -> tuple[bool, str, int]:
    """Where a view comes in a list: by data set, and there scores first."""
    dataset, of, _ = view.name.partition(OF)
    return not of, dataset if of else "", next(i for i, what in enumerate(ORDER) if view.id.startswith(f"{OURS}{what}"))


def views_of(meta: Mapping[str, Any], cells: Iterable[Mapping[str, Any]]) -> list[View]:
    """The views of a sweep: three for each data set, one of times, one of all sweeps. `meta` and `cells` as a record
    has them."""
    cells = list(cells)
    found: list[View] = []
    for dataset in meta.get("datasets", ()):
        own = [cell for cell in cells if cell.get("dataset") == dataset]
        found += _views_of_dataset(dataset, meta, own)
    return [*found, _timing(), _sweeps()]


def view_id(what: str, dataset: str) -> str:
    """The id of a data set's view; `what`: scores, runs or samples."""
    return f"{OURS}{what}-{re.sub(r'[^A-Za-z0-9_.-]', '_', dataset)}"


def _views_of_dataset(dataset: str, meta: Mapping[str, Any], cells: list[Mapping[str, Any]]) -> list[View]:
    primary = meta["primary"][dataset]
    metrics = [primary, *(name for name in meta.get("floor", {}).get(dataset, {}) if name != primary)]
    names = [shown(name, primary) for name in metrics]
    columns = [f"metrics.`{name}`" for name in names]
    filter_ = f"tags.kind = 'cell' and tags.{CURRENT} = 'true' and tags.dataset = {_quoted(dataset)}"
    ascending = meta["metrics"][primary].get("direction", "min") == "min"
    order: dict[str, Any] = {"orderByKey": columns[0], "orderByAsc": ascending}
    many = len(cells) > PAGE
    part = f"{PAGE} of {len(cells)} runs; Load more"
    seed = min((int(cell["seed"]) for cell in cells if "seed" in cell), default=0)
    last = max((int(cell["steps"]) for cell in cells if "steps" in cell), default=0)
    return [
        View(
            view_id("scores", dataset),
            f"{dataset}{OF}scores by loss" + (f" ({part})" if many else ""),
            # means over the best runs alone would flatter: of many the latest are loaded
            _state(filter_, [*columns, "tags.`loss`"], _score_charts(names), group="loss", **({} if many else order)),
        ),
        View(
            view_id("samples", dataset),
            f"{dataset}{OF}samples of seed {seed}",
            _state(f"{filter_} and tags.seed = '{seed}'", columns[:1], _sample_charts(last, names[0]), **order),
        ),
        View(
            view_id("runs", dataset),
            f"{dataset}{OF}runs by {primary}" + (f" (the best {part})" if many else ""),
            _state(filter_, [*columns, "tags.`loss`", "tags.`seed`", "tags.`status`", "tags.`step`"], **order),
        ),
    ]


def _timing() -> View:
    charts = [_chart("BAR", PACE, "Model metrics")]
    sections = [_section("Model metrics", columns=1), _folded("round"), _folded("System metrics")]
    columns = [f"metrics.`{name}`" for name in (PACE, "seconds_q25", "seconds_q75")]
    columns += [f"tags.`{name}`" for name in ("dataset", "loss", "device", "engine", "numerics", "threads")]
    order: dict[str, Any] = {"orderByKey": columns[0], "orderByAsc": True}
    filter_ = f"tags.kind = 'timing' and tags.{CURRENT} = 'true' and tags.status = 'done'"
    return View(f"{OURS}timing", "Timing by loss", _state(filter_, columns, (charts, sections), **order))


def _sweeps() -> View:
    columns = [f"params.`{name}`" for name in ("losses", "datasets", "seeds")]
    columns += ["attributes.`Duration`", "tags.`status`", "tags.`commit`"]
    return View(f"{OURS}sweeps", "All sweeps", _state("tags.kind = 'sweep'", columns))


Charts = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Charts, and the sections that they stand in."""


def _score_charts(names: list[str]) -> Charts:
    """For each score its last value, and its course over training; means over the runs of a loss."""
    charts = []
    for name in names:
        charts.append(_chart("BAR", name, _section_of(name)))
        charts.append(_chart("LINE", name, _section_of(name)))
    opened = dict.fromkeys(map(_section_of, names))
    return charts, [*(_section(name, columns=2) for name in opened), *map(_folded, (_section_of(SAMPLES), *FOLDED))]


def _sample_charts(last: int, primary: str) -> Charts:
    """The last samples, and those at any step, from the step `last` on."""
    charts = []
    for key, step in ((PICTURES["last"], 0), (PICTURES["samples"], last)):
        picture = {"imageKeys": [key], "step": step, "showRunParams": False}
        charts.append(_chart("IMAGE", "", _section_of(key), **picture) | {"uuid": key})
    opened = _section(_section_of(SAMPLES), columns=1, cardHeight=PICTURES_HEIGHT)
    return charts, [opened, *map(_folded, (_section_of(primary), _section_of(SCORES), *FOLDED))]


def _section_of(name: str) -> str:
    """The section that MLflow puts a metric or a picture into."""
    return name.rpartition("/")[0]


def _section(name: str, display: bool = True, **more: Any) -> dict[str, Any]:
    """A section of charts; `display`: whether it is open."""
    named = {"uuid": name, "name": name, "display": display}
    # isReordered, so that our charts come first
    return {**named, "isReordered": True, "deleted": False, "isGenerated": True, **more}


def _folded(name: str) -> dict[str, Any]:
    return _section(name, display=False)


def _chart(kind: str, metric: str, section: str, **more: Any) -> dict[str, Any]:
    lines: dict[str, Any] = {
        "selectedMetricKeys": [metric],
        "xAxisKey": "step",
        "scaleType": "linear",
        "xAxisScaleType": "linear",
    }
    lines |= {"lineSmoothness": 0, "yAxisKey": "metric", "yAxisExpressions": [], "range": {}}
    lines |= {"ignoreOutliers": False, "useGlobalXaxisKey": True, "useGlobalLineSmoothing": True}
    return {
        "uuid": f"{kind}-{section}-{metric}",
        "type": kind,
        "runsCountToCompare": PAGE,
        "metricSectionId": section,
        "deleted": False,
        "isGenerated": False,
        "metricKey": metric,
        **(lines if kind == "LINE" else {}),
        **more,
    }


def _state(
    filter_: str, columns: list[str], charts: Charts | None = None, group: str = "", **order: Any
) -> dict[str, Any]:
    state = {
        "searchFilter": filter_,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "lifecycleFilter": "Active",
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": {column: _width(column) for column in columns},
        "runsHiddenMode": "SHOW_ALL",
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": group}]},
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        **order,
    }
    if not group:
        state["groupBy"] = None
    if charts is not None:
        state |= {"compareRunCharts": charts[0], "compareRunSections": charts[1], "isAccordionReordered": True}
    return state


def _width(column: str) -> int:
    a_letter, besides, least = COLUMN_WIDTH
    return max(least, besides + a_letter * len(column.partition(".")[2].strip("`")))


def _quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"
