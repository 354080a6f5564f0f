"""Rules for stacks of GPU runners, as pure functions over plain data. Import neither Pulumi nor the program.

unknown        what a preview cannot know, and where it stands
resources      a Resource, and the objects that it stands for
workloads      the pods inside workloads
replicas       how many pods of each there may be
counts         numbers as the wire spells them
pod_fields     the fields of a pod that are judged or harmless
rule           Rule and Violation
catalogue      all rules, in the order in which people meet them
known_kinds    known-kind
images         image-digest
gpus           gpu-placement
credentials    runner-credentials
pod_security   restricted-pod
namespaces     namespace-quota
runner_groups  private-runner-group
labels         label-owner
budget         gpu-budget
"""
