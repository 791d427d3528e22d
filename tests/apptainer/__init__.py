"""Containers that are really run: Apptainer as ``install.sh`` leaves it, and a registry to pull an image from."""
