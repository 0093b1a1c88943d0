"""Estimators that come with ifbench, one file each."""
