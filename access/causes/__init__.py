"""Why a pool, or a job, does not go on: from the stack to the forge, the first cause, its evidence and its cure.

  cause      the values that an answer is made of
  facts      frozen values of everything that is looked at, read from the JSON of API server and registrar
  order      the rules in their order, and the first that has an answer; pure
  stack      rules: what the stack declares, the cluster, the namespace, the Deployment; pure
  creation   rules: why no pod is made; pure
  nodes      rules: why a pod has no node; pure
  taints     rules: taints of the nodes that it may use; pure
  occupancy  rules: what others hold of the nodes that it may use; pure
  pods       rules: what keeps a pod from running, and its registration; pure
  platform   rules: the registrar and its forge, the runners there; pure
  queue      rules: the autoscaler, and the jobs that wait; pure
  jobs       what is said about one job; pure
  reader     the thin edge: asks the API server, and through it the registrar
  failing    what a failing wait adds to its message

Stands on `access.online`, whose wait says the same of what it sees.
"""
