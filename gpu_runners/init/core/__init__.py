"""Pure parts of `init`: they ask nobody.

gpu_kinds   which kinds of GPU nodes a cluster has, each as the `gpu` of a pool
sizes       what a runner may take of such a node
stack       a stack as it shall be, and its file's text with comments
next_steps  what to run once the file is there
"""
