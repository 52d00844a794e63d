"""Copies of the services' databases: of one moment, checked, restored elsewhere, thinned out."""
