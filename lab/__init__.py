"""The lab: a real Kubernetes and a real forge on one machine, by one command.

`python -m lab up|down|status` is the way in. The product never imports this package.
"""
