"""GitHub as a forge, without a library of GitHub's objects: each file knows one part of its REST API.

  forge               GitHub: the seam, in GitHub's words
  session             Session: requests in the name of a scope, with the credential that fits
  client              Client: one connection pool, one cache, one pace; what a refusal means
  pace                Bucket, Barrier: how fast GitHub may be asked, and when not at all
  credentials         AccessToken, App: what authorizes requests
  groups              Groups: the runner groups of organizations
  jit                 a just-in-time configuration, whose runner does not update itself
  active_runs         ActiveRuns: which runs of a repository go on, by one page
  left_runs           LeftRuns: those that went on a moment ago
  jobs                Jobs: read by runs, for GitHub lists them in no other way
  run_jobs            RunJobs: the jobs of one run, and for how long they are good
  unreadable          Unreadable: repositories that cannot be read, each of which costs only itself
  job_comments        JobComments: why a job was lost, as a comment on its commit
  origins             Origins: where a job comes from, with the proof of its branch
  versions            Versions: how long a runner's version is still served
  reading             what GitHub's JSON means, and where things are in its API

`session` joins `client` and `credentials`; `forge`, `groups`, `jobs`, `job_comments`, `origins` and `versions` ask
through it alone.
"""
