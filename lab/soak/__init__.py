"""A stream of short jobs at both forges while random faults strike, and what became of all: `make soak`.

The faults are those of `lab.faults`, by their names there; here they only strike, and are judged all together.

  __main__       the command line
  schedule       which fault strikes where and when, and which jobs are pushed: from the seed alone
  record         what was seen of a run, as it lies in docs/soak.json
  trend          how a series grows: the median slope
  judgement      what has to hold, each with its limit, over a record
  leftovers      what is there of a side and is nobody's
  page           docs/soak.md from a record and its judgement
  chart          docs/soak.svg from a record
  forge          what is asked of either forge, and its misbehaviours
  gitea          the lab's Gitea behind a door
  github         the stand-in for GitHub
  side           Side: a platform with its pool at one forge, and its jobs
  strikes        the faults of the table that strike here, and how
  stream         pushes jobs at one forge and keeps their ends
  events         counts what the registrars write about pods
  processes      memory and descriptors of a registrar's process
  sampling       a sample of each side every few seconds
  stage          both platforms, from nothing to nothing
  run            the whole: strikes, streams and samples until the time is over, and what is left then
"""
