"""What `pulumi up` declares, and how it waits: three rooms that do not know each other, and what all of them share.

  platform/       the registrar, the environments and who may deploy them
  pools/          the runners, and the one wait until all of them are online
  github/         runner groups and the wiring of repositories
  kubernetes_object  what a stack of pools declares in Kubernetes
  wire_names      fields of Kubernetes' objects as on the wire
  runner_volumes  the runner pod's volumes and where they are mounted
  prepull_container  the containers of a pod that has images pulled ahead
  labels          every Kubernetes label and annotation that the program sets
  cluster_hook    resource hooks that look at the cluster
  interruption    how the program ends where its `up` is to end

Each room has a `declare` that takes plain values; a stack's config is joined to them in `__main__.py` alone.
"""
