"""Metrics that come with ifbench, one file each."""
