"""Faults on the lab, one after another, each with what was seen: `make faults`, or `python -m lab.faults --only NAME`.

A fault is judged by the conclusions that the forge has of its jobs, and by what the API server shows afterwards.

  __main__              the command line
  fault                 Fault and Observation: one thing that goes wrong, and what was seen of it
  catalogue             every fault, in the order in which they run
  place                 Place: a platform and its pools at one forge, and when all is as declared again
  scene                 Scene: the suite's own place, its forge's door, and jobs on it
  stage                 the stack, its repository and its door, from nothing to nothing
  work                  Work: the jobs of one fault, from their first step to the forge's word
  during                the shape of most faults: a job runs, something is struck, job and pools are looked at
  suite                 runs the faults and keeps each result at once
  result                Result, and the list of them as JSON
  table                 the page of the results, from the list alone
  forge_door            ForgeDoor: before the lab's Gitea, and misbehaving when told to
  machine               parts of the lab that are stopped, killed and started by the lab's own handles
  registrar             the registrar's pod: killed, away, twice
  faults_of_pods        pods deleted, updated, scaled, drained
  faults_of_registrar   the registrar killed, away, doubled, frozen
  faults_of_cluster     parts of the control plane and of the node
  faults_of_forge       a forge that refuses, hangs, is late, answers nonsense; registrations lost and doubled
  faults_of_runner      runners killed, out of memory, ended; volumes full
  faults_of_up          `pulumi up` killed, doubled, without its state
  faults_of_keys        signing keys, certificates, credentials and clocks
  by_contract           what cannot be tried here, and where it is held instead
"""
