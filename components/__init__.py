"""The Pulumi components and the values they take: what `pulumi up` declares, and how it waits.

Values and pure functions
  labels              every Kubernetes label and annotation key that the program sets
  kubernetes_syntax   what Kubernetes accepts as a name, a label, a quantity
  gpu_placement       GpuPlacement: resource, count, node selector, tolerations; presets per vendor and cloud
  forge_scope         ForgeScope: forge and scope, parsed from one URL
  network_policies    default deny, and the few ways out
  serving_certificate the registrar's CA and serving certificate
  registrar_config    the registrar's config.json
  registrar_pod       the registrar's pod
  runner_pool         RunnerPool: what a pool is
  repository_wiring   what a ForgeRepository takes
  runner_pod          the runner's pod
  runner_volumes      the runner pod's volumes and where they are mounted
  runner_scripts      what runs in a runner's pod, as sh

Components
  runner_namespace    RunnerNamespace: Pod Security, quota, network policies, ServiceAccount
  runner_admission    RunnerAdmission: what the API server refuses there
  forge_credential    ForgeCredential: the Secret from which registrations are minted
  registrar_namespace RegistrarNamespace: where that Secret lives
  registrar_certificate RegistrarCertificate: made once, kept in a Secret
  registrar_grant     RegistrarGrant: its rights in one namespace, and what pods there trust
  registrar           Registrar: the Deployment, its traffic, and a grant per namespace
  runner_deployment   RunnerDeployment: one pool
  role_grant          RoleGrant: rights of one account in one namespace, a Role and its binding
  deployer            Deployer: the identity of `pulumi up` on a base runner
  previewer           Previewer: the identity that reviews a pull request there, and reads only
  forge_repository    ForgeRepository: what workflows find in their repository at GitHub
  runner_group        RunnerGroup: who may use an organization's runners at GitHub
  online_pools        OnlinePools: the object whose hook waits until every runner is online

The cluster, read
  cluster_access      which cluster Pulumi talks to, its version
  cluster_hook        resource hooks that look at the cluster
  registrar_rollout   the wait for a changed registrar
  online/             progress and diagnosis over frozen snapshots, the thin reader, the wait

The forge, asked
  github_provider     Pulumi's GitHub provider for one owner
  github_questions    one connection to GitHub, and what a refusal or a silence means
  github_proof        Proof: a token, or an App's key that is traded for one
  github_access       whether the registrar will be able to work at GitHub, before anything is declared
  wiring_access       whether what the stack declares at GitHub can be declared there
  reviewers           whether the reviewers that it names are there
  fork_workflows      whether pull requests from forks start workflows unasked

Never imports the stack's config, the registrar (but for `registrar.contract`, the names both sides share) or the lab.
"""
