"""From documents to findings to text. Asks nobody, changes nothing, knows no clock."""
