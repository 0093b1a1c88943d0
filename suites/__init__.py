"""Suites that come with ifbench."""
