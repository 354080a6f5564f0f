"""Rules for stacks of GPU runners, as pure functions over plain data. Import neither Pulumi nor the program.

resources      a Resource, and the pods inside it
rule           Rule and Violation
catalogue      all rules, in the order in which people meet them
images         image-digest
gpus           gpu-placement
credentials    runner-credentials
pod_security   restricted-pod
namespaces     namespace-quota
runner_groups  private-runner-group
labels         label-owner
budget         gpu-budget
"""
