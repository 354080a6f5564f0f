"""The speed figures of this repository: measured side by side in one run, told as medians. Nothing here is a test."""
