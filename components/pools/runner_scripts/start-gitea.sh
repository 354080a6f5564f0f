# Main container of a runner pod whose forge is Gitea, run by the user's image (needs: sh, sleep, glibc).
# Writes the runner's configuration beside the registration, then becomes the runner: one job, then exit.

"$RUNNER_DIRECTORY/gitea-runner" --version > /dev/null 2>&1 ||
    _breach "the runner does not start in this image; it needs glibc" \
        "build it on one with glibc, for the architecture of the pool's nodes"

# The runner writes to this file, so it gets one of its own.
(umask 077 && while IFS= read -r _line || [ -n "$_line" ]; do
    printf '%s\n' "$_line"
done < "$REGISTRATION_DIRECTORY/registration" > "$REGISTRATION_DIRECTORY/.runner")

# state_report_interval: Gitea calls a runner idle that was silent for 10 s, and 5 s now and then skips a beat.
# report_close_timeout: the result of a job outlives a forge that is away for minutes.
# shutdown_timeout: on SIGTERM the runner itself waits for the job as well.
printf '%s\n' "log:
  level: info
runner:
  file: $REGISTRATION_DIRECTORY/.runner
  capacity: 1
  timeout: 120h
  shutdown_timeout: ${PROTECT_JOB_SECONDS}s
  fetch_timeout: 5s
  fetch_interval: 1s
  fetch_interval_max: 1s
  state_report_interval: 2s
  report_close_timeout: 5m
  workdir_cleanup_age: 0s
  labels: []
cache:
  enabled: false
container:
  workdir_parent: ${JOBS_DIRECTORY#/}/workspace
  docker_host: '-'
host:
  workdir_parent: $JOBS_DIRECTORY" > "$REGISTRATION_DIRECTORY/config.yaml"

exec "$RUNNER_DIRECTORY/gitea-runner" daemon --config "$REGISTRATION_DIRECTORY/config.yaml"
