"""gpu_runners."""
