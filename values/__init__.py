"""Values and words, for every room and for the registrar's image: pure, with nothing but the standard library.

Words
  contract           names on which the runner's pod, the registrar and the program agree
  accounts           ServiceAccounts in a namespace of runners; what a deployer deploys
  kubernetes_syntax  what Kubernetes accepts as a name, a label, a quantity
  lines              a stream in chunks, line by line
  managed_fields     what of an object's JSON anybody may write and nobody here reads
  quantity           amounts of CPU, memory and storage, with the bounds between which one makes sense
  problem            Problem: what is wrong, what is allowed, what cures it; the error that carries several
  secrecy            what is hidden of a text that people see
  visible_text       what can be seen of a text

The forge
  scope              Scope: whose jobs a runner may take; ForgeScope: at which forge
  forge_url          ForgeUrl: a forge's address, and whether a token may go there in clear
  credential         Credential: a token, or a GitHub App with its key
  github             what the registrar must be allowed at GitHub
  runner_group       which of an organization's runner groups a grant means
  wiring             what workflows find in their repository
  workflow           WorkflowRef: a workflow file as of a ref
  forge_questions    what is to be asked of a forge before anything is declared
  forge_networks     where a forge answers, as far as its URL tells

Platform and pools
  grant              Grant: whose pods become runners of what; JobGrant: whose jobs may act in the cluster
  deadlines          Deadlines: how patient the registrar is
  egress             EgressRule: a network and its ports
  api_server         where the API server answers
  image              which images an environment admits
  runner_label       the words of `runs-on`
  autoscaling        Autoscaling: how a pool follows the queue, and where its autoscaler reads it
  pool               RunnerPool: runners that differ in nothing
  pod_extras         PodExtras: what an environment lets its pods have beyond what every pool has
  pod_variables      environment variables: the program's, and those that a pool may add
  registry_login     RegistryLogin: a name and a password for a registry
  proxy              Proxy: the way out of a network without another
  cache              Cache: a claim that outlives jobs, and who may write to it
  quota              Quota: what a namespace may use in all; RunnerLimits: what one runner may
  placement          GpuPlacement: GPUs and nodes, presets per vendor and cloud
  taint              taints of nodes, and which of them a pool may tolerate
  scheduler_message  what the scheduler says of a pod that has no node, and whether waiting helps
"""
