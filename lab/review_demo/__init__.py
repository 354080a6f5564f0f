"""`make demo-review`: what a pull request shows, played for real on the lab. Disturbs no other stack."""
