"""The machine's use while a sweep runs: CPU, memory, disk, network, and GPUs where their library is there.

MLflow's monitor samples the whole machine, not a run: so it writes to the sweep, from the process that leads it, and no
cell pays for it. `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false` switches it off.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

SECONDS = 10  # between samples, unless MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL says otherwise


def watch(uri: str, run_id: str) -> "SystemMetricsMonitor | None":
    """A thread that writes `system/...` to the run until it is finished; None where it is switched off."""
    if os.environ.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "").lower() in ("false", "0"):
        return None
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run_id, SECONDS, tracking_uri=uri)
    monitor.start()
    return monitor
