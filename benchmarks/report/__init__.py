"""From an exported record to tables, figures and pages. Knows no tensor and, but for `commands`, no MLflow."""
