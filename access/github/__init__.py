"""access/github."""
