"""Waiting until every runner of a stack is online.

  snapshot   frozen values of what the API server says about a pool, read from its JSON
  progress   how far a pool is, and whether that is far enough; pure
  diagnosis  what keeps it from getting there and what cures it; pure
  refusals   what it means that the API server refuses a pod; pure
  registration_end  what it means that a pod's registration ended without one; pure
  scheduling  why the scheduler finds no node for a pod; pure
  wait       the one loop over both, with the clock and the cluster injected
  news       rests between two reads until runners come online, by a watch
  reader     the thin edge: lists of Deployments, ReplicaSets, pods and events

Nothing here knows Pulumi.
"""
