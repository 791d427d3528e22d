"""OMERO's services, one class each, grouped by subject; ``service`` says how a call gets to them."""
