"""The commands of a review, a file each.

report          `review`: collect and render at once
repair          `repair`: brings cluster and forge back to the state
stacks          `stacks`: which stacks a workflow goes through
collect         `collect`: evidence into a file
render          `render`: such a file for people
comment, issue  `comment`, `issue`: what `render --json` wrote to the forge
plan            `plan`: the plan of an `up`, if it is what was reviewed
looking         the flags of what looks at a stack, and the evidence
report_files    what `render --json` wrote, read as hostile
evidence_file   the file that `collect` writes and the others read
"""
