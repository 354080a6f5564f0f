"""Job code in a pool of runners tries to outlive its job and to be found by the next one."""

from lab.trial.pods import Pods
from lab.trial.repository import Repository
from lab.trial.workflow import push, several_jobs

# Into every folder that there is, over the runner's own files, and as a process that nobody waits for.
PLANT = """
find / -type d -writable -not -path '/proc/*' -not -path '/sys/*' 2>/dev/null | while read -r folder; do
  echo 'echo planted' > "$folder/planted-by-a-job" 2>/dev/null || true
done
for file in $(find /runner -type f -writable); do
  printf '#!/bin/sh\\necho planted\\n' > "$file.planted" && chmod +x "$file.planted" && mv -f "$file.planted" "$file"
done
[ -w "$HOME" ] && echo 'echo planted' >> "$HOME/.bashrc"
setsid nohup sh -c 'exec -a planted-by-a-job sleep 600' > /dev/null 2>&1 &
echo planted=$(find / -name 'planted-by-a-job' -not -path '/proc/*' -not -path '/sys/*' 2>/dev/null | wc -l)
"""
SEARCH = """
echo planted=$(find / -name 'planted-*' -not -path '/proc/*' -not -path '/sys/*' 2>/dev/null | wc -l)
echo running=$(grep -l sleep /proc/[0-9]*/comm 2>/dev/null | wc -l)
"""


def test_nothing_that_a_job_plants_is_there_for_the_next_one(workers: str, repository: Repository, pods: Pods) -> None:
    before = {pod.uid for pod in pods.until_ready(workers, 2)}
    planting = push(repository, several_jobs({"one": (workers, PLANT), "two": (workers, PLANT)}))
    planting.until_done(60)
    for job in ("one", "two"):
        assert "planted=0" not in planting.log(job), "it could plant nothing, so that there is nothing to find"
        assert "planted=" in planting.log(job)
    fresh = pods.until_ready(workers, 2, 60)
    assert not {pod.uid for pod in fresh} & before
    searching = push(repository, several_jobs({"one": (workers, SEARCH), "two": (workers, SEARCH)}))
    searching.until_done(60)
    for job in ("one", "two"):
        assert "planted=0" in searching.log(job)
        assert "running=0" in searching.log(job)
