"""python -m tests.scale: what a registrar costs and how fast it answers at 10, 100 and 1,000 runners.

control_plane   a real API server with etcd, scheduler and the controllers of Deployments, on loopback ports of its own
kubernetes      what the bench itself asks of that API server
pools           the namespaces, nodes, ServiceAccounts and Deployments: pods as the program declares them
kubelets        plays the nodes: pods that register, come online, take jobs and end
forge_side      what a simulated runner and a simulated user do at a forge
gitea_side, github_side   the same at the stand-ins
pollers         a process of its own: asks for the queue as autoscalers do, and says how long each answer took
process_cost    memory, CPU seconds and the time spent waiting for a core, out of /proc
scene           everything of one measurement, brought up and down
growth, at_once the two measurements
figures         samples, goals, tables. Pure
"""
