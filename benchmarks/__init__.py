"""The bookkeeping of the benchmark: suites, sweeps, records, statistics and reports; it knows no tensor."""
