"""`gpu-runners doctor`: is everything there that a stack needs, and what to do about what is not. Changes nothing.

  command     the flags and the lines
  checks      the checks of a stack, in the order in which they are told
  stack       a stack's config through Pulumi's command line
  github, gitea, cluster, registry, worlds    the edges: each asks one other side and judges by `core`
  resolvers   where the cluster's DNS answers
  passphrase  whether a passphrase is a stack's
  core/       verdicts on plain data; asks nobody

Never imported by the program.
"""
