"""What a pod may be in a namespace of runners, as one tree, and what the API server is given of it.

shape            the parts of such a tree: a value, a list, a closed set of fields or entries
metadata_shape   labels, annotations, owners
container_shape  the two containers
volume_shape     the volumes
pod_shape        the whole pod, for the grants of one namespace
prepull_shape    a pod that only has images pulled ahead, where the environment grants it
scaled_object_shape  what may set the replicas of a pool
claims           a tree as CEL: one claim for each closed set of fields
policies         the policies of a namespace
table            a tree as a table for people: docs/admission.md
"""
