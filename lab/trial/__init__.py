"""Trials on the lab: a stack of the program brought up by the real command line, its pods, and jobs that run there.

The tests on the lab and the measurements of `bench` stand on these; nothing here judges.

  stack               Stack: a Pulumi stack, driven from its own folder
  pools               the config of a stack that holds small pools
  pods                Pods: the runner pods of a namespace, and waiting for them
  repository          Repository: one at the lab's Gitea, with its runs and runners
  workflow            a run from push to conclusion
  registrar_door      RegistrarDoor: the registrar as a pod knocks on it
  ledger              Ledger: what jobs say while they run, outside of forge and cluster
  kubernetes          KubernetesApi: the lab's API server as its administrator sees it
  deadline            waiting for a condition by name

Every wait and every refusal ends as LabError.
"""
