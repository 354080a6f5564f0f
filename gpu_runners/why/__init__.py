"""`gpu-runners why POOL` (or JOB): the first cause, its evidence and its cure. Changes nothing.

  command    the flags, and what is printed
  subject    which pool or job somebody asks about; pure
  selected   the stack that is asked about where none is named

The rules, which a failing wait uses too, are `access.causes`.
"""
