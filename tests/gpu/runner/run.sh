#!/bin/bash
# A stand-in for run.sh of GitHub's runner, which it is not: one job, and what it printed.
exec python3 "$RUNNER_DIRECTORY/job.py"
