"""The two containers of a pod that has a pool's images pulled ahead, as the pod and its admission both write them."""

from typing import Final

PULLED_FOR: Final = "prepull"  # what such objects serve
IMAGE_CONTAINER: Final = "image"  # the init container: the image of jobs is there once it can be started
WAITING_CONTAINER: Final = "runner-image"
PULLED: Final = "exit 0"
# As process 1 a shell ends on no signal that it does not trap.
WAIT: Final = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
REQUESTS: Final = {"cpu": "1m", "memory": "32Mi", "ephemeral-storage": "16Mi"}
