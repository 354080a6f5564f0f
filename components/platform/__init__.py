"""The platform: what an administrator declares once for all pools.

  declare                declare_platform: all of it, from plain values
  runner_namespace       RunnerNamespace: Pod Security, quota, network policies, ServiceAccount
  runner_admission       RunnerAdmission: what the API server refuses there
  admission/             what a pod may be there, as a tree, and the policies that are made of it
  network_policies       default deny, and the few ways out
  deployer               Deployer: the identity of `pulumi up` on a base runner
  previewer              Previewer: the identity that reviews a pull request there, and reads only
  auditor                Auditor: the identity that looks at the platform every night, and reads only
  job_credential         by which a job on a base runner gets the rights of either
  credential_plugin      what runs there then
  role_grant             RoleGrant: rights of one account in one namespace, a Role and its binding
  namespace              a namespace of the platform, and the look before it is made
  registrar_namespace    RegistrarNamespace: where the forge's credential lives
  forge_credential       ForgeCredential: the Secret from which registrations are minted
  pull_secrets           PullSecrets: logins of registries, made in each namespace whose pods may name them
  cache_claims           the claims of an environment's caches
  registrar              Registrar: the Deployment, its traffic, and a grant per namespace
  registrar_args         what it takes of whom it serves, and how patiently
  registrar_config       its config.json
  registrar_pod          its pod
  registrar_rollout      the wait until a changed one answers
  registrar_grant        RegistrarGrant: its rights in one namespace, and what pods there trust
  registrar_certificate  RegistrarCertificate: made once, kept in a Secret
  serving_certificate    its CA and serving certificate
  autoscaler_grant       AutoscalerGrant: with what a namespace's KEDA reads the queue of its pools
  client_certificate     a certificate that an autoscaler shows, which vouches for itself

Each is declared by `declare` alone; the pools come after all of it.
"""
