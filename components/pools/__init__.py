"""The pools: runners that wait for jobs.

  declare                declare_pools: all of them, and the wait, from plain values
  runner_deployment      RunnerDeployment: one pool
  runner_pod             its pod
  confinement            who its pods run as, and what they may not do
  scaled_object          its ScaledObject, where it follows the queue
  prepull                its DaemonSet, where its images are pulled ahead
  runner_scripts/        what runs in it, as sh
  own_pool               whether this very program runs on one of the pools
  online_pools           OnlinePools: the object whose hook waits until every runner is online

Nothing here knows the platform: where the registrar is, a pod reads in its own namespace.
"""
