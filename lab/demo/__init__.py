"""The demo: the whole sequence from nothing, told as a timeline and judged at its end. `python -m lab.demo`.

Pure: timeline, snapshot, changes, phases, job_log, pulumi_output, forgetting, verdict. The rest drives a program or a
server; `forges` holds all that only one forge has.
"""
