"""`make unlock`: what to do with a stack whose `pulumi up` ended from outside, explained as it goes.

  left_over   what a killed command leaves behind, read from Pulumi's own words; pure
  unlock      the steps, over a Pulumi that is handed in
  __main__    the command line

Needs nothing but the Python standard library and `pulumi` on PATH. Never imported by the program.
"""
