"""components/platform."""
