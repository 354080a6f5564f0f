"""`init`: asks or detects what a first stack needs, and writes its file.

  command     the flags, and the order of things
  dialogue    one question at a time, answered by a flag, a person or a default
  questions   which questions there are
  forge       which kind of forge answers at a URL, and at which addresses
  cluster     the GPU nodes and the API server's addresses of the cluster
  images      an image's digest, from its registry
  credential  an App that is made now or was before, or a token
  writing     the stack's file with its secrets: whole, or not at all
  core/       pure: kinds of GPU nodes, the text of a stack file, what to run next

Does what other commands do by themselves, `app` and parts of `doctor`, and so stands above them.
"""
