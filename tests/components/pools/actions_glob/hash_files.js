// What `hashFiles` of a workflow and the caches of the set-up actions do: the files below the workspace, by a pattern.
require('@actions/glob').hashFiles(process.argv[2], process.env.GITHUB_WORKSPACE).then((hash) => console.log(`hash=${hash}`))
