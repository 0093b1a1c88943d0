"""Data that come with ifbench, one file each."""
