"""GitHub, as commands ask it: before anything is declared, and in the doctor.

  client                 GitHubClient: the one connection, and what a refusal or a limit means
  tokens                 the stack's token, or one of an hour for a GitHub App
  registrar              whether the registrar will be able to work there
  wiring                 whether what the stack declares there can be declared
  groups                 runner groups, and who may use one
  reach                  which repositories of an organization a credential sees
  switches               whether Actions and self-hosted runners are on at all
  plan                   an organization's plan, which decides what may be declared there
  environments           whether a private repository can have any, which is the plan's, too
  reviewers              whether the reviewers that the stack names are there
  fork_workflows         whether pull requests from forks start workflows unasked

Reads only; the one thing that is made is a token of one hour.
"""
