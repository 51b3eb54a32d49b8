"""The technologies behind the ports, one folder each."""
