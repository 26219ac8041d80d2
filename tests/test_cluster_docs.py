"""The files beside docs/cluster.md, and the commands in it: each is what the programs that read it take."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mlflow.cli import server
from ruamel.yaml import YAML

from benchmarks.cli.program import parse
from benchmarks.sweep.shard import Shard

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "cluster.md").read_text(encoding="utf-8")


def read(name: str) -> Any:
    return YAML(typ="safe").load(DOCS / "cluster" / name)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a gan-zoo that prints its words, a line each, and an srun that runs what it is given."""
    for name, script in {"gan-zoo": r"""printf '%s\n' "$@" """, "srun": 'exec "$@"'}.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return tmp_path


def words_of(programs: Path, command: list[str], **settings: str) -> list[str]:
    """The words that `command` gives gan-zoo."""
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(programs), **settings}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_tasks_of_a_slurm_array_are_shards(programs: Path) -> None:
    task = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}
    command = ["bash", str(DOCS / "cluster" / "shards.sbatch"), "zoo"]
    options = parse(words_of(programs, command, MLFLOW_TRACKING_URI="http://record.example:5000", **task))
    assert (options.suite, options.shard) == ("zoo", Shard(3, 8))
    assert options.results == programs / "gan-zoo-results"
    with pytest.raises(subprocess.CalledProcessError):
        words_of(programs, command, **task)


def test_the_indexes_of_a_kubernetes_job_are_shards(programs: Path) -> None:
    job = read("shards.yaml")
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert (job["apiVersion"], job["kind"], spec["completionMode"]) == ("batch/v1", "Job", "Indexed")
    assert pod["restartPolicy"] == "Never"  # which backoffLimitPerIndex asks for
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    command = container["command"] + container["args"]
    found = [parse(words_of(programs, command, JOB_COMPLETION_INDEX=str(i))) for i in range(spec["completions"])]
    assert [options.shard for options in found] == [Shard(i + 1, 8) for i in range(8)]
    mounted = {Path(mount["mountPath"]) for mount in container["volumeMounts"]}
    assert {options.results for options in found} == mounted


def options_of_a_server(command: str) -> set[str]:
    return set(re.findall(r"--[\w-]+", command.partition("mlflow server")[2]))


def test_the_servers_of_page_and_compose_file_are_given_options_that_mlflow_has() -> None:
    known = {option for parameter in server.params for option in parameter.opts}
    services = read("compose.yaml")["services"]
    lines = [line for line in PAGE.splitlines() if line.startswith("mlflow server")]
    asked = [options_of_a_server(command) for command in (services["server"]["command"], *lines)]
    assert len(asked) == 2
    for options in asked:
        assert "--artifacts-destination" in options
        assert options <= known


def test_the_compose_file_names_what_it_has() -> None:
    content = read("compose.yaml")
    services = content["services"]
    assert set(services["server"]["depends_on"]) <= set(services)
    used = {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]}
    assert used == set(content["volumes"])
    (database,) = services["server"]["depends_on"]
    assert f"@{database}/" in services["server"]["environment"]["MLFLOW_BACKEND_STORE_URI"]


COMMANDS = [
    line for block in re.findall(r"```\n(.*?)```", PAGE, re.S) for line in block.splitlines() if line[:8] == "gan-zoo "
]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_is_one(line: str) -> None:
    assert parse(shlex.split(line, comments=True)[1:]).command
