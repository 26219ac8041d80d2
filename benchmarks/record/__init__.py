"""The record of every run, in MLflow: experiment = suite, parent run = sweep, child run = cell.

Only this package imports mlflow, and it does so late: the import costs seconds. By default the record is the sqlite
file `mlflow.db` in the results folder with artifacts in `mlartifacts` beside it; `MLFLOW_TRACKING_URI` names any
other. A cell is found again by its tag `run_key`, and its tag `status` says how it ended: it is the last thing
written, so a cell without it was interrupted and goes on in the same MLflow run.
"""
