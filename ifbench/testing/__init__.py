"""Conformance checks for estimators, and problems with closed forms."""
