"""`gpu-runners unlock`: what to do with a stack whose `pulumi up` ended from outside, explained as it goes.

  left_over   what a killed command leaves behind, read from Pulumi's own words; pure
  unlock      the steps, over a Pulumi that is handed in
  command     the flags, and this machine

Needs nothing but the Python standard library and `pulumi` on PATH: it works where the program does not load.
"""
