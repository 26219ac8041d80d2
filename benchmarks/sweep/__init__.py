"""Running a suite: the plan, the context of a sweep, its workers and stacks, one cell's run, progress."""
