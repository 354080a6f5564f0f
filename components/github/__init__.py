"""What a stack declares at GitHub.

  declare                declare_github: all of it, from plain values
  github_provider        Pulumi's GitHub provider for one owner
  runner_group           RunnerGroup: who may use an organization's runners
  forge_repository       ForgeRepository: what workflows find in their repository
  repository_args        what it takes

Loads GitHub's SDK, which takes its time: import it only for a stack that declares something there.
"""
