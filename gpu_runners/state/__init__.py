"""A stack's state is input from outside: whoever may write to its bucket wrote it.

  allow_list  what a state of this program may hold: resource types, providers, fields
  check       an exported state held against it; pure

Imports `values` and the standard library only: `unlock` needs it where the program does not load.
"""
