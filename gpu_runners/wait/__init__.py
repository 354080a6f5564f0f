"""`gpu-runners wait STACK`: whether every runner of a stack is online, without changing anything.

  command   the flags, the wait, and what is said when it ends or is ended
  declared  what a wait is to know of the declared pools; pure
  reading   one look at a time, in a thread that a signal need not wait for

What is online is judged by `access.online`, as for `pulumi up`.
"""
