"""`gpu-runners top STACK`: pools, runners, queue, GPUs by placement and the last failures. Changes nothing.

  command      the flags, and one look after the other
  state_pools  the pools that the state has by now
  page         what is shown of one look, as lines; pure
  columns      a table of text; pure
  terminal     a page in place of the one before, and the keys that end it

The state of a pool is the first cause of `access.causes`.
"""
