"""`gpu-runners usage STACK`: jobs, queue time, GPU-hours and failures by repository, workflow, pool and week.

  command      the flags, whom is asked, and what is printed
  records      one job that has ended, as the forges write it; pure
  jobs         the jobs of a scope's last weeks, from GitHub or Gitea, and what of them could not be read
  github_jobs  the same of one repository at GitHub
  gitea_jobs   the same of one at Gitea
  answers      what both answer alike about runs and jobs; pure
  prometheus   what only the metrics know: idle GPU-hours and failed runners
  weeks        weeks by their ISO names; pure
  report       rows of what was used; pure
  formats      the same as a table, JSON or CSV; pure

Nothing is stored: each call asks the forge and Prometheus anew.
"""
