"""A stack's config: one parser, stricter than the schema in Pulumi.yaml, which holds the only defaults.

  stack            the whole of it: `load`, StackConfig, StackConfigError
  keys             the stack's keys, and their values as the engine hands them over
  fields           typed fields out of nested mappings; collects every problem with its full key
  kinds            what may stand at a field, in words and for editors, and what helps who wrote something else
  shape            what the parser reads, written down while it reads
  json_schema      the schema for editors, made of that
  networks         networks that pods may reach, may not reach, or find their DNS in
  names            images and namespaces, wherever they stand
  pools            the pools
  proxy            the way out for registrar, registration and jobs
  quota            what a namespace may use in all, and what one runner may
  pod_extras       what pods may have beyond what every pool has, as an environment grants it
  caches           what an environment grants as a cache, and which of them a pool mounts
  trusted_branches  whether a cache for the jobs of trusted branches is one
  pull_secrets     the pull Secrets that a platform makes
  gpu              a pool's GPUs and nodes
  autoscaling      how a pool follows the queue
  platform         the platform's section: scope, registrar, environments; what is granted to whom
  environments     one environment: scope, quota, egress, images, deployer
  jobs             whose jobs may act as an environment's deployer or previewer
  egress           where pods may connect to
  scope            the URL that says which forge, and what of it
  deadlines        how patient the registrar is
  hosted_labels    labels of pools that mean GitHub's own runners
  prepull          pools whose images are pulled ahead on more nodes than may hold a runner
  relations        what the pools and the environments of one stack must agree on
  credential       what the registrar and the wiring prove themselves with
  github           runner groups at GitHub
  job_groups       runner groups that keep other workflows off base runners
  repositories     the wiring of repositories at GitHub
  wiring_secrets   the secrets of that wiring
  forge_questions  what the stack has to ask its forge

Imports `values` and no other room: whoever only reads a config waits for neither Kubernetes' SDK nor a client.
"""

from config.keys import KEYS, NAMESPACE
from config.stack import StackConfig, StackConfigError, load

__all__ = ["KEYS", "NAMESPACE", "StackConfig", "StackConfigError", "load"]
