"""components/pools."""
