"""components/github."""
