"""The program `gpu-runners`: what people and workflows run beside `pulumi up`. `python -m gpu_runners` is the same.

  __main__        `python -m gpu_runners`
  program         the command line: finds the command, runs it, turns errors and signals into exit codes
  commands        which commands there are; the module of each is loaded when it is called, not before
  arguments       the flags that have the same meaning everywhere: STACK, --folder, --config-file, --format, …
  help_text       help that wraps where the terminal ends
  exit_code       the one table of exit codes
  errors          what ends a command with one line
  version         the version of all of it
  output          lines for a person, who may stop reading
  question        a question to the person, who may be gone
  pulumi_command  the one runner of Pulumi's command line
  pulumi_home     what a look at a stack has for a home: the user's, without a log
  child_process   a process that Pulumi's runner starts: its deadline, and how a signal reaches it
  stack_cluster   the cluster that a stack's config names
  declared_pools  the pools that a stack's state and config declare
  stack_config    a stack's config as `pulumi up` would read it
  stack_file      what keeps Pulumi from reading a stack file, in words that name the line
  review/         `review`, `repair`, and the parts of a review that workflows run: `stacks`, `collect`, `render`, …
  doctor/         `doctor`: what a stack lacks before `pulumi up`
  wait/           `wait`: until every runner of a stack is online
  why/            `why`: the first cause why a pool or a job does not go on
  top/            `top`: pools, runners, queue, GPUs and the last failures
  usage/          `usage`: jobs, queue time, GPU-hours and failures, by week
  state/          an exported state, held against what this program makes
  unlock/         `unlock`: frees a stack whose command was killed; works where the program does not load
  app/            `app`: makes a GitHub App
  init/           `init`: writes the first stack's file

The files beside the folders need nothing but the standard library, stack_cluster apart.
"""
