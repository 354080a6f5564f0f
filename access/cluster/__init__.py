"""The cluster of a stack: which one it is, and the one way to ask it.

  choice       what selects it: the stack's `kubernetes:…` and the environment, as Pulumi's default provider reads them
  program_choice  the same for the Pulumi program itself, whose config the SDK holds
  kubeconfig   the chosen cluster's address and credential: files merged as kubectl merges them, or the pod's own
  login        what is shown to it: token, rotating file, the answer of a credential plugin, client certificate
  connection   ClusterConnection: questions and changes, with one deadline and one meaning for every refusal
  version      the API server's version, and whether it is new enough
  keda         whether KEDA is there for pools that follow the queue, and nothing else scales them
  claims       whether the claims of caches that another stack makes are there
  namespaces   whether the namespaces that a platform would make are free or its own
  api_server   the addresses at which pods find it, for network policies
  errors       ClusterError and what it says

Everybody who asks a cluster does so through these: `pulumi up`'s checks and waits, the doctor, the review, the repair.
"""
