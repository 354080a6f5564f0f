"""A stack's state is input from outside: whoever may write to its bucket wrote it.

  command       `gpu-runners state`
  expectation   what the stack's own config lets its state hold
  allow_list    what a state of this program may hold: resource types, providers, fields
  check         an exported state held against it; pure
  private_copy  where Pulumi looks at a state that was checked

Imports `values` and the standard library only: `unlock` needs it where the program does not load.
"""
