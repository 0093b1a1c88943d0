"""Architectures that come with ifbench, one file each."""
