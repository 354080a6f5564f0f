"""A stack's config: one parser, stricter than the schema in Pulumi.yaml, which holds the only defaults.

  stack         the whole of it: `load`, StackConfig, StackConfigError
  fields        typed fields out of nested mappings; collects every problem with its full key
  pools         the pools
  platform      the platform's section: scope, registrar, environments
  credential    what the registrar and the wiring prove themselves with
  github        runner groups at GitHub
  repositories  the wiring of repositories at GitHub

Imports `values` and no other room: whoever only reads a config waits for neither Kubernetes' SDK nor a client.
"""

from config.stack import KEYS, NAMESPACE, StackConfig, StackConfigError, load

__all__ = ["KEYS", "NAMESPACE", "StackConfig", "StackConfigError", "load"]
